"""Writes an ONNX graph node by node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastctc.export.graph import import_onnx

if TYPE_CHECKING:
    import onnx

__all__ = ["MICROSOFT", "GraphBuilder"]

MICROSOFT = "com.microsoft"
"""The domain of ONNX Runtime's own operators; every build of it has them for the CPU."""
OPSET = 17  # LayerNormalization
IR_VERSION = 8


class GraphBuilder:
    """Nodes and constants of a graph; equal constants are one."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._renamed: dict[str, str] = {}

    def constant(self, values: NDArray[Any]) -> str:
        """The name of an initializer with these values."""
        values = np.ascontiguousarray(values)
        key = (values.dtype.str, values.shape, values.tobytes())
        return self._constants.setdefault(key, f"constant_{len(self._constants)}")

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
        name = f"{operator}_{len(self._nodes)}"
        outputs = [name] if n_outputs == 1 else [f"{name}_{i}" for i in range(n_outputs)]
        self._nodes.append(import_onnx().helper.make_node(operator, inputs, outputs, name, **attributes))
        return outputs

    def rename(self, name: str, new: str) -> None:
        """Gives a tensor the name that an output of the graph has."""
        self._renamed[name] = new

    def model(self, name: str, inputs: list[Any], outputs: list[Any], metadata: dict[str, str]) -> onnx.ModelProto:
        """The whole model; weights are in it."""
        helper = import_onnx().helper
        for node in self._nodes:
            for names in (node.input, node.output):
                names[:] = [self._renamed.get(entry, entry) for entry in names]
        initializers = [
            helper.make_tensor(entry, helper.np_dtype_to_tensor_dtype(np.dtype(kind)), shape, raw, raw=True)
            for (kind, shape, raw), entry in self._constants.items()
        ]
        model = helper.make_model(
            helper.make_graph(self._nodes, name, inputs, outputs, initializers),
            opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)],
            ir_version=IR_VERSION,
            producer_name="fastctc",
        )
        for key, value in metadata.items():
            model.metadata_props.add(key=key, value=value)
        return model
