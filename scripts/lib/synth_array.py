"""Emits the four arrays, synthesises each with Yosys and checks the DSP slices of each."""

import json
import pathlib
import subprocess
import sys
import tempfile

# Name, edge, packed.
ARRAYS = (("Tile8", 8, False), ("TilePacked8", 8, True),
          ("Tile16", 16, False), ("TilePacked16", 16, True))
LUTS = ("LUT1", "LUT2", "LUT3", "LUT4", "LUT5", "LUT6", "INV", "SRL16E", "SRLC32E")
REGISTERS = ("FDRE", "FDSE", "FDCE", "FDPE")


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"error: {' '.join(command)} ended with {done.returncode}")
    return done.stdout


def synthesise(emitter, name, folder):
    """Cells by type."""
    source, report = folder / f"{name}.v", folder / f"{name}.json"
    source.write_text(run(emitter, name))
    run("yosys", "-q", "-p", f"read_verilog {source}; synth_xilinx -family xc7 -flatten -noiopad "
        f"-top {name}; tee -q -o {report} stat -json")
    return json.loads(report.read_text())["design"]["num_cells_by_type"]


def main():
    emitter, = sys.argv[1:]
    wrong = []
    print("| array | MACs | DSP48E1 | DSP48E1 per MAC | LUT per MAC | FF per MAC | CARRY4 per MAC |")
    print("|---|---:|---:|---:|---:|---:|---:|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, edge, packed in ARRAYS:
            cells = synthesise(emitter, name, pathlib.Path(folder))
            macs, slices = edge * edge, cells.get("DSP48E1", 0)
            rest = [sum(cells.get(kind, 0) for kind in kinds) / macs
                    for kinds in (LUTS, REGISTERS, ("CARRY4",))]
            print(f"| `{name}` | {macs} | {slices} | {slices / macs:.2f} | " +
                  " | ".join(f"{value:.1f}" for value in rest) + " |", flush=True)
            if slices == 0 or (2 * slices > macs if packed else slices != macs):
                wrong.append(f"{name} takes {slices} DSP slices for {macs} multiply-accumulates")
    if wrong:
        sys.exit("error: " + "; ".join(wrong))


if __name__ == "__main__":
    main()
