"""Runs the campaign of sim/tests/edges.rs preset by preset and writes docs/edges.md."""

import json
import os
import pathlib
import platform
import subprocess
import sys

# Shares of all cases: the wide engines simulate slowly.
SHARES = {"fb64": 0.45, "fb256": 0.3, "fb256-resident": 0.1, "fb512": 0.09, "fb1024": 0.04,
          "fb2048": 0.02, "fb256-small": 0.02}
TEST = ["cargo", "test", "--release", "--locked", "-p", "firebrick-sim", "--test", "edges", "--",
        "--ignored", "--exact", "campaign", "--nocapture"]


def run(preset, streams, networks, seed):
    """The line that the campaign of one preset prints; a mismatch ends everything."""
    environment = os.environ | {
        "FIREBRICK_PRESET": preset, "FIREBRICK_STREAMS": str(streams),
        "FIREBRICK_NETWORKS": str(networks), "FIREBRICK_SEED": str(seed)}
    done = subprocess.run(TEST, stdout=subprocess.PIPE, text=True, env=environment)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or len(lines) != 1:
        sys.exit(f"error: {preset} failed; again: FIREBRICK_PRESET={preset} FIREBRICK_SEED={seed} "
                 f"FIREBRICK_STREAMS={streams} FIREBRICK_NETWORKS={networks} {' '.join(TEST)}\n"
                 + done.stdout)
    return json.loads(lines[0])


def row(r):
    return (f"| `{r['preset']}` | {r['seed']} | {r['streams']:,} | {r['tiles']:,} | "
            f"{r['two_vectors']:,} | {r['short']:,} | {r['networks']:,} | {r['refused']:,} | "
            f"{r['values']:,} | 0 |")


def write(rows):
    version = subprocess.run(["verilator", "--version"], stdout=subprocess.PIPE, text=True)
    pathlib.Path("docs/edges.md").write_text(
        "# Streams and networks at the edges\n\n"
        "Written by `scripts/edges`. Each stream is a chain of two to four transfers of random records, whose waits are as\n"
        "loose as the hazard check of the software engine allows. Each network has an input of 7x7 to 40x40 and ends in few\n"
        "pixels. A third of them run without disturbance, a third with idle cycles and back-pressure of probability 0.1, and a\n"
        "third with 0.5. Every byte that the emitted Verilog sends is compared with the software engine (streams) or the integer\n"
        "model (networks: every map of one picture, the sums of two more); in undisturbed streams the cycle of every trailer is\n"
        "also compared with the timing model. The first difference would end the run.\n\n"
        f"{version.stdout.split(' rev')[0].strip()}, {platform.machine()}.\n\n"
        "| preset | first seed | streams | tiles | of at most two vectors | of at most two weight "
        "loads | networks | refused: too large | values of networks | differences |\n"
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n" + "\n".join(map(row, rows)) + "\n")


def main():
    figures = [int(text) for text in sys.argv[1:]]
    streams, networks, seed = (figures + [20_000, 10_000, 1_000_000][len(figures):])[:3]
    rows = []
    for index, (preset, share) in enumerate(SHARES.items()):
        counts = max(1, round(streams * share)), max(1, round(networks * share))
        print(f"{preset}: {counts[0]} streams, {counts[1]} networks", file=sys.stderr)
        rows.append(run(preset, *counts, seed + index * 100_000))
        # What is done stays, should the campaign be cut off.
        write(rows)


main()
