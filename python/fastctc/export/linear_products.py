"""Replaces fastctc's own products in a graph by ONNX's (`operators`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastctc.export.graph import MICROSOFT, Graph, unknown_form
from fastctc.export.operators import DOMAIN, LINEAR
from fastctc.export.rewriter import Rewriter
from fastctc.reference.operators import unpack_panels

if TYPE_CHECKING:
    import onnx

__all__ = ["as_products"]


def as_products(graph: Graph) -> Graph:
    """The graph with ONNX's products instead of our own; the same graph if it has none of our own.

    Raises:
        ModelError: Weights can't be read.
        ModelNotFoundError: Their file is missing.
    """
    nodes = [node for node in graph.graph.node if node.domain == DOMAIN and node.op_type in LINEAR]
    if not nodes:
        return graph
    rewriter = Rewriter(graph, "products")
    for node in nodes:
        _replace(graph, rewriter, node)
    return Graph(rewriter.model(), graph.folder)


def _replace(graph: Graph, rewriter: Rewriter, node: onnx.NodeProto) -> None:
    x, weight, bias = node.input[:3]
    panels, biases = graph.constant(weight), graph.constant(bias)
    if panels is None or biases is None:
        raise unknown_form(f"the weights of {node.name} aren't constants")
    [y] = node.output
    rewriter.replace(node)
    has_more = node.op_type != "Linear"
    operands = [x, rewriter.constant(unpack_panels(panels, len(biases))), *([bias] if biases.any() else [])]
    total = rewriter.add("Gemm", *operands, output="" if has_more else y)
    if node.op_type == "LinearSilu":
        rewriter.add("QuickGelu", total, output=y, domain=MICROSOFT, alpha=1.0)
    elif node.op_type == "LinearSigmoid":
        rewriter.add("Sigmoid", total, output=y)
    elif has_more:
        rewriter.add("Add", total, node.input[3], output=y)
