"""Times Firebrick's integer model and onnxruntime on the same int8 network, by turns."""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime

import compare_network

# Seconds between the two sides: idle threads of the side just measured stop spinning.
PAUSE = 0.05


class Firebrick:
    """The `bench` example as a server: a line in is a request, a line out the answer."""

    def __init__(self, command):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self):
        """Runs a batch: milliseconds of each picture."""
        return self.ask("run")["ms"]

    def logits(self):
        return np.array(self.ask("logits")["logits"])

    def ask(self, request):
        self.process.stdin.write(request + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit("compare-onnxruntime: the bench example ended unexpectedly")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Onnxruntime:
    """A session with onnxruntime's default optimisations."""

    def __init__(self, model, image, threads, batch):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self.feed = {"image": image}
        self.batch = batch

    def run(self):
        """Runs a batch: milliseconds of each picture."""
        times = []
        for _ in range(self.batch):
            start = time.perf_counter()
            self.session.run(None, self.feed)
            times.append((time.perf_counter() - start) * 1e3)
        return times

    def logits(self):
        return self.session.run(None, self.feed)[0].ravel()


def picture(size):
    """A smooth pattern with some noise, the same on both sides."""
    y, x, c = np.meshgrid(np.arange(size), np.arange(size), np.arange(3), indexing="ij")
    noise = np.random.default_rng(1).integers(-20, 21, (size, size, 3))
    wave = 128 + 100 * np.sin(x / 17 + c) * np.cos(y / 23 - c)
    return np.clip(wave + noise, 0, 255).astype(np.uint8)


def main():
    parser = argparse.ArgumentParser(prog="compare-onnxruntime", description=__doc__)
    parser.add_argument("--bench", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--pack", help="packed model (default: the committed v1.1 model)")
    parser.add_argument("--random", action="store_true", help="random weights instead")
    parser.add_argument("--size", type=int, default=227, help="height and width (default 227)")
    parser.add_argument("--rounds", type=int, default=10, help="rounds for each program (default 10)")
    parser.add_argument("--images", type=int, default=30, help="pictures per round (default 30)")
    parser.add_argument("--threads", type=int, default=2, help="threads for each program (default 2)")
    parser.add_argument("--limit", type=float, default=2.0, help="highest ratio (default 2)")
    args = parser.parse_args()
    if min(args.size, args.rounds, args.images, args.threads) < 1:
        parser.error("sizes and counts must be positive")

    with tempfile.TemporaryDirectory() as folder:
        export, pixels = Path(folder, "network.bin"), Path(folder, "image.bin")
        image = picture(args.size)
        image.tofile(pixels)
        # The first picture of a turn warms up and does not count.
        batch = args.images + 1
        command = [args.bench, "--serve", "--size", str(args.size)]
        command += ["--threads", str(args.threads), "--images", str(batch)]
        command += ["--export", export, "--image", pixels]
        if args.random:
            command += ["--random"]
        if args.pack:
            command += ["--pack", args.pack]
        ours = Firebrick(command)
        about = ours.ask("about")
        network = compare_network.read_export(export)
        nchw = np.ascontiguousarray(image.transpose(2, 0, 1)[None])
        theirs = Onnxruntime(compare_network.build(network, args.size), nchw, args.threads, batch)

        # The same network? onnxruntime gives means over the last map's pixels.
        sums = ours.logits()
        means = sums / about["last_pixels"]
        error = np.abs(theirs.logits() - means).max()
        same = int(theirs.logits().argmax()) == int(means.argmax())

        times = {"firebrick": [], "onnxruntime": []}
        for round_ in range(args.rounds + 1):
            for name, side in (("firebrick", ours), ("onnxruntime", theirs)):
                time.sleep(PAUSE)
                turn = side.run()[1:]
                if round_ > 0:
                    times[name] += turn
        ours.close()

    print(f"network      {network['name']} at {args.size}x{args.size}, {args.threads} threads")
    print(f"agreement    largest difference of a class mean {error:.3f} of 255, "
          f"same top class: {'yes' if same else 'no'}")
    median = {name: float(np.median(values)) for name, values in times.items()}
    for name, detail in (
        ("firebrick", about["kernel"]),
        ("onnxruntime", f"{onnxruntime.__version__}, int8, u8 activations, per channel"),
    ):
        low, high = np.percentile(times[name], [10, 90])
        print(f"{name:12} median {median[name]:6.2f} ms  "
              f"(10-90 %: {low:.2f}-{high:.2f} ms, {len(times[name])} images; {detail})")
    ratio = median["firebrick"] / median["onnxruntime"]
    print(f"ratio        {ratio:.2f}  (limit {args.limit:.2f})")
    if error > 4:
        print("compare-onnxruntime: the two sides do not compute the same", file=sys.stderr)
        return 1
    return 0 if ratio <= args.limit else 1


if __name__ == "__main__":
    sys.exit(main())
