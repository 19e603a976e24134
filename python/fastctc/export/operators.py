"""Operators of fastctc's own in optimized graphs, each with a function that says what it computes.

    Linear(x, weight, bias)              x W + b
    LinearSilu, LinearSigmoid            of that
    LinearAdd(x, weight, bias, residual) x W + b + residual
    Normalize(x, weight, bias)           layer normalisation, attribute epsilon
    RelativeAttention(by_content, by_position, keys, values, encodings, hidden, first)
    RelativeAttentionCached(..., cached_keys, keys, cached_values, values, ...)

The core has kernels for them (cpp/src/acoustic/operators), which read W in panels of 32 columns, [panels, inputs, 32],
padded with zeros, from the file itself; encodings are in panels of 32 distances, [heads, panels, width, 32]. Any other
runtime finds a function of ONNX's operators in the model and runs that. `linear_products` takes the products back to
these operators, for what rewrites them further.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastctc.export.graph import import_onnx
from fastctc.reference.operators import LOWEST_SCORE

if TYPE_CHECKING:
    import onnx

__all__ = ["DOMAIN", "operator_functions"]

DOMAIN = "fastctc"


def operator_functions(opset: int) -> list[onnx.FunctionProto]:
    """What each operator computes."""
    linear = [_linear(name, opset) for name in ("Linear", "LinearSilu", "LinearSigmoid", "LinearAdd")]
    return [*linear, _normalize(opset), _attention(opset, is_cached=False), _attention(opset, is_cached=True)]


class _Body:
    """Nodes of a function."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []

    def constant(self, value: Any) -> str:
        tensor = import_onnx().numpy_helper.from_array(np.asarray(value))
        return self.add("Constant", value=tensor)

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        name = output or f"{operator}_{len(self.nodes)}"
        self.nodes.append(import_onnx().helper.make_node(operator, inputs, [name], **attributes))
        return name

    def function(self, name: str, inputs: list[str], opset: int, *attributes: str) -> onnx.FunctionProto:
        helper = import_onnx().helper
        opsets = [helper.make_opsetid("", opset)]
        return helper.make_function(DOMAIN, name, inputs, ["y"], self.nodes, opsets, list(attributes))


def _linear(name: str, opset: int) -> onnx.FunctionProto:
    b = _Body()
    by_input = b.add("Transpose", "weight", perm=[1, 0, 2])
    padded = b.add("Reshape", by_input, b.constant([0, -1]))
    matrix = b.add("Slice", padded, b.constant([0]), b.add("Shape", "bias"), b.constant([1]))
    product = b.add("MatMul", "x", matrix)
    total = b.add("Add", product, "bias", output="y" if name == "Linear" else "")
    if name == "LinearSilu":
        b.add("Mul", total, b.add("Sigmoid", total), output="y")
    elif name == "LinearSigmoid":
        b.add("Sigmoid", total, output="y")
    elif name == "LinearAdd":
        b.add("Add", total, "residual", output="y")
    return b.function(name, ["x", "weight", "bias", *(["residual"] if name == "LinearAdd" else [])], opset)


def _normalize(opset: int) -> onnx.FunctionProto:
    b = _Body()
    b.add("LayerNormalization", "x", "weight", "bias", output="y", axis=-1)
    attribute = b.nodes[-1].attribute.add(name="epsilon", ref_attr_name="epsilon")
    attribute.type = import_onnx().AttributeProto.FLOAT
    return b.function("Normalize", ["x", "weight", "bias"], opset, "epsilon")


def _attention(opset: int, *, is_cached: bool) -> onnx.FunctionProto:
    """Scores by distance become scores by key by reading rows of one length as rows of another: row i moves by i."""
    b = _Body()
    keys, values = "keys", "values"
    if is_cached:
        keys, values = b.add("Concat", "cached_keys", keys, axis=0), b.add("Concat", "cached_values", values, axis=0)

    def count(name: str) -> str:
        return b.add("Shape", name, start=0, end=1)

    by_item, last = [1, 2, 0, 3], [-1]
    scores = b.add(
        "MatMul", b.add("Transpose", "by_content", perm=by_item), b.add("Transpose", keys, perm=[1, 2, 3, 0])
    )
    panels = b.add("Transpose", "encodings", perm=[0, 2, 1, 3])
    encodings = b.add("Reshape", panels, b.constant([0, 0, -1]))  # [heads, width, distances]
    by_distance = b.add("MatMul", b.add("Transpose", "by_position", perm=by_item), encodings)
    n_queries, one = count("by_content"), b.constant([1])
    row = b.add("Sub", b.add("Add", n_queries, b.add("Shape", encodings, start=2)), one)
    pads = b.add("Concat", b.constant([0] * 7), n_queries, axis=0)
    flat = b.add("Reshape", b.add("Pad", by_distance, pads, b.constant(np.float32(0))), b.constant([0, 0, -1]))
    flat = b.add("Slice", flat, b.constant([0]), b.add("Mul", n_queries, row), b.constant([2]))
    rows = b.add("Reshape", flat, b.add("Concat", b.constant([0, 0, -1]), row, axis=0))
    moved = b.add("Slice", rows, "first", b.add("Add", "first", count(keys)), b.constant([3]))
    scores = b.add("Add", b.add("Add", scores, moved), "hidden")
    lowest = b.add("Add", b.add("ReduceMax", scores, axes=last, keepdims=1), b.constant(np.float32(LOWEST_SCORE)))
    weights = b.add("Softmax", b.add("Max", scores, lowest), axis=-1)
    result = b.add("MatMul", weights, b.add("Transpose", values, perm=by_item))
    b.add("Transpose", result, perm=[2, 0, 1, 3], output="y")
    inputs = ["cached_keys", "keys", "cached_values", "values"] if is_cached else ["keys", "values"]
    name = "RelativeAttentionCached" if is_cached else "RelativeAttention"
    return b.function(name, ["by_content", "by_position", *inputs, "encodings", "hidden", "first"], opset)
