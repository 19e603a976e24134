"""Makes the cache-aware graphs of a model directory faster: same log-probs, checked before anything is replaced.

Each graph for live streams and for long recordings is read (`fastconformer`), built anew (`streaming_graph`), and run
beside the original over the caller's features and over noise. New graphs share one file of weights. The manifest names
them; the originals stay where they are, and `original_graphs` names them.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastctc.errors import ModelError, OutputError
from fastctc.export.fastconformer import FastConformer, load_graph, read_fastconformer
from fastctc.export.graph import import_onnx
from fastctc.export.model_files import read_manifest, write_graphs
from fastctc.export.streaming_graph import Step, build_step
from fastctc.reference.graph_files import find_graphs
from fastctc.reference.streaming_model import AcousticStream, StreamingModel

if TYPE_CHECKING:
    import onnx

__all__ = ["OptimizedGraph", "optimize_directory", "optimize_graph"]

Features = NDArray[np.float32]
Report = Callable[["OptimizedGraph"], None]

LARGEST_DIFFERENCE = 1e-4
"""In log-prob, between the two graphs."""
N_NOISE_FRAMES = 500  # beside the caller's features: every length of a last window, and a full context
N_TIMED_STEPS = 5


@dataclass(frozen=True)
class OptimizedGraph:
    """A graph of the directory, before and after."""

    name: str  # as in the manifest's graphs
    source: Path
    target: Path
    n_nodes: tuple[int, int]
    step_ms: tuple[float, float]
    """One step of one stream, in ONNX Runtime on one thread."""
    largest_difference: float
    """In log-prob, over all features that were tried."""


def optimize_graph(source: str | os.PathLike[str], features: Sequence[Features] = ()) -> onnx.ModelProto:
    """The faster graph of a cache-aware one, checked against it; its weights are in it.

    Args:
        source: An ONNX file that NeMo exported with cache_support.
        features: What to check it on beside noise, each float32 [n_features, n_frames].

    Raises:
        ModelNotFoundError: The file is not there.
        ModelError: It isn't a model that is known here, or no rewrite of it gives the same log-probs.
        ImportError: The package onnx isn't installed.
    """
    return _optimize(Path(source), features)[0]


def optimize_directory(
    directory: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    *,
    features: Sequence[Features] = (),
    on_graph: Report | None = None,
) -> list[OptimizedGraph]:
    """Optimizes every cache-aware graph of a model directory.

    Args:
        directory: The model directory.
        output: A directory to be made, a copy with the new graphs; None: the directory itself gets them.
        features: What to check the graphs on beside noise, each float32 [n_features, n_frames] as the model's own
            front end gives them.
        on_graph: Called after each graph.

    Returns:
        What was done, in the manifest's order.

    Raises:
        ModelNotFoundError: The directory, or a file of it, is not there.
        ModelError: It has no cache-aware graph, or one that can't be rewritten; nothing is changed then.
        OutputError: The files can't be written, or the output is there already.
        ImportError: The package onnx isn't installed.
    """
    source = Path(directory)
    manifest = read_manifest(source)
    graphs = _find_graphs(source, manifest)
    offline = graphs.pop("offline", None)
    if not graphs:
        raise ModelError(f"{source} holds no cache-aware graph, and only these can be optimized.")
    if output is not None and Path(output).exists():
        raise OutputError(f"{output} is there already. Name a directory that is to be made.")
    results, models = [], {}
    for name, path in graphs.items():
        target = path.with_name(f"{path.stem}.optimized.onnx")
        model, (difference, times, n_nodes) = _optimize(path, features)
        result = OptimizedGraph(name, path, target, (n_nodes, len(model.graph.node)), times, difference)
        models[target.name] = model
        results.append(result)
        if on_graph is not None:
            on_graph(result)
    # All of them: what a manifest doesn't name is not looked for.
    named = {} if offline is None else {"offline": offline.name}
    named |= {result.name: result.target.name for result in results}
    originals = {result.name: result.source.name for result in results}
    manifest = {"fastctc": 1, **manifest, "graphs": named, "original_graphs": originals}
    try:
        target_folder = source if output is None else Path(shutil.copytree(source, output))
        write_graphs(target_folder, models.items(), manifest, "optimized")
    except OSError as error:
        raise OutputError(f"The optimized graphs can't be written: {error}") from error
    return results


def _find_graphs(directory: Path, manifest: Mapping[str, Any]) -> dict[str, Path]:
    """Files by their names in the manifest, the originals where graphs were optimized before."""
    graphs = {**manifest.get("graphs", {}), **manifest.get("original_graphs", {})}
    files = find_graphs(directory, None, {**manifest, "graphs": graphs})
    found = {f"streaming_{latency_ms}ms": path for latency_ms, path in sorted(files.streaming.items())}
    found |= {name: path for name, path in (("offline", files.offline), ("long_form", files.long_form)) if path}
    return found


def _optimize(
    source: Path, features: Sequence[Features]
) -> tuple[onnx.ModelProto, tuple[float, tuple[float, float], int]]:
    """The graph; the largest difference, ms a step before and after, nodes before."""
    onnx = import_onnx()
    graph = load_graph(source)
    try:
        model = read_fastconformer(graph)
    except ModelError as error:
        raise ModelError(f"The model {source} can't be optimized. {error}") from error
    original = StreamingModel(source)
    original.configure()
    noise = np.random.default_rng(0).standard_normal((original.graph()["n_features"], N_NOISE_FRAMES)) * 3 - 5
    tried = [*features, noise.astype(np.float32)]
    expected = [_log_probs(original, entry) for entry in tried]
    smallest = float("inf")
    for step in _steps(model, original):
        built = build_step(model, step)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "step.onnx")
            # In files, as 2 GB is the most that a model in memory may hold; that moves its weights there and back.
            onnx.save(built, os.fspath(path), save_as_external_data=True, location="step.bin")
            candidate = StreamingModel(path)
            candidate.configure()
            difference = max(
                _difference(_log_probs(candidate, entry), log_probs)
                for entry, log_probs in zip(tried, expected, strict=True)
            )
            smallest = min(smallest, difference)
            if difference <= LARGEST_DIFFERENCE:
                times = _step_ms(original), _step_ms(candidate)
                onnx.load_external_data_for_model(built, folder)
                return built, (difference, times, len(graph.graph.node))
    raise ModelError(
        f"The model {source} can't be optimized: the log-probs of the graph made from it differ by {smallest:.2g}, "
        f"more than {LARGEST_DIFFERENCE:g}. It isn't the architecture that its names tell; keep it as it is."
    )


def _steps(model: FastConformer, original: StreamingModel) -> Iterator[Step]:
    """The step with every chunk of attention that fits it; a step is one chunk, but in graphs for long recordings."""
    geometry = original.configured()
    n_frames = geometry.chunk_frames // geometry.subsampling_factor
    for chunk in range(n_frames, 0, -1):
        if n_frames % chunk == 0 and model.context_frames % chunk == 0:
            yield Step(geometry.window_frames, geometry.chunk_frames, chunk)


def _log_probs(model: StreamingModel, features: Features) -> NDArray[np.float32]:
    stream = AcousticStream(model)
    stream.push(features)
    stream.finish()
    while not stream.done:
        stream.step()
    return stream.take()


def _difference(found: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    return float(np.abs(found - expected).max(initial=0)) if found.shape == expected.shape else float("inf")


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
