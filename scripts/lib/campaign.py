"""Runs `firebrick verify` over photographs and writes docs/campaign.md."""

import argparse
import json
import pathlib
import platform
import subprocess
import sys

PROBABILITY = "0.2"
# Presets in which a whole v1.0 has room.
LARGE = ("fb256", "fb512", "fb1024", "fb2048")


class Tally:
    """What the runs of one configuration, network and size came to."""

    def __init__(self, network, size, preset):
        self.network, self.size, self.preset = network, size, preset
        self.photographs = self.maps = self.elements = self.mismatches = 0
        self.cycles = set()

    def add(self, image):
        self.photographs += 1
        self.maps += image["layers"]
        self.elements += image["elements"]
        self.mismatches += image["mismatches"] + image["plain_mismatches"]
        self.cycles.add(image["cycles"])

    def row(self):
        # Data do not change the timing, so that all photographs take the same.
        cycles = " or ".join(f"{n:,}" for n in sorted(self.cycles))
        return (f"| {self.network} | {self.size} | {self.preset} | {self.photographs} | "
                f"{self.maps:,} | {self.elements:,} | {self.mismatches} | {cycles} |")


def verify(program, photograph, tally, seed, pack):
    """The image object of one run; a run that fails ends the campaign."""
    command = [program, "verify", str(photograph), "--size", str(tally.size), "--seed", str(seed),
               "--preset", tally.preset, "--idle", PROBABILITY, "--back-pressure", PROBABILITY,
               "--json", "--quiet"]
    if pack:
        command += ["--model", str(pack)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    objects = [json.loads(line) for line in done.stdout.splitlines()]
    images = [o for o in objects if o.get("kind") == "image"]
    if done.returncode not in (0, 1) or len(images) != 1:
        sys.exit(f"error: {' '.join(command)} ended with {done.returncode}")
    return images[0]


def plan(presets, pack):
    """Network, pack, size and preset of each part of the campaign."""
    for preset in presets:
        yield "v1.1", None, 224, preset
    for preset in reversed(presets):
        if pack and preset in LARGE:
            yield "v1.0", pack, 227, preset
    for preset in presets:
        yield "v1.1", None, 227, preset
    for preset in presets:
        for option in ("-packed", "-resident"):
            yield "v1.1", None, 224, preset + option


def write(tallies, photographs):
    version = subprocess.run(["verilator", "--version"], stdout=subprocess.PIPE, text=True)
    pathlib.Path("docs/campaign.md").write_text(
        "# Verification campaign\n\n"
        "Written by `scripts/campaign`. Each photograph runs twice on one simulated engine. The first run sends every\n"
        "feature map and compares it with the integer model, element by element, with idle cycles and back-pressure\n"
        f"of probability {PROBABILITY} on every stream, from a seed of its own. The second run is undisturbed, as in\n"
        "`classify`, and gives logits and cycles.\n\n"
        f"{version.stdout.split(' rev')[0].strip()}, {platform.machine()}. Seeds 1 to "
        f"{len(photographs)}; photographs: {', '.join(p.name for p in photographs)}.\n\n"
        "| network | input | preset | photographs | maps | elements | mismatches | cycles |\n"
        "|---|---|---|---:|---:|---:|---:|---:|\n" + "\n".join(t.row() for t in tallies) + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--preset", action="append")
    parser.add_argument("--v1.0", dest="v1_0", type=pathlib.Path)
    args = parser.parse_args()
    suffixes = (".jpg", ".jpeg", ".png")
    found = sorted(p for p in args.folder.iterdir() if p.suffix.lower() in suffixes)
    if len(found) < args.count or args.count < 1:
        sys.exit(f"error: {args.folder} has {len(found)} photographs, {args.count} are asked for")
    chosen = [found[i * len(found) // args.count] for i in range(args.count)]
    listed = subprocess.run([args.program, "presets", "--json"], stdout=subprocess.PIPE, text=True,
                            check=True)
    presets = args.preset or [json.loads(line)["name"] for line in listed.stdout.splitlines()]
    tallies = []
    for network, pack, size, preset in plan(presets, args.v1_0):
        tally = Tally(network, size, preset)
        tallies.append(tally)
        for seed, photograph in enumerate(chosen, 1):
            tally.add(verify(args.program, photograph, tally, seed, pack))
        print(f"{network} at {size} on {preset}: {tally.photographs} photographs, "
              f"{tally.mismatches} mismatches", file=sys.stderr)
        # What is done stays, should the campaign be cut off.
        write(tallies, chosen)
    bad = sum(t.mismatches for t in tallies)
    sys.exit(f"error: {bad} mismatches" if bad else 0)


main()
