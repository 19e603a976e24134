"""Replaces nodes of a graph by others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastctc.export.graph import MICROSOFT, Graph, import_onnx, inputs_of
from fastctc.export.operators import keep_used_functions

if TYPE_CHECKING:
    import onnx

__all__ = ["Rewriter"]


class Rewriter:
    """Replacements of nodes; the graph itself stays as it is."""

    def __init__(self, graph: Graph, prefix: str) -> None:
        """prefix: starts the name of everything new."""
        self._graph = graph
        self._prefix = prefix
        self._before: dict[str, list[onnx.NodeProto]] = {}  # by the first output of the node that follows them
        self._removed: set[str] = set()
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._place = ""
        self._n_nodes = 0

    def replace(self, node: onnx.NodeProto, others: Iterable[onnx.NodeProto] = ()) -> None:
        """Removes nodes. Nodes added from now on take the place of the first."""
        self.stand_before(node)
        self._removed |= {entry.output[0] for entry in (node, *others)}

    def stand_before(self, node: onnx.NodeProto) -> None:
        """Puts nodes added from now on before this node."""
        self._place = node.output[0]

    def constant(self, values: NDArray[Any] | np.generic) -> str:
        """The name of an initializer with these values."""
        values = np.asarray(values, order="C")
        key = (values.dtype.str, values.shape, values.tobytes())
        return self._constants.setdefault(key, f"{self._prefix}_constant_{len(self._constants)}")

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Adds a node of one output; returns the output's name."""
        self._n_nodes += 1
        name = f"{self._prefix}_{operator}_{self._n_nodes}"
        node = import_onnx().helper.make_node(operator, inputs, [output or name], name, **attributes)
        self._before.setdefault(self._place, []).append(node)
        return output or name

    def model(self, metadata: dict[str, str] | None = None) -> onnx.ModelProto:
        """A new model. New weights are in it; old weights that are still read stay in their file."""
        onnx = import_onnx()
        model = onnx.ModelProto()
        model.CopyFrom(self._graph.model)
        del model.graph.node[:]
        for node in self._graph.graph.node:
            model.graph.node.extend(self._before.get(node.output[0], ()))
            if node.output[0] not in self._removed:
                model.graph.node.append(node)
        self._fill(model)
        if all(entry.domain != MICROSOFT for entry in model.opset_import):
            model.opset_import.append(onnx.helper.make_opsetid(MICROSOFT, 1))
        keep_used_functions(model)
        for key, value in (metadata or {}).items():
            model.metadata_props.add(key=key, value=value)
        return model

    def _fill(self, model: onnx.ModelProto) -> None:
        helper = import_onnx().numpy_helper
        read = {name for node in model.graph.node for name in inputs_of(node)}
        read |= {value.name for value in model.graph.output}
        read -= {name for node in model.graph.node for name in node.output}
        kept = [tensor for tensor in model.graph.initializer if tensor.name in read]
        del model.graph.initializer[:]
        model.graph.initializer.extend(kept)
        for (kind, shape, raw), name in self._constants.items():
            if name in read:
                value = np.frombuffer(raw, np.dtype(kind)).reshape(shape)
                model.graph.initializer.append(helper.from_array(value, name))
