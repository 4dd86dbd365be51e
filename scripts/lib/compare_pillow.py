"""Compares decoded pictures (NAME.rgb beside NAME.jpg or NAME.png) with Pillow's pixels.

    compare_pillow.py --write DIRECTORY      writes pictures with Pillow's own encoders
    compare_pillow.py DIRECTORY [--no-page]  compares, and rewrites the table of docs/pictures.md
"""

import argparse
import pathlib
import sys

import numpy as np
import PIL
from PIL import Image, ImageOps, features

PAGE = pathlib.Path("docs/pictures.md")
BEGIN, END = "<!-- table: written by scripts/compare-pillow -->", "<!-- end of table -->"
LIMIT = 3.0  # levels, mean of a picture


def scene(rng, width, height):
    """A picture with slopes, edges and some noise, as photographs have them."""
    y, x = np.mgrid[:height, :width]
    channels = []
    for _ in range(3):
        a, b, phase = rng.uniform(-0.08, 0.08, 2).tolist() + [rng.uniform(0, 6)]
        edge = 60.0 * (x * rng.uniform(-1, 1) + y * rng.uniform(-1, 1) > rng.uniform(-40, 40))
        channels.append(100 + 60 * np.sin(a * x + b * y + phase) + edge)
    noise = rng.normal(0, rng.choice([0, 4, 16]), (height, width, 3))
    return Image.fromarray(np.clip(np.stack(channels, 2) + noise, 0, 255).astype(np.uint8))


def write(folder):
    rng = np.random.default_rng(3)
    for n in range(120):
        width, height = (int(v) for v in rng.integers(1, 400, 2))
        mode = ["RGB", "RGB", "RGB", "L", "CMYK"][n % 5]
        options = {"quality": int(rng.integers(5, 101)), "progressive": bool(rng.integers(2))}
        options["optimize"] = bool(rng.integers(2))
        if mode != "L":
            options["subsampling"] = int(rng.integers(3))
        if mode == "RGB" and rng.integers(4) == 0:
            options |= {"keep_rgb": True, "subsampling": 0}
        if rng.integers(3) == 0:
            options["restart_marker_blocks"] = int(rng.integers(1, 20))
        if rng.integers(4) == 0:
            exif = Image.Exif()
            exif[0x112] = int(rng.integers(1, 9))
            options["exif"] = exif
        picture = scene(rng, width, height).convert(mode)
        picture.save(folder / f"JPEG written by Pillow, {mode} -{n}.jpg", **options)
    for n in range(48):
        width, height = (int(v) for v in rng.integers(1, 300, 2))
        mode = ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "P"][n % 8]
        picture = scene(rng, width, height)
        options = {"transparency": 3} if mode == "P" and n % 16 == 3 else {}
        if mode == "I;16":
            deep = np.asarray(picture.convert("L")).astype(np.uint16) * 257
            picture = Image.fromarray(deep)
        else:
            picture = picture.convert(mode)
        picture.save(folder / f"PNG written by Pillow, {mode} -{n}.png", **options)


def pixels(path):
    """RGB as Pillow gives it, upright; 16-bit grey, which it would clip, by its high byte."""
    with Image.open(path) as picture:
        picture = ImageOps.exif_transpose(picture)
        if picture.mode == "P":
            # Else it warns of transparency that the conversion drops.
            picture.info.pop("transparency", None)
        if picture.mode.startswith("I"):
            grey = np.asarray(picture).astype(np.int64) >> 8
            return np.repeat(grey[..., None], 3, 2)
        return np.asarray(picture.convert("RGB")).astype(np.int64)


def compare(folder):
    kinds, bad = {}, []
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in (".jpg", ".jpeg", ".png"):
            continue
        kind = kinds.setdefault(path.name.split(" -")[0], [0, 0, 0, 0.0, 0])
        kind[0] += 1
        ours = path.with_suffix(".rgb")
        try:
            want = pixels(path)
        except (OSError, SyntaxError):
            kind[1] += 1
            continue
        if not ours.exists():
            kind[2] += 1
            bad.append(f"{path}: {path.with_suffix('.error').read_text()}")
            continue
        got = np.frombuffer(ours.read_bytes(), np.uint8).astype(np.int64)
        off = np.abs(got - want.ravel()) if got.size == want.size else np.array([255])
        kind[3], kind[4] = max(kind[3], off.mean()), max(kind[4], int(off.max()))
        if off.mean() >= LIMIT:
            bad.append(f"{path}: mean difference {off.mean():.2f}")
    return kinds, bad


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--no-page", action="store_true")
    arguments = parser.parse_args()
    if arguments.write:
        return write(arguments.folder)
    kinds, bad = compare(arguments.folder)
    heads = ["kind", "files", "refused by Pillow", "refused here only"]
    heads += ["largest mean difference", "largest difference"]
    table = ["| " + " | ".join(heads) + " |", "|---|---:|---:|---:|---:|---:|"]
    for name, (files, theirs, ours, mean, most) in kinds.items():
        result = f"{mean:.3f} | {most}" if files > theirs else "- | -"
        table.append(f"| {name} | {files} | {theirs} | {ours} | {result} |")
    total = sum(kind[0] for kind in kinds.values())
    turbo = features.version_feature("libjpeg_turbo") if features.check("libjpeg_turbo") else None
    library = f"libjpeg-turbo {turbo}" if turbo else f"libjpeg {features.version('jpg')}"
    note = f"{total} files, against Pillow {PIL.__version__} with {library}; differences in levels of 255."
    print(*table, "", note, sep="\n")
    if not arguments.no_page:
        text = PAGE.read_text()
        head, rest = text.split(BEGIN)
        tail = rest.split(END)[1]
        PAGE.write_text("\n".join([head + BEGIN, note, "", *table, END + tail]))
    for line in bad:
        print(line, file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
