"""Weights stored as float16. ONNX Runtime widens them once, when it opens the graph: half the file, the same speed."""

from __future__ import annotations

import numpy as np

from fastctc.export.graph import Graph, import_onnx
from fastctc.export.rewriter import Rewriter

__all__ = ["weights_in_half"]

SMALLEST_SIZE = 256
"""Values of a tensor: below, nothing is saved."""
LARGEST = 65504.0  # float16


def weights_in_half(graph: Graph) -> Rewriter:
    """Puts float16 weights, widened by a node, in place of all float32 ones that fit."""
    onnx = import_onnx()
    rewriter = Rewriter(graph, "half")
    if not graph.graph.node:
        return rewriter
    rewriter.stand_before(graph.graph.node[0])
    for name, tensor in list(graph.initializers.items()):
        if tensor.data_type != onnx.TensorProto.FLOAT or np.prod(tensor.dims) < SMALLEST_SIZE:
            continue
        value = graph.constant(name)
        if value is not None and np.abs(value).max() <= LARGEST:
            half = rewriter.constant(value.astype(np.float16))
            rewriter.add("Cast", half, output=name, to=onnx.TensorProto.FLOAT)
    return rewriter
