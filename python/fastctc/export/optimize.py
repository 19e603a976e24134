"""Makes the graphs of a model directory faster: same log-probs, checked before anything is replaced.

Each graph is read (`fastconformer`), built anew (`offline_graph`, `streaming_graph`), and run beside the original over
the caller's features and over noise. New graphs share one file of weights. The manifest names them; the originals stay
where they are, and `original_graphs` names them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fastctc.errors import ModelError, OptionError
from fastctc.export.fastconformer import read_fastconformer
from fastctc.export.graph import load_graph
from fastctc.export.model_files import check_output, graphs_by_name, read_manifest, write_directory
from fastctc.export.rewrite import Features, Rewrite
from fastctc.export.rewrite_offline import rewrite_offline
from fastctc.export.rewrite_step import rewrite_step

if TYPE_CHECKING:
    import onnx

__all__ = ["OptimizedGraph", "optimize_directory", "optimize_graph"]

Report = Callable[["OptimizedGraph"], None]


@dataclass(frozen=True)
class OptimizedGraph:
    """A graph of the directory, before and after."""

    name: str  # as in the manifest's graphs
    source: Path
    target: Path
    n_nodes: tuple[int, int]
    times_ms: tuple[float, float]
    """Before and after: one step of one stream, or 10 s of audio offline, in ONNX Runtime on one thread."""
    largest_difference: float
    """Largest difference of log-probs over all features tried."""


def optimize_graph(source: str | os.PathLike[str], features: Sequence[Features] = ()) -> onnx.ModelProto:
    """The faster graph of an offline or cache-aware one, checked against it; its weights are in it.

    Args:
        source: An ONNX file that NeMo exported.
        features: What to check it on beside noise, each float32 [n_features, n_frames].

    Raises:
        ModelNotFoundError: The file is not there.
        ModelError: The model's kind isn't known here, or no rewrite of it gives the same log-probs.
        ImportError: The package onnx isn't installed.
    """
    return _optimize(Path(source), features).model


def optimize_directory(
    directory: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    *,
    features: Sequence[Features] = (),
    only: Collection[str] = (),
    on_graph: Report | None = None,
) -> list[OptimizedGraph]:
    """Optimizes the graphs of a model directory.

    Args:
        directory: The model directory.
        output: A directory to be made, a copy with the new graphs; None: the directory itself gets them.
        features: What to check the graphs on beside noise, each float32 [n_features, n_frames] as the model's own
            front end gives them.
        only: Names of graphs, as in the manifest; none: all of them.
        on_graph: Called after each graph.

    Returns:
        What was done, in the manifest's order.

    Raises:
        ModelNotFoundError: The directory, or a file of it, is not there.
        ModelError: It has a graph that can't be rewritten; nothing is changed then.
        OptionError: It has no graph of a name in `only`.
        OutputError: The files can't be written, or the output is there already.
        ImportError: The package onnx isn't installed.
    """
    source = Path(directory)
    manifest = read_manifest(source)
    found = graphs_by_name(source, manifest, "original_graphs")
    graphs = dict(sorted(found.items(), key=lambda entry: not entry[0].startswith("streaming_")))  # those come first
    if unknown := set(only) - set(graphs):
        raise OptionError(f"{source} has no graph {', '.join(sorted(unknown))}; it has {', '.join(graphs)}.")
    chosen = {name: path for name, path in graphs.items() if not only or name in only}
    check_output(output)
    results, models, limits = [], {}, {}
    for name, path in chosen.items():
        target = path.with_name(f"{path.stem}.optimized.onnx")
        rewrite = _optimize(path, features)
        n_nodes = rewrite.n_nodes, len(rewrite.model.graph.node)
        result = OptimizedGraph(name, path, target, n_nodes, rewrite.times_ms, rewrite.largest_difference)
        models[target.name] = rewrite.model
        if rewrite.max_encoder_frames:  # the new graph may not tell it
            limits["max_encoder_frames"] = rewrite.max_encoder_frames
        results.append(result)
        if on_graph is not None:
            on_graph(result)
    # All of them, because a graph that a manifest doesn't name is not searched for.
    named = {name: path.name for name, path in graphs.items()} | manifest.get("graphs", {})
    named |= {result.name: result.target.name for result in results}
    originals = manifest.get("original_graphs", {}) | {result.name: result.source.name for result in results}
    manifest = {"fastctc": 1, **limits, **manifest, "graphs": named, "original_graphs": originals}
    write_directory(source, output, models.items(), manifest, "optimized", keeps_graphs=True)
    return results


def _optimize(source: Path, features: Sequence[Features]) -> Rewrite:
    graph = load_graph(source)
    try:
        model = read_fastconformer(graph)
    except ModelError as error:
        raise ModelError(f"The model {source} can't be optimized. {error}") from error
    rewrite = rewrite_offline if model.position_table is not None else rewrite_step
    return rewrite(source, graph, model, features)
