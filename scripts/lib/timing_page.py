"""Writes docs/timing.md from the results of `scripts/levels --all`.

    timing_page.py FOLDER YOSYS_VERSION
"""

import json
import pathlib
import sys


def number(value):
    return f"{value:,}"


def main():
    folder, version = pathlib.Path(sys.argv[1]), sys.argv[2]
    cores = {}
    for board in sorted(folder.glob("*/core")):
        cores.setdefault(board.resolve(), []).append(board.parent.name)
    print(f"""# Logic levels and estimated delays

Written by `scripts/levels --all`: the cores of boards, flattened by Yosys {version} (`synth_xilinx`). A level is a LUT or
the read of a distributed RAM. Paths run between registers, memories, DSP slices and the core's ports.

No place and route is behind the delays. They are added up from those of the cells, for Artix-7 at speed grade -1 in the slow
corner (Project X-Ray's timing database, `prjxray-db/artix7/timings`, as Yosys' models of the cells have them: LUT
0.124 ns, clock to output 0.303 ns, block RAM 2.454 ns without its output register and 0.882 ns with it, into a carry
chain 0.508 ns and 0.114 ns for each cell of it, set-up up to 0.404 ns) and an **assumed 0.6 ns for each net**; in
parentheses with 0.4 and with 0.8 ns. UltraScale+ is faster than that, and so are speed grades -2 and -3: there the figures
compare paths, no more. Yosys has no output registers for block RAM and UltraRAM: behind each memory are flip-flops of
their own, which Vivado moves into the memory.

`sta` is the longest path by Yosys' own static timing of 7-series cells, without nets.

| Boards | Preset | Most levels | Endpoints | 0 to 1 levels | 2 | 3 | 4 | more | sta |
|---|---|---:|---:|---:|---:|---:|---:|---:|---:|""")
    details = []
    for core, boards in sorted(cores.items(), key=lambda item: item[1]):
        result = json.loads((core / "levels.json").read_text())
        preset = json.loads((core / "config.json").read_text())["preset"]
        ends = {int(levels): count for levels, count in result["endpoints"].items()}
        more = sum(count for levels, count in ends.items() if levels > 4)
        sta = core / "sta.ps"
        static = f"{int(sta.read_text()) / 1000:.2f} ns" if sta.exists() else "-"
        row = [ends.get(0, 0) + ends.get(1, 0)] + [ends.get(n, 0) for n in (2, 3, 4)] + [more]
        print(f"| {', '.join(boards)} | `{preset}` | {result['most_levels']} | {number(sum(ends.values()))} | "
              + " | ".join(map(number, row)) + f" | {static} |")
        details.append((boards, preset, result["groups"]))
    counted = {board for boards in cores.values() for board in boards}
    known = {path.parent.name for path in pathlib.Path("constraints").glob("*/board.toml")}
    if missing := sorted(known - counted):
        print(f"\nNot counted since the engine changed last: {', '.join(missing)}.")
    print("\nThe ten longest groups of paths by the estimate; `*` stands for numbers.")
    for boards, preset, groups in details:
        print(f"\n## `{preset}`: {', '.join(boards)}\n")
        print("| From | To | Levels | Carry chains, cells | ns |\n|---|---|---:|---:|---:|")
        for group in groups:
            low, middle, high = group["ns"]
            print(f"| `{group['from']}` | `{group['to']}` | {group['levels']} | "
                  f"{group['carries']}, {group['carry_cells']} | {middle:.1f} ({low:.1f} to {high:.1f}) |")


if __name__ == "__main__":
    main()
