"""Logic levels between registers in a flattened Xilinx netlist of Yosys (write_json).

    levels.py NETLIST [--limit LEVELS] [--json FILE]

Prints the longest paths with an estimate of their delay, and how many endpoints (inputs of registers,
memories and DSP slices, and the core's outputs) have how many levels; paths begin at registers,
memories, DSP slices and the core's inputs. Exits 1 if a path has more levels than `--limit`.

A level is a LUT or the read of a distributed RAM; carry chains and wide multiplexers are counted
apart. Delays of cells are those of Artix-7 at speed grade -1, slow corner, from Project X-Ray's
timing database (github.com/f4pga/prjxray-db, artix7/timings), as Yosys' own models of the cells have
them. What a net takes is an assumption: 0.6 ns, between 0.4 and 0.8, but none along a carry chain or
to a wide multiplexer. That is good to compare paths and versions, and no substitute for place and
route.
"""

import argparse
import collections
import json
import re
import sys

LUT = re.compile(r"LUT[1-6]$")
CARRY = re.compile(r"CARRY[48]$")
MUX = re.compile(r"MUXF[789]$")
RAM = re.compile(r"RAM(32M|64M|32M16|64M8|32X1D|64X1D|128X1D|256X1D)$")

# Nanoseconds: through a cell.
THROUGH = {"lut": 0.124, "mux": 0.276, "ram": 0.642, "inv": 0.0}
# Into a carry chain, along it a cell, and out of it to a sum.
CARRY_IN, CARRY_ON, CARRY_OUT = 0.508, 0.114, 0.199
NET = (0.4, 0.6, 0.8)
# Clock to output by kind of cell; block RAM without and with its output register. Set-up.
CLOCK_TO_OUTPUT = {"ff": 0.303, "bram": 2.454, "bram-reg": 0.882, "uram": 2.454, "uram-reg": 0.882,
                   "dsp": 0.329, "lutram": 1.153, "srl": 1.472, "port": 0.303}
SETUP = {"ff": 0.0, "ff-enable": 0.109, "ff-reset": 0.404, "bram": 0.737, "uram": 0.737, "dsp": 0.4,
         "lutram": 0.46, "srl": 0.173, "port": 0.0}

Path = collections.namedtuple("Path", "levels carries carry_cells nets cells_ns start")


def kind(cell):
    """What a combinational cell is, or None."""
    for name, pattern in (("lut", LUT), ("carry", CARRY), ("mux", MUX), ("ram", RAM)):
        if pattern.match(cell):
            return name
    return "inv" if cell == "INV" else None


def sequential(cell):
    """What a cell is whose outputs begin paths, with its output register if it has one."""
    name, parameters = cell["type"], cell.get("parameters", {})
    if name.startswith(("FD", "LD")):
        return "ff"
    if name.startswith("DSP48"):
        return "dsp"
    if name.startswith("SRL"):
        return "srl"
    if name.startswith("RAMB"):
        registers = str(parameters.get("DOB_REG", "0")) + str(parameters.get("DOA_REG", "0"))
        return "bram-reg" if "1" in registers else "bram"
    if name.startswith("URAM"):
        registers = str(parameters.get("OREG_B", "FALSE")) + str(parameters.get("OREG_A", "FALSE"))
        return "uram-reg" if "TRUE" in registers else "uram"
    return "lutram" if RAM.match(name) else "ff"


def bits(cell, direction, combinational_ram):
    for port, connected in cell["connections"].items():
        if cell["port_directions"][port] != direction:
            continue
        # Of a distributed RAM only the read addresses go through to its outputs.
        if combinational_ram and direction == "input" and not port.startswith(("ADDR", "A", "DPRA")):
            continue
        yield from (bit for bit in connected if isinstance(bit, int))


def nanoseconds(path, net=NET[1]):
    return path.cells_ns + path.nets * net


def arrivals(module):
    """The longest path to each bit that a combinational cell drives, by levels, then by delay."""
    cells = module["cells"]
    driver, first = {}, {}
    for name, cell in cells.items():
        what = kind(cell["type"])
        if what:
            for bit in bits(cell, "output", what == "ram"):
                driver[bit] = (what, name, list(bits(cell, "input", what == "ram")))
        else:
            start = CLOCK_TO_OUTPUT[sequential(cell)]
            for bit in bits(cell, "output", False):
                first[bit] = Path(0, 0, 0, 0, start, bit)
    for port in module["ports"].values():
        if port["direction"] == "input":
            for bit in port["bits"]:
                first[bit] = Path(0, 0, 0, 0, CLOCK_TO_OUTPUT["port"], bit)
    done = dict(first)

    def through(what, source, path):
        from_kind = driver.get(source, (None,))[0]
        if what == "carry":
            if from_kind == "carry":
                return path._replace(cells_ns=path.cells_ns + CARRY_ON,
                                     carry_cells=path.carry_cells + 1)
            return path._replace(cells_ns=path.cells_ns + CARRY_IN, carries=path.carries + 1,
                                 carry_cells=path.carry_cells + 1,
                                 nets=path.nets + (from_kind != "lut"))
        extra = CARRY_OUT if from_kind == "carry" else 0.0
        dedicated = what == "mux" and from_kind in ("lut", "mux") or what == "inv"
        return path._replace(levels=path.levels + (what in ("lut", "ram")),
                             nets=path.nets + (not dedicated),
                             cells_ns=path.cells_ns + THROUGH[what] + extra)

    for start in driver:
        stack = [start]
        while stack:
            bit = stack[-1]
            if bit in done:
                stack.pop()
                continue
            if bit not in driver:
                done[bit] = Path(0, 0, 0, 0, 0.0, bit)
                stack.pop()
                continue
            what, name, inputs = driver[bit]
            missing = [i for i in inputs if i not in done]
            if missing:
                if len(stack) > len(driver) + 1:
                    sys.exit(f"error: a combinational loop through {name}")
                stack += missing
                continue
            ways = [through(what, i, done[i]) for i in inputs]
            none = Path(0, 0, 0, 0, 0.0, None)
            done[bit] = max(ways, key=lambda p: (p.levels, nanoseconds(p)), default=none)
            stack.pop()
    return done


