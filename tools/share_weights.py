"""Puts the weights that several ONNX graphs have in common into one external file.

    python tools/share_weights.py OUT NAME=graph.onnx [NAME=graph.onnx ...]

Writes OUT/NAME.onnx for each, and OUT/weights.bin. Tensors are matched by content; each starts on a 64-byte boundary,
so that the file can be mapped. Made models/digits and tests/data/tiny. Needs onnx.
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
    """An external data file in which equal tensors are written once."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._offsets: dict[bytes, int] = {}
        self.name = path.name

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


def main(out: str, *graphs: str) -> None:
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    weights = SharedWeights(folder / "weights.bin")
    for entry in graphs:
        name, path = entry.split("=", 1)
        model = onnx.load(path)
        for tensor in model.graph.initializer:
            externalise(tensor, weights)
        (folder / f"{name}.onnx").write_bytes(model.SerializeToString())
    weights.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
