"""Products in int8: weights with a scale for every column, activations with a fixed one or one for every row.

Activations that come out of a layer normalisation have one scale, that of the range that they had over the calibration
audio: the normalisation has scaled each row already. All others get one for every row as the graph runs. Neither
depends on another row, so a batch, a chunk and a longer recording change nothing. The operators are ONNX Runtime's
MatMulIntegerToFloat with uint8 x int8, which is what its kernels for VNNI and AMX take.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastctc.export.builder import MICROSOFT
from fastctc.export.graph import Graph
from fastctc.export.products import Product
from fastctc.export.rewriter import Rewriter
from fastctc.reference import quantized_product as twin

if TYPE_CHECKING:
    import onnx

__all__ = ["Range", "is_normalized", "products_in_int8"]

OPERATOR = "MatMulIntegerToFloat"
OPSET_AXES_AS_INPUT = 18  # of ReduceMax
OF_ROWS = ("Reshape", "Transpose", "Identity")  # a row of what these give is a row of what they take


class Range(NamedTuple):
    """Of a tensor, over the calibration audio."""

    lowest: float
    largest: float


def products_in_int8(graph: Graph, products: Iterable[Product], ranges: Mapping[str, Range]) -> Rewriter:
    """Puts int8 products in place of float ones.

    Args:
        graph: The graph.
        products: Those to be replaced.
        ranges: Of the activations, by the product's key.
    """
    rewriter = Rewriter(graph, "int8")
    activations = _Activations(graph, rewriter)
    for product in products:
        _replace(rewriter, activations, product, ranges[product.key])
    return rewriter


def _replace(rewriter: Rewriter, activations: _Activations, product: Product, found: Range) -> None:
    rewriter.replace(product.node, [product.addition] if product.addition is not None else [])
    x = activations.get(product, found)
    weights = twin.column_weights(product.read())
    operands = [x.values, rewriter.constant(weights.values), x.scale, rewriter.constant(weights.scales)]
    # No zero point of the weights: ONNX Runtime's rewriting for processors without VNNI refuses one that is shared.
    operands += [x.zero]
    bias = [] if product.bias is None else [rewriter.constant(product.bias)]
    if not x.scales:
        added = ["", *bias] if bias else []
        rewriter.add(OPERATOR, *operands, *added, output=product.output, domain=MICROSOFT)
        return
    # The scale of a row comes behind the sum, and the bias behind that.
    result = rewriter.add(OPERATOR, *operands, domain=MICROSOFT)
    scaled = rewriter.add("Mul", result, x.scales, output="" if bias else product.output)
    if bias:
        rewriter.add("Add", scaled, *bias, output=product.output)


class _Quantized(NamedTuple):
    values: str  # uint8
    zero: str
    scale: str  # of all rows; 1 where each has its own
    scales: str  # of each row, "" where there is one for all


class _Activations:
    """Quantised inputs of products, each once; the nodes stand where the rewriter adds."""

    def __init__(self, graph: Graph, rewriter: Rewriter) -> None:
        self._graph = graph
        self._rewriter = rewriter
        self._known: dict[str, _Quantized] = {}

    def get(self, product: Product, found: Range) -> _Quantized:
        """A product's input."""
        name = product.input
        if name not in self._known:
            if is_normalized(self._graph, name):
                self._known[name] = self._fixed(name, found)
            else:
                self._known[name] = self._rows(name, is_matrix=product.node.op_type == "Gemm")
        return self._known[name]

    def _fixed(self, name: str, found: Range) -> _Quantized:
        scale, zero = twin.fixed_quantization(*found)
        operands = self._rewriter.constant(np.asarray(scale)), self._rewriter.constant(np.uint8(zero))
        return _Quantized(self._rewriter.add("QuantizeLinear", name, *operands), operands[1], operands[0], "")

    def _rows(self, name: str, is_matrix: bool) -> _Quantized:
        add, constant = self._rewriter.add, self._rewriter.constant
        is_silu = _is_silu(self._graph, name)
        steps = twin.row_steps(is_silu)
        largest = self._largest(name if is_silu else add("Abs", name))
        largest = add("Max", largest, constant(steps.smallest))
        scales = add("Mul", largest, constant(np.float32(1) / steps.number))
        zero, one = constant(np.uint8(steps.zero)), constant(np.float32(1))
        if not is_matrix:
            values = add("QuantizeLinear", add("Div", name, scales), one, zero)
            return _Quantized(values, zero, one, scales)
        # In one pass over the matrix: the axis of the scales is the first.
        of_rows = add("Reshape", scales, constant(np.array([-1])))
        zeros = add("Expand", zero, add("Shape", of_rows))
        return _Quantized(add("QuantizeLinear", name, of_rows, zeros, axis=0), zero, one, scales)

    def _largest(self, name: str) -> str:
        """Of each row, [..., 1]."""
        if self._graph.opset >= OPSET_AXES_AS_INPUT:
            return self._rewriter.add("ReduceMax", name, self._rewriter.constant(np.array([-1])), keepdims=1)
        return self._rewriter.add("ReduceMax", name, axes=[-1], keepdims=1)


def is_normalized(graph: Graph, name: str) -> bool:
    """Whether the rows of a tensor come out of a layer normalisation."""
    node = _origin(graph, name)
    return node is not None and node.op_type in ("LayerNormalization", "Normalize")


def _is_silu(graph: Graph, name: str) -> bool:
    node = _origin(graph, name)
    if node is None:
        return False
    if node.op_type == "QuickGelu":
        return all(attribute.f == 1 for attribute in node.attribute if attribute.name == "alpha")
    if node.op_type != "Mul":
        return False
    factors = [graph.producers.get(entry) for entry in node.input]
    return any(
        factor is not None and factor.op_type == "Sigmoid" and factor.input[0] == other
        for factor, other in zip(factors, reversed(node.input), strict=True)
    )


def _origin(graph: Graph, name: str) -> onnx.NodeProto | None:
    """The node that makes a tensor's values, whatever moves its rows."""
    node = graph.producers.get(name)
    while node is not None and node.op_type in OF_ROWS:
        node = graph.producers.get(node.input[0])
    return node
