"""An ONNX graph for matching and rewriting: which nodes make and read each tensor, and which are constant."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastctc.errors import ModelError, ModelNotFoundError

if TYPE_CHECKING:
    import onnx


MICROSOFT = "com.microsoft"
"""The domain of ONNX Runtime's own operators; every build of it has them for the CPU."""


def import_onnx() -> Any:
    """The package onnx, which fastctc needs here only."""
    try:
        import onnx
    except ImportError as error:
        raise ImportError("Rewriting a graph takes the package onnx: pip install fastctc[export].") from error
    return onnx


class Graph:
    """A model's main graph: which nodes make and read each tensor."""

    def __init__(self, model: onnx.ModelProto, folder: Path) -> None:
        self.model = model
        self.graph = model.graph
        self.folder = folder
        self.initializers = {tensor.name: tensor for tensor in self.graph.initializer}
        self.producers = {name: node for node in self.graph.node for name in node.output if name}
        self._readers: dict[str, list[onnx.NodeProto]] = {}
        for node in self.graph.node:
            for name in sorted(set(inputs_of(node))):
                self._readers.setdefault(name, []).append(node)

    @property
    def opset(self) -> int:
        """Version of ONNX's own operators."""
        return next((int(entry.version) for entry in self.model.opset_import if entry.domain in ("", "ai.onnx")), 0)

    def readers(self, name: str) -> list[onnx.NodeProto]:
        """Nodes that read a tensor, also in their subgraphs."""
        return self._readers.get(name, [])

    def constant(self, name: str) -> NDArray[Any] | None:
        """The value of an initializer or a Constant; None for other tensors."""
        helper = import_onnx().numpy_helper
        tensor = self.initializers.get(name)
        node = self.producers.get(name)
        if node is not None and node.op_type == "Identity":
            return self.constant(node.input[0])
        if node is not None and node.op_type == "Constant":
            (attribute,) = node.attribute
            if attribute.name != "value":
                return np.asarray(import_onnx().helper.get_attribute_value(attribute))
            tensor = attribute.t
        if tensor is None:
            return None
        try:
            return np.asarray(helper.to_array(tensor, base_dir=os.fspath(self.folder)))
        except FileNotFoundError as error:
            raise ModelNotFoundError(f"The file with the weights of {name} is missing: {error}") from error
        except Exception as error:  # onnx checks paths and sizes with errors of its own
            raise ModelError(f"The weights of {name} can't be read: {error}") from error


def load_graph(path: str | os.PathLike[str]) -> Graph:
    """The graph in a file, its external weights left where they are until they are read.

    Raises:
        ModelNotFoundError: There is no such file.
        ModelError: It is no ONNX graph.
        ImportError: The package onnx isn't installed.
    """
    onnx = import_onnx()
    path = Path(path)
    try:
        model = onnx.load(os.fspath(path), load_external_data=False)
    except FileNotFoundError as error:
        raise ModelNotFoundError(f"There is no model at {path}.") from error
    except Exception as error:  # protobuf's own errors, and the operating system's
        raise ModelError(f"The model {path} can't be read: {error}") from error
    return Graph(model, path.parent)


def weights_of(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """The initializers of a graph and of the branches in it."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            for subgraph in (attribute.g, *attribute.graphs):
                yield from weights_of(subgraph)


def nodes_of(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """The nodes of a graph and of the branches in it."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for subgraph in (attribute.g, *attribute.graphs):
                yield from nodes_of(subgraph)


def inputs_of(node: Any) -> Iterator[str]:
    """Tensors that a node reads, and that its subgraphs read from outside."""
    yield from (name for name in node.input if name)
    for attribute in node.attribute:
        for subgraph in [attribute.g, *attribute.graphs]:
            for inner in subgraph.node:
                yield from inputs_of(inner)
            yield from (value.name for value in subgraph.output)


def unknown_form(what: str) -> ModelError:
    """The error for a graph that doesn't match."""
    return ModelError(
        f"It isn't a FastConformer-CTC in the form that is known here: {what}. It takes an export of NeMo in float, "
        "before any quantisation."
    )
