"""Synthesises a generated folder with Yosys and compares what it takes with the part's limits."""

import argparse
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import time

# Blocks that occur more often than this are synthesised once and counted, all others are flattened
# into the top: what is lost across those borders is little, and 2048 multipliers take minutes.
OFTEN = 15
# LUTs that a distributed memory or shift register occupies.
MEMORY_LUTS = {"RAM32M": 4, "RAM64M": 4, "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4,
               "RAM32M16": 8, "RAM64M8": 8, "RAM64X8SW": 8, "SRL16E": 1, "SRLC32E": 1, "SRL16": 1}


def instances(verilog):
    """How often each module occurs below the top."""
    children, name = {}, None
    for line in verilog.splitlines():
        if start := re.match(r"module (\w+) \(", line):
            name = start.group(1)
            children[name] = []
        elif cell := re.match(r"    (\w+) (\w+) \($", line):
            children[name].append(cell.group(1))
    counts = dict.fromkeys(children, 0)
    counts["firebrick_top"] = 1
    for parent in reversed(children):
        for child in children[parent]:
            if child in counts:
                counts[child] += counts[parent]
    return counts


def sources(folder):
    """The Verilog files of a generated folder, each after those that it needs."""
    lines = (folder / "firebrick.f").read_text().splitlines()
    return [folder / line for line in lines if not line.startswith("//")]


# Instances of DSP slices need their ports.
CELLS = "read_verilog -lib +/xilinx/cells_sim.v +/xilinx/cells_xtra.v"


def synthesise(yosys, family, folder, work, flat):
    """Cells of the whole design by type, and Yosys' warnings."""
    files = sources(folder)
    counts = instances("".join(file.read_text() for file in files))
    keep = [] if flat else [name for name, n in counts.items() if n > OFTEN]
    report = work / "cells.txt"
    commands = [CELLS, "read_verilog " + " ".join(map(str, files)), "hierarchy -check -top firebrick_top"]
    commands += [f"setattr -mod -set keep_hierarchy 1 {' '.join(keep)}"] if keep else []
    commands += [f"synth_xilinx -family {family} -flatten -noiopad -noclkbuf -top firebrick_top"
                 + (" -uram" if family == "xcup" else ""), f"tee -q -o {report} stat"]
    script, log = work / "synth.ys", work / "synth.log"
    script.write_text("\n".join(commands) + "\n")
    started = time.monotonic()
    with open(work / "stderr", "w", encoding="utf-8") as errors:
        done = subprocess.run([*yosys, "-q", "-l", log, script], stderr=errors, check=False)
    if done.returncode != 0:
        sys.exit(f"error: {yosys[0]} ended with {done.returncode}, see {log}:\n"
                 + (work / "stderr").read_text()[-2000:])
    cells = total(modules(report.read_text()), "firebrick_top")
    warnings = re.findall(r"^Warning: (.*)$", log.read_text(), re.M)
    return cells, warnings, time.monotonic() - started


def done_before(folder, key):
    """The result of this or another board with the same Verilog and the same synthesis, if there is
    one."""
    for path in sorted(folder.parent.glob("*/*/result.json")):
        result = json.loads(path.read_text())
        if result.get("key") == key:
            return result
    return None


def modules(text):
    """Cells of each module, from Yosys' table: the JSON form of 0.23 is not JSON with a hierarchy.
    Versions differ in the order of name and number."""
    found = {}
    for part in re.split(r"^=== ", text, flags=re.M)[1:]:
        name = part.split()[0]
        if name == "design":
            continue
        cells = {}
        # A module may have other modules only, or wires only.
        begins = re.search(r"\d+ (cells|submodules)|of cells|\Z", part).start()
        for line in part[begins:].splitlines()[1:]:
            words = line.split()
            numbers = [int(word) for word in words if word.isdigit()]
            names = [word for word in words if re.fullmatch(r"[A-Za-z_]\w*", word)]
            if numbers and len(names) == 1 and names[0] != "submodules":
                cells[names[0]] = numbers[0]
        found[name] = cells
    return found


