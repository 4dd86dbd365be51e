"""docs/formal.md, from the results of scripts/formal."""

HEAD = """# Properties

Written by `scripts/formal`, which proves these properties of the emitted Verilog with SymbiYosys. It then plants a bug
for each of them, a change of the Verilog's text, and fails unless the property finds it.

The properties are in `hdl/rtl/formal`, a file for each block, and are put into a copy of the module that the emitter
wrote. `initial` blocks are left out of the copy: all registers and memories start with any contents, and
the first cycle is a reset. Inputs are free in every cycle but for the assumptions that are named. Where a unit below is
left out, its outputs are free as well, so that a property holds whatever that unit does.

*Always* is a proof for any number of cycles, by induction with Z3; the invariants that an induction needs are in the
same file, and proven with it. *n cycles* is a proof for every run of at most that many cycles after the reset. A bug is
looked for with ABC, in runs of as many cycles as the file says.

The array, the accumulators, the drain, and counters and statistics have no properties, the window unit and the unit
for sparse weights only those of their handshakes; [block tests](verification.md#block-tests) compare them with models.
What is assumed of a unit here is what its doc comment promises.
"""


def code(text):
    """Text of Verilog in a cell of a table."""
    return "`" + text.replace("|", "\\|") + "`"


def rows(file, found):
    method = {"induction": "always", "bounded": f"{file.cycles} cycles"}[file.engine]
    for property_ in file.properties:
        if property_.step:
            continue
        bugs = [" becomes ".join(map(code, bug.split(" => "))) for bug in property_.bugs if found.get((property_.label, bug))]
        yield f"| `{property_.label}` | {property_.words.replace('|', chr(92) + '|')} | {method} | {'<br>'.join(bugs)} |"


def page(results):
    lines = [HEAD]
    for file, verdicts, found in results:
        title, _, rest = " ".join(file.title).partition(": ")
        modules = ", ".join(f"`{name}`" for name in sorted(verdicts))
        lines += [f"## {title}", "", rest[:1].upper() + rest[1:], ""]
        lines += [f"Modules of `{file.preset}`: {modules}. Source: `hdl/rtl/formal/{file.path.name}`.", ""]
        if file.cuts:
            cuts = ", ".join(f"`{cut}`" for cuts in file.cuts for cut in cuts.split("|"))
            lines += [f"Left out: {cuts}.", ""]
        lines += [f"- Assumed: {text}" for text in file.assumptions]
        lines += ["", "| Name | Property | Holds | Bugs that it found |", "|---|---|---|---|", *rows(file, found), ""]
    return "\n".join(lines).rstrip() + "\n"
