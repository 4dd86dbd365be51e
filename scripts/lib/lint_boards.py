"""Reads the Verilog files of a generated folder with every open tool and lists messages that nothing here explains."""

import pathlib
import re
import subprocess
import sys

from synth_board import CELLS

MODELS = ["sim/src/primitives/dsp48.v"]
# Message and why it is right that it comes.
EXPLAINED = {
    # Verilator's own rules are switched off in the file, each with its reason.
    "verilator": [],
    "iverilog": [],
    "yosys": [
        (r"Replacing memory .* with list of registers",
         "small tables that are read in many places at once"),
        (r"Yosys has only limited support for tri-state logic", "said of any high impedance"),
    ],
}


def sources(folder):
    """The Verilog files of a generated folder, in order."""
    lines = (folder / "firebrick.f").read_text().splitlines()
    return [str(folder / line) for line in lines if not line.startswith("//")]


def main():
    folder, newer = sys.argv[1:]
    verilog = sources(pathlib.Path(folder))
    # What the slices of a family do, for tools that do not know them.
    models = MODELS if any(re.search(r"\bDSP48E[12] #", pathlib.Path(file).read_text())
                           for file in verilog) else []
    runs = [("verilator", ["verilator", "--lint-only", "-Wall", "--top-module", "firebrick_top",
                           *models, *verilog]),
            ("iverilog", ["iverilog", "-g2005", "-Wall", "-t", "null", "-s", "firebrick_top",
                          *models, *verilog])]
    script = f"{CELLS}; read_verilog {' '.join(verilog)}; hierarchy -check -top firebrick_top; proc; check -assert"
    runs += [("yosys", [yosys, "-q", "-p", script]) for yosys in ("yosys", newer)]
    left = []
    for tool, command in runs:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
        lines = [line for line in done.stdout.splitlines() if line.strip()]
        left += [f"{command[0]}: {line}" for line in lines
                 if not any(re.search(known, line) for known, _ in EXPLAINED[tool])]
        if done.returncode != 0:
            left.append(f"{command[0]} ended with {done.returncode}")
    print(f"{folder}: {len(left)} messages that nothing explains")
    if left:
        sys.exit("\n".join(left[:40]))


if __name__ == "__main__":
    main()
