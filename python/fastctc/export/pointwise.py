"""Convolutions of one tap over time, as matrix products: ONNX Runtime has fast integer kernels for products only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastctc.export.graph import Graph
from fastctc.export.rewriter import Rewriter

if TYPE_CHECKING:
    import onnx

__all__ = ["pointwise_as_products"]

TIME_LAST = [0, 2, 1]  # [batch, channels, time] to [batch, time, channels], and back


def pointwise_as_products(graph: Graph) -> Rewriter:
    """Replaces every convolution of one tap over [batch, channels, time] by Transpose, MatMul, Add, Transpose.

    ONNX Runtime cancels the transposes that meet.

    Raises:
        ModelError: Weights can't be read.
        ModelNotFoundError: Their file is missing.
    """
    rewriter = Rewriter(graph, "pointwise")
    for node in graph.graph.node:
        if not _is_pointwise(graph, node):
            continue
        weight = graph.constant(node.input[1])
        bias = graph.constant(node.input[2]) if len(node.input) > 2 else None
        if weight is None or weight.dtype != np.float32 or (bias is None and len(node.input) > 2):
            continue
        rewriter.replace(node)
        x = rewriter.add("Transpose", node.input[0], perm=TIME_LAST)
        x = rewriter.add("MatMul", x, rewriter.constant(weight[:, :, 0].T))
        if bias is not None:
            x = rewriter.add("Add", x, rewriter.constant(bias))
        rewriter.add("Transpose", x, output=node.output[0], perm=TIME_LAST)
    return rewriter


def _is_pointwise(graph: Graph, node: onnx.NodeProto) -> bool:
    """Whether it has one tap and one group, pads and skips nothing, and runs over time, not over images."""
    if node.op_type != "Conv" or node.domain:
        return False
    tensor = graph.initializers.get(node.input[1])
    if tensor is None or len(tensor.dims) != 3 or tensor.dims[2] != 1:
        return False
    attributes = {attribute.name: attribute for attribute in node.attribute}
    group = attributes["group"].i if "group" in attributes else 1
    is_padded = "pads" in attributes and any(attributes["pads"].ints)
    is_strided = "strides" in attributes and any(step != 1 for step in attributes["strides"].ints)
    return group == 1 and not is_padded and not is_strided
