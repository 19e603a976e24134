"""The sizes of a cache-aware graph's caches, windows and steps, as in `streaming_geometry.cpp`."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastctc.errors import EngineError, ModelError, OptionError
from fastctc.reference.acoustic_model import agree, subsampled_length
from fastctc.types import Property

__all__ = ["Caches", "Geometry", "is_appended", "resolve_streaming"]

Caches = tuple[NDArray[Any], ...]
RunGraph = Callable[[NDArray[np.float32], int, Caches], tuple[NDArray[np.float32], Caches]]

CONTEXTS = (70, 140, 128, 56, 35, 100, 104, 64, 256, 280)  # of NeMo's models; a graph without metadata leaves it open
KERNEL_TAILS = (8, 30)  # FastConformer's and Conformer's convolutions
LENGTHS = (2, 9, 10, 17, 18, 33, 34)  # the first outputs of a step, counted
FACTORS = (8, 4, 16, 2, 32)
DROPPED = (2, 1, 0, 3, 4)  # NeMo drops 2 for every factor
FIRST_SEARCH_FRAMES, LAST_SEARCH_FRAMES = 256, 8192


class Geometry(NamedTuple):
    """The fields of StreamingModel::Geometry (streaming_model.h)."""

    window_frames: int
    chunk_frames: int
    subsampling_factor: int
    dropped_frames: int
    log_probs_kind: str


class Subsampling(NamedTuple):
    """n input frames give min(subsampled_length(n) - dropped, frames per step) output frames."""

    factor: int
    causal: bool
    dropped: int

    def output_frames(self, n_frames: int) -> int:
        """Output frames of a window that is no longer than a step."""
        return max(subsampled_length(n_frames, self.factor, self.causal) - self.dropped, 0)

    @property
    def past_frames(self) -> int:
        """Frames of the past in a window. NeMo: drop_extra_pre_encoded = 1 + (pre_encode_cache_size - 1) / factor."""
        return (self.dropped - 1) * self.factor + 1 if self.dropped else 0


def is_appended(graph: dict[str, Any], path: str) -> bool:
    """Whether a step gives new rows of the caches (`caches.h`), and not the next caches as NeMo's exports do."""
    form = graph["metadata"].get("fastctc_caches", "")
    if form not in ("", "appended"):
        raise ModelError(f"The graph {path} has fastctc_caches = '{form}', and only 'appended' is known.")
    return bool(form)


def resolve_streaming(
    path: str, graph: dict[str, Any], known: dict[str, int], log_probs_kind: str, run_graph: RunGraph
) -> tuple[Geometry, Caches, list[Property]]:
    """The geometry, zero caches, and where each property came from. known: -1 where the caller doesn't know.

    Raises:
        ModelError: Two sources contradict each other, or nothing tells.
        OptionError: A known value is out of range.
    """
    for name in ("window_frames", "chunk_frames", "subsampling_factor"):
        if known[name] == 0 or known[name] > 1_000_000:
            raise OptionError(f"Option {name} must be an integer from 1 to 1000000, not {known[name]}.")
    graph["n_features"] = graph["n_features"] or 80

    def metadata(key: str) -> int | None:
        text = graph["metadata"].get(key, "")
        if text and not (text.isdigit() and 1 <= int(text) <= 1_000_000):
            raise ModelError(f"The graph {path}: its metadata has {key} = '{text}', which is no positive integer.")
        return int(text) if text else None

    properties: list[Property] = []

    def decide(name: str, from_metadata: int | None, from_run: int | None) -> int:
        option = known[name] if known[name] >= 0 else None
        told = {"option": option, "ONNX metadata": from_metadata, "graph (probe run)": from_run}
        value, source = agree(path, name, told)
        if value is None:
            raise ModelError(f"The graph {path} doesn't tell {name}. Give the option {name}.")
        properties.append(Property(name, str(value), source))
        return int(value)

    if is_appended(graph, path):  # made by fastctc, so its metadata tells everything
        keys = ("window_size", "chunk_shift", "subsampling_factor", "fastctc_dropped_frames")
        names = ("window_frames", "chunk_frames", "subsampling_factor", "dropped_frames")
        window, chunk, factor, dropped = (
            decide(name, metadata(key), None) for name, key in zip(names, keys, strict=True)
        )
        shapes = [tensor["shape"] for tensor in graph["inputs"] if tensor["name"].startswith("cache_")]
        zeros = [np.zeros([1 if size < 0 else size for size in shape], np.float32) for shape in shapes if shape[1:]]
        geometry = Geometry(window, chunk, factor, dropped, log_probs_kind)
        return geometry, (np.zeros(1, np.int64), *zeros), properties

    sizes = {name: _cache_sizes(path, graph, name, metadata) for name in ("cache_last_channel", "cache_last_time")}
    caches, observed = _probe_caches(path, graph, sizes, run_graph)
    for (name, (_, source)), cache in zip(sizes.items(), caches, strict=False):
        properties.append(Property(name, " x ".join(map(str, cache.shape[1:])), source))

    factor_told = known["subsampling_factor"] if known["subsampling_factor"] > 0 else metadata("subsampling_factor")
    subsampling = _fit(path, observed, factor_told, known["dropped_frames"])
    factor = decide("subsampling_factor", metadata("subsampling_factor"), subsampling.factor)
    dropped = decide("dropped_frames", None, subsampling.dropped)

    chunk_told = known["chunk_frames"] if known["chunk_frames"] > 0 else metadata("chunk_shift")
    step = _find_step(graph["n_features"], subsampling, chunk_told, caches, run_graph)
    chunk = decide("chunk_frames", metadata("chunk_shift"), step * factor if step else None)
    if chunk % factor:
        raise ModelError(f"The graph {path}: chunk_frames is {chunk}, no multiple of the subsampling factor {factor}.")
    window = decide("window_frames", metadata("window_size"), chunk + subsampling.past_frames)
    return Geometry(window, chunk, factor, dropped, log_probs_kind), caches, properties


