"""Prints a 7-series netlist of Yosys without the initial contents of its block RAMs, which must be none:
the models of the cells have no parameters for them."""

import pathlib
import re
import sys


def without_contents(netlist):
    line = re.compile(r"^\s*\.INITP?_[0-9A-F]{2}\(\d+'[bh]([0-9a-fx]+)\),\n", re.M)
    for found in line.finditer(netlist):
        if set(found[1]) - {"0", "x"}:
            sys.exit(f"error: a block RAM with contents: {found[0].strip()[:60]}")
    return line.sub("", netlist)


if __name__ == "__main__":
    print(without_contents(pathlib.Path(sys.argv[1]).read_text()), end="")
