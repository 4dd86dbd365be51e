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
    return description, tensors


class ConvInteger:
    """One convolution as onnxruntime's ConvInteger: u8 and i8 to i32, no rounding."""

    def __init__(self, node, weight):
        kernel, stride, pad = node["kernel"], node["stride"], node["pad"]
        weight = np.ascontiguousarray(weight.transpose(0, 3, 1, 2))
        operation = helper.make_node("ConvInteger", ["x", "w"], ["y"],
                                     kernel_shape=[kernel] * 2, strides=[stride] * 2,
                                     pads=[pad] * 4)
        value = helper.make_tensor_value_info
        graph = helper.make_graph(
            [operation], "conv", [value("x", TensorProto.UINT8, [1, weight.shape[1], "h", "w"])],
            [value("y", TensorProto.INT32, [1, weight.shape[0], "oh", "ow"])],
            [numpy_helper.from_array(weight, "w")])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        self.session = onnxruntime.InferenceSession(
            model.SerializeToString(), providers=["CPUExecutionProvider"])

    def __call__(self, x):
        nchw = np.ascontiguousarray(x.transpose(2, 0, 1)[None])
        return self.session.run(None, {"x": nchw})[0][0].transpose(1, 2, 0)


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
