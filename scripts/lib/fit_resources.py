"""Least squares for the coefficients of hdl/spec/src/fabric.rs, from the results in target/synth."""

import json
import pathlib
import sys

# LUTs and FFs a multiply-accumulate of the arrays alone (scripts/synth-array).
ARRAYS = {"plain": (1.8, 16.1), "xc7": (4.9, 7.7), "xcup": (1.8, 5.5)}
NAMES = ("once", "lane", "between", "deep", "small")
# LUTs only: nothing that chooses has flip-flops.
TERMS = {"LUT": NAMES, "FF": ("once", "lane", "between", "small")}


def solve(matrix, right):
    """Solves a system of linear equations by elimination with pivots."""
    rows = [row[:] + [value] for row, value in zip(matrix, right)]
    size = len(rows)
    for i in range(size):
        pivot = max(range(i, size), key=lambda k: abs(rows[k][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        if abs(rows[i][i]) < 1e-9:
            sys.exit("error: the rows do not tell the terms apart")
        for k in range(size):
            if k != i:
                factor = rows[k][i] / rows[i][i]
                rows[k] = [a - factor * b for a, b in zip(rows[k], rows[i])]
    return [rows[i][size] / rows[i][i] for i in range(size)]


def kind(preset):
    return "plain" if "-packed" not in preset else preset.rsplit("-", 1)[1]


def rows(folder):
    """Preset, board, terms, and what was taken, each engine once."""
    found = {}
    for path in sorted(folder.glob("*/new/result.json")):
        run = json.loads(path.read_text())
        described = json.loads((path.parent.parent / "firebrick.json").read_text())
        terms = dict(zip(NAMES, described["predicted"]["fabric_terms"]))
        terms["small"] = -terms["small"]
        found[json.dumps(run["key"])] = (run, terms)
    return list(found.values())


def main():
    folder, = map(pathlib.Path, sys.argv[1:])
    runs = rows(folder)
    fits = {}
    for place, (resource, names) in enumerate(TERMS.items()):
        # Relative errors count: each row is divided by its size.
        weighted, right = [], []
        for run, terms in runs:
            size = run["used"][resource]
            array = ARRAYS[kind(run["preset"])][place] * run["macs"]
            weighted.append([terms[name] / size for name in names])
            right.append((size - array) / size)
        matrix = [[sum(row[i] * row[k] for row in weighted) for k in range(len(names))]
                  for i in range(len(names))]
        sums = [sum(row[i] * value for row, value in zip(weighted, right)) for i in range(len(names))]
        fits[resource] = dict(zip(names, solve(matrix, sums)))
        print(resource, {name: round(value, 3) for name, value in fits[resource].items()})
    for run, terms in runs:
        line = f"{run['preset']:34} {run['board']['name']:10}"
        for place, (resource, names) in enumerate(TERMS.items()):
            size = run["used"][resource]
            fitted = ARRAYS[kind(run["preset"])][place] * run["macs"]
            fitted += sum(fits[resource][name] * terms[name] for name in names)
            line += f" {resource} {size:6} {fitted:8.0f} {100 * (fitted / size - 1):+5.1f} %"
        print(line)


if __name__ == "__main__":
    main()
