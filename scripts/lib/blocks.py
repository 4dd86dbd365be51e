"""Synthesises a generated folder with Yosys, every module by itself, and tells what each kind of block
takes: its own cells times how often it occurs. Nothing is shared or simplified across the borders of
modules, so that the sum is somewhat more than that of the whole.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys

from synth_board import CELLS, MEMORY_LUTS, modules, resources, sources

TOP = "firebrick_top"
# Building stones, which count for the block that they are part of.
PARTS = re.compile(r"_(ram|lut_ram|fifo|delay_line|pack|rotate|drain_spread)(_\w+)?$")
COLUMNS = ("LUT", "of them RAM", "SRL", "FF", "DSP", "half BRAM", "URAM")


def synthesise(yosys, family, folder, work):
    """Cells of each module."""
    report, log = work / "cells.txt", work / "synth.log"
    script = work / "synth.ys"
    files = " ".join(str(path) for path in sources(folder))
    script.write_text(f"{CELLS}\nread_verilog {files}\nhierarchy -check -top {TOP}\n"
                      f"synth_xilinx -family {family} -noiopad -noclkbuf -top {TOP}"
                      f"{' -uram' if family == 'xcup' else ''}\ntee -q -o {report} stat\n")
    with open(work / "stderr", "w", encoding="utf-8") as errors:
        done = subprocess.run([yosys, "-q", "-l", log, script], stderr=errors, check=False)
    if done.returncode != 0:
        sys.exit(f"error: {yosys} ended with {done.returncode}, see {log}:\n"
                 + (work / "stderr").read_text()[-2000:])
    return modules(report.read_text())


def blocks(found, prefix):
    """How often each block occurs, and all its cells."""
    number, cells = {}, {}

    def walk(module, times, host):
        if module == TOP or not PARTS.search(module):
            host = module.removeprefix(prefix)
            number[host] = number.get(host, 0) + times
        own = cells.setdefault(host, {})
        for kind, count in found[module].items():
            if kind in found:
                walk(kind, times * count, host)
            else:
                own[kind] = own.get(kind, 0) + times * count

    walk(TOP, 1, TOP)
    return number, cells


def row(cells):
    """The figures of COLUMNS."""
    used = resources(cells)
    memory = sum(MEMORY_LUTS.get(kind, 0) * n for kind, n in cells.items() if kind.startswith("RAM"))
    shifts = sum(n for kind, n in cells.items() if kind.startswith("SRL"))
    halves = sum(n * (2 if kind.startswith("RAMB36") else 1) for kind, n in cells.items()
                 if kind.startswith(("RAMB18", "RAMB36")))
    return [used["LUT"], memory, shifts, used["FF"], used["DSP"], halves, used["URAM"]]


def table(result, least):
    """Lines of a table in Markdown, largest first; blocks with less than a share of `least` in LUT and
    FF are joined."""
    rows = sorted(result["blocks"], key=lambda block: -block["row"][0])
    total = [sum(block["row"][i] for block in rows) for i in range(len(COLUMNS))]
    lines = ["| Block | Number | " + " | ".join(COLUMNS) + " | LUT share | FF share |",
             "|---|---:|" + "---:|" * (len(COLUMNS) + 2)]

    def line(name, number, values):
        shares = [f"{100 * values[i] / total[i]:.1f} %" for i in (0, 3)]
        lines.append(f"| {name} | {number} | " + " | ".join(map(str, values)) + " | "
                     + " | ".join(shares) + " |")

    small = [0] * len(COLUMNS)
    for block in rows:
        values = block["row"]
        if max(values[0] / total[0], values[3] / total[3]) < least:
            small = [a + b for a, b in zip(small, values)]
        else:
            line(f"`{block['name']}`", block["number"], values)
    line("others", "", small)
    line("all", "", total)
    return lines


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("family", choices=("xc7", "xcup"))
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--yosys", default="yosys")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    preset = json.loads((args.folder / "config.json").read_text())["preset"]
    number, cells = blocks(synthesise(args.yosys, args.family, args.folder, args.work),
                           preset.replace("-", "_") + "_")
    result = {"preset": preset, "family": args.family,
              "blocks": [{"name": name, "number": number[name], "row": row(own)}
                         for name, own in cells.items()]}
    (args.work / "blocks.json").write_text(json.dumps(result, indent=1) + "\n")
    print("\n".join(table(result, 0)))


if __name__ == "__main__":
    main()
