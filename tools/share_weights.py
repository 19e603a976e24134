"""Puts the weights that several ONNX graphs have in common into one external file.

    python tools/share_weights.py OUT NAME=graph.onnx [NAME=graph.onnx ...]

Writes OUT/NAME.onnx for each, and OUT/weights.bin; to one that is there it appends, so that the graphs already over it
stay as they are. Tensors are matched by content, large ones of Constant nodes (position tables) included; each starts
on a 64-byte boundary, so that the file can be mapped. Made models/digits and tests/data/tiny. Needs onnx.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import onnx
from onnx import numpy_helper

MINIMUM_BYTES = 256
ALIGNMENT_BYTES = 64
INLINE_FIELDS = ("raw_data", "float_data", "int32_data", "int64_data")


class SharedWeights:
    """An external data file in which equal tensors are written once, those that it holds already included."""

    def __init__(self, path: Path) -> None:
        self._offsets: dict[bytes, int] = {}
        self.name = path.name
        if path.exists():
            self._learn(path)
        self._file = path.open("ab")

    def _learn(self, path: Path) -> None:
        held = path.read_bytes()
        for graph in path.parent.glob("*.onnx"):
            for tensor in onnx.load(graph, load_external_data=False).graph.initializer:
                place = {entry.key: entry.value for entry in tensor.external_data}
                if place.get("location") == path.name:
                    start, length = int(place["offset"]), int(place["length"])
                    self._offsets[hashlib.sha256(held[start : start + length]).digest()] = start

    def offset(self, data: bytes) -> int:
        """Where the bytes stand; they are written the first time."""
        key = hashlib.sha256(data).digest()
        if key not in self._offsets:
            self._file.write(b"\0" * (-self._file.tell() % ALIGNMENT_BYTES))
            self._offsets[key] = self._file.tell()
            self._file.write(data)
        return self._offsets[key]

    def close(self) -> None:
        """Flushes the file."""
        self._file.close()


def externalise(tensor: onnx.TensorProto, weights: SharedWeights) -> None:
    """Moves a tensor's values out of the graph; small ones stay."""
    data = numpy_helper.to_array(tensor).tobytes()
    if len(data) < MINIMUM_BYTES:
        return
    for field in INLINE_FIELDS:
        tensor.ClearField(field)
    tensor.data_location = onnx.TensorProto.EXTERNAL
    del tensor.external_data[:]
    for key, value in (("location", weights.name), ("offset", weights.offset(data)), ("length", len(data))):
        tensor.external_data.add(key=key, value=str(value))


def constants_to_initializers(graph: onnx.GraphProto) -> None:
    """Makes initializers of large Constant nodes, which can't have external data themselves."""
    for node in [node for node in graph.node if node.op_type == "Constant"]:
        tensor = next((attribute.t for attribute in node.attribute if attribute.name == "value"), None)
        if tensor is not None and numpy_helper.to_array(tensor).nbytes >= MINIMUM_BYTES:
            graph.initializer.add().CopyFrom(tensor)
            graph.initializer[-1].name = node.output[0]
            graph.node.remove(node)


def main(out: str, *graphs: str) -> None:
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    weights = SharedWeights(folder / "weights.bin")
    for entry in graphs:
        name, path = entry.split("=", 1)
        model = onnx.load(path)
        constants_to_initializers(model.graph)
        for tensor in model.graph.initializer:
            externalise(tensor, weights)
        (folder / f"{name}.onnx").write_bytes(model.SerializeToString())
    weights.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
