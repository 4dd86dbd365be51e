"""Compares firebrick's feature maps with onnxruntime's ConvInteger and NumPy, bit for bit."""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

# Pictures are generated until there are so many.
PICTURES = 5


def with_zeros(coded, count):
    """Weights from the form without zeros: for each group of 128, 16 bytes of mask (bit i of byte
    j is weight 8 j + i), then as many beats of 16 bytes as its values need beyond what the beat
    before has left."""
    weights = np.zeros(-(-count // 128) * 128, np.uint8)
    at, left = 0, b""
    for group in range(0, count, 128):
        mask = np.unpackbits(coded[at:at + 16], bitorder="little").astype(bool)
        ones = int(mask.sum())
        beats = -(-max(ones - len(left), 0) // 16)
        values = left + coded[at + 16:at + 16 + 16 * beats].tobytes()
        at += 16 + 16 * beats
        weights[group:group + 128][mask] = np.frombuffer(values[:ones], np.uint8)
        left = values[ones:]
    return weights[:count].view(np.int8)


def read_pack(path):
    """Description and tensors of a packed model, read from the safetensors format's definition."""
    data = Path(path).read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + length])
    description = json.loads(header.pop("__metadata__")["firebrick"])["network"]
    types = {"I8": "<i1", "I32": "<i4", "U16": "<u2", "U8": "<u1", "F32": "<f4"}
    tensors = {}
    for name, entry in header.items():
        start, end = (8 + length + offset for offset in entry["data_offsets"])
        tensors[name] = np.frombuffer(data[start:end], types[entry["dtype"]]).reshape(
            entry["shape"])
    for node in description["nodes"]:
        coded = tensors.pop(node["name"] + ".sparse_weight", None)
        if coded is not None:
            shape = (node["out_channels"], node["kernel"], node["kernel"], node["in_channels"])
            weights = with_zeros(coded, int(np.prod(shape)))
            tensors[node["name"] + ".weight"] = weights.reshape(shape)
    return description, tensors


class ConvInteger:
    """One convolution as onnxruntime's ConvInteger, which gives i32 without rounding.

    Its weights are u8 with a zero point: i8 weights become that by adding 128, exactly.
    """

    # Outputs of a row are computed in multiples of this: onnxruntime 1.23.2 gives wrong sums for
    # the last pixels of other maps on processors with AMX.
    PIXELS = 16

    def __init__(self, node, weight):
        kernel, self.stride, pad = node["kernel"], node["stride"], node["pad"]
        # What one output of a row needs beyond its stride.
        self.margin = kernel - 2 * pad
        weight = (weight.transpose(0, 3, 1, 2).astype(np.int16) + 128).astype(np.uint8)
        operation = helper.make_node("ConvInteger", ["x", "w", "x_zero", "w_zero"], ["y"],
                                     kernel_shape=[kernel] * 2, strides=[self.stride] * 2,
                                     pads=[pad] * 4)
        value = helper.make_tensor_value_info
        graph = helper.make_graph(
            [operation], "conv", [value("x", TensorProto.UINT8, [1, weight.shape[1], "h", "w"])],
            [value("y", TensorProto.INT32, [1, weight.shape[0], "oh", "ow"])],
            [numpy_helper.from_array(np.ascontiguousarray(weight), "w"),
             numpy_helper.from_array(np.array(0, np.uint8), "x_zero"),
             numpy_helper.from_array(np.array(128, np.uint8), "w_zero")])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        self.session = onnxruntime.InferenceSession(
            model.SerializeToString(), providers=["CPUExecutionProvider"])

    def __call__(self, x):
        outputs = (x.shape[1] - self.margin) // self.stride + 1
        more = -outputs % self.PIXELS * self.stride
        nchw = np.pad(x, ((0, 0), (0, more), (0, 0))).transpose(2, 0, 1)[None]
        result = self.session.run(None, {"x": np.ascontiguousarray(nchw)})[0][0]
        return result.transpose(1, 2, 0)[:, :outputs]


def sums_are_right():
    """Whether onnxruntime's sums are those of NumPy's 64-bit integers, on maps of random sizes."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        height, width, inputs, outputs = rng.integers(3, 30, 4)
        kernel = int(rng.choice([1, 3]))
        node = {"kernel": kernel, "stride": int(rng.integers(1, 3)), "pad": kernel // 2}
        x = rng.integers(0, 256, (height, width, inputs * 8)).astype(np.uint8)
        weight = rng.integers(-127, 128, (outputs * 4, kernel, kernel, inputs * 8)).astype(np.int8)
        padded = np.pad(x, ((node["pad"],) * 2, (node["pad"],) * 2, (0, 0))).astype(np.int64)
        windows = np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), (0, 1))
        windows = windows[::node["stride"], ::node["stride"]]
        exact = np.einsum("yxckl,oklc->yxo", windows, weight.astype(np.int64), optimize=True)
        if (ConvInteger(node, weight)(x) != exact).any():
            return False
    return True


def requantise(accumulator, bias, mult, shift):
    """clamp((acc + bias) * mult / 2^shift, rounded half up), exactly, in 64 bits."""
    total = accumulator.astype(np.int64) + bias.astype(np.int64)
    shift = shift.astype(np.int64)
    scaled = (total * mult.astype(np.int64) + (np.int64(1) << (shift - 1))) >> shift
    return np.clip(scaled, 0, 255).astype(np.uint8)


def max_pool(x, ceil):
    """3x3, stride 2; in ceil mode a last window that is cut off counts."""
    def outputs(n):
        return (n - 3 + (1 if ceil else 0)) // 2 + 1
    height, width = outputs(x.shape[0]), outputs(x.shape[1])
    padded = np.zeros((2 * height + 1, 2 * width + 1, x.shape[2]), np.uint8)
    rows, columns = min(x.shape[0], padded.shape[0]), min(x.shape[1], padded.shape[1])
    padded[:rows, :columns] = x[:rows, :columns]
    windows = [padded[dy:dy + 2 * height - 1:2, dx:dx + 2 * width - 1:2]
               for dy in range(3) for dx in range(3)]
    return np.maximum.reduce(windows)


class Network:
    """The network once more."""

    def __init__(self, pack):
        self.description, self.tensors = read_pack(pack)
        self.convs = {node["name"]: ConvInteger(node, self.tensors[node["name"] + ".weight"])
                      for node in self.description["nodes"] if node["op"] == "conv"}

    def run(self, picture):
        """Every node's output for raw pixels (row, column, channel)."""
        maps = {"input": picture}
        for node in self.description["nodes"]:
            name, inputs = node["name"], [maps[i] for i in node["inputs"]]
            if node["op"] == "conv":
                parts = (self.tensors[f"{name}.{part}"] for part in ("bias", "mult", "shift"))
                maps[name] = requantise(self.convs[name](inputs[0]), *parts)
            elif node["op"] == "max_pool":
                maps[name] = max_pool(inputs[0], node["ceil"])
            elif node["op"] == "concat":
                maps[name] = np.concatenate(inputs, axis=2)
            elif node["op"] == "add":
                total = inputs[0].astype(np.int32) + inputs[1].astype(np.int32)
                maps[name] = np.minimum(total, 255).astype(np.uint8)
            elif node["op"] == "global_sum":
                maps[name] = inputs[0].astype(np.int64).sum((0, 1))
            else:
                sys.exit(f"check-integer: the operation {node['op']!r} is not known")
        return maps


def generated(folder, number):
    """A picture of waves and noise."""
    rng = np.random.default_rng(number)
    y, x = np.mgrid[0:300, 0:400]
    waves = [127 + 100 * np.sin(x / rng.uniform(5, 60) + y / rng.uniform(5, 60))
             for _ in range(3)]
    noise = rng.normal(0, rng.uniform(2, 50), (300, 400, 3))
    pixels = np.clip(np.stack(waves, axis=2) + noise, 0, 255).astype(np.uint8)
    path = folder / f"generated{number}.png"
    Image.fromarray(pixels).save(path)
    return path


def main():
    parser = argparse.ArgumentParser(prog="check-integer", description=__doc__)
    parser.add_argument("--firebrick", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--default-model", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--sample", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--model", help="packed model (default: the committed v1.1 model)")
    parser.add_argument("--size", help="side of the network's input (default: the model's own)")
    parser.add_argument("images", nargs="*", help="photographs")
    args = parser.parse_args()

    if not sums_are_right():
        sys.exit(f"check-integer: onnxruntime {onnxruntime.__version__} computes ConvInteger "
                 "wrongly on this processor; try another version")
    pack = args.model or args.default_model
    network = Network(pack)
    wrong = values = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        images = [Path(i) for i in args.images] or [Path(args.sample)]
        images += [generated(folder, n) for n in range(PICTURES - len(images))]
        for index, image in enumerate(images):
            maps = folder / f"maps{index}"
            command = [args.firebrick, "maps", image, "--model", pack, "--output", maps]
            if args.size:
                command += ["--size", args.size]
            if subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode:
                return 1
            expected = network.run(np.load(maps / "picture.npy"))
            bad = []
            for node in network.description["nodes"]:
                name = node["name"]
                file = "logits" if node["op"] == "global_sum" else name.replace("/", ".")
                found = np.load(maps / f"{file}.npy")
                values += found.size
                if found.shape != expected[name].shape or (found != expected[name]).any():
                    bad.append(name)
            wrong += bool(bad)
            result = f"differs at {', '.join(bad)}" if bad else "bit-exact"
            print(f"{image.name}: {len(network.description['nodes'])} maps, {result}")
    print(f"{len(images) - wrong} of {len(images)} pictures bit-exact, {values} values, against "
          f"onnxruntime {onnxruntime.__version__}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
