"""Products with a layer's weights as operators of fastctc's own, each with a function that says what it computes.

    Linear(x, weight, bias)              x W + b
    LinearSilu, LinearSigmoid            of that
    LinearAdd(x, weight, bias, residual) x W + b + residual

The core has kernels for them (cpp/src/acoustic/linear), which read W in panels of 32 columns, [panels, inputs, 32],
padded with zeros, from the file itself. Any other runtime finds a function of ONNX's operators in the model and runs
that. `linear_products` takes a graph back to these operators, for what rewrites products further.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastctc.export.graph import import_onnx

if TYPE_CHECKING:
    import onnx

__all__ = ["DOMAIN", "linear_functions"]

DOMAIN = "fastctc"
OPERATORS = ("Linear", "LinearSilu", "LinearSigmoid", "LinearAdd")


def linear_functions(opset: int) -> list[onnx.FunctionProto]:
    """What each operator computes."""
    return [_function(name, opset) for name in OPERATORS]


def _function(name: str, opset: int) -> onnx.FunctionProto:
    onnx = import_onnx()
    node, integers = onnx.helper.make_node, onnx.numpy_helper.from_array
    behind = {
        "Linear": [],
        "LinearSilu": [node("Sigmoid", ["sum"], ["gate"]), node("Mul", ["sum", "gate"], ["y"])],
        "LinearSigmoid": [node("Sigmoid", ["sum"], ["y"])],
        "LinearAdd": [node("Add", ["sum", "residual"], ["y"])],
    }[name]
    nodes = [
        node("Transpose", ["weight"], ["by_input"], perm=[1, 0, 2]),
        node("Constant", [], ["rows"], value=integers(np.array([0, -1]))),
        node("Reshape", ["by_input", "rows"], ["padded"]),
        node("Constant", [], ["zero"], value=integers(np.array([0]))),
        node("Constant", [], ["one"], value=integers(np.array([1]))),
        node("Shape", ["bias"], ["n_outputs"]),
        node("Slice", ["padded", "zero", "n_outputs", "one"], ["matrix"]),
        node("MatMul", ["x", "matrix"], ["product"]),
        node("Add", ["product", "bias"], ["sum" if behind else "y"]),
        *behind,
    ]
    inputs = ["x", "weight", "bias", *(["residual"] if name == "LinearAdd" else [])]
    return onnx.helper.make_function(DOMAIN, name, inputs, ["y"], nodes, [onnx.helper.make_opsetid("", opset)])
