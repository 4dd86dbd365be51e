"""Draws mutants of emitted Verilog, runs them, and writes docs/mutation.md.

    mutate.py FIREBRICK FOLDER [--seed N] [--count N] [--no-run] [--page FILE]

With --no-run, the page is made of what earlier runs have found. FIREBRICK is the program, FOLDER where everything is built. Mutants that were found in an earlier run of the same
Verilog are not run again; those that survived are. Exits with 1 if the control fails, or if mutants survive for
which scripts/lib/mutants.toml has no reason.
"""

import argparse
import collections
import hashlib
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from mutants import Design
from mutation_page import page

REASONS = Path("scripts/lib/mutants.toml")
PRIMITIVES = Path("sim/src/primitives/dsp48.v")
# Longest line of Verilog that is shown whole.
LONGEST = 200
TEST = ["cargo", "test", "--release", "--locked", "-p", "firebrick-sim", "--test", "edges", "--",
        "--ignored", "--exact", "mutants::mutants", "--nocapture"]
# Preset, share of the mutants, least number of each module, modules: those that other presets do not have, or have
# in a form of their own.
CONFIGURATIONS = [
    ("fb64", 0.82, 2, None),
    ("fb64-packed-xc7", 0.1, 2, {"join_weights", "pe_pair_xc7_first", "pe_pair_xc7", "chains4x4", "take_apart", "tile_tree8"}),
    ("fb512", 0.08, 2, {"rotate", "feature_buffer", "drain_spread", "drain_tap", "drain_gather", "params", "window_offer"}),
]


class Configuration:
    """The mutants of one preset: drawn, written into one text, run."""

    def __init__(self, firebrick, folder, preset, seed, count, least, modules):
        self.preset, self.place = preset, Path(folder, preset)
        subprocess.run([firebrick, "generate", "--preset", preset, "--force", "--single-file", "--quiet",
                        "-o", self.place / "verilog"], stdout=subprocess.DEVNULL, check=True)
        self.about = json.loads((self.place / "verilog/config.json").read_text())
        text = (self.place / "verilog/firebrick_top.v").read_text()
        self.design = Design(text, PRIMITIVES.read_text())
        self.drawn = self.design.draw(seed, count, least, modules)
        self.verilog = self.place / "mutants.v"
        self.verilog.write_text(self.design.instrumented(self.drawn))
        digest = hashlib.sha256(self.verilog.read_bytes()).hexdigest()
        self.log = self.place / f"results-{digest[:16]}.jsonl"

    def lines(self):
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def proven(self, numbers):
        """Those of these mutants that Yosys finds to make no difference: what chooses them is not needed any more when
        constants are folded and all that nobody reads is gone. Registers may start with any value."""
        text = self.design.with_choices([self.drawn[number - 1] for number in numbers])
        (self.place / "choices.v").write_text(text)
        script = (f"read_verilog -lib +/xilinx/cells_sim.v; read_verilog choices.v; hierarchy -top firebrick_top; proc; "
                  "flatten; setattr -unset init w:*; opt -full; simplemap; opt -full; opt_clean -purge; "
                  "tee -q -o left.txt select -list t:choice_*")
        subprocess.run(["yosys", "-q", "-p", script], cwd=self.place, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       check=True)
        left = {int(index) for index in re.findall(r"choose_(\d+)", (self.place / "left.txt").read_text())}
        return {number for index, number in enumerate(numbers, 1) if index not in left}

    def run(self, threads):
        """What each mutant came to, by number."""
        found = {line["mutant"]: line for line in self.lines() if line["verdict"] != "survived"}
        left = [number for number in range(1, len(self.drawn) + 1) if number not in found]
        proven = self.proven(left)
        with open(self.log, "a") as log:
            for number in sorted(proven):
                found[number] = {"mutant": number, "verdict": "equivalent"}
                log.write(json.dumps(found[number]) + "\n")
        left = [number for number in left if number not in proven]
        say(f"{self.preset}: {len(self.drawn)} mutants, {len(proven)} proven equivalent, {len(left)} to run")
        environment = os.environ | {
            "FIREBRICK_PRESET": self.preset, "FIREBRICK_VERILOG": str(self.verilog.resolve()),
            "FIREBRICK_MUTANTS": ",".join(map(str, left)) or "0", "FIREBRICK_THREADS": str(threads)}
        results = dict(found)
        with open(self.log, "a") as log, subprocess.Popen(TEST, stdout=subprocess.PIPE, text=True, env=environment) as run:
            for line in run.stdout:
                if line.startswith("{"):
                    result = json.loads(line)
                    if result["mutant"]:
                        results[result["mutant"]] = result
                        log.write(line)
                        log.flush()
                        say(f"  {result['mutant']}: {result['verdict']} {result.get('check', '')}")
        if run.returncode:
            sys.exit(f"error: {self.preset}: the run failed; the engine as it was emitted must pass every check")
        return self.results(results)

    def results(self, results=None):
        """What each mutant came to, in earlier runs as well."""
        results = results or {line["mutant"]: line for line in self.lines()}
        none = {"verdict": "not run"}
        return [Result(self, change, results.get(number, none | {"mutant": number}))
                for number, change in enumerate(self.drawn, 1)]


