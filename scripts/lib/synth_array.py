"""Emits each array, synthesises it with Yosys and checks DSP slices, LUTs and registers of each."""

import json
import pathlib
import subprocess
import sys
import tempfile

# Block, edge, whose slices it is made of, slices for two MACs, and the most LUTs and FFs a MAC. Of the
# generic packed array, Yosys makes two slices a pair for 7-series.
ARRAYS = (("Tile8", 8, "generic", 2, None), ("Tile16", 16, "generic", 2, None),
          ("TilePacked16", 16, "generic", 2, None),
          ("TileTree8", 8, "xc7", 1, None), ("TileTree16", 16, "xc7", 1, (7, 9)),
          ("TilePacked8", 8, "xcup", 1, None), ("TilePacked16", 16, "xcup", 1, (2.5, 6)))
SLICES = {"xc7": "DSP48E1", "xcup": "DSP48E2"}
LUTS = ("LUT1", "LUT2", "LUT3", "LUT4", "LUT5", "LUT6", "INV", "SRL16E", "SRLC32E")
REGISTERS = ("FDRE", "FDSE", "FDCE", "FDPE")


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"error: {' '.join(command)} ended with {done.returncode}")
    return done.stdout


def part(family):
    """What a family's array is synthesised for."""
    return "xc7" if family == "generic" else family


def synthesise(emitter, name, family, folder):
    """Cells by type."""
    source, report = folder / f"{name}.v", folder / f"{name}.json"
    source.write_text(run(emitter, name, family))
    run("yosys", "-q", "-p", f"read_verilog -lib +/xilinx/cells_xtra.v; read_verilog {source}; "
        f"synth_xilinx -family {part(family)} -flatten -noiopad -top {name}; "
        f"tee -q -o {report} stat -json")
    return json.loads(report.read_text())["design"]["num_cells_by_type"]


def main():
    emitter, = sys.argv[1:]
    wrong = []
    print("| array | family | slices | MACs | DSP | DSP per MAC | LUT per MAC | FF per MAC |")
    print("|---|---|---|---:|---:|---:|---:|---:|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, edge, family, pair, most in ARRAYS:
            cells = synthesise(emitter, name, family, pathlib.Path(folder))
            kind = SLICES[part(family)]
            macs, slices = edge * edge, cells.get(kind, 0)
            rest = [sum(cells.get(kind, 0) for kind in kinds) / macs for kinds in (LUTS, REGISTERS)]
            print(f"| `{name}` | {family} | {kind} | {macs} | {slices} | {slices / macs:.2f} | " +
                  " | ".join(f"{value:.1f}" for value in rest) + " |", flush=True)
            if 2 * slices != pair * macs:
                wrong.append(f"{name} takes {slices} {kind} for {macs} multiply-accumulates")
            if most and any(value > limit for value, limit in zip(rest, most)):
                wrong.append(f"{name} of {kind} takes {rest[0]:.1f} LUTs and {rest[1]:.1f} FFs a "
                             f"MAC, more than {most[0]} and {most[1]}")
    if wrong:
        sys.exit("error: " + "; ".join(wrong))


if __name__ == "__main__":
    main()