def total(found, name):
    """Primitive cells below a module."""
    sum_of = {}
    for kind, number in found[name].items():
        for cell, n in (total(found, kind) if kind in found else {kind: 1}).items():
            sum_of[cell] = sum_of.get(cell, 0) + n * number
    return sum_of


def resources(cells):
    """Totals as the part counts them."""
    def count(*names):
        return sum(cells.get(name, 0) for name in names)
    luts = sum(n for kind, n in cells.items() if re.fullmatch(r"LUT[1-6]|INV", kind))
    luts += sum(MEMORY_LUTS.get(kind, 0) * n for kind, n in cells.items())
    return {"LUT": luts, "FF": count("FDRE", "FDSE", "FDCE", "FDPE"),
            "DSP": count("DSP48E1", "DSP48E2"),
            "BRAM": count("RAMB36E1", "RAMB36E2") + (count("RAMB18E1", "RAMB18E2") + 1) // 2,
            "URAM": count("URAM288"), "latches": count("LDCE", "LDPE")}


def predictions(described):
    """What Yosys is predicted to take of DSP slices and memories, by kind."""
    predicted = described["predicted"]
    return {"DSP": predicted["dsp"], "BRAM": predicted["bram"], "URAM": predicted["uram_shared"]}


def differences(described, used):
    """Where Yosys took something else than was predicted, in words."""
    return [f"{used[kind]} {kind}, but {predicted} were predicted"
            for kind, predicted in predictions(described).items() if used[kind] != predicted]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--yosys", default="yosys")
    parser.add_argument("--flat", action="store_true")
    args = parser.parse_args()
    described = json.loads((args.folder / "firebrick.json").read_text())
    board, macs = described["board"], described["macs_per_cycle"]
    family = "xc7" if board["part"].startswith("xc7") else "xcup"
    args.work.mkdir(parents=True, exist_ok=True)
    verilog = hashlib.sha256(b"".join(file.read_bytes() for file in sources(args.folder))).hexdigest()
    version = subprocess.run([args.yosys, "-V"], check=True, stdout=subprocess.PIPE, text=True)
    key = [verilog, family, version.stdout.strip(), args.flat]
    if before := done_before(args.folder, key):
        cells, warnings, seconds = before["cells"], before["warnings"], before["seconds"]
        print(f"the same Verilog as for {before['board']['name']}: its cells are taken")
    else:
        cells, warnings, seconds = synthesise([args.yosys], family, args.folder, args.work, args.flat)
    used = resources(cells)
    wrong = []
    print(f"{board['name']} ({board['part']}), {described['preset']}, {macs} MACs, {args.yosys}, "
          f"{seconds:.0f} s")
    for kind, limit in board["limits"].items():
        there = board[kind.lower()]
        share = 100 * used[kind] / there if there else 0
        print(f"  {kind:4} {used[kind]:8} of {there:8} {share:6.1f} %, limit {limit} %, "
              f"{used[kind] / macs:.3f} a MAC")
        if used[kind] > there or share > limit:
            wrong.append(f"{kind} {share:.1f} % is over {limit} %")
    wrong += differences(described, used)
    if used["latches"]:
        wrong.append(f"{used['latches']} latches")
    # Four requantisers are much beside a tile of 8.
    if described["packed"] and macs > 64 and used["DSP"] > 0.54 * macs:
        wrong.append(f"{used['DSP'] / macs:.3f} DSP a MAC are more than 0.54")
    (args.work / "result.json").write_text(json.dumps(
        {"board": board, "preset": described["preset"], "macs": macs, "used": used,
         "key": key, "cells": cells, "warnings": sorted(set(warnings)), "yosys": args.yosys,
         "flat": args.flat, "seconds": round(seconds)}, indent=1) + "\n")
    if wrong:
        sys.exit("error: " + "; ".join(wrong))


if __name__ == "__main__":
    main()
