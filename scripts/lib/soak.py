"""Runs photographs on every kind of device, compares their sums, and writes docs/soak.md."""

import argparse
import json
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "weights/samples/cat.png"
KINDS = {
    "xdma, FUSE": ["--kind", "xdma", "--streams", "fuse"],
    "xdma, pipes": ["--kind", "xdma", "--streams", "fifo"],
    "axidma": ["--kind", "axidma"],
}
PHOTOGRAPHS = 10
# Seconds for one picture: a simulation on a busy machine is slow.
DEADLINE = "900"


class Board:
    """An emulator in a process of its own."""

    def __init__(self, program, preset, kind, folder):
        command = [program, "emulate", "-q", "--preset", preset, "--dir", str(folder), *KINDS[kind]]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.uri = self.process.stdout.readline().strip()
        if not self.uri:
            sys.exit(f"soak: the emulator ended: {' '.join(command)}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(60)


def classify(program, pictures, size, *more):
    """Sums of every picture, and the seconds that it took; ends the script if one has none."""
    command = [program, "classify", "-", "-q", "--json", "--size", str(size), *more]
    if more:
        command += ["--deadline", DEADLINE]
    begin = time.monotonic()
    run = subprocess.run(command, input="\n".join(map(str, pictures)), capture_output=True, text=True)
    seconds = time.monotonic() - begin
    if run.returncode:
        sys.exit(f"soak: {' '.join(command)} failed: {run.stderr}")
    return [json.loads(line)["logits_sha256"] for line in run.stdout.splitlines()], seconds


def compare(name, got, want):
    if got != want:
        sys.exit(f"soak: {name}: sums differ from the model's: {got} instead of {want}")
    print(f"soak: {name}: {len(got)} pictures as the model", file=sys.stderr)


def png(path, seed, side=256):
    """Shades that differ with the seed."""
    pixel = lambda x, y: bytes(((x * (seed + 1) + y * k + x * y * seed // (7 * k)) % 256 for k in (1, 3, 5)))
    rows = b"".join(b"\0" + b"".join(pixel(x, y) for x in range(side)) for y in range(side))
    chunk = lambda kind, data: (struct.pack(">I", len(data)) + kind + data
                                + struct.pack(">I", zlib.crc32(kind + data)))
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
                     + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
    return path


def pictures_of(given, folder):
    """Ten pictures: those that were given, else the sample and generated ones."""
    if given:
        paths = [path.resolve() for path in given][:PHOTOGRAPHS]
        return paths, f"{len(paths)} photographs, which are not part of the repository"
    made = [png(folder / f"{seed}.png", seed) for seed in range(1, PHOTOGRAPHS)]
    return [SAMPLE, *made], "the sample photograph and nine generated pictures"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("photographs", nargs="*", type=Path)
    parser.add_argument("--preset", default="fb256")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--count", type=int, default=100, help="pictures in a row without a reset (default 100)")
    parser.add_argument("--row-size", type=int, default=64, help="side of the network's input for those pictures (default 64)")
    args = parser.parse_intermixed_args()
    rows, series = [], []
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        pictures, what = pictures_of(args.photographs, folder)
        want, seconds = classify(args.program, pictures, args.size)
        rows.append(("`model`", len(want), seconds))
        on = ("--device", f"sim:{args.preset}")
        got, seconds = classify(args.program, pictures, args.size, *on)
        compare("sim", got, want)
        rows.append((f"`sim:{args.preset}`", len(got), seconds))
        many = [pictures[i % len(pictures)] for i in range(args.count)]
        many_want, _ = classify(args.program, many, args.row_size)
        for number, kind in enumerate(KINDS):
            with Board(args.program, args.preset, kind, folder / f"board{number}") as board:
                on = ("--device", board.uri)
                got, seconds = classify(args.program, pictures, args.size, *on)
                compare(kind, got, want)
                rows.append((kind, len(got), seconds))
                got, seconds = classify(args.program, many, args.row_size, *on)
                compare(f"{kind}, in a row", got, many_want)
                series.append((kind, len(got), seconds))
    table = lambda rows: "".join(f"| {n} | {c} | {s:.0f} |\n" for n, c, s in rows)
    sums = "".join(f"| {number} | `{sum}` |\n" for number, sum in enumerate(want, 1))
    (ROOT / "docs/soak.md").write_text(
        "# Photographs on every kind of device\n\n"
        f"Written by `scripts/soak`: SqueezeNet v1.1 on `{args.preset}`; {what}. Boards are emulated, in\n"
        "processes of their own, with the Verilated core behind their nodes. The seconds are those of a simulation\n"
        "on a shared machine; they say nothing about a board.\n\n"
        f"## The same sums at {args.size}x{args.size}\n\n"
        "| Device | Pictures with the model's `logits_sha256` | s |\n|---|---:|---:|\n" + table(rows) +
        f"\n## {args.count} in a row without a reset, at {args.row_size}x{args.row_size}\n\n"
        "Each row is one session: a reset in between would break the results' sequence numbers, which is an error.\n\n"
        "| Device | Pictures with the model's sums | s |\n|---|---:|---:|\n" + table(series) +
        "\n## The sums\n\n| Picture | `logits_sha256` |\n|---:|---|\n" + sums)


if __name__ == "__main__":
    main()
