"""Mutants of emitted Verilog: what may be changed, which changes a seed draws, and one text that holds them all.

Each change becomes a choice by an input `mutant` of the top module, so that one build of the simulator runs every
mutant, and with 0 the design as it was emitted.
"""

import random
import re
from dataclasses import dataclass

from pyslang import ast, syntax

TOP = "firebrick_top"
PORT = "mutant"
# Modules by which a block is known; all others belong to the block of the module that holds them first.
BLOCKS = {
    "engine": "engine", TOP: "engine", "registers": "registers", "counters": "registers", "reset_tree_resets": "registers",
    "reset_tree_hard_resets": "registers", "histogram_10": "statistics", "histogram_6": "statistics",
    "decoder": "decoder", "sparse": "sparse", "streamer": "sequencer", "passes": "sequencer", "loader": "loader",
    "window": "window", "feature_buffer": "feature buffer", "lane": "array", "accumulators": "accumulators",
    "drain": "drain", "output": "output",
}
OPERATORS = {
    "&": ["|"], "|": ["&"], "^": ["|"], "+": ["-"], "-": ["+"], "*": ["+"], "==": ["!="], "!=": ["=="],
    "<": ["<=", ">="], "<=": ["<", ">"], ">": [">=", "<="], ">=": [">", "<"], "<<": [">>"], ">>": ["<<"],
    "&&": ["||"], "||": ["&&"],
}
# Of the changes of one kind, as many are drawn as of another, as far as a module has any.
KINDS = ("operator", "constant", "condition", "off by one", "dropped", "stuck")


@dataclass(frozen=True)
class Change:
    """The text from `start` to `end` becomes `text`. `form` says how the choice is written."""

    module: str
    kind: str
    start: int
    end: int
    text: str
    form: str = "expression"
    signal: str = ""


class Design:
    """Emitted Verilog in one text, elaborated."""

    def __init__(self, text, primitives=""):
        """`primitives` is the text of modules that are not emitted, and stay as they are."""
        # Positions are in bytes; what is not ASCII is in comments.
        self.text = text = text.encode("ascii", "replace").decode()
        compilation = ast.Compilation()
        for each in (text, primitives):
            compilation.addSyntaxTree(syntax.SyntaxTree.fromText(each))
        self.changes, self.blocks, self.reads = [], {}, {}
        (top,) = (each for each in compilation.getRoot().topInstances if each.name == TOP)
        # The prefix that the emitter gives to all modules but the top.
        names = re.findall(r"^module (\w+)", text, re.M)
        (self.prefix,) = {name.removesuffix("engine") for name in names if name.endswith("_engine")}
        self._walk(top, "engine")
        self.changes.sort(key=lambda c: (c.start, c.end, c.kind, c.text))

    def short(self, module):
        return module.removeprefix(self.prefix)

    def line(self, position):
        return self.text.count("\n", 0, position) + 1

    def _walk(self, instance, block):
        module = instance.definition.name
        if module in self.blocks or not module.startswith((self.prefix, TOP)):
            return
        block = self.blocks[module] = BLOCKS.get(self.short(module), block)
        inside = [member for member in instance.body]
        found = Module(self.text, module, inside)
        self.changes += found.found()
        self.reads |= {(module, signal): places for signal, places in found.reads.items()}
        for member in inside:
            if isinstance(member, ast.InstanceSymbol):
                self._walk(member, block)

    def draw(self, seed, count, least, modules):
        """`count` changes of these modules: in proportion to what a module has, at least `least` of each."""
        chance = random.Random(f"{seed} {self.prefix}")
        of = {}
        for change in self.changes:
            if modules is None or self.short(change.module) in modules:
                of.setdefault(change.module, {}).setdefault(change.kind, []).append(change)
        sizes = {module: sum(map(len, kinds.values())) for module, kinds in of.items()}
        wanted = {module: min(size, least) for module, size in sizes.items()}
        while sum(wanted.values()) < min(count, sum(sizes.values())):
            # The module that is furthest below its share comes next. The square root keeps unrolled text from
            # taking most of them.
            open_ = [module for module in sizes if wanted[module] < sizes[module]]
            wanted[max(open_, key=lambda m: (sizes[m] ** 0.5 / (wanted[m] + 1), m))] += 1
        drawn = []
        for module, kinds in of.items():
            pools = {kind: chance.sample(kinds[kind], len(kinds[kind])) for kind in KINDS if kind in kinds}
            order = chance.sample(list(pools), len(pools))
            while wanted[module]:
                for kind in order:
                    if pools[kind] and wanted[module]:
                        drawn.append(pools[kind].pop())
                        wanted[module] -= 1
        return sorted(drawn, key=lambda c: (c.start, c.end, c.kind, c.text))

    def instrumented(self, drawn):
        """The text in which `mutant` chooses among the changes, numbered from 1."""
        (top,) = re.finditer(rf"^module {TOP} \(", self.text, re.M)
        port = (top.end(), top.end(), 0, f"input wire [15:0] {PORT}, ")
        return self._edited(drawn, lambda number: f"({TOP}.{PORT} == 16'd{number})", [port])

    def with_choices(self, drawn):
        """The text in which each change is chosen by a cell of its own kind, `choice_1` and so on, of which nothing is
        known: what simplification leaves out of it makes no difference."""
        edits, cells = [], []
        for number, change in enumerate(drawn, 1):
            start = re.search(rf"^module {change.module} \(.*?^\);", self.text, re.M | re.S).end()
            edits.append((start, start, 0, f" wire mutant_{number}_is_chosen; choice_{number} choose_{number} (mutant_{number}_is_chosen);"))
            cells.append(f"(* blackbox *) module choice_{number} (output wire y); endmodule\n")
        return self._edited(drawn, lambda number: f"mutant_{number}_is_chosen", edits) + "".join(cells)

    def _edited(self, drawn, chosen, edits):
        stuck = {}
        for number, change in enumerate(drawn, 1):
            if change.form == "stuck":
                stuck.setdefault((change.start, change.end, change.signal), []).append((number, change))
            else:
                edits.append((change.start, change.end, number, change))
        for (start, end, signal), group in stuck.items():
            # Everything reads the stuck copy of the signal.
            copy = f"{signal}_stuck"
            value = signal
            for number, change in group:
                value = f"({chosen(number)} ? ({change.text}) : {value})"
            declared = re.sub(r"\b(reg|wire)\b", "wire", self.text[start:end], count=1).replace(signal, copy)
            edits.append((end, end, 0, f" {declared.rstrip(';')} = {value};"))
            for where in self.reads[group[0][1].module, signal]:
                edits.append((where, where + len(signal), 0, copy))
        return self._render(0, len(self.text), sorted(edits, key=lambda e: (e[0], -e[1], e[2])), chosen)

    def _render(self, start, end, edits, chosen):
        out, at, index = [], start, 0
        while index < len(edits):
            first, last, number, change = edits[index]
            inner = [edit for edit in edits[index + 1:] if edit[0] >= first and edit[1] <= last and first < last]
            out.append(self.text[at:first])
            original = self._render(first, last, inner, chosen)
            out.append(change if isinstance(change, str) else _choice(chosen(number), change, original))
            at, index = last, index + 1 + len(inner)
        out.append(self.text[at:end])
        return "".join(out)