class Result:
    """A mutant and what it came to."""

    def __init__(self, configuration, change, result):
        design = configuration.design
        self.preset, self.module = configuration.preset, design.short(change.module)
        self.block, self.kind, self.signal = design.blocks[change.module], change.kind, change.signal
        self.number, self.verdict, self.check = result["mutant"], result["verdict"], result.get("check")
        text = design.text
        begin, end = text.rfind("\n", 0, change.start) + 1, text.find("\n", change.end)
        if end - begin > LONGEST:
            # The surroundings of the change in a long line.
            begin, end = max(begin, change.start - LONGEST // 4), min(end, change.end + LONGEST // 4)
        clean = lambda line: " ".join(line.split())
        self.before = clean(text[begin:end])
        if change.form == "stuck":
            self.before, self.after = change.signal, clean(change.text)
        else:
            self.after = clean(text[begin:change.start] + change.text + text[change.end:end])

    @property
    def key(self):
        return self.module, self.before, self.after


def say(text):
    print(text, file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("firebrick")
    parser.add_argument("folder")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--no-run", action="store_true")
    parser.add_argument("--page")
    options = parser.parse_args()
    reasons = {(each["module"], each["before"], each["after"]): each["why"]
               for each in tomllib.loads(REASONS.read_text()).get("equivalent", [])}
    configurations, results = [], []
    for preset, share, least, modules in CONFIGURATIONS:
        count = round(options.count * share)
        if count:
            configuration = Configuration(options.firebrick, options.folder, preset, options.seed, count, least, modules)
            configurations.append(configuration.about)
            results += configuration.results() if options.no_run else configuration.run(options.threads)
    # A preset that no run has begun is not part of the page.
    begun = {each.preset for each in results if each.verdict != "not run"}
    configurations = [about for about in configurations if about["preset"] in begun]
    results = [each for each in results if each.preset in begun]
    survivors = [each for each in results if each.verdict in ("survived", "not run") and each.key not in reasons]
    if options.page:
        Path(options.page).write_text(page(options.seed, configurations, results, reasons))
        say(f"== {options.page}")
    verdicts = collections.Counter(each.verdict for each in results)
    print(f"{len(results)} mutants: {verdicts['killed']} killed, {verdicts['hung']} hung, "
          f"{verdicts['equivalent']} proven equivalent, {verdicts['survived']} survived, "
          f"{len(survivors)} of them without a reason")
    for each in survivors:
        print(f"{each.preset} {each.number} {each.module}: `{each.before}` became `{each.after}`")
    sys.exit(bool(survivors))


if __name__ == "__main__":
    main()