def setup(cell, port):
    what = sequential(cell)
    if what == "ff":
        return SETUP["ff-reset" if port in ("R", "S") else "ff-enable" if port == "CE" else "ff"]
    return SETUP[what.removesuffix("-reg")]


def group(name):
    """A register's name without the numbers of bits, entries and instances."""
    return re.sub(r"\d+", "*", re.sub(r"\[.*", "", name))


def analyse(module):
    """Endpoints by levels, and the groups of paths (from, to), the worst one first."""
    done = arrivals(module)
    names = {}
    for name, net in module["netnames"].items():
        for bit in net["bits"]:
            if isinstance(bit, int) and (bit not in names or not net.get("hide_name")):
                names[bit] = name
    ends = []
    for cell in module["cells"].values():
        if kind(cell["type"]) in ("lut", "carry", "mux", "inv"):
            continue
        ram = RAM.match(cell["type"])
        outputs = [names[b] for b in bits(cell, "output", False) if b in names]
        label = outputs[0] if outputs and "$" not in outputs[0] else cell["type"]
        for port, connected in cell["connections"].items():
            if cell["port_directions"][port] != "input":
                continue
            if ram and port.startswith(("ADDR", "DPRA")) and not port.startswith("ADDRD"):
                continue
            for bit in connected:
                if isinstance(bit, int):
                    ends.append((bit, label, setup(cell, port)))
    for name, port in module["ports"].items():
        if port["direction"] == "output":
            ends += [(bit, name, SETUP["port"]) for bit in port["bits"] if isinstance(bit, int)]
    histogram, groups = collections.Counter(), {}
    for bit, label, needs in ends:
        path = done.get(bit)
        if path is None:
            continue
        path = path._replace(cells_ns=path.cells_ns + needs, nets=path.nets + 1)
        histogram[path.levels] += 1
        key = (group(names.get(path.start, "?")), group(label))
        if key not in groups or nanoseconds(path) > nanoseconds(groups[key]):
            groups[key] = path
    return histogram, groups


def describe(path):
    chains = f", {path.carries} carry chain{'s' * (path.carries > 1)} of {path.carry_cells} cells"
    low, middle, high = (nanoseconds(path, net) for net in NET)
    return (f"{path.levels} level{'s' * (path.levels != 1)}{chains if path.carries else ''}, "
            f"about {middle:.2f} ns ({low:.1f} to {high:.1f})")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("netlist")
    parser.add_argument("--limit", type=int, help="most levels that are accepted")
    parser.add_argument("--json", help="writes the result into this file too")
    arguments = parser.parse_args()
    with open(arguments.netlist, encoding="utf-8") as file:
        histogram, groups = analyse(json.load(file)["modules"]["firebrick_top"])
    by_levels = max(groups.items(), key=lambda item: (item[1].levels, nanoseconds(item[1])))
    by_delay = sorted(groups.items(), key=lambda item: nanoseconds(item[1]), reverse=True)
    print(f"most levels: {describe(by_levels[1])}: {by_levels[0][0]} to {by_levels[0][1]}")
    print(f"{sum(histogram.values())} endpoints, by levels: "
          + ", ".join(f"{levels}: {count}" for levels, count in sorted(histogram.items())))
    for (start, end), path in by_delay[:10]:
        print(f"  {describe(path)}: {start} to {end}")
    if arguments.json:
        result = {
            "endpoints": dict(sorted(histogram.items())),
            "most_levels": by_levels[1].levels,
            "groups": [{"from": start, "to": end, "levels": path.levels, "carries": path.carries,
                        "carry_cells": path.carry_cells,
                        "ns": [round(nanoseconds(path, net), 2) for net in NET]}
                       for (start, end), path in by_delay[:10]],
        }
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)
    if arguments.limit is not None and by_levels[1].levels > arguments.limit:
        sys.exit(f"error: {by_levels[1].levels} levels, more than {arguments.limit}")


if __name__ == "__main__":
    main()
