"""Prints what nextpnr reached from each seed, and fails if the best is below a frequency in MHz.

    ecp5_report.py FOLDER LEAST

FOLDER has a report SEED.json for each seed.
"""

import json
import pathlib
import statistics
import sys


def main():
    folder, least = pathlib.Path(sys.argv[1]), float(sys.argv[2])
    reached = {}
    for path in folder.glob("*.json"):
        if path.stem.isdigit():
            report = json.loads(path.read_text())
            reached[int(path.stem)] = (min(clock["achieved"] for clock in report["fmax"].values()), report)
    if not reached:
        sys.exit("error: no seed has a report")
    for seed, (frequency, _) in sorted(reached.items()):
        print(f"seed {seed}: {frequency:.2f} MHz")
    best = max(reached, key=lambda seed: reached[seed][0])
    frequency, report = reached[best]
    for cell, use in sorted(report["utilization"].items()):
        if use["used"]:
            print(f"  {cell:14} {use['used']:6} of {use['available']}")
    for path in report.get("critical_paths", [])[:1]:
        cells = [step["to"]["cell"] for step in path["path"]]
        print(f"longest path, {sum(step['delay'] for step in path['path']):.2f} ns: "
              f"{cells[0]} to {cells[-1]}, {len(path['path'])} steps")
    median = statistics.median(frequency for frequency, _ in reached.values())
    print(f"best: seed {best}, {frequency:.2f} MHz; median of {len(reached)} seeds: {median:.2f} MHz")
    if frequency < least:
        sys.exit(f"error: {frequency:.2f} MHz are less than {least:.0f}")


if __name__ == "__main__":
    main()
