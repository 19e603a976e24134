"""Writes an ONNX graph node by node."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastctc.export.graph import MICROSOFT, import_onnx
from fastctc.export.operators import keep_used_functions

if TYPE_CHECKING:
    import onnx

__all__ = ["OPSET", "GraphBuilder"]

OPSET = 17  # LayerNormalization
IR_VERSION = 8


class GraphBuilder:
    """Nodes and constants of a graph; equal constants are stored once."""

    def __init__(self) -> None:
        """Whether our own operators may be used; the model then gets their functions."""
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._renamed: dict[str, str] = {}
        self._untyped: list[str] = []  # outputs of operators that only ONNX Runtime knows, all float32
        self._prefix = ""

    def constant(self, values: NDArray[Any]) -> str:
        """The name of an initializer with these values."""
        key = (values.dtype.str, values.shape, values.tobytes())
        return self._constants.setdefault(key, f"{self._prefix}constant_{len(self._constants)}")

    def integers(self, values: Any) -> str:
        """An int64 initializer."""
        return self.constant(np.asarray(values, np.int64))

    def floats(self, values: Any) -> str:
        """A float32 initializer."""
        return self.constant(np.asarray(values, np.float32))

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Adds a node of one output; returns the output's name."""
        [name] = self.add_many(operator, 1, *inputs, **attributes)
        return name

    def add_many(self, operator: str, n_outputs: int, *inputs: str, **attributes: Any) -> list[str]:
        """Adds a node of several outputs; returns their names."""
        name = f"{self._prefix}{operator}_{len(self._nodes)}"
        outputs = [name] if n_outputs == 1 else [f"{name}_{i}" for i in range(n_outputs)]
        self._nodes.append(import_onnx().helper.make_node(operator, inputs, outputs, name, **attributes))
        if attributes.get("domain") == MICROSOFT:
            self._untyped += outputs
        return outputs

    def choose(self, condition: str, then: Callable[[], str], otherwise: Callable[[], str]) -> str:
        """Adds an If of one output; each function adds the nodes of its branch, which may read tensors from outside.

        A branch has constants of its own: ONNX Runtime doesn't change the layout of weights outside it.
        """
        outside, branches = (self._nodes, self._constants), {}
        for name, make in (("then_branch", then), ("else_branch", otherwise)):
            self._nodes, self._constants, self._prefix = [], {}, f"{name}_"
            output = import_onnx().ValueInfoProto(name=make())
            branches[name] = import_onnx().helper.make_graph(self._nodes, name, [], [output], self._initializers())
        (self._nodes, self._constants), self._prefix = outside, ""
        return self.add("If", condition, **branches)

    def rename(self, name: str, new: str) -> None:
        """Gives a tensor the name of an output of the graph."""
        self._renamed[name] = new

    def model(self, name: str, inputs: list[Any], outputs: list[Any], metadata: dict[str, str]) -> onnx.ModelProto:
        """The whole model; weights are in it."""
        helper = import_onnx().helper
        for node in self._nodes:
            for names in (node.input, node.output):
                names[:] = [self._renamed.get(entry, entry) for entry in names]
        types = [helper.make_tensor_value_info(entry, import_onnx().TensorProto.FLOAT, None) for entry in self._untyped]
        model = helper.make_model(
            helper.make_graph(self._nodes, name, inputs, outputs, self._initializers(), value_info=types),
            opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)],
            ir_version=IR_VERSION,
            producer_name="fastctc",
        )
        keep_used_functions(model)
        for key, value in metadata.items():
            model.metadata_props.add(key=key, value=value)
        return model

    def _initializers(self) -> list[onnx.TensorProto]:
        helper = import_onnx().helper
        return [
            helper.make_tensor(entry, helper.np_dtype_to_tensor_dtype(np.dtype(kind)), shape, raw, raw=True)
            for (kind, shape, raw), entry in self._constants.items()
        ]