def _choice(chosen, change, original):
    match change.form:
        case "expression":
            return f"({chosen} ? ({change.text}) : ({original}))"
        case "statement":
            return f"begin if (~{chosen}) {original} end"


class Module:
    """What may be changed in one module."""

    def __init__(self, text, name, members):
        self.text, self.name, self.members = text, name, members
        self.changes, self.reads, self.inside = [], {}, 0
        self.clocked, self.assigned, self.looped = False, set(), set()

    def found(self):
        for member in self.members:
            kind = str(member.kind).rsplit(".", 1)[-1]
            if kind == "ContinuousAssign":
                self.expression(member.assignment.right)
            elif kind in ("Net", "Variable"):
                if member.initializer is not None:
                    self.expression(member.initializer)
            elif kind == "ProceduralBlock" and "Initial" not in str(member.procedureKind):
                self.process(member.body)
            elif kind == "Instance":
                for connection in member.portConnections:
                    if "Out" not in str(connection.port.direction) and connection.expression is not None:
                        self.expression(connection.expression)
        self.stuck()
        return self.changes

    # Text.

    def span(self, node):
        return node.sourceRange.start.offset, node.sourceRange.end.offset

    def source(self, node):
        start, end = self.span(node)
        return self.text[start:end]

    def add(self, kind, node, text, form="expression"):
        start, end = self.span(node)
        self.changes.append(Change(self.name, kind, start, end, text, form))

    # Statements.

    def process(self, body):
        before = {signal: len(places) for signal, places in self.reads.items()}
        self.assigned, self.clocked = set(), False
        self.statement(body)
        if not self.clocked:
            # A copy of what a combinational block writes and reads would be a loop.
            self.looped |= {each for each in self.assigned if len(self.reads.get(each, ())) > before.get(each, 0)}

    def statement(self, node):
        kind = str(node.kind).rsplit(".", 1)[-1]
        if kind == "Timed":
            self.clocked = "Implicit" not in str(node.timing.kind)
            self.statement(node.stmt)
        elif kind == "Block":
            self.statement(node.body)
        elif kind == "List":
            for each in node.list:
                self.statement(each)
        elif kind == "Conditional":
            (condition,) = [each.expr for each in node.conditions]
            self.add("condition", condition, f"!({self.source(condition)})")
            self.add("condition", condition, "1'b1")
            self.add("condition", condition, "1'b0")
            self.expression(condition)
            self.inside += 1
            self.statement(node.ifTrue)
            if node.ifFalse is not None:
                self.statement(node.ifFalse)
            self.inside -= 1
        elif kind == "Case":
            self.expression(node.expr)
            self.inside += 1
            for item in node.items:
                for each in item.expressions:
                    self.expression(each)
                self.statement(item.stmt)
            if node.defaultCase is not None:
                self.statement(node.defaultCase)
            self.inside -= 1
        elif kind == "ExpressionStatement":
            assignment = node.expr
            # Without the first assignment of a combinational block there would be a latch, which is another kind of fault.
            if self.clocked or self.inside:
                self.add("dropped", node, "", "statement")
            self.expression(assignment.right)
            self.index(assignment.left)
            self.assigned.update(re.findall(r"[A-Za-z_]\w*", self.source(assignment.left)))

    def index(self, target):
        """Indices on the left are read; the rest is not."""
        if isinstance(target, ast.ElementSelectExpression):
            self.expression(target.selector)

    # Expressions.

    def expression(self, node):
        kind = str(node.kind).rsplit(".", 1)[-1]
        width = node.type.bitWidth
        if kind == "Conversion":
            self.expression(node.operand)
        elif kind == "BinaryOp":
            start, end = self.span(node)
            after = self.span(node.left)[1]
            # Parentheses are not part of the operands.
            between = self.text[after:self.span(node.right)[0]].strip("() \n")
            if between in OPERATORS:
                at = self.text.index(between, after)
                for other in OPERATORS[between]:
                    kind_ = "off by one" if other.rstrip("=") == between.rstrip("=") and between not in ("==", "!=") else "operator"
                    self.changes.append(Change(self.name, kind_, start, end,
                                               self.text[start:at] + other + self.text[at + len(between):end]))
            self.expression(node.left)
            self.expression(node.right)
        elif kind == "UnaryOp":
            start, end = self.span(node)
            operator, rest = self.text[start], self.text[start + 1:end]
            other = {"~": "", "!": "", "|": "&", "&": "|", "^": "|", "-": ""}.get(operator)
            if other is not None and (other or width == node.operand.type.bitWidth):
                self.changes.append(Change(self.name, "operator", start, end, other + rest))
            self.expression(node.operand)
        elif kind == "ConditionalOp":
            (condition,) = [each.expr for each in node.conditions]
            self.add("condition", condition, f"!({self.source(condition)})")
            for each in (condition, node.left, node.right):
                self.expression(each)
        elif kind == "Concatenation":
            for each in node.operands:
                self.expression(each)
        elif kind == "Replication":
            self.expression(node.concat)
        elif kind == "RangeSelect":
            high, low = self.source(node.left), self.source(node.right)
            whole = node.value.type.bitWidth
            if high.isdigit() and low.isdigit():
                self.select(node, int(high), int(low), whole)
            self.expression(node.value)
        elif kind == "ElementSelect":
            index = self.source(node.selector)
            if index.isdigit():
                self.select(node, int(index), int(index), node.value.type.bitWidth)
            else:
                self.expression(node.selector)
            self.expression(node.value)
        elif kind == "IntegerLiteral":
            self.literal(node, width)
        elif kind == "NamedValue":
            symbol = node.symbol
            if str(symbol.kind).endswith("Parameter"):
                self.add("constant", node, f"{self.source(node)} ^ {width}'d1")
            elif self.source(node) == symbol.name:
                self.reads.setdefault(symbol.name, []).append(self.span(node)[0])

    def select(self, node, high, low, whole):
        """The bits beside those selected."""
        name = self.text[slice(*self.span(node.value))]
        step = 1 if high + 1 < whole else -1
        if 0 <= low + step and high + step < whole and re.fullmatch(r"\w+", name):
            bits = f"{high + step}:{low + step}" if high > low else f"{high + step}"
            self.add("off by one", node, f"{name}[{bits}]")

    def literal(self, node, width):
        text = self.source(node)
        sized = re.fullmatch(r"(\d+)'([bdh])([0-9a-fA-F]+)", text)
        if not sized:
            return
        width, value = int(sized[1]), int(sized[3], {"b": 2, "d": 10, "h": 16}[sized[2]])
        if width == 1:
            self.add("constant", node, f"1'b{1 - value}")
        else:
            for other in {(value + 1) % 2 ** width, (value - 1) % 2 ** width}:
                self.add("off by one", node, f"{width}'h{other:x}")

    # Signals that hang.

    def stuck(self):
        for member in self.members:
            kind = str(member.kind).rsplit(".", 1)[-1]
            if kind not in ("Net", "Variable") or member.name not in self.reads or member.name in self.looped or member.initializer is not None:
                continue
            width = member.type.bitWidth
            pattern = rf"(?:reg|wire)(?: signed)?(?: \[[\d:]+\])? {re.escape(member.name)};"
            start = self.text.rfind("\n", 0, member.location.offset) + 1
            declared = re.compile(r"\s*(" + pattern + ")").match(self.text, start)
            if not declared or not width:
                continue
            for bit in sorted({0, width // 2, width - 1}):
                mask = 1 << bit
                for text in (f"{member.name} | {width}'h{mask:x}", f"{member.name} & {width}'h{(1 << width) - 1 - mask:x}"):
                    self.changes.append(Change(self.name, "stuck", *declared.span(1), text, "stuck", member.name))
