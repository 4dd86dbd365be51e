"""Runs the checks of sim/tests/edges on engines that count what is reached, and writes docs/coverage.md.

    coverage.py FIREBRICK FOLDER [--page FILE]

FIREBRICK is the program, FOLDER where everything is built. Exits with 1 if a line, a branch or a signal is not
reached for which scripts/lib/coverage.toml has no reason.
"""

import argparse
import collections
import json
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from coverage_page import page
from mutants import Design

REASONS = Path("scripts/lib/coverage.toml")
PRIMITIVES = Path("sim/src/primitives/dsp48.v")
TEST = ["cargo", "test", "--release", "--locked", "-p", "firebrick-sim", "--test", "edges", "--",
        "--ignored", "--exact", "mutants::coverage", "--nocapture"]
PRESETS = ["fb64", "fb64-packed-xc7", "fb512"]
# What a signal must do to count: rise and fall.
LEAST = {"line": 1, "branch": 1, "toggle": 2}


@dataclass
class Point:
    """Something to be reached in a module, over all its instances and presets."""

    block: str
    module: str
    kind: str
    text: str
    count: int = 0
    presets: set = field(default_factory=set)

    @property
    def reached(self):
        return self.count >= LEAST[self.kind]


def run(firebrick, folder, preset):
    """The design, and how often each of its points was reached."""
    place = Path(folder, preset)
    subprocess.run([firebrick, "generate", "--preset", preset, "--force", "--single-file", "--quiet",
                    "-o", place / "verilog"], stdout=subprocess.DEVNULL, check=True)
    verilog = place / "verilog/firebrick_top.v"
    counts = place / "counts"
    counts.mkdir(exist_ok=True)
    for old in counts.glob("*.dat"):
        old.unlink()
    say(f"{preset}: every check, counted")
    environment = os.environ | {"FIREBRICK_PRESET": preset, "FIREBRICK_VERILOG": str(verilog.resolve()),
                                "FIREBRICK_COVERAGE": str(counts.resolve())}
    if subprocess.run(TEST, stdout=sys.stderr, env=environment).returncode:
        sys.exit(f"error: {preset}: a check failed")
    merged = place / "merged.dat"
    subprocess.run(["verilator_coverage", "--write", merged, *sorted(counts.glob("*.dat"))],
                   stdout=sys.stderr, check=True)
    about = json.loads((place / "verilog/config.json").read_text())
    return about, Design(verilog.read_text(), PRIMITIVES.read_text()), merged.read_text(errors="replace")


def points(design, merged):
    """Each point with its key: of all instances of a module together."""
    lines = design.text.splitlines()
    for record in merged.splitlines():
        if not record.startswith("C '"):
            continue
        fields, count = record[3:].rsplit("' ", 1)
        fields = dict(re.findall("\x01(\\w+)\x02([^\x01]*)", fields))
        kind, module = fields["page"].removeprefix("v_").split("/")
        if module not in design.blocks:
            continue
        line = " ".join(lines[int(fields["l"]) - 1].split())
        text = fields["o"] if kind == "toggle" else f"{fields['o']}: {line}"
        yield Point(design.blocks[module], design.short(module), kind, text), int(fields["l"]), int(count)


def say(text):
    print(text, file=sys.stderr, flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("firebrick")
    parser.add_argument("folder")
    parser.add_argument("--page")
    options = parser.parse_args()
    reasons = {(each["module"], each["point"]): each["why"]
               for each in tomllib.loads(REASONS.read_text()).get("unreached", [])}
    configurations, all_points = [], {}
    for preset in PRESETS:
        about, design, merged = run(options.firebrick, options.folder, preset)
        configurations.append(about)
        # The same text can be in a module more than once: the first, the second and so on are points of their own.
        seen = collections.defaultdict(dict)
        for point, line, count in points(design, merged):
            places = seen[point.module, point.kind, point.text]
            places[line] = places.get(line, 0) + count
            all_points.setdefault((point.module, point.kind, point.text), {})
        for key, places in seen.items():
            module, kind, text = key
            for number, line in enumerate(sorted(places)):
                block = design.blocks.get(design.prefix + module, "engine")
                point = all_points[key].setdefault(number, Point(block, module, kind, text))
                point.count += places[line]
                point.presets.add(preset)
    found = [point for places in all_points.values() for point in places.values()]
    unreached = [point for point in found if not point.reached]
    unexplained = [point for point in unreached if (point.module, point.text) not in reasons]
    if options.page:
        Path(options.page).write_text(page(configurations, found, reasons))
        say(f"== {options.page}")
    print(f"{len(found)} points: {len(unreached)} not reached, {len(unexplained)} of them without a reason")
    for point in unexplained:
        print(f"{point.module}: {point.kind} `{point.text}`, {', '.join(sorted(point.presets))}")
    sys.exit(bool(unexplained))


if __name__ == "__main__":
    main()
