"""Runs `firebrick verify` over photographs and writes docs/campaign.md."""

import json
import pathlib
import platform
import subprocess
import sys

SIZES = (224, 227)
PROBABILITY = "0.2"


def verify(program, photograph, size, seed):
    """The image object and the summary of one run; a run that fails ends the campaign."""
    command = [program, "verify", str(photograph), "--size", str(size), "--seed", str(seed),
               "--idle", PROBABILITY, "--back-pressure", PROBABILITY, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    objects = [json.loads(line) for line in done.stdout.splitlines()]
    images = [o for o in objects if o.get("kind") == "image"]
    if done.returncode not in (0, 1) or len(images) != 1:
        sys.exit(f"error: {' '.join(command)} ended with {done.returncode}")
    return images[0]


def main():
    program, folder, count = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
    found = sorted(p for p in folder.iterdir() if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    if len(found) < count or count < 1:
        sys.exit(f"error: {folder} has {len(found)} photographs, {count} are asked for")
    chosen = [found[i * len(found) // count] for i in range(count)]
    rows, bad = [], 0
    for size in SIZES:
        for seed, photograph in enumerate(chosen, 1):
            image = verify(program, photograph, size, seed)
            wrong = image["mismatches"] + image["plain_mismatches"]
            bad += wrong != 0
            print(f"{size} {photograph.name}: {wrong} mismatches", file=sys.stderr)
            rows.append(f"| {size} | {photograph.name} | {seed} | {image['layers']} | "
                        f"{image['elements']:,} | {wrong} | {image['cycles']:,} | "
                        f"{100 * image['utilization']:.2f} % |")
    version = subprocess.run(["verilator", "--version"], stdout=subprocess.PIPE, text=True)
    pathlib.Path("docs/campaign.md").write_text(
        "# Verification campaign\n\n"
        "Written by `scripts/campaign`. Each photograph runs twice on one simulated engine: once "
        "with every\nfeature map sent and compared element by element with the integer model, "
        f"idle cycles and\nback-pressure with probability {PROBABILITY} on every stream, from the "
        "seed given; once undisturbed, as\n`classify` runs it, for logits and cycles.\n\n"
        f"Preset fb256, SqueezeNet v1.1, {version.stdout.split(' rev')[0].strip()}, "
        f"{platform.machine()}.\n\n"
        "| input | photograph | seed | maps | elements | mismatches | cycles | utilisation |\n"
        "|---|---|---|---|---|---|---|---|\n" + "\n".join(rows) + "\n")
    sys.exit(f"error: {bad} runs are not bit-exact" if bad else 0)


main()
