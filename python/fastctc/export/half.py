"""Weights stored as float16. ONNX Runtime widens them once, when it opens the graph: half the file, the same speed."""

from __future__ import annotations

import numpy as np

from fastctc.export.graph import Graph, import_onnx
from fastctc.export.rewriter import Rewriter

__all__ = ["weights_in_half"]

SMALLEST_SIZE = 256
"""Values of a tensor; smaller tensors would save nothing."""
LARGEST = 65504.0  # float16


def weights_in_half(graph: Graph) -> Rewriter:
    """Replaces float32 weights that fit float16's range by float16 ones and a node that widens them."""
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
