"""Logic levels between registers in a flattened Xilinx netlist of Yosys (write_json): the longest
paths with an estimate of their delay, and how many endpoints (inputs of registers, memories and
DSP slices) have how many levels. The core's outputs are not among them.

A level is a LUT or the read of a distributed RAM; carries and wide multiplexers are counted apart,
since they cost little. Delays are AMD's order of magnitude for speed grade -2 (DS181, DS182: LUT
0.1 ns, carry 0.05 ns a slice) with a guess of 0.5 ns for the wiring before each LUT: good to compare
paths and versions, no substitute for place and route.
"""

import collections
import json
import re
import sys

LUT = re.compile(r"LUT[1-6]$")
CARRY = re.compile(r"CARRY[48]$")
MUX = re.compile(r"MUXF[789]$")
RAM = re.compile(r"RAM(32M|64M|32X1D|64X1D|128X1D)$")
NANOSECONDS = {"lut": 0.6, "carry": 0.05, "mux": 0.2, "ram": 0.8, "inv": 0.0}
# Clock to output and set-up of a register.
ENDS = 0.5


def kind(cell):
    for name, pattern in (("lut", LUT), ("carry", CARRY), ("mux", MUX), ("ram", RAM)):
        if pattern.match(cell):
            return name
    return "inv" if cell == "INV" else None


def bits(cell, direction, combinational_ram):
    for port, connected in cell["connections"].items():
        if cell["port_directions"][port] != direction:
            continue
        # Of a distributed RAM only the read addresses go through to its outputs.
        if combinational_ram and direction == "input" and not port.startswith(("ADDR", "A", "DPRA")):
            continue
        yield from (bit for bit in connected if isinstance(bit, int))


def arrivals(cells):
    """For each bit: delay, LUT levels, and the bit and cell that it comes from."""
    driver = {}
    for name, cell in cells.items():
        what = kind(cell["type"])
        if what:
            for bit in bits(cell, "output", what == "ram"):
                driver[bit] = (what, name, list(bits(cell, "input", what == "ram")))
    done = {}
    for start in driver:
        stack = [start]
        while stack:
            bit = stack[-1]
            if bit in done or bit not in driver:
                done.setdefault(bit, (0.0, 0, 0, None))
                stack.pop()
                continue
            what, _, inputs = driver[bit]
            open_inputs = [i for i in inputs if i not in done and i in driver]
            if open_inputs:
                if len(stack) > len(driver) + 1:
                    sys.exit(f"error: a combinational loop through {driver[bit][1]}")
                stack += open_inputs
                continue
            best = max((done.get(i, (0.0, 0, 0, None)) + (i,) for i in inputs),
                       key=lambda entry: entry[0], default=(0.0, 0, 0, None, None))
            done[bit] = (best[0] + NANOSECONDS[what], best[1] + (what in ("lut", "ram")),
                         best[2] + (what == "carry"), best[4])
            stack.pop()
    return done


def main():
    design = json.load(open(sys.argv[1], encoding="utf-8"))["modules"]["firebrick_top"]
    done = arrivals(design["cells"])
    names = {}
    for name, net in design["netnames"].items():
        for bit in net["bits"]:
            if isinstance(bit, int) and (bit not in names or not net.get("hide_name")):
                names[bit] = name
    # An endpoint is named by what the register drives.
    ends = {}
    endpoints = collections.Counter()
    for name, cell in design["cells"].items():
        if kind(cell["type"]):
            continue
        outputs = [names[b] for b in bits(cell, "output", False) if b in names]
        label = re.sub(r"\$?\d+", "", outputs[0]) if outputs and "$" not in outputs[0] else cell["type"]
        for bit in bits(cell, "input", False):
            delay, levels, carries, _ = done.get(bit, (0.0, 0, 0, None))
            endpoints[levels] += 1
            first = bit
            if label not in ends or delay > ends[label][0]:
                while done.get(first, (0, 0, 0, None))[3] is not None:
                    first = done[first][3]
                ends[label] = (delay, levels, carries, names.get(first, "?"))
    worst = sorted(ends.items(), key=lambda item: item[1], reverse=True)[:10]
    delay, levels, carries, _ = worst[0][1]
    print(f"longest path: {levels} levels and {carries} carries, about {delay + ENDS:.1f} ns, "
          f"{1000 / (delay + ENDS):.0f} MHz")
    print(f"{sum(endpoints.values())} endpoints, by levels: "
          + ", ".join(f"{levels}: {count}" for levels, count in sorted(endpoints.items())))
    for label, (delay, levels, carries, first) in worst:
        print(f"  {delay + ENDS:5.1f} ns {levels:3} levels {carries:3} carries: {first} to {label}")


if __name__ == "__main__":
    main()
