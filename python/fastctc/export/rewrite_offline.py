"""The offline graph, built anew and checked against its original: alone at many lengths, and in a padded batch."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastctc.export.fastconformer import FastConformer
from fastctc.export.graph import Graph, import_onnx
from fastctc.export.offline_graph import build_offline
from fastctc.export.rewrite import (
    LARGEST_DIFFERENCE,
    Features,
    Rewrite,
    difference,
    make_noise,
    refusal,
    save_beside,
)
from fastctc.reference.acoustic_model import open_session
from fastctc.types import SessionOptions

__all__ = ["rewrite_offline"]

NOISE_FRAMES = (1, 2, 9, 100, 1000, 2600)
"""Beside the caller's features: shorter than a chunk, one block of queries, several blocks with their contexts."""
BATCH_FRAMES = (40, 9, 333)
PADDING = 100.0  # its values must not matter
TIMED_FRAMES = 1000
N_TIMED_RUNS = 3
FACTOR = 8


def rewrite_offline(source: Path, graph: Graph, model: FastConformer, features: Sequence[Features]) -> Rewrite:
    """The faster graph of an offline one.

    Args:
        source: Its file.
        graph: What is in the file.
        model: What was read from it.
        features: What to check the new graph on beside noise, cut to the original's position table.

    Raises:
        ModelError: The new one doesn't give the same log-probs.
    """
    options = SessionOptions(intra_op_threads=1)
    n_features, n_frames = model.n_features, 0 if model.position_table is None else (len(model.position_table) + 1) // 2
    longest = FACTOR * (n_frames - 1) if n_frames else None
    built = build_offline(model)
    tried = [entry[:, :longest] for entry in [*features, *(make_noise(n_features, n) for n in NOISE_FRAMES)]]
    original = open_session(source, options)
    expected = [(entry, _log_probs(original, entry)) for entry in tried]
    with tempfile.TemporaryDirectory() as folder:
        candidate = open_session(save_beside(built, folder), options)
        found = max(difference(_log_probs(candidate, entry), values) for entry, values in expected)
        found = max(found, _batch_difference(original, candidate, [make_noise(n_features, n) for n in BATCH_FRAMES]))
        if not found <= LARGEST_DIFFERENCE:
            raise refusal(source, found)
        times_ms = _times_ms((original, candidate), make_noise(n_features, TIMED_FRAMES)[:, :longest])
        import_onnx().load_external_data_for_model(built, folder)
    return Rewrite(built, found, times_ms, len(graph.graph.node), n_frames)


def _log_probs(session: Any, features: Features) -> NDArray[np.float32]:
    [log_probs] = _run(session, features[None], [features.shape[1]])
    return log_probs


def _run(session: Any, features: NDArray[np.float32], lengths: Sequence[int]) -> NDArray[np.float32]:
    feeds = {"audio_signal": np.ascontiguousarray(features), "length": np.array(lengths, np.int64)}
    log_probs: NDArray[np.float32] = session.run(["logprobs"], feeds)[0]
    return log_probs


def _batch_difference(original: Any, candidate: Any, items: Sequence[Features]) -> float:
    """Largest difference of a padded batch to each item alone in the original, which may be wrong in batches."""
    lengths = [item.shape[1] for item in items]
    batch = np.full((len(items), items[0].shape[0], max(lengths)), PADDING, np.float32)
    for row, item in zip(batch, items, strict=True):
        row[:, : item.shape[1]] = item
    alone = [_log_probs(original, item) for item in items]
    together = _run(candidate, batch, lengths)
    return max(difference(found[: len(one)], one) for found, one in zip(together, alone, strict=True))


def _times_ms(sessions: tuple[Any, Any], features: Features) -> tuple[float, float]:
    """Median of some alternate runs of each."""
    times = np.empty((N_TIMED_RUNS, len(sessions)))
    for row in times:
        for i, session in enumerate(sessions):
            start = time.perf_counter()
            _log_probs(session, features)
            row[i] = time.perf_counter() - start
    before, after = 1e3 * np.median(times, axis=0)
    return float(before), float(after)
