"""Products in int8: weights with one scale per column, activations with a fixed scale or one per row.

Outputs of a layer normalisation have one scale, from their range over the calibration audio, because the normalisation
has already scaled each row. All other activations get one scale per row when the graph runs. Neither depends on another
row, so a batch, a chunk and a longer recording change nothing. The operators are our own,
IntegerLinear and FixedIntegerLinear (`operators`), with a bias, and with the activation or the residual of an optimized
graph's product.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastctc.export.graph import Graph
from fastctc.export.operators import BY_ROW, DOMAIN, FIXED
from fastctc.export.products import Product
from fastctc.export.rewriter import Rewriter
from fastctc.reference import quantized_product as twin

if TYPE_CHECKING:
    import onnx

__all__ = ["Range", "is_normalized", "products_in_int8"]

OF_ROWS = ("Reshape", "Transpose", "Identity")  # each output row of these is an input row


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
    for product in products:
        _replace(graph, rewriter, product, ranges[product.key])
    return rewriter


def _replace(graph: Graph, rewriter: Rewriter, product: Product, found: Range) -> None:
    rewriter.replace(product.node, [product.addition] if product.addition is not None else [])
    weights = twin.column_weights(product.read())
    shape = weights.values.shape
    bias = np.zeros(shape[1], np.float32) if product.bias is None else product.bias
    sums = weights.values.sum(axis=0, dtype=np.int32)
    operands = (twin.pack_integers(weights.values), weights.scales, sums, bias)
    is_own = product.node.domain == DOMAIN
    ending = product.node.op_type if is_own else "Linear"
    residual = product.node.input[3:] if is_own else ()
    prefix, attributes = _steps(graph, product.input, found)
    rewriter.add(
        f"{prefix}{ending}",
        product.input,
        *(rewriter.constant(value) for value in operands),
        *residual,
        output=product.output,
        domain=DOMAIN,
        shape=shape,
        **attributes,
    )


def _steps(graph: Graph, name: str, found: Range) -> tuple[str, dict[str, float | int]]:
    """The operator for a tensor, and how it is cut into steps there."""
    if is_normalized(graph, name):
        fixed = twin.fixed_steps(*found)
        return FIXED, {"scale": float(fixed.scale), "zero": fixed.zero}
    rows = twin.row_steps(_is_silu(graph, name))
    return BY_ROW, {"least": float(rows.least), "n_steps": float(rows.n_steps), "zero": rows.zero}


def is_normalized(graph: Graph, name: str) -> bool:
    """Whether the rows of a tensor come out of a layer normalisation."""
    node = _origin(graph, name)
    return node is not None and node.op_type in ("LayerNormalization", "Normalize")


def _is_silu(graph: Graph, name: str) -> bool:
    node = _origin(graph, name)
    if node is None:
        return False
    if node.op_type == "LinearSilu":
        return node.domain == DOMAIN
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
    """The node that makes a tensor's values, past nodes that only move rows."""
    node = graph.producers.get(name)
    while node is not None and node.op_type in OF_ROWS:
        node = graph.producers.get(node.input[0])
    return node
