"""docs/coverage.md, from the results of scripts/coverage."""

from mutation_page import code, grouped

HEAD = """# Coverage

Written by `scripts/coverage`: what the checks of `sim/tests/edges.rs` that find [mutants](mutation.md) reach in the
emitted Verilog, as Verilator counts it, over all instances of a module and these presets:
"""
MIDDLE = """
A *line* is a block of statements, a *branch* one side of an `if`, a *signal* one of a single bit, which must rise and
fall; words of data are not counted. *Reachable* leaves out what has a reason below, from `scripts/lib/coverage.toml`.
"""
KINDS = {"line": "lines", "branch": "branches", "toggle": "signals"}


def part(points, reasons, kind):
    of_kind = [point for point in points if point.kind == kind]
    if not of_kind:
        return "– | –"
    reached = sum(point.reached for point in of_kind)
    reachable = sum(point.reached or (point.module, point.text) not in reasons for point in of_kind)
    return f"{reached} of {len(of_kind)} | {100 * reached / max(1, reachable):.1f} %"


def page(configurations, points, reasons):
    lines = [HEAD]
    for about in configurations:
        lines.append(f"- `{about['preset']}`, hash {about['hash']}, SHA-256 of the Verilog `{about['sources_sha256'][:16]}`")
    lines += [MIDDLE, "| block | " + " | ".join(f"{name} | of reachable" for name in KINDS.values()) + " |",
              "|---|" + "---:|---:|" * len(KINDS)]
    for block, of_block in [*grouped(points, lambda point: point.block), ("all", points)]:
        lines.append(f"| {block} | " + " | ".join(part(of_block, reasons, kind) for kind in KINDS) + " |")
    lines += ["", "## Not reached", "", "| module | kind | what | why |", "|---|---|---|---|"]
    for point in sorted((p for p in points if not p.reached), key=lambda p: (p.block, p.module, p.kind, p.text)):
        why = reasons.get((point.module, point.text), "open")
        lines.append(f"| `{point.module}` | {point.kind} | {code(point.text)} | {why} |")
    return "\n".join(lines) + "\n"
