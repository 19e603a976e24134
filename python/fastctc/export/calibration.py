"""Runs a graph over calibration audio: its log-probs, the ranges of its products' inputs, and its time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fastctc.errors import EngineError, ModelError
from fastctc.export.graph import Graph, import_onnx, load_graph
from fastctc.export.int8 import Range
from fastctc.export.products import Product
from fastctc.export.rewrite import make_noise
from fastctc.installed.cpp_library import find_operators_library
from fastctc.reference.acoustic_model import AcousticModel, open_session
from fastctc.reference.streaming_model import AcousticStream, StreamingModel
from fastctc.types import SessionOptions

if TYPE_CHECKING:
    import onnx

__all__ = ["Runner", "add_ranges", "costs_s", "read_ranges"]

Features: TypeAlias = NDArray[np.float32]  # [n_features, n_frames]
LogProbs: TypeAlias = NDArray[np.float32]  # [n_frames, n_tokens]

FRAME_S = 0.01
TIMED_FRAMES = 1000  # of the offline graph; a step of a cache-aware one
N_TIMED_RUNS = 7
LACKS_AN_OPERATOR = ("NOT_IMPLEMENTED", "not a registered", "No Op registered", "is not supported")
LOWEST, LARGEST = "calibration_lowest", "calibration_largest"


class Runner:
    """A graph, offline or cache-aware, in ONNX Runtime on one thread."""

    def __init__(self, path: Path) -> None:
        """Opens the graph.

        Raises:
            EngineError: ONNX Runtime lacks one of its operators.
            ModelError: It can't be used otherwise.
        """
        self._path = path
        try:
            self._model = _open(path)
        except ModelError as error:
            raise _explained(error) from error
        self._model.configure()

    def log_probs(self, features: Iterable[Features]) -> list[LogProbs]:
        """Log-probs of each recording.

        Raises:
            AudioError: A recording is too long for the offline graph.
            EngineError: ONNX Runtime failed.
        """
        if isinstance(self._model, AcousticModel):
            model = self._model
            return [model.run([entry])[0] for entry in features]
        return [AcousticStream(self._model).run(entry) for entry in features]

    def use_kernels(self) -> None:
        """From now on our own operators run by the core's kernels, if this installation has them."""
        self._model._session = open_session(self._path, SessionOptions(), find_operators_library())

    def run_once(self) -> float:
        """Runs over some noise. Returns the audio that the noise stands for, in seconds."""
        model = self._model
        n_features = int(model.graph()["n_features"])
        if isinstance(model, AcousticModel):
            model.run([make_noise(n_features, TIMED_FRAMES)])
            return TIMED_FRAMES * FRAME_S
        geometry = model.configured()
        window = make_noise(n_features, geometry.window_frames)
        model.run_graph(window, geometry.window_frames, model.zero_caches())
        return geometry.chunk_frames * FRAME_S

    def record(self, path: Path, outputs: Sequence[str]) -> _Recorder:
        """Runs another graph instead of this one, which has more outputs; keeps their extremes."""
        recorder = _Recorder(open_session(path, SessionOptions()), outputs)
        self._model._session = recorder
        return recorder


class _Recorder:
    """A session that returns more outputs than its caller asks for."""

    def __init__(self, session: Any, outputs: Sequence[str]) -> None:
        self._session = session
        self._outputs = list(outputs)
        self.seen: dict[str, tuple[float, float]] = {}

    def run(self, outputs: Sequence[str], feeds: Mapping[str, Any]) -> list[Any]:
        results: list[Any] = self._session.run([*outputs, *self._outputs], feeds)
        for name, value in zip(self._outputs, results[len(outputs) :], strict=True):
            lowest, largest = self.seen.get(name, (np.inf, -np.inf))
            self.seen[name] = (min(lowest, float(value)), max(largest, float(value)))
        return results[: len(outputs)]


def add_ranges(graph: Graph, products: Iterable[Product]) -> tuple[onnx.ModelProto, list[str]]:
    """The graph with the extremes of every product's input as outputs, and their names. Its weights stay outside."""
    onnx = import_onnx()
    model = onnx.ModelProto()
    model.CopyFrom(graph.model)
    names: list[str] = []
    for name in dict.fromkeys(product.input for product in products):
        for prefix, operator in ((LOWEST, "ReduceMin"), (LARGEST, "ReduceMax")):
            output = f"{prefix}:{name}"
            model.graph.node.append(onnx.helper.make_node(operator, [name], [output], keepdims=0))
            model.graph.output.append(onnx.helper.make_tensor_value_info(output, onnx.TensorProto.FLOAT, []))
            names.append(output)
    return model, names


def read_ranges(products: Iterable[Product], seen: Mapping[str, tuple[float, float]]) -> dict[str, Range]:
    """Ranges of every product's input, by the product's key."""
    found: dict[str, Range] = {}
    for product in products:
        new = Range(seen[f"{LOWEST}:{product.input}"][0], seen[f"{LARGEST}:{product.input}"][1])
        found[product.key] = joined(found.get(product.key, new), new)
    return found


def joined(a: Range, b: Range) -> Range:
    """The range that holds both."""
    return Range(min(a.lowest, b.lowest), max(a.largest, b.largest))


def costs_s(paths: Sequence[Path]) -> list[float]:
    """Seconds on one thread per second of audio: the least of some runs of each graph. The graphs run alternately."""
    runners = [Runner(path) for path in paths]
    for runner in runners:
        runner.use_kernels()
    least = [float("inf")] * len(runners)
    for _ in range(N_TIMED_RUNS):
        for i, runner in enumerate(runners):
            start = time.process_time()
            audio_s = runner.run_once()
            least[i] = min(least[i], (time.process_time() - start) / audio_s)
    return least


def _open(path: Path) -> AcousticModel | StreamingModel:
    inputs = load_graph(path).graph.input
    return StreamingModel(path) if any(value.name.startswith("cache") for value in inputs) else AcousticModel(path)


def _explained(error: ModelError) -> Exception:
    """Makes an error that says that ONNX Runtime is too old; its own message doesn't."""
    import onnxruntime

    text = str(error)
    if not any(part in text for part in LACKS_AN_OPERATOR):
        return error
    return EngineError(
        f"ONNX Runtime {onnxruntime.__version__} can't run what was made of the graph: it lacks an operator, or is too "
        f"old for it. Install a newer onnxruntime, or choose another kind. ({text})"
    )
