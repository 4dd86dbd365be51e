"""docs/mutation.md, from the results of scripts/mutate."""

import collections

HEAD = """# Mutants

Written by `scripts/mutate`. A mutant is the emitted Verilog with one change, drawn from a seed: an operator, a
constant, a condition (negated, always, never), a comparison or a selection of bits that is off by one, an assignment
left out, or a bit of a signal that is stuck. Each module has at least two, and more in proportion to the square root of
what could be changed in it. Initial values are not changed, since the engine does not depend on them.

All mutants of a preset are in one build, of which an input of the top module chooses one. Registers and memories start
with random values, and one cycle of reset goes before each check. The checks are those of `sim/tests/edges.rs`, in this
order until one finds the mutant: random streams, the registers, counters against their prediction, small networks, the
state after a reset, damaged streams, soft resets, waits, results that nobody takes for long, every field of every record
at the corners of its range, and more random streams and counters. The engine without a change runs through all of
them before the mutants and after them, and must pass. A mutant that makes a stream or an access wait for ever is *hung*,
which finds it as well. Mutants that were found are not run again as long as the Verilog is the same, so that the checks
may have grown since.

A mutant is *equivalent* if nothing that a user of the engine may do can show the change. *Proven* are those for which
Yosys, given the whole engine and a free input that chooses the change, finds that nothing depends on this input once
constants are folded and what nobody reads is gone. For others the reason is below, from `scripts/lib/mutants.toml`. The
share leaves both out.
"""


def code(text):
    """Text of Verilog in a cell of a table."""
    return "`" + text.replace("|", "\\|") + "`"


def table(title, groups, reasons):
    yield f"| {title} | mutants | killed | hung | proven equivalent | argued equivalent | survived | found |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|"
    for name, results in groups:
        count = collections.Counter(each.verdict for each in results)
        argued = sum(each.verdict == "survived" and each.key in reasons for each in results)
        # What was not run counts as not found.
        found, survived = count["killed"] + count["hung"], count["survived"] + count["not run"] - argued
        share = f"{100 * found / (found + survived):.1f} %" if found + survived else "–"
        yield (f"| {name} | {len(results)} | {count['killed']} | {count['hung']} | {count['equivalent']} | {argued} | "
               f"{survived} | {share} |")


def grouped(results, name):
    groups = collections.defaultdict(list)
    for each in results:
        groups[name(each)].append(each)
    return sorted(groups.items())


def page(seed, configurations, results, reasons):
    lines = [HEAD, f"Seed {seed}.", ""]
    for about in configurations:
        lines.append(f"- `{about['preset']}`, hash {about['hash']}, SHA-256 of the Verilog `{about['sources_sha256'][:16]}`")
    lines += ["", "## By block", ""]
    lines += table("block", [*grouped(results, lambda each: each.block), ("all", results)], reasons)
    lines += ["", "## By kind of change", "", *table("change", grouped(results, lambda each: each.kind), reasons)]
    lines += ["", "## What found them", "", "| check | mutants |", "|---|---:|"]
    checks = collections.Counter(each.check for each in results if each.check)
    lines += [f"| {check} | {number} |" for check, number in checks.most_common()]
    for title, wanted in (("Proven equivalent", "proven"), ("Argued equivalent", True), ("Survivors", False)):
        kept = [each for each in results if "proven" == wanted and each.verdict == "equivalent"
                or each.verdict == "survived" and (each.key in reasons) == wanted]
        if kept:
            lines += ["", f"## {title}", "", "| preset, module | changed | why |", "|---|---|---|"]
        for each in kept:
            became = code(each.before) + (f" became {code(each.after)}" if each.after else " left out")
            lines.append(f"| `{each.preset}`, `{each.module}` | {became} | {reasons.get(each.key, 'open') if each.verdict == 'survived' else 'proven'} |")
    return "\n".join(lines) + "\n"
