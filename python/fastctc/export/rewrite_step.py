"""The graph of a streaming step, or of several chunks at once, built anew and checked against its original."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from fastctc.export.fastconformer import FastConformer
from fastctc.export.graph import Graph, import_onnx
from fastctc.export.rewrite import (
    LARGEST_DIFFERENCE,
    Features,
    Rewrite,
    difference,
    make_noise,
    refusal,
    save_beside,
)
from fastctc.export.streaming_graph import Step, build_step
from fastctc.reference.streaming_model import AcousticStream, StreamingModel

__all__ = ["rewrite_step"]

N_NOISE_FRAMES = 500  # beside the caller's features: every length of a last window, and a full context
N_TIMED_STEPS = 5


def rewrite_step(source: Path, graph: Graph, model: FastConformer, features: Sequence[Features]) -> Rewrite:
    """The faster graph of a cache-aware one.

    Args:
        source: Its file.
        graph: What is in the file.
        model: What was read from it.
        features: What to check the new one on beside noise.

    Raises:
        ModelError: No rewrite of it gives the same log-probs.
    """
    original = StreamingModel(source)
    original.configure()
    tried = [*features, make_noise(original.graph()["n_features"], N_NOISE_FRAMES)]
    expected = [(entry, AcousticStream(original).run(entry)) for entry in tried]
    smallest = float("inf")
    for step in _steps(model, original):
        built = build_step(model, step)
        with tempfile.TemporaryDirectory() as folder:
            candidate = StreamingModel(save_beside(built, folder))
            candidate.configure()
            found = max(difference(AcousticStream(candidate).run(entry), values) for entry, values in expected)
            smallest = min(smallest, found)
            if found <= LARGEST_DIFFERENCE:
                times_ms = _step_ms(original), _step_ms(candidate)
                import_onnx().load_external_data_for_model(built, folder)
                return Rewrite(built, found, times_ms, len(graph.graph.node))
    raise refusal(source, smallest)


def _steps(model: FastConformer, original: StreamingModel) -> Iterator[Step]:
    """The step with every attention chunk that fits it. A step is one chunk, except in graphs for long recordings."""
    geometry = original.configured()
    n_frames = geometry.chunk_frames // geometry.subsampling_factor
    for chunk in range(n_frames, 0, -1):
        if n_frames % chunk == 0 and model.context_frames % chunk == 0:
            yield Step(geometry.window_frames, geometry.chunk_frames, chunk)


def _step_ms(model: StreamingModel) -> float:
    """Median of some steps of one stream."""
    geometry = model.configured()
    window = np.zeros((model.graph()["n_features"], geometry.window_frames), np.float32)
    caches, times = model.zero_caches(), []
    for _ in range(N_TIMED_STEPS):
        start = time.perf_counter()
        _, caches = model.run_graph(window, geometry.window_frames, caches)
        times.append(time.perf_counter() - start)
    return 1e3 * float(np.median(times))
