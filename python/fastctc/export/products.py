"""Finds the products of a graph with constant weights: our own, and MatMul and Gemm with the bias added after them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fastctc.export.graph import Graph
from fastctc.export.operators import DOMAIN, LINEAR
from fastctc.reference.operators import unpack_panels

if TYPE_CHECKING:
    import onnx

__all__ = ["Product", "find_products"]

SMALLEST_SIDE = 32
"""Values of a weight matrix; smaller products gain nothing from another form."""


@dataclass(frozen=True)
class Product:
    """y = x weight + bias, with its node, and the node that adds the bias if it is a separate one."""

    node: onnx.NodeProto
    addition: onnx.NodeProto | None
    bias: NDArray[np.float32] | None  # [n_outputs]
    key: str
    """Key of the weights' content: equal for the same product in another graph of the model."""
    read: Callable[[], NDArray[np.float32]]
    """Reads the weights [n_inputs, n_outputs]. They are not kept: a model has hundreds of megabytes of them."""

    @property
    def input(self) -> str:
        """The tensor that is multiplied."""
        return self.node.input[0]

    @property
    def output(self) -> str:
        """The result, with the bias if one is added."""
        return (self.addition or self.node).output[0]


def find_products(graph: Graph) -> list[Product]:
    """In the order of the graph.

    Raises:
        ModelError: Weights can't be read.
        ModelNotFoundError: Their file is missing.
    """
    outputs = {value.name for value in graph.graph.output}
    found = []
    for node in graph.graph.node:
        if node.domain == DOMAIN and node.op_type in LINEAR:
            product = _linear(graph, node)
            found += [product] if product is not None else []
        if node.domain == "" and node.op_type in ("MatMul", "Gemm") and graph.constant(node.input[0]) is None:
            product = _gemm(graph, node) if node.op_type == "Gemm" else _matmul(graph, node, outputs)
            found += [product] if product is not None else []
    return found


def _matrix(graph: Graph, name: str) -> NDArray[np.float32] | None:
    """A constant matrix, also behind a Transpose; None for other tensors and for small ones."""
    node = graph.producers.get(name)
    if node is not None and node.op_type == "Transpose":
        turned = _matrix(graph, node.input[0])
        return None if turned is None else np.ascontiguousarray(turned.T)
    tensor = graph.initializers.get(name)
    if tensor is not None and len(tensor.dims) != 2:
        return None
    value = graph.constant(name)
    is_matrix = value is not None and value.dtype == np.float32 and value.ndim == 2
    return value if value is not None and is_matrix and min(value.shape) >= SMALLEST_SIDE else None


def _key(weight: NDArray[np.float32]) -> str:
    return hashlib.sha256(repr(weight.shape).encode() + weight.tobytes()).hexdigest()[:16]


def _matmul(graph: Graph, node: onnx.NodeProto, outputs: set[str]) -> Product | None:
    name = node.input[1]
    weight = _matrix(graph, name)
    if weight is None:
        return None

    def read() -> NDArray[np.float32]:
        return np.asarray(_matrix(graph, name))

    readers = graph.readers(node.output[0])
    if len(readers) == 1 and readers[0].op_type == "Add" and node.output[0] not in outputs:
        others = [entry for entry in readers[0].input if entry != node.output[0]]
        bias = graph.constant(others[0]) if others else None
        if bias is not None and bias.dtype == np.float32 and bias.shape == (weight.shape[1],):
            return Product(node, readers[0], bias, _key(weight), read)
    return Product(node, None, None, _key(weight), read)


def _linear(graph: Graph, node: onnx.NodeProto) -> Product | None:
    """Of an optimized graph."""
    panels, bias = graph.constant(node.input[1]), graph.constant(node.input[2])
    if panels is None or bias is None:
        return None
    n_outputs = len(bias)

    def read() -> NDArray[np.float32]:
        return unpack_panels(np.asarray(graph.constant(node.input[1])), n_outputs)

    weight = unpack_panels(panels, n_outputs)
    return Product(node, None, bias, _key(weight), read) if min(weight.shape) >= SMALLEST_SIDE else None


def _gemm(graph: Graph, node: onnx.NodeProto) -> Product | None:
    attributes = {entry.name: entry.f if entry.type == entry.FLOAT else entry.i for entry in node.attribute}
    is_plain = attributes.get("transA", 0) == 0 and attributes.get("alpha", 1) == 1 and attributes.get("beta", 1) == 1
    name, is_turned = node.input[1], bool(attributes.get("transB", 0))

    def read() -> NDArray[np.float32]:
        weight = np.asarray(_matrix(graph, name))
        return np.ascontiguousarray(weight.T) if is_turned else weight

    if not is_plain or _matrix(graph, name) is None:
        return None
    weight = read()
    if len(node.input) < 3 or not node.input[2]:
        return Product(node, None, None, _key(weight), read)
    bias = graph.constant(node.input[2])
    is_bias = bias is not None and bias.dtype == np.float32 and bias.shape == (weight.shape[1],)
    return Product(node, None, bias, _key(weight), read) if is_bias else None
