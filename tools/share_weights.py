"""Puts the weights that several ONNX graphs have in common into one external file.

    python tools/share_weights.py OUT NAME=graph.onnx [NAME=graph.onnx ...]

Writes OUT/NAME.onnx for each, and OUT/weights.bin; to one that is there it appends, so that the graphs already over it
stay as they are. Made models/digits and tests/data/tiny. Needs onnx.
"""

from __future__ import annotations

import sys
from pathlib import Path

import onnx

from fastctc.export.shared_weights import SharedWeights


def main(out: str, *graphs: str) -> None:
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    weights = SharedWeights(folder / "weights.bin")
    for entry in graphs:
        name, path = entry.split("=", 1)
        model = onnx.load(path)
        weights.move_weights(model)
        (folder / f"{name}.onnx").write_bytes(model.SerializeToString())
    weights.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
