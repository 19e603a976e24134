"""Puts the weights that several ONNX graphs have in common into one external file.

    python tools/share_weights.py OUT NAME=graph.onnx [NAME=graph.onnx ...]

Writes OUT/NAME.onnx for each, and OUT/weights.bin; to one that is there it appends, so that the graphs already over it
stay as they are. Made models/digits and tests/data/tiny. Needs onnx.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import onnx

from fastctc.export.model_files import WeightsFile, constants_to_initializers

WEIGHTS = "weights.bin"


def main(out: str, *graphs: str) -> None:
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    held = known_weights(folder)
    with (folder / WEIGHTS).open("ab") as file:
        weights = WeightsFile(file, held)
        for entry in graphs:
            name, path = entry.split("=", 1)
            model = onnx.load(path)
            constants_to_initializers(model.graph)
            weights.take(model, WEIGHTS)
            (folder / f"{name}.onnx").write_bytes(model.SerializeToString())


def known_weights(folder: Path) -> dict[bytes, int]:
    """Where the file's weights stand, by their SHA-256, as the graphs over it tell."""
    offsets: dict[bytes, int] = {}
    held = (folder / WEIGHTS).read_bytes() if (folder / WEIGHTS).exists() else b""
    for path in folder.glob("*.onnx"):
        for tensor in onnx.load(path, load_external_data=False).graph.initializer:
            place = {entry.key: entry.value for entry in tensor.external_data}
            if place.get("location") == WEIGHTS:
                start, length = int(place["offset"]), int(place["length"])
                offsets[hashlib.sha256(held[start : start + length]).digest()] = start
    return offsets


if __name__ == "__main__":
    main(*sys.argv[1:])
