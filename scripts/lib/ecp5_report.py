"""Prints what nextpnr reports of a design, and fails below a frequency in MHz."""

import json
import pathlib
import sys


def main():
    report, least = json.loads(pathlib.Path(sys.argv[1]).read_text()), float(sys.argv[2])
    for cell, use in sorted(report["utilization"].items()):
        if use["used"]:
            print(f"  {cell:14} {use['used']:6} of {use['available']}")
    reached = min(clock["achieved"] for clock in report["fmax"].values())
    print(f"{reached:.2f} MHz")
    for path in report.get("critical_paths", [])[:1]:
        cells = [step["to"]["cell"] for step in path["path"]]
        print(f"longest path, {sum(step['delay'] for step in path['path']):.2f} ns: "
              f"{cells[0]} to {cells[-1]}, {len(path['path'])} steps")
    if reached < least:
        sys.exit(f"error: {reached:.2f} MHz are less than {least:.0f}")


if __name__ == "__main__":
    main()
