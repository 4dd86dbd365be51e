"""Reads the network that the `bench` example exports, and builds an ONNX graph from it.

The graph is in onnxruntime's usual int8 form (QDQ, weights per channel): every activation
is u8 with scale 1 and zero point 0, and a channel's weight scale is its requantisation
factor. So onnxruntime computes the very same network; only the rounding of exact halves
(to even there, up here) may differ.
"""

import json

import numpy as np
from onnx import TensorProto, helper, numpy_helper

OPSET = 17


def read_export(path):
    """The export: a line of JSON, then the tensors that it lists, little endian."""
    with open(path, "rb") as file:
        header = json.loads(file.readline())
        for node in header["nodes"]:
            if node["op"] != "conv":
                continue
            shape = (node["out"], node["kernel"], node["kernel"], node["in"])
            node["weights"] = np.fromfile(file, "<i1", int(np.prod(shape))).reshape(shape)
            node["bias"] = np.fromfile(file, "<i4", node["out"])
            node["scale"] = np.fromfile(file, "<f4", node["out"])
    return header


class Graph:
    """Collects the nodes and constants of an ONNX graph."""

    def __init__(self):
        self.nodes, self.constants = [], []

    def constant(self, name, value):
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(self, op, inputs, output, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    def dequantized(self, name, scale, zero, **attributes):
        return self.node("DequantizeLinear", [name, scale, zero], f"{name}.f", **attributes)


def build(network, size):
    """An ONNX model: input `image` u8 (1, 3, size, size), output `logits` f32, the means."""
    graph = Graph()
    one = graph.constant("one", np.float32(1))
    zero = graph.constant("zero", np.uint8(0))
    names = {"input": graph.dequantized("image", one, zero)}
    for node in network["nodes"]:
        name = node["name"]
        inputs = [names[i] for i in node["inputs"]]
        if node["op"] == "conv":
            out = node["out"]
            weights = graph.constant(
                f"{name}.weights", np.ascontiguousarray(node["weights"].transpose(0, 3, 1, 2))
            )
            bias = graph.constant(f"{name}.bias", node["bias"])
            scale = graph.constant(f"{name}.scale", node["scale"])
            none8 = graph.constant(f"{name}.zero8", np.zeros(out, np.int8))
            none32 = graph.constant(f"{name}.zero32", np.zeros(out, np.int32))
            inputs += [
                graph.dequantized(weights, scale, none8, axis=0),
                graph.dequantized(bias, scale, none32, axis=0),
            ]
            real = graph.node(
                "Conv",
                inputs,
                f"{name}.conv",
                kernel_shape=[node["kernel"]] * 2,
                strides=[node["stride"]] * 2,
                pads=[node["pad"]] * 4,
            )
            real = graph.node("Relu", [real], f"{name}.relu")
        elif node["op"] == "pool":
            real = graph.node(
                "MaxPool",
                inputs,
                f"{name}.pool",
                kernel_shape=[3, 3],
                strides=[2, 2],
                ceil_mode=int(node["ceil"]),
            )
        elif node["op"] == "concat":
            real = graph.node("Concat", inputs, f"{name}.concat", axis=1)
        else:
            graph.node("GlobalAveragePool", inputs, "logits")
            break
        quantized = graph.node("QuantizeLinear", [real, one, zero], f"{name}.q")
        names[name] = graph.dequantized(quantized, one, zero)
    value = helper.make_tensor_value_info
    image = value("image", TensorProto.UINT8, [1, 3, size, size])
    logits = value("logits", TensorProto.FLOAT, [1, None, 1, 1])
    body = helper.make_graph(graph.nodes, "squeezenet", [image], [logits], graph.constants)
    opset = helper.make_opsetid("", OPSET)
    return helper.make_model(body, opset_imports=[opset], ir_version=8)
