"""Tries forms of a model's graphs beside the float ones, and finds which products have to stay in float."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fastctc.errors import ModelError
from fastctc.export.blocks import products_in_blocks
from fastctc.export.calibration import Runner, add_ranges, costs_s, joined, read_ranges
from fastctc.export.graph import Graph, import_onnx, load_graph, weights_of
from fastctc.export.half import weights_in_half
from fastctc.export.int8 import Range, products_in_int8
from fastctc.export.linear_products import as_products
from fastctc.export.model_files import WeightsFile
from fastctc.export.operators import INTEGER_LINEAR
from fastctc.export.pointwise import pointwise_as_products
from fastctc.export.products import Product, find_products
from fastctc.export.word_changes import WordChanges, count_changes

if TYPE_CHECKING:
    import onnx

__all__ = ["KINDS", "Calibration", "FloatGraph", "Limits", "Quantization", "QuantizedGraph"]

Features: TypeAlias = NDArray[np.float32]
LogProbs: TypeAlias = NDArray[np.float32]

KINDS = ("int8", "int8-block", "int4-block", "fp16")
BITS = {"int8-block": 8, "int4-block": 4}
QUANTIZED = {"MatMulInteger", "MatMulIntegerToFloat", "DynamicQuantizeMatMul", "QLinearMatMul", "QGemm", "MatMulNBits"}
QUANTIZED |= {"ConvInteger", "QLinearConv", "DequantizeLinear"}
QUANTIZED |= set(INTEGER_LINEAR)
METADATA = "fastctc_quantization"
SHORT_FRAMES = 2000  # frames of audio for ranking products
WORD_STEP = 0.05
"""Share of the products that goes back to float at a time, while too many words change."""
MOST_LEFT_OUT = 0.5
"""Largest share of products in float: with more, quantisation would gain hardly anything."""


@dataclass(frozen=True)
class Calibration:
    """The audio that the graphs are tried on."""

    features: Sequence[Features]
    """Each float32 [n_features, n_frames], as the model's own front end gives them."""
    decode: Callable[[LogProbs], str]
    """The text of log-probs [n_frames, n_tokens]."""
    texts: Sequence[str] | None = None
    """What is said in each; None: not known."""


@dataclass(frozen=True)
class QuantizedGraph:
    """A graph of the directory, before and after."""

    name: str  # as in the manifest's graphs
    source: Path
    target: Path
    n_products: tuple[int, int]
    """Number of products in the new form, and in float."""
    n_bytes: tuple[int, int]
    """Of the graph and all its weights."""
    cost_s: tuple[float, float]
    """CPU time on one thread per second of audio, with the core's kernels."""
    largest_drift: float
    """Differences of log-probs over all tokens and frames of the calibration audio."""
    mean_drift: float
    words: WordChanges


@dataclass(frozen=True)
class Limits:
    """The limits of a good result."""

    mean_drift: float  # of the log-probs
    word_increase: float  # WordChanges.increase


@dataclass(frozen=True)
class FloatGraph:
    """A float graph of the directory, prepared for quantisation."""

    name: str
    source: Path
    path: Path  # of that form
    graph: Graph
    products: list[Product]
    log_probs: list[LogProbs]
    ranges: dict[str, Range]


class _Tried(NamedTuple):
    model: onnx.ModelProto
    path: Path
    log_probs: list[LogProbs]
    left_out: frozenset[str]


