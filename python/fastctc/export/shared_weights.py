"""One external data file for the weights that several ONNX graphs have in common."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from fastctc.export.graph import import_onnx

if TYPE_CHECKING:
    import onnx

__all__ = ["SharedWeights"]

MINIMUM_BYTES = 256
ALIGNMENT_BYTES = 64
INLINE_FIELDS = ("raw_data", "float_data", "int32_data", "int64_data")


class SharedWeights:
    """A file in which equal tensors are written once, those that it holds already included.

    Tensors are matched by content, large ones of Constant nodes (position tables) included; each starts on a 64-byte
    boundary, so that the file can be mapped.
    """

    def __init__(self, path: Path) -> None:
        self._offsets: dict[bytes, int] = {}
        self.path = path
        if path.exists():
            self._learn(path)
        self._file = path.open("ab")

    def move_weights(self, model: onnx.ModelProto) -> None:
        """Moves a model's weights, all of them in it, to the file, which then holds them; what is small stays."""
        _constants_to_initializers(model.graph)
        for tensor in model.graph.initializer:
            self._move(tensor)
        self._file.flush()

    def close(self) -> None:
        """No more weights."""
        self._file.close()

    def _learn(self, path: Path) -> None:
        held = path.read_bytes()
        for graph in path.parent.glob("*.onnx"):
            for tensor in import_onnx().load(graph, load_external_data=False).graph.initializer:
                place = {entry.key: entry.value for entry in tensor.external_data}
                if place.get("location") == path.name:
                    start, length = int(place["offset"]), int(place["length"])
                    self._offsets[hashlib.sha256(held[start : start + length]).digest()] = start

    def _move(self, tensor: onnx.TensorProto) -> None:
        onnx = import_onnx()
        data = onnx.numpy_helper.to_array(tensor).tobytes()
        if len(data) < MINIMUM_BYTES:
            return
        for field in INLINE_FIELDS:
            tensor.ClearField(field)
        tensor.data_location = onnx.TensorProto.EXTERNAL
        del tensor.external_data[:]
        for key, value in (("location", self.path.name), ("offset", self._offset(data)), ("length", len(data))):
            tensor.external_data.add(key=key, value=str(value))

    def _offset(self, data: bytes) -> int:
        """Where the bytes stand; they are written the first time."""
        key = hashlib.sha256(data).digest()
        if key not in self._offsets:
            self._file.write(bytes(-self._file.tell() % ALIGNMENT_BYTES))
            self._offsets[key] = self._file.tell()
            self._file.write(data)
        return self._offsets[key]


def _constants_to_initializers(graph: onnx.GraphProto) -> None:
    """Makes initializers of large Constant nodes, which can't have external data themselves."""
    to_array = import_onnx().numpy_helper.to_array
    for node in [node for node in graph.node if node.op_type == "Constant"]:
        tensor = next((attribute.t for attribute in node.attribute if attribute.name == "value"), None)
        if tensor is not None and to_array(tensor).nbytes >= MINIMUM_BYTES:
            graph.initializer.add().CopyFrom(tensor)
            graph.initializer[-1].name = node.output[0]
            graph.node.remove(node)
