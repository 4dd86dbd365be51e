"""Writes what simulates a 7-series netlist: Yosys' cells, with block RAMs that have a behaviour."""

import pathlib
import re
import sys


def cells(yosys_cells, bram):
    """All modules of Yosys' file but the block RAMs, which it declares only."""
    text = pathlib.Path(yosys_cells).read_text()
    for name in ("RAMB18E1", "RAMB36E1"):
        text = re.sub(rf"^module {name} \(.*?^endmodule$", "", text, flags=re.M | re.S)
    # Delays of cells are for another simulator, and their paths are not all Verilog that Icarus reads.
    text = re.sub(r"^\s*specify$.*?^\s*endspecify$", "", text, flags=re.M | re.S)
    return text + "\n" + pathlib.Path(bram).read_text()


if __name__ == "__main__":
    print(cells(sys.argv[1], sys.argv[2]), end="")
