"""What scripts/formal gives to the solvers: property files, and models of the emitted modules.

A property file (hdl/rtl/formal/*.sv) is put into a copy of the module that it speaks of, before `endmodule`.
Lines that begin with //: are for this program:

    //: module REGEX [PRESET]   the modules without the preset's prefix; named groups become `define`s
    //: engine induction N      for any number of cycles, by induction over N cycles
    //: engine bounded N        for the first N cycles
    //: depth N [z3]            cycles in which a planted bug must be found (default 24); with Z3 instead of ABC, which
                                takes large memories apart into bits
    //: cut REGEX               modules of which nothing is assumed: all outputs are free in every cycle
    //: into REGEX TEXT         a line for the copy of a module below
    //: bug OLD => NEW          the bug that the property below must find (`in MODULE: OLD => NEW` for one below)

A property is a labelled assertion; the comment above it says it in words. A label that begins with `step_` is an
invariant that an induction needs: it is proven like the others, and has no line in the report.
"""

import re
from pathlib import Path


class Property:
    def __init__(self, label, words, bugs):
        self.label, self.words, self.bugs = label, words, bugs
        self.step = label.startswith("step_")


class PropertyFile:
    """A property file, parsed; an error names the file and the line."""

    def __init__(self, path):
        self.path = Path(path)
        self.name = self.path.stem
        self.text = self.path.read_text()
        self.module, self.preset = None, "fb64"
        self.engine, self.cycles, self.depth = None, 0, 24
        self.search = "bounded"
        self.cuts, self.into, self.properties = [], [], []
        self.title, self.assumptions = [], []
        words, bugs = [], []
        for number, line in enumerate(self.text.splitlines(), 1):
            line = line.strip()
            label = re.match(r"(?:.*\s)?(\w+): assert\b", line)
            if line.startswith("//:"):
                key, _, value = line[3:].strip().partition(" ")
                self.directive(key, value.strip(), bugs, number)
            elif line.startswith("//"):
                words.append(line[2:].strip())
            elif label:
                property_ = Property(label[1], " ".join(words), bugs)
                if not property_.step and not (words and bugs):
                    self.fail(number, f"property {label[1]} lacks its words or its bug")
                self.properties.append(property_)
                words, bugs = [], []
            else:
                if number > 1 and not self.title and words:
                    self.title = words
                if "assume" in line and words:
                    self.assumptions.append(" ".join(words))
                if not line.startswith("if") and line != "end":
                    words = []
        if bugs:
            self.fail(number, "a bug without a property below it")
        if not (self.module and self.engine and self.properties):
            self.fail(1, "module, engine or properties are missing")

    def fail(self, number, what):
        raise SystemExit(f"error: {self.path}:{number}: {what}")

    def directive(self, key, value, bugs, number):
        if key == "module":
            self.module, *preset = value.split()
            self.preset = preset[0] if preset else self.preset
        elif key == "engine":
            self.engine, *cycles = value.split()
            self.cycles = int(cycles[0]) if cycles else 0
            if self.engine not in ("induction", "bounded"):
                self.fail(number, f"no engine {self.engine}")
        elif key == "depth":
            cycles, *solver = value.split()
            self.depth, self.search = int(cycles), "bounded-z3" if solver == ["z3"] else "bounded"
        elif key == "cut":
            self.cuts.append(value)
        elif key == "into":
            self.into.append(value.split(" ", 1))
        elif key == "bug" and " => " in value:
            bugs.append(value)
        else:
            self.fail(number, f"not understood: {key} {value}")

    def only(self, label):
        """The text with no assertion but this one."""
        return re.sub(
            r"(\w+): assert\b",
            lambda found: found[0] if found[1] == label else f"{found[1]}: cover",
            self.text,
        )


class Verilog:
    """The modules of one generated folder, by their names without the preset's prefix."""

    def __init__(self, folder):
        self.files = {}
        for path in sorted(Path(folder, "rtl").glob("*.v")):
            self.files[path.stem] = path.read_text()
        prefixes = {name.split("_")[0] for name in self.files if name != "firebrick_top"}
        if len(prefixes) != 1:
            raise SystemExit(f"error: {folder}: modules of several presets: {sorted(prefixes)}")
        self.prefix = prefixes.pop() + "_"
        self.modules = {name.removeprefix(self.prefix): name for name in self.files}

    def matching(self, regex):
        return [(short, found) for short in self.modules if (found := re.fullmatch(regex, short))]

    def children(self, name):
        """Modules of which this one has instances, those of these below them included."""
        seen, todo = [], [name]
        while todo:
            name = todo.pop()
            if name in seen:
                continue
            seen.append(name)
            todo += [other for other in re.findall(r"^\s*(\w+) \w+ \($", self.files[name], re.M) if other in self.files]
        return seen

    def model(self, short, file, label=None, bug=None):
        """One file for the solver: the module with its properties and all below it. Registers start with any
        value: what `initial` says is left out, so that one cycle of reset must be enough."""
        top = self.modules[short]
        where, change = None, None
        if bug:
            inside = re.match(r"in (\S+): ", bug)
            where = inside[1] if inside else short
            change = (bug[inside.end() if inside else 0 :]).split(" => ")
        changed, parts = False, []
        defines = [
            f"`define {key} {value}\n" for key, value in re.fullmatch(file.module, short).groupdict().items()
        ]
        cut = set()
        for name in self.children(top):
            plain = name.removeprefix(self.prefix)
            if name != top and any(re.fullmatch(cut_, plain) for cut_ in file.cuts):
                cut.add(name)
        # A module that only instances of cut modules need is left out.
        keep, todo = [], [top]
        while todo:
            name = todo.pop()
            if name not in keep:
                keep.append(name)
                if name not in cut:
                    todo += [n for n in re.findall(r"^\s*(\w+) \w+ \($", self.files[name], re.M) if n in self.files]
        for name in keep:
            plain, text = name.removeprefix(self.prefix), self.files[name]
            if name in cut:
                parts.append(stub(text))
                continue
            if change and re.fullmatch(where, plain):
                if change[0] not in text:
                    raise SystemExit(
                        f"error: {file.path}: the Verilog of {plain} has no `{change[0]}`; the planted bug must follow it"
                    )
                text, changed = text.replace(change[0], change[1], 1), True
            text = re.sub(r"\n    initial begin\n.*?\n    end\n", "\n", text, flags=re.S)
            extra = "".join(f"    {line}\n" for regex, line in file.into if re.fullmatch(regex, plain))
            if name == top:
                extra += file.only(label) if label else file.text
            parts.append(text.replace("\nendmodule", "\n" + extra + "endmodule"))
        if change and not changed:
            raise SystemExit(f"error: {file.path}: no module {where} for a planted bug")
        return "".join(defines) + "\n".join(parts), top


def stub(text):
    """The module with free outputs."""
    head = text[: text.index("\n);") + 3]
    head = head.replace("output reg", "output wire")
    body = []
    for width, name in re.findall(r"output wire (\[[^\]]*\] )?(\w+)", head):
        body.append(f"    (* anyseq *) wire {width}free_{name};\n    assign {name} = free_{name};\n")
    return head + "\n" + "".join(body) + "endmodule\n\n`default_nettype wire\n"