class Quantization:
    """A folder in which forms of graphs are tried, over one file of weights."""

    def __init__(self, folder: Path, kind: str, calibration: Calibration) -> None:
        self._folder = folder
        self._kind = kind
        self._calibration = calibration
        self._file = (folder / "weights.bin").open("wb")
        self._weights = WeightsFile(self._file)
        self._ranges: dict[str, Range] = {}
        self._n_saved = 0
        self._last: dict[str, _Tried] = {}  # by the graph's name

    def __enter__(self) -> Quantization:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def prepare(self, name: str, source: Path) -> FloatGraph:
        """Reads a float graph and runs it."""
        original = load_graph(source)
        if METADATA in {entry.key for entry in original.model.metadata_props} or any(
            node.op_type in QUANTIZED for node in original.graph.node
        ):
            raise ModelError(
                f"The graph {source} is quantised already. Start from the float graph that it was made of."
            )
        # Integer products replace our own, with the same bias, activation and residual.
        with_products = original if self._kind == "int8" else as_products(original)
        model = pointwise_as_products(with_products).model()
        import_onnx().load_external_data_for_model(model, os.fspath(source.parent))
        path = self._save(model)
        graph = Graph(model, self._folder)
        products = find_products(graph)
        if not products:
            raise ModelError(f"The graph {source} has no products with constant float weights: nothing to quantise.")
        runner = Runner(path)
        extended, outputs = add_ranges(graph, products)
        recorder = runner.record(self._save(extended), outputs)
        log_probs = runner.log_probs(self._calibration.features)
        return FloatGraph(name, source, path, graph, products, log_probs, read_ranges(products, recorder.seen))

    def join_ranges(self, graphs: Sequence[FloatGraph]) -> None:
        """The same product has the same range in all graphs, and so the same results."""
        for graph in graphs:
            for key, found in graph.ranges.items():
                self._ranges[key] = joined(self._ranges.get(key, found), found)

    def choose(self, graphs: Sequence[FloatGraph], limits: Limits, say: Callable[[str], None]) -> set[str]:
        """Keys of the products that stay in float."""
        left_out: set[str] = set()
        if self._kind == "fp16":
            return left_out
        ranked: list[tuple[float, str]] = []
        for graph in graphs:
            most = MOST_LEFT_OUT * len(graph.products)
            while not self._is_good(graph, left_out, limits) and len(left_out) < most:
                if not ranked:
                    ranked = self._ranked(graph, say)
                left_out |= _next_left_out(ranked, left_out, limits)
                say(f"{graph.name}: {len(left_out)} of {len(graph.products)} products stay in float")
        return left_out

    def finish(self, graph: FloatGraph, left_out: set[str]) -> tuple[QuantizedGraph, onnx.ModelProto]:
        """The final form of a graph, measured."""
        model, path, found, _ = self._try(graph, left_out)
        n_left_out = sum(product.key in left_out for product in graph.products)
        stem = graph.source.stem.removesuffix(".optimized")
        before, after = costs_s([graph.path, path])
        differences = _differences(found, graph.log_probs)
        result = QuantizedGraph(
            graph.name,
            graph.source,
            graph.source.with_name(f"{stem}.{self._kind}.onnx"),
            (len(graph.products) - n_left_out, n_left_out),
            (_n_bytes(graph.graph.model), _n_bytes(model)),
            (before, after),
            float(differences.max(initial=0)),
            float(differences.mean()) if differences.size else 0.0,
            self._words(found, graph.log_probs),
        )
        return result, model

    def whole(self, model: onnx.ModelProto) -> onnx.ModelProto:
        """A model with its weights in it."""
        import_onnx().load_external_data_for_model(model, os.fspath(self._folder))
        return model

    def _try(self, graph: FloatGraph, left_out: set[str]) -> _Tried:
        """Runs a form over all the audio, unless it was the last form tried for this graph."""
        key = frozenset(left_out & graph.ranges.keys())
        last = self._last.get(graph.name)
        if last is None or last.left_out != key:
            model, path = self._form(graph, left_out)
            last = _Tried(model, path, Runner(path).log_probs(self._calibration.features), key)
            self._last[graph.name] = last
        return last

    def _form(self, graph: FloatGraph, left_out: set[str], only: Product | None = None) -> tuple[onnx.ModelProto, Path]:
        products = [product for product in graph.products if product.key not in left_out] if only is None else [only]
        if self._kind == "fp16":
            rewriter = weights_in_half(graph.graph)
        elif self._kind == "int8":
            rewriter = products_in_int8(graph.graph, products, self._ranges)
        else:
            rewriter = products_in_blocks(graph.graph, products, BITS[self._kind])
        model = rewriter.model({METADATA: self._kind})
        return model, self._save(model)

    def _save(self, model: onnx.ModelProto) -> Path:
        self._weights.take(model, "weights.bin")
        self._n_saved += 1
        path = self._folder / f"{self._n_saved}.onnx"
        path.write_bytes(model.SerializeToString())
        return path

    def _is_good(self, graph: FloatGraph, left_out: set[str], limits: Limits) -> bool:
        found = self._try(graph, left_out).log_probs
        differences = _differences(found, graph.log_probs)
        is_near = not differences.size or differences.mean() <= limits.mean_drift
        return bool(is_near) and self._words(found, graph.log_probs).increase <= limits.word_increase

    def _words(self, found: Sequence[LogProbs], expected: Sequence[LogProbs]) -> WordChanges:
        decode = self._calibration.decode
        texts = [decode(values) for values in found], [decode(values) for values in expected]
        return count_changes(*texts, self._calibration.texts)

    def _ranked(self, graph: FloatGraph, say: Callable[[str], None]) -> list[tuple[float, str]]:
        """Mean drift from each product alone, with its key; the largest first."""
        n_some = _n_short(self._calibration.features)
        drifts = []
        for index, product in enumerate(graph.products):
            say(f"{graph.name}: product {index + 1} of {len(graph.products)} alone")
            path = self._form(graph, set(), product)[1]
            found = Runner(path).log_probs(self._calibration.features[:n_some])
            path.unlink()
            drifts.append((float(_differences(found, graph.log_probs[:n_some]).mean()), product.key))
        return sorted(drifts, reverse=True)


def _next_left_out(ranked: Sequence[tuple[float, str]], left_out: set[str], limits: Limits) -> set[str]:
    """The next products to stay in float: enough that the others, if independent, keep the bound."""
    waiting = [(drift, key) for drift, key in ranked if key not in left_out]
    taken: set[str] = set()
    at_least = max(1, round(WORD_STEP * len(ranked)))
    rest = sum(drift**2 for drift, _ in waiting)
    for drift, key in waiting:
        if len(taken) >= at_least and rest <= limits.mean_drift**2:
            break
        taken.add(key)
        rest -= drift**2
    return taken


def _differences(found: Sequence[LogProbs], expected: Sequence[LogProbs]) -> NDArray[np.float32]:
    return np.concatenate([np.abs(a - b).ravel() for a, b in zip(found, expected, strict=True)])


def _n_short(features: Sequence[Features]) -> int:
    """How many of the first recordings make SHORT_FRAMES together; at least one."""
    n_frames = np.cumsum([entry.shape[1] for entry in features])
    return max(1, int(np.searchsorted(n_frames, SHORT_FRAMES)))


def _n_bytes(model: onnx.ModelProto) -> int:
    """Size of a graph and its external weights."""
    places = {
        tuple(entry.value for entry in tensor.external_data if entry.key in ("offset", "length"))
        for tensor in weights_of(model.graph)
        if tensor.external_data
    }
    return int(model.ByteSize()) + sum(int(length) for _, length in places)