def _cache_sizes(
    path: str, graph: dict[str, Any], name: str, metadata: Callable[[str], int | None]
) -> tuple[list[int | None], str]:
    """[3] sizes after the batch axis, None if nothing tells, and the sources."""
    shapes = {
        f"{kind} {tensor['name']}": tensor["shape"][1:]
        for kind, tensors in (("input", graph["inputs"]), ("output", graph["outputs"]))
        for tensor in tensors
        if tensor["name"] in (name, f"{name}_next") and tensor["shape"]
    }
    sizes: list[int | None] = []
    sources: list[str] = []
    for i in range(3):
        told: dict[str, Any] = {"ONNX metadata": metadata(f"{name}_dim{i + 1}")}
        told.update({source: shape[i] if shape[i] >= 0 else None for source, shape in shapes.items()})
        value, source = agree(path, f"{name}_dim{i + 1}", told)
        sizes.append(value)
        kind = source if source == "ONNX metadata" else "graph" if source else "graph (probe run)"
        sources += [kind] if kind not in sources else []
    return sizes, ", ".join(sources)


def _probe_caches(
    path: str, graph: dict[str, Any], sizes: dict[str, tuple[list[int | None], str]], run_graph: RunGraph
) -> tuple[Caches, list[int]]:
    """Zero caches over which the graph runs, and the output frames of LENGTHS. Other sizes fit no mask or kernel."""
    (layers, context, width), (time_layers, time_width, tail) = (entry[0] for entry in sizes.values())
    if None in (layers, width, time_layers, time_width):
        raise ModelError(
            f"The graph {path} doesn't tell the sizes of its caches. Give it the metadata cache_last_*_dim*."
        )
    silence = np.zeros((graph["n_features"], max(LENGTHS)), np.float32)
    failures = []
    for n_context, n_tail in product([context] if context else CONTEXTS, [tail] if tail else KERNEL_TAILS):
        channel = np.zeros([1, layers, n_context, width], np.float32)  # type: ignore[list-item]
        time = np.zeros([1, time_layers, time_width, n_tail], np.float32)  # type: ignore[list-item]
        caches = (channel, time, np.zeros(1, np.int64))
        try:
            outputs = [run_graph(silence, length, caches)[0] for length in LENGTHS]
        except EngineError as error:
            failures.append(str(error))
            continue
        graph["n_tokens"] = outputs[-1].shape[1]
        return caches, [len(output) for output in outputs]
    raise ModelError(
        f"The graph {path} can't run over the caches that it tells, or NeMo's models have. Correct its metadata "
        f"cache_last_channel_dim2 and cache_last_time_dim3. ({failures[0]})"
    )


def _fit(path: str, observed: list[int], factor: int | None, dropped: int) -> Subsampling:
    most = max(observed)
    fitting = []
    for n_dropped, candidate, causal in product(DROPPED, FACTORS, (True, False)):
        subsampling = Subsampling(candidate, causal, n_dropped)
        if most > 0 and observed == [min(subsampling.output_frames(length), most) for length in LENGTHS]:
            if factor in (None, candidate) and dropped in (-1, n_dropped):
                return subsampling
            fitting.append(subsampling)
    if not fitting:
        raise ModelError(
            f"The graph {path} gives numbers of output frames that no subsampling known here explains: "
            f"{observed} for {list(LENGTHS)}. Export it again with NeMo's cache_support."
        )
    return fitting[0]


def _find_step(
    n_features: int, subsampling: Subsampling, chunk_frames: int | None, caches: Caches, run_graph: RunGraph
) -> int:
    """The most output frames per step, which the export fixed in the graph; 0 if no run showed it."""
    n_frames = FIRST_SEARCH_FRAMES
    if chunk_frames:
        n_frames = min(chunk_frames + subsampling.past_frames + subsampling.factor, LAST_SEARCH_FRAMES)
    while n_frames <= LAST_SEARCH_FRAMES:
        try:
            found = len(run_graph(np.zeros((n_features, n_frames), np.float32), n_frames, caches)[0])
        except EngineError:  # past its position table
            return 0
        if found < subsampling.output_frames(n_frames):
            return found
        n_frames = 2 * n_frames if n_frames == LAST_SEARCH_FRAMES else min(2 * n_frames, LAST_SEARCH_FRAMES)
    return 0
