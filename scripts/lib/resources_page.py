"""Writes docs/resources.md from what the synthesis runs left in target/synth."""

import json
import pathlib
import sys

from blocks import table
from synth_board import differences

INTRO = """<!-- Written by scripts/resources. -->
# Resources

What the core takes on each board, synthesised by Yosys and not placed. The figures are for the core alone, without
XDMA, DMA or interconnects. `scripts/synth-yosys BOARD` repeats a row, `scripts/resources` writes this page.

Yosys' figures differ from Vivado's: it shares no logic across repeated blocks, and on UltraScale+ it packs no pipeline
registers into DSP slices, so that LUT and FF counts are on the high side. `scripts/synth-yosys` compares DSP slices
and memories with the prediction of `firebrick info --board`: {differences}.
Yosys packs bytes of several rows of 4096 words into one UltraRAM. If each row has UltraRAMs of its own, as a cascade
needs, the counts are: {rows}.
Limits: {limits}.

`explore`, `info --board` and `generate --board` predict LUTs and flip-flops with a model that is fitted to rows of this
table (`scripts/fit-resources`); its columns say how far it is off. The largest error is {error:.1f} %.

| Board | Part | Preset | Yosys | LUT | FF | DSP | block RAM | UltraRAM | LUT by the model | FF by the model |
|---|---|---|---|---:|---:|---:|---:|---:|---:|---:|
"""


def share(used, there):
    return f"{used} ({100 * used / there:.0f} %)" if there else f"{used}"


def per_mac(name, macs, lut, ff, dsp):
    return f"| {name} | {macs} | {lut / macs:.1f} | {ff / macs:.1f} | {dsp / macs:.3f} |"


def off(run, kind):
    """By how many percent the model is off."""
    return 100 * (run["described"]["predicted"][kind.lower()] / run["used"][kind] - 1)


def unlike(found):
    """Where what was predicted is not what was found."""
    wrong = [f"{run['board']['name']} with {run['preset']} takes {text}" for run in found
             for text in differences(run["described"], run["used"])]
    return "all are equal" if not wrong else "equal, but " + "; ".join(dict.fromkeys(wrong))


def limits(found):
    """How much of each resource may be taken."""
    shares = found[0]["described"]["board"]["limits"].items()
    return ", ".join(f"{kind} {percent} %" for kind, percent in shares)


def own_rows(found):
    """UltraRAMs where bytes of different rows share none."""
    need = {run["board"]["name"]: run["described"]["predicted"] for run in found}
    return ", ".join(f"{name} {p['uram']}" for name, p in need.items()
                     if p["uram"] != p["uram_shared"]) or "as many"


def by_block(folder):
    """Where the logic is, for the presets that scripts/blocks has synthesised."""
    results = [json.loads(p.read_text()) for p in sorted(folder.glob("*/blocks.json"))]
    if not results:
        return ""
    text = ("\n## By block\n\nThe cells of a block times its number, without the blocks inside it but with its "
            "memories, queues and delays.\nDebian's Yosys synthesises every module by itself, so the sums are above "
            "those of the whole core. Repeat with\n`scripts/blocks PRESET FAMILY`.\n")
    for result in results:
        lines = "\n".join(table(result, 0.005))
        text += f"\n`{result['preset']}`, {result['family']}:\n\n{lines}\n"
    return text


def missing(folder, found):
    """Boards that were generated and not synthesised yet."""
    have = {run["folder"] for run in found}
    names = sorted(p.parent.name for p in folder.glob("*/firebrick.json"))
    rest = [name for name in names if name not in have]
    return f"\n\nNot synthesised yet: {', '.join(rest)}." if rest else ""


def main():
    folder, by_blocks, published, page = map(pathlib.Path, sys.argv[1:])
    found = []
    for path in sorted(folder.glob("*/*/result.json")):
        run = json.loads(path.read_text())
        run["folder"] = path.parent.parent.name
        run["described"] = json.loads((path.parent.parent / "firebrick.json").read_text())
        found.append(run)
    if not found:
        sys.exit(f"error: there is nothing in {folder}; run scripts/synth-yosys first")
    found.sort(key=lambda r: (r["macs"], r["board"]["name"], "yowasp" in r["yosys"]))
    lines, compared = [], []
    for run in found:
        board, used = run["board"], run["used"]
        version = "PyPI" if "yowasp" in run["yosys"] else "Debian"
        cells = [share(used[kind], board[kind.lower()]) for kind in
                 ("LUT", "FF", "DSP", "BRAM", "URAM")]
        cells += [f"{off(run, kind):+.1f} %" for kind in ("LUT", "FF")]
        lines.append(f"| {board['name']} | {board['part']} | `{run['preset']}` | {version} | "
                     + " | ".join(cells) + " |")
        compared.append(per_mac(f"Firebrick `{run['preset']}`, {board['name']}, {version}",
                                run["macs"], used["LUT"], used["FF"], used["DSP"]))
    others = json.loads(published.read_text())
    compared += [per_mac(row["name"], row["macs"], row["lut"], row["ff"], row["dsp"])
                 for row in others["rows"]]
    text = INTRO.format(limits=limits(found), differences=unlike(found),
                        rows=own_rows(found),
                        error=max(abs(off(run, kind)) for run in found for kind in ("LUT", "FF")))
    text += "\n".join(lines) + missing(folder, found)
    text += "\n\n## Per multiply-accumulate\n\nCompared with published figures of accelerators with 8-bit "
    text += "weights and activations, which are for placed designs.\n\n"
    text += "| | MACs a cycle | LUT | FF | DSP |\n|---|---:|---:|---:|---:|\n" + "\n".join(compared)
    text += f"\n\nDPU: {others['source']}.\n" + by_block(by_blocks)
    page.write_text(text)


if __name__ == "__main__":
    main()
