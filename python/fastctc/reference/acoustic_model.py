"""An ONNX CTC graph in the onnxruntime Python package: one item at a time, nothing padded."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastctc.errors import AudioError, EngineError, EngineNotFoundError, ModelError, ModelNotFoundError, OptionError
from fastctc.reference.model_files import check_external_data
from fastctc.reference.position_table import find_position_table
from fastctc.reference.processor import EXACT_PRODUCTS, processor_flags, products_saturate
from fastctc.reference.signature import recognize_signature
from fastctc.types import Property, SessionOptions

__all__ = ["AcousticModel", "subsampled_length"]

OPTIMIZATION = {"disabled": 0, "basic": 1, "extended": 2, "all": 99}  # onnxruntime.GraphOptimizationLevel


def subsampled_length(n_frames: int, factor: int, causal: bool) -> int:
    """Valid output frames of strided-convolution subsampling: kernel 3, stride 2 per layer (NeMo's calc_length)."""
    if factor < 1 or factor & (factor - 1):
        raise OptionError(f"A subsampling factor of strided convolutions is a power of two, not {factor}.")
    while factor > 1 and n_frames > 0:
        n_frames = (n_frames + (3 if causal else 2) - 3) // 2 + 1
        factor //= 2
    return n_frames


def log_softmax(values: NDArray[Any]) -> NDArray[np.float64]:
    """Natural-log softmax over the last axis."""
    values = values.astype(np.float64)
    values = values - values.max(axis=-1, keepdims=True)
    return np.asarray(values - np.log(np.exp(values).sum(axis=-1, keepdims=True)))


def normalize_scores(path: str, kind: str, scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log-probs of a graph's output [n_frames, n_tokens]. kind: log_probs or logits.

    Raises:
        ModelError: The scores are probabilities.
        EngineError: They are not finite.
    """
    if len(scores) == 0:
        return scores
    first = scores[0].astype(np.float64)
    if first.min() >= 0 and abs(first.sum() - 1) <= 1e-3:
        raise ModelError(f"The graph {path} gives probabilities; fastctc needs log-probs or logits.")
    total = first.max() + np.log(np.exp(first - first.max()).sum())
    if not np.isfinite(total):
        raise EngineError(f"The graph {path} gave values that are not finite. Check its weights.")
    if kind == "log_probs" and abs(total) <= 1e-3:
        return scores
    return log_softmax(scores).astype(np.float32)


def resolve_log_probs_kind(output: str, option: str | None) -> Property:
    """The caller's kind; else log_probs if the output's name says so; else logits."""
    if option not in (None, "log_probs", "logits"):
        raise OptionError(f"Option log_probs_kind must be log_probs or logits, not '{option}'.")
    named = "log_probs" if output.lower().replace("_", "") == "logprobs" else "logits"
    return Property("log_probs_kind", option or named, "option" if option else f"graph (output {output})")


def agree(path: str, name: str, told: dict[str, Any]) -> tuple[Any, str]:
    """The first value that a source tells, and that source; (None, "") when none does.

    Raises:
        ModelError: Two sources contradict each other.
    """
    known = [(source, value) for source, value in told.items() if value is not None]
    for source, value in known[1:]:
        if value != known[0][1]:
            raise ModelError(
                f"The graph {path}: {name} is {known[0][1]} by the {known[0][0]}, but {value} by the {source}. "
                "Correct the one that is wrong."
            )
    return (known[0][1], known[0][0]) if known else (None, "")


class AcousticModel:
    """The twin of `fastctc::AcousticModel` (acoustic_model.h): same recognition, same results."""

    def __init__(self, path: str | os.PathLike[str], session: SessionOptions | None = None) -> None:
        """Open the graph.

        Raises:
            ModelNotFoundError: The file is not there.
            ModelError: Not an ONNX graph, or one with other inputs and outputs.
            OptionError: A session option is out of range, or the provider is not there.
            EngineNotFoundError: onnxruntime is not installed.
        """
        self.path = os.fspath(path)
        self._session = open_session(Path(path), session or SessionOptions())
        self._graph = recognize_signature(self._session, self.path)
        self._factor = self._limit = self._enough_frames = 0
        self._causal: bool | None = None
        self._kind = ""

    def graph(self) -> dict[str, Any]:
        """What the graph itself tells: inputs, outputs, metadata, and what each is for."""
        return self._graph

    @property
    def subsampling_factor(self) -> int:
        """Input frames (samples, for a waveform) per output frame; 0 before configure()."""
        return self._factor

    @property
    def max_encoder_frames(self) -> int:
        """Length of the position table, in output frames; 0: no limit."""
        return self._limit

    def configure(
        self,
        *,
        subsampling_factor: int | None = None,
        causal: bool | None = None,
        max_encoder_frames: int | None = None,
        log_probs_kind: str | None = None,
    ) -> list[Property]:
        """Resolves what None leaves open: option, then ONNX metadata, then the graph itself.

        Raises:
            ModelError: Two sources contradict each other, or nothing tells the subsampling factor.
        """
        waveform = self._graph["layout"] == "waveform"
        text = "" if waveform else self._graph["metadata"].get("subsampling_factor", "")
        formula, ratio = (None, None) if self._graph["cache_aware"] else self._probe(waveform)
        self._factor, factor_source = agree(
            self.path,
            "subsampling_factor",
            {
                "option": subsampling_factor,
                "ONNX metadata": int(text) if text else None,
                "graph (probe run)": formula[0] if formula else ratio,
            },
        )
        if not self._factor:
            raise ModelError(
                f"The graph {self.path} doesn't tell how many input frames an output frame stands for. "
                "Give the option subsampling_factor."
            )
        properties = [Property("subsampling_factor", str(self._factor), factor_source)]
        probed = bool(formula[1]) if formula and formula[0] > 1 else None
        self._causal, causal_source = agree(
            self.path, "subsampling_causal", {"option": causal, "graph (probe run)": probed}
        )
        if self._causal is not None:
            properties.append(Property("subsampling_causal", str(self._causal).lower(), causal_source))
        if not self._graph["cache_aware"]:
            properties.append(self._resolve_limit(max_encoder_frames))
        properties.append(resolve_log_probs_kind(self._graph["output"], log_probs_kind))
        self._kind = properties[-1].value
        return properties

    def run(self, features: list[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """Log-probs [n_frames, n_tokens] of each item; items are [n_features, n_frames] or waveforms [n_samples].

        Raises:
            AudioError: Longer than the position table, too short for the graph, or not finite.
            ModelError: The number of features differs, or the graph is for streams.
        """
        if self._graph["cache_aware"]:
            raise ModelError(f"The graph {self.path} is for streams (it has cache inputs). Name an offline graph.")
        if not self._factor:
            raise OptionError("configure() must be called before run().")
        return [self._run_one(np.atleast_2d(item)) for item in features]

    def _run_one(self, item: NDArray[np.float32]) -> NDArray[np.float32]:
        n_features, n_frames = item.shape
        if n_features != (self._graph["n_features"] or n_features):
            raise ModelError(
                f"The features have {n_features} values per frame, the graph takes {self._graph['n_features']}."
            )
        if n_frames == 0:
            return np.zeros((0, self._graph["n_tokens"]), np.float32)
        if not np.isfinite(item).all():
            raise AudioError("A feature is not a finite number. Check the audio for NaN and infinite samples.")
        if self._limit and self._output_frames(n_frames) > self._limit:
            raise AudioError(
                f"The audio is too long: {n_frames} input frames would be {self._output_frames(n_frames)} output "
                f"frames, but the graph is right up to {self._limit} (max_encoder_frames). Cut it into shorter pieces."
            )
        try:
            scores = self._scores(item)
        except EngineError as error:
            if n_frames >= self._enough_frames:
                raise
            raise AudioError(f"The audio is too short for the graph: {n_frames} input frames. ({error})") from error
        return normalize_scores(self.path, self._kind, scores)

    def _scores(self, item: NDArray[np.float32]) -> NDArray[np.float32]:
        """The graph's own output for one item, valid frames only."""
        graph = self._graph
        layout = {"feature_major": item[None], "frame_major": item.T[None], "waveform": item}[graph["layout"]]
        rank = next(len(tensor["shape"]) for tensor in graph["inputs"] if tensor["name"] == graph["audio_input"])
        feeds = {graph["audio_input"]: np.ascontiguousarray(layout.reshape(1, 1, -1) if rank > layout.ndim else layout)}
        if graph["length_input"]:
            kind = next(tensor["type"] for tensor in graph["inputs"] if tensor["name"] == graph["length_input"])
            feeds[graph["length_input"]] = np.array([item.shape[1]], dtype=kind)
        try:
            outputs = self._session.run([name for name in (graph["output"], graph["length_output"]) if name], feeds)
        except Exception as error:  # onnxruntime's exceptions have no common base
            raise EngineError(f"ONNX Runtime failed on {item.shape[1]} input frames of {self.path}: {error}") from error
        scores: NDArray[np.float32] = outputs[0][0]
        return scores[: int(outputs[1][0])] if graph["length_output"] else scores

    def _output_frames(self, n_frames: int) -> int:
        if self._causal is None:
            return -(-n_frames // self._factor)
        return subsampled_length(n_frames, self._factor, self._causal)

    def _resolve_limit(self, option: int | None) -> Property:
        table = find_position_table(self.path)
        if table and option is not None and (option == 0 or option > table):
            raise ModelError(
                f"The graph {self.path}: max_encoder_frames is {option} by the option, but {table} by the graph's "
                "position table. Correct the one that is wrong."
            )
        self._limit = table if option is None else option
        source = "option" if option is not None else "graph (position table)" if table else "unknown"
        return Property("max_encoder_frames", str(self._limit), source)

    def _probe(self, waveform: bool) -> tuple[tuple[int, int] | None, int | None]:
        """(factor, causal) of the formula that two runs fit, and the ratio of input to output frames."""
        n_features = self._graph["n_features"] or 80

        def ratio(short: int, long: int) -> int | None:
            frames = [len(self._scores(np.zeros((n_features, n), np.float32))) for n in (short, long)]
            value = (long - short) / max(frames[1] - frames[0], 1)
            return int(value) if value.is_integer() else None

        self._enough_frames = 11840 if waveform else 74
        try:
            if waveform:
                return None, ratio(11840, 11840 + 19200)
            lengths = (74, 92)
            frames = [len(self._scores(np.zeros((n_features, n), np.float32))) for n in lengths]
            for factor in (1, 2, 4, 8, 16, 32):
                for causal in (0, 1):
                    if frames == [subsampled_length(n, factor, bool(causal)) for n in lengths]:
                        return (factor, causal), None
            return None, ratio(74, 74 + 240)
        except EngineError:
            self._enough_frames = 0
            return None, None


def open_session(path: Path, options: SessionOptions, operators_library: str = "") -> Any:
    """An onnxruntime session, with kernels for our own operators if a library of them is named.

    Raises as AcousticModel.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise EngineNotFoundError(
            "The Python package onnxruntime can't be imported: pip install onnxruntime."
        ) from error
    if not path.exists():
        raise ModelNotFoundError(f"The graph {path} is not there. Check the path, or name the ONNX file.")
    if path.is_dir():
        raise ModelError(f"The graph {path} is a directory. Name the ONNX file in it.")
    if path.stat().st_size == 0:
        raise ModelError(f"The graph {path} is empty. Copy or export it again.")
    target = onnxruntime.SessionOptions()
    for name in ("intra_op_threads", "inter_op_threads"):
        if not 0 <= getattr(options, name) <= 1024:
            raise OptionError(f"Option {name} must be an integer from 0 to 1024, not {getattr(options, name)}.")
    if options.graph_optimization not in OPTIMIZATION:
        raise OptionError(
            f"Option graph_optimization must be one of {', '.join(OPTIMIZATION)}, not '{options.graph_optimization}'."
        )
    target.intra_op_num_threads = options.intra_op_threads
    target.inter_op_num_threads = options.inter_op_threads
    target.graph_optimization_level = onnxruntime.GraphOptimizationLevel(OPTIMIZATION[options.graph_optimization])
    target.enable_cpu_mem_arena = options.memory_arena
    target.enable_mem_pattern = False
    target.log_severity_level = 4  # a failure raises an error
    if operators_library:
        target.register_custom_ops_library(operators_library)
    entries = options.config_entries
    if products_saturate(processor_flags()):
        entries = {EXACT_PRODUCTS: "1", **entries}
    for key, value in entries.items():
        target.add_session_config_entry(key, value)
    present = onnxruntime.get_available_providers()
    wanted = options.provider.lower().removesuffix("executionprovider") + "executionprovider"
    provider = next((name for name in present if name.lower() == wanted), None)
    if provider is None:
        raise OptionError(
            f"Option provider: this onnxruntime has no '{options.provider}'; it has {', '.join(present)}."
        )
    check_external_data(path)
    try:
        return onnxruntime.InferenceSession(
            os.fspath(path),
            target,
            providers=[(provider, dict(options.provider_options)), "CPUExecutionProvider"]
            if provider != "CPUExecutionProvider"
            else [provider],
        )
    except Exception as error:  # onnxruntime's exceptions have no common base
        raise ModelError(
            f"The graph {path} can't be used: {error}. Copy or export it again, with its weights."
        ) from error
