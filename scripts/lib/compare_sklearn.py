"""`firebrick train` against scikit-learn's logistic regression; see scripts/compare-sklearn."""

import argparse
import csv
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image
from safetensors.numpy import load_file
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

CLASSES, EACH = 10, 20
# What the mean accuracy may be lower by, in points.
POINTS = 1.0


def crops(photographs, folder):
    """Ten classes of neighbouring labels, each with 20 random parts of its photographs."""
    with open(photographs / "labels.csv", newline="") as file:
        rows = [row for row in csv.reader(file) if len(row) > 1 and row[1].strip().isdigit()]
    rows.sort(key=lambda row: int(row[1]))
    if len(rows) < 2 * CLASSES:
        sys.exit(f"error: {photographs}: {len(rows)} photographs are too few; give at least 20")
    noise = random.Random(1)
    share = len(rows) // CLASSES
    for number in range(CLASSES):
        own = rows[number * share : (number + 1) * share]
        place = folder / f"group{number}"
        place.mkdir()
        for crop in range(EACH):
            picture = Image.open(photographs / own[crop % len(own)][0]).convert("RGB")
            side = noise.uniform(0.35, 0.8) ** 0.5
            wide, high = (round(n * side) for n in picture.size)
            left = noise.randint(0, picture.width - wide)
            top = noise.randint(0, picture.height - high)
            picture.crop((left, top, left + wide, top + high)).save(
                place / f"{crop:02}.jpg", quality=92
            )


def regressions(features):
    """Accuracies of logistic regression, the features scaled one by one or all alike."""
    training, classes = features["training.features"], features["training.classes"]
    validation, truth = features["validation.features"], features["validation.classes"]
    centre = training.mean(axis=0)
    unit = np.sqrt(((training - centre) ** 2).sum(axis=1).mean() / 32)
    alike = LogisticRegression(max_iter=5000).fit((training - centre) / unit, classes)
    apart = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000)).fit(training, classes)
    return {
        "scaled alike": alike.score((validation - centre) / unit, truth),
        "standardised": apart.score(validation, truth),
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("photographs", type=pathlib.Path)
    parser.add_argument("--firebrick", required=True)
    parser.add_argument("--seeds", type=int, default=10)
    args = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "data").mkdir()
        crops(args.photographs, folder / "data")
        for seed in range(1, args.seeds + 1):
            command = [args.firebrick, "train", folder / "data", "-o", folder / "own.fb", "--json"]
            command += ["--seed", str(seed), "--save-features", folder / "features.safetensors"]
            run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            objects = [json.loads(line) for line in run.stdout.splitlines()]
            # The best epoch is chosen on the validation pictures, the last one is not.
            row = {"pack": objects[-1]["accuracy"], "floats": objects[-1]["float_accuracy"]}
            row["last epoch"] = objects[-2]["validation_accuracy"]
            row |= regressions(load_file(folder / "features.safetensors"))
            print(f"seed {seed}: " + ", ".join(f"{k} {100 * v:.2f} %" for k, v in row.items()))
            for key, value in row.items():
                found.setdefault(key, []).append(100 * value)
    means = {key: float(np.mean(values)) for key, values in found.items()}
    print("mean: " + ", ".join(f"{key} {value:.2f} %" for key, value in means.items()))
    best = max(means["scaled alike"], means["standardised"])
    if means["pack"] < best - POINTS:
        sys.exit(f"error: the pack is {best - means['pack']:.2f} points below logistic regression")


if __name__ == "__main__":
    main()
