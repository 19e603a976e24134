"""Operators of fastctc's own in optimized graphs, each with a function that says what it computes.

    Linear(x, weight, bias)              x W + b
    LinearSilu, LinearSigmoid            of that
    LinearAdd(x, weight, bias, residual) x W + b + residual
    IntegerLinear(x, weight, scales, sums, bias[, residual]) and the same three, in 8-bit integers: attributes least,
        n_steps and zero (reference/quantized_product.py), shape of W
    FixedIntegerLinear(...), the same with one step for all rows: attributes scale and zero, shape
    Normalize(x, weight, bias)           layer normalisation, attribute epsilon
    RelativeAttention(by_content, by_position, keys, values, encodings, hidden, first)
    RelativeAttentionCached(..., cached_keys, keys, cached_values, values, ...)

The core has kernels for them (cpp/src/acoustic/operators), which read W in panels of 32 columns, [panels, inputs, 32],
padded with zeros, from the file itself; integers [panels, inputs / 4, 32, 4]; encodings are in panels of 32 distances,
[heads, panels, width, 32]. Any other runtime finds a function of ONNX's operators in the model and runs that.
`linear_products` turns the float products back into ONNX's operators, for further rewriting.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastctc.export.graph import MICROSOFT, import_onnx, nodes_of
from fastctc.reference.operators import LOWEST_SCORE, PANEL_COLUMNS

if TYPE_CHECKING:
    import onnx

__all__ = ["BY_ROW", "DOMAIN", "FIXED", "INTEGER_LINEAR", "LINEAR", "keep_used_functions"]

DOMAIN = "fastctc"
LINEAR = ("Linear", "LinearSilu", "LinearSigmoid", "LinearAdd")
BY_ROW, FIXED = "Integer", "FixedInteger"  # prefixes for the integer forms, by how rows are cut into steps
INTEGER_LINEAR = tuple(f"{steps}{name}" for steps in (BY_ROW, FIXED) for name in LINEAR)
OPSET_AXES_AS_INPUT = 18  # of ReduceMax


def _functions(opset: int) -> list[onnx.FunctionProto]:
    """The function of each operator."""
    return [
        *(_linear(name, opset) for name in LINEAR),
        *(_integer_linear(name, opset, steps) for steps in (BY_ROW, FIXED) for name in LINEAR),
        _normalize(opset),
        _attention(opset, is_cached=False),
        _attention(opset, is_cached=True),
    ]


def keep_used_functions(model: onnx.ModelProto) -> None:
    """Gives a model the functions of the operators that its nodes use, and no others."""
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    used = {node.op_type for node in nodes_of(model.graph) if node.domain == DOMAIN}
    known = {function.name for function in model.functions}
    for function in [function for function in model.functions if function.domain == DOMAIN]:
        if function.name not in used:
            model.functions.remove(function)
    model.functions.extend(entry for entry in _functions(opset) if entry.name in used - known)
    imports = [entry for entry in model.opset_import if entry.domain == DOMAIN]
    if used and not imports:
        model.opset_import.append(import_onnx().helper.make_opsetid(DOMAIN, 1))
    for entry in imports if not used else ():
        model.opset_import.remove(entry)


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

    def attribute(self, node_attribute: str, name: str, kind: str) -> str:
        """The value of an attribute of the operator, as a Constant's value_float, value_int or value_ints."""
        output = self.add("Constant")
        reference = self.nodes[-1].attribute.add(name=node_attribute, ref_attr_name=name)
        reference.type = getattr(import_onnx().AttributeProto, kind)
        return output

    def function(self, name: str, inputs: list[str], opset: int, *attributes: str) -> onnx.FunctionProto:
        helper = import_onnx().helper
        opsets = [helper.make_opsetid("", opset)]
        if any(node.domain == MICROSOFT for node in self.nodes):
            opsets.append(helper.make_opsetid(MICROSOFT, 1))
        return helper.make_function(DOMAIN, name, inputs, ["y"], self.nodes, opsets, list(attributes))


def _linear(name: str, opset: int) -> onnx.FunctionProto:
    b = _Body()
    by_input = b.add("Transpose", "weight", perm=[1, 0, 2])
    padded = b.add("Reshape", by_input, b.constant([0, -1]))
    matrix = b.add("Slice", padded, b.constant([0]), b.add("Shape", "bias"), b.constant([1]))
    _end(b, name, b.add("MatMul", "x", matrix))
    return b.function(name, ["x", "weight", "bias", *_residual(name)], opset)


def _end(b: _Body, name: str, product: str) -> None:
    """Bias and activation or residual of a product."""
    total = b.add("Add", product, "bias", output="y" if name == "Linear" else "")
    if name == "LinearSilu":
        b.add("Mul", total, b.add("Sigmoid", total), output="y")
    elif name == "LinearSigmoid":
        b.add("Sigmoid", total, output="y")
    elif name == "LinearAdd":
        b.add("Add", total, "residual", output="y")


def _residual(name: str) -> list[str]:
    return ["residual"] if name == "LinearAdd" else []


def _integer_linear(name: str, opset: int, steps: str) -> onnx.FunctionProto:
    """The factors come in the order of the kernels."""
    b = _Body()
    panels = b.add("Transpose", "weight", perm=[1, 3, 0, 2])
    n_columns = b.add("Mul", b.add("Shape", "weight", start=0, end=1), b.constant([PANEL_COLUMNS]))
    padded = b.add("Reshape", panels, b.add("Concat", b.constant([-1]), n_columns, axis=0))
    shape = b.attribute("value_ints", "shape", "INTS")
    matrix = b.add("Slice", padded, b.constant([0, 0]), shape, b.constant([0, 1]))
    one = b.constant(np.float32(1))
    if steps == FIXED:
        scale = b.attribute("value_float", "scale", "FLOAT")
        inverse = b.add("Div", one, scale)
    else:
        n_steps = b.attribute("value_float", "n_steps", "FLOAT")
        magnitudes, axes = b.add("Abs", "x"), [-1]
        if opset >= OPSET_AXES_AS_INPUT:
            largest = b.add("ReduceMax", magnitudes, b.constant(axes), keepdims=1)
        else:
            largest = b.add("ReduceMax", magnitudes, axes=axes, keepdims=1)
        largest = b.add("Max", largest, b.attribute("value_float", "least", "FLOAT"))
        scale = b.add("Mul", largest, b.add("Div", one, n_steps))
        inverse = b.add("Div", n_steps, largest)
    # A zero point of its own, and none of the weights: ONNX Runtime's rewriting for processors without VNNI refuses
    # those that are shared.
    zero = b.add("Cast", b.attribute("value_int", "zero", "INT"), to=import_onnx().TensorProto.UINT8)
    values = b.add("QuantizeLinear", b.add("Mul", "x", inverse), one, zero)
    product = b.add("MatMulIntegerToFloat", values, matrix, one, "scales", zero, domain=MICROSOFT)
    # The scale comes first: onnx takes the result's type from it, because it doesn't know the product's.
    _end(b, name, b.add("Mul", scale, product))
    own = ["scale"] if steps == FIXED else ["least", "n_steps"]
    inputs = ["x", "weight", "scales", "sums", "bias", *_residual(name)]
    return b.function(f"{steps}{name}", inputs, opset, *own, "zero", "shape")


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
