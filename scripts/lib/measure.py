"""Runs `firebrick classify` and `firebrick info` and writes docs/performance.md."""

import json
import pathlib
import subprocess
import sys

SIZES = (224, 227)
PRESET = "fb256"


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"error: {' '.join(command)} ended with {done.returncode}")
    return json.loads(done.stdout)


def counters(result):
    rows = [("cycles", result["cycles"]), ("busy", result["busy_cycles"])]
    rows += [(f"stall: {cause}", n) for cause, n in sorted(result["stall_cycles"].items())]
    return {name: n for name, n in rows}


def main():
    program, photograph = sys.argv[1:]
    results, infos = {}, {}
    for size in SIZES:
        common = ("--preset", PRESET, "--size", str(size), "--json")
        results[size] = run(program, "classify", photograph, "--backend", "sim", *common)
        infos[size] = run(program, "info", *common)
    out = ["# Performance", "",
           "Written by `scripts/measure` from the core's own counters in the simulated engine: one "
           "image alone,",
           "weights streamed, no artificial idle cycles, from the first beat of the transfer in to "
           "the trailer out.",
           f"Preset {PRESET}: {results[224]['mac_peak_per_cycle']} multiply-accumulates (MACs) a "
           "cycle at most, 128-bit streams.", "",
           "| | " + " | ".join(f"v1.1 at {s}" for s in SIZES) + " |",
           "|---|" + "---|" * len(SIZES)]
    for name in counters(results[224]):
        out.append(f"| {name} | " + " | ".join(f"{counters(results[s])[name]:,}" for s in SIZES) + " |")
    for name, key in (("useful MACs", "macs"), ("bytes in", "dma_bytes_in"),
                      ("bytes out", "dma_bytes_out")):
        out.append(f"| {name} | " + " | ".join(f"{results[s][key]:,}" for s in SIZES) + " |")
    out.append("| **utilisation** | " +
               " | ".join(f"**{100 * results[s]['utilization']:.2f} %**" for s in SIZES) + " |")
    out += ["", "Utilisation is useful MACs over cycles x peak; a zero border pixel of a 3x3 "
            "counts as useful, padded", "channels and taps do not. The causes of stalls are those "
            "of the registers `STALL_*`", "([registers.md](registers.md)).", "",
            "## Layer by layer, 224", "",
            "Cycles in which the array works on a layer follow from the schedule: passes times "
            "tile length; their sum", "is the counter `busy` above. What a layer loses is padding: "
            "conv1's 27 taps in 32 slots, conv10's 1000", "classes in 1008.", "",
            "| layer | map | MACs | cycles | utilisation | weight bytes |", "|---|---|---|---|---|---|"]
    total = 0
    for layer in infos[224]["layers"]:
        total += layer["busy_cycles"]
        out.append(f"| {layer['name']} | {layer['height']}x{layer['width']}x{layer['channels']} | "
                   f"{layer['macs']:,} | {layer['busy_cycles']:,} | "
                   f"{100 * layer['utilization']:.2f} % | {layer['weight_bytes']:,} |")
    if total != results[224]["busy_cycles"]:
        sys.exit(f"error: the layers sum to {total} cycles, the core counted "
                 f"{results[224]['busy_cycles']}")
    pathlib.Path("docs/performance.md").write_text("\n".join(out) + "\n")


main()
