"""Writes the float convolutions of an ONNX SqueezeNet as a safetensors file of NAME.weight and
NAME.bias, and prints the options of build_weights that say what the graph leaves open: padding of
the last convolution and rounding of the pools. Refuses a graph with any other operation."""

import json
import pathlib
import sys

import numpy
import onnx
from onnx import numpy_helper

KNOWN = {"Conv", "Relu", "MaxPool", "Concat", "GlobalAveragePool", "Flatten", "Dropout", "Softmax"}


def attributes(node):
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def same(values, what):
    """The one value of a list."""
    found = set(values)
    if len(found) != 1:
        sys.exit(f"error: {what} differs within the graph: {sorted(found)}")
    return found.pop()


def layers(graph):
    """Name, weight, bias and padding of every convolution, in the graph's order."""
    tensors = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    found = []
    for node in graph.node:
        if node.op_type not in KNOWN:
            sys.exit(f"error: node {node.name!r}: {node.op_type} is no part of a SqueezeNet")
        if node.op_type == "Conv":
            if len(node.input) != 3 or any(name not in tensors for name in node.input[1:]):
                sys.exit(f"error: node {node.name!r}: weight and bias must be in the file")
            pads = attributes(node).get("pads", [0, 0, 0, 0])
            weight, bias = (tensors[name].astype("<f4") for name in node.input[1:])
            found.append((node.name or node.output[0], weight, bias,
                          same(pads, f"padding of {node.name!r}")))
    if not found:
        sys.exit("error: the graph has no convolution")
    return found


def write(path, arrays):
    """A safetensors file: length of the header, header, data."""
    header, data = {}, b""
    for name, array in sorted(arrays.items()):
        content = numpy.ascontiguousarray(array).tobytes()
        header[name] = {"dtype": "F32", "shape": list(array.shape),
                        "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    pathlib.Path(path).write_bytes(len(text).to_bytes(8, "little") + text + data)


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: onnx_layers.py MODEL.onnx OUTPUT.safetensors")
    try:
        graph = onnx.load(sys.argv[1]).graph
    except Exception as error:
        sys.exit(f"error: {sys.argv[1]}: not read as an ONNX model: {error}")
    convs = layers(graph)
    arrays = {}
    for name, weight, bias, _ in convs:
        arrays[f"{name}.weight"], arrays[f"{name}.bias"] = weight, bias
    write(sys.argv[2], arrays)
    pools = [attributes(node).get("ceil_mode", 0) for node in graph.node
             if node.op_type == "MaxPool"]
    options = ["--last-pad", str(convs[-1][3])]
    if pools and not same(pools, "rounding of the pools"):
        options.append("--floor")
    print(*options)


if __name__ == "__main__":
    main()
