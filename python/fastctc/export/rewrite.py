"""A new graph, with measurements beside its original."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastctc.errors import ModelError
from fastctc.export.graph import import_onnx

if TYPE_CHECKING:
    import onnx

__all__ = ["LARGEST_DIFFERENCE", "Features", "Rewrite", "difference", "make_noise", "refusal", "save_beside"]

Features = NDArray[np.float32]
"""[n_features, n_frames]"""

LARGEST_DIFFERENCE = 1e-4
"""Largest difference of log-probs between the two graphs."""


class Rewrite(NamedTuple):
    """The new graph, its weights in it."""

    model: onnx.ModelProto
    largest_difference: float
    times_ms: tuple[float, float]
    """Before and after: one step of one stream, or 10 s of audio offline, on one thread."""
    n_nodes: int  # before
    max_encoder_frames: int = 0
    """Output frames that the original's position table covers; 0: no limit."""


def make_noise(n_features: int, n_frames: int) -> Features:
    """Seeded noise with about the level of log-mel features."""
    noise = np.random.default_rng(n_frames).standard_normal((n_features, n_frames)) * 3 - 5
    return noise.astype(np.float32)


def difference(found: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    """The largest difference; infinite if the shapes differ."""
    return float(np.abs(found - expected).max(initial=0)) if found.shape == expected.shape else float("inf")


def save_beside(model: onnx.ModelProto, folder: str) -> Path:
    """Writes the model for a session; `load_external_data_for_model` brings back its weights, which this moves out."""
    path = Path(folder, "graph.onnx")
    # In files, because a model in memory may hold 2 GB at most.
    import_onnx().save(model, os.fspath(path), save_as_external_data=True, location="graph.bin")
    return path


def refusal(source: Path, found: float) -> ModelError:
    """The error for a graph with different log-probs."""
    return ModelError(
        f"The model {source} can't be optimized: the log-probs of the graph made from it differ by {found:.2g}, "
        f"more than {LARGEST_DIFFERENCE:g}. It isn't the architecture that its names tell; keep it as it is."
    )
