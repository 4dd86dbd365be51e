"""Writes a top for place and route: the core has far more ports than a package has pins, so they
are reached through one chain of registers, shifted in and out by six pins. Every path from port to
register and back stays in the design."""

import re
import sys

TOP = "firebrick_top"
PINS = "firebrick_pins"
# Inputs that mean something in every cycle: high for the one cycle of `apply`.
PULSED = ("s_axil_awvalid", "s_axil_wvalid", "s_axil_arvalid", "s_axil_bready", "s_axil_rready",
          "s_axis_tvalid", "m_axis_tready")


def ports(verilog):
    """(direction, width, name) of each port of the top."""
    header = re.search(rf"module {TOP} \((.*?)\);", verilog, re.S).group(1)
    return [(direction, int(high or 0) + 1, name) for direction, high, name in
            re.findall(r"(input|output) wire(?: \[(\d+):0\])? (\w+)", header)]


def harness(verilog):
    inputs = [p for p in ports(verilog) if p[0] == "input" and p[2] not in ("aclk", "aresetn")]
    outputs = [p for p in ports(verilog) if p[0] == "output"]
    n_in, n_out = (sum(width for _, width, _ in group) for group in (inputs, outputs))
    lines = [f"module {PINS} (input clk, input reset_n, input shift, input apply, input si, "
             "output so);",
             f"    reg [{n_in - 1}:0] ins;",
             f"    reg [{n_out - 1}:0] outs;",
             f"    wire [{n_out - 1}:0] now;",
             "    reg resetn, pulse;",
             "    always @(posedge clk) begin",
             "        resetn <= reset_n;",
             "        pulse <= apply;",
             f"        if (shift) ins <= {{ins[{n_in - 2}:0], si}};",
             f"        if (pulse) outs <= now; else if (shift) outs <= {{outs[{n_out - 2}:0], 1'b0}};",
             "    end",
             f"    assign so = outs[{n_out - 1}];"]
    pins, low = [".aclk(clk)", ".aresetn(resetn)"], 0
    for _, width, name in inputs:
        if name in PULSED:
            lines += [f"    reg {name};", f"    always @(posedge clk) {name} <= apply & ins[{low}];"]
            pins.append(f".{name}({name})")
        else:
            pins.append(f".{name}(ins[{low + width - 1}:{low}])")
        low += width
    low = 0
    for _, width, name in outputs:
        pins.append(f".{name}(now[{low + width - 1}:{low}])")
        low += width
    joined = ",\n        ".join(pins)
    lines += [f"    {TOP} core (\n        {joined}\n    );", "endmodule", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    print(harness(open(sys.argv[1], encoding="utf-8").read()), end="")
