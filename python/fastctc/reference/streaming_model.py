"""A cache-aware CTC graph in the onnxruntime Python package: one loop over windows, one stream at a time.

A stream is its frames after some zeros. Window k is `window_frames` of them from frame k * `chunk_frames` on. It holds
`window_frames - chunk_frames` frames of the past, which the graph's strided convolutions read again, and `chunk_frames`
new ones. The number of zeros decides the phase:

    aligned   subsampling_factor * dropped_frames (16): the graph drops as many output frames in front of every step's,
              so that the first one kept stands for frame 0, as offline
    nemo_pad  window_frames - chunk_frames (9): NeMo's pad_and_drop_preencoded, another phase
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastctc.errors import AudioError, EngineError, ModelError, OptionError
from fastctc.reference.acoustic_model import normalize_scores, open_session, resolve_log_probs_kind
from fastctc.reference.signature import recognize_signature
from fastctc.reference.streaming_geometry import Caches, Geometry, is_appended, resolve_streaming
from fastctc.types import Property, SessionOptions

__all__ = ["AcousticStream", "StreamingModel"]

CACHES = ("cache_last_channel", "cache_last_time", "cache_last_channel_len")  # NeMo's names
LENGTHS = CACHES[2]
SAME = 1e-4
"""Largest difference of the same frames' log-probs in other runs: rounding."""


class StreamingModel:
    """The twin of `fastctc::StreamingModel` (streaming_model.h): same checks, same results, no batches."""

    def __init__(self, path: str | os.PathLike[str], session: SessionOptions | None = None) -> None:
        """Open the graph.

        Raises:
            ModelNotFoundError: The file is not there.
            ModelError: Not a cache-aware graph as NeMo exports it, or one whose batch is fixed.
            OptionError: A session option is out of range, or the provider is not there.
        """
        self.path = os.fspath(path)
        self._session = open_session(Path(path), session or SessionOptions())
        self._graph = recognize_signature(self._session, self.path)
        self._is_appended = is_appended(self._graph, self.path)
        check = _check_appended if self._is_appended else _check_signature
        self._caches, self._next_caches = check(self._graph, self.path)
        self._geometry: Geometry | None = None
        self._zeros: Caches = ()

    def graph(self) -> dict[str, Any]:
        """What the graph itself tells: inputs, outputs, metadata, and what each is for."""
        return self._graph

    def configure(
        self,
        *,
        window_frames: int = -1,
        chunk_frames: int = -1,
        subsampling_factor: int = -1,
        dropped_frames: int = -1,
        log_probs_kind: str = "",
    ) -> list[Property]:
        """Resolve open values: option, then ONNX metadata, then the graph's shapes, then runs of it.

        Raises:
            ModelError: Two sources contradict each other, or nothing tells.
        """
        known = {
            "window_frames": window_frames,
            "chunk_frames": chunk_frames,
            "subsampling_factor": subsampling_factor,
            "dropped_frames": dropped_frames,
        }
        kind = resolve_log_probs_kind(self._graph["output"], log_probs_kind or None)
        self._geometry, self._zeros, properties = resolve_streaming(
            self.path, self._graph, known, kind.value, self.run_graph
        )
        return [kind, *properties]

    @property
    def geometry(self) -> dict[str, Any]:
        """window_frames, chunk_frames, subsampling_factor, dropped_frames, log_probs_kind."""
        return self.configured()._asdict()

    @property
    def output_frames(self) -> int:
        """Output frames of a whole step."""
        return self.configured().chunk_frames // self.configured().subsampling_factor

    def configured(self) -> Geometry:
        """The geometry. Raises OptionError before configure()."""
        if self._geometry is None:
            raise OptionError("configure() must be called before streams are made.")
        return self._geometry

    def zero_caches(self) -> Caches:
        """The caches at the start of a stream."""
        return self._zeros

    def run_graph(self, window: NDArray[np.float32], length: int, caches: Caches) -> tuple[NDArray[np.float32], Caches]:
        """Scores [n_frames, n_tokens] of a window [n_features, n_columns] with `length` valid frames, and new caches.

        Raises:
            EngineError: ONNX Runtime failed.
        """
        graph = self._graph
        feeds = {graph["audio_input"]: window[None], graph["length_input"]: np.array([length], np.int64)}
        feeds.update(zip(self._caches, caches, strict=True))
        try:
            scores, lengths, *caches_next = self._session.run(
                [graph["output"], graph["length_output"], *self._next_caches], feeds
            )
        except Exception as error:  # onnxruntime's exceptions have no common base
            raise EngineError(
                f"ONNX Runtime failed on 1 x {window.shape[1]} input frames of the graph {self.path}: {error}"
            ) from error
        if self._is_appended:
            # A step gives new rows; a cache keeps the last rows.
            rows = [np.concatenate(pair)[-len(pair[0]) :] for pair in zip(caches[1:], caches_next[1:], strict=True)]
            caches_next = [caches_next[0], *rows]
        return scores[0, : max(int(lengths[0]), 0)], tuple(caches_next)

    def step(self, streams: list[AcousticStream]) -> list[str]:
        """Run the next window of each stream; the message of each failure, "" where there was none."""
        for i, stream in enumerate(streams):
            if stream.model is not self:
                raise OptionError(f"Stream {i} of the batch belongs to another model.")
            if not stream.ready or stream in streams[:i]:
                raise OptionError(f"Stream {i} of the batch has no window to run. Ask ready first.")
        return [_failure_of_step(stream) for stream in streams]


class AcousticStream:
    """The twin of `fastctc::AcousticStream`. Any split of the features gives the same log-probs."""

    def __init__(self, model: StreamingModel, start: str = "aligned") -> None:
        """Start an utterance. start: aligned or nemo_pad."""
        geometry = model.configured()
        zeros = {
            "aligned": geometry.subsampling_factor * geometry.dropped_frames,
            "nemo_pad": geometry.window_frames - geometry.chunk_frames,
        }
        if start not in zeros:
            raise OptionError(f"Option start must be aligned or nemo_pad, not '{start}'.")
        self.model = model
        self._geometry = geometry
        self._n_zeros = zeros[start]
        self.reset()

    def reset(self) -> None:
        """Ready for another utterance."""
        n_features = self.model.graph()["n_features"]
        self._frames = np.zeros((n_features, self._n_zeros), np.float32)  # from the next window's first frame on
        self._n_old = self._n_zeros  # of them, zeros and frames that a window has taken
        self._caches = self.model.zero_caches()
        self._log_probs: list[NDArray[np.float32]] = []
        self._is_finished = False
        self.n_output_frames = 0
        self.failure = ""

    def push(self, features: NDArray[np.float32]) -> None:
        """Take frames, [n_features, n_frames] float32.

        Raises:
            OptionError: After finish(), or of another height.
            AudioError: A value is not finite; none is taken.
            EngineError: The stream has failed.
        """
        if self.failure:
            raise EngineError(self.failure)
        if self._is_finished:
            raise OptionError("The stream is finished; reset it before pushing another utterance.")
        if features.ndim != 2 or len(features) != len(self._frames):
            raise OptionError(f"Features of shape {features.shape} are not [{len(self._frames)}, n_frames].")
        if not np.isfinite(features).all():
            raise AudioError("A feature is not a finite number. Check the audio for NaN and infinite samples.")
        self._frames = np.concatenate([self._frames, features], axis=1)

    def finish(self) -> None:
        """No more frames: what is left becomes ready."""
        if self.failure:
            raise EngineError(self.failure)
        self._is_finished = True

    @property
    def n_pending_frames(self) -> int:
        """Frames that no window has taken."""
        return self._frames.shape[1] - self._n_old

    @property
    def ready(self) -> bool:
        """Whether a window can run: a whole one, or the rest after finish()."""
        whole = self._frames.shape[1] >= self._geometry.window_frames
        return not self.failure and self.n_pending_frames > 0 and (whole or self._is_finished)

    @property
    def done(self) -> bool:
        """Finished, and every frame has been through the model."""
        return self._is_finished and self.n_pending_frames == 0 and not self.failure

    def step(self) -> None:
        """Run the next window. Raises EngineError when it fails, OptionError when there is none."""
        if not self.ready:
            raise OptionError("The stream has no window to run. Ask ready first.")
        window_frames, chunk_frames = self._geometry.window_frames, self._geometry.chunk_frames
        window = self._frames[:, :window_frames]
        n_valid = window.shape[1]
        window = np.pad(window, ((0, 0), (0, window_frames - n_valid)))  # the last one: the same result, one shape
        scores, caches = self.model.run_graph(window, n_valid, self._caches)
        try:
            if not (scores <= np.finfo(np.float32).max).all():  # NaN, or infinite; -inf is a probability of 0
                raise EngineError(
                    f"The output of the graph {self.model.path} is not finite, so the stream can't go on."
                )
            log_probs = normalize_scores(self.model.path, self._geometry.log_probs_kind, scores)
        except (EngineError, ModelError) as error:
            self._fail(str(error))
            raise EngineError(str(error)) from error
        self._log_probs.append(log_probs)
        self.n_output_frames += len(log_probs)
        self._caches = caches
        self._frames = self._frames[:, chunk_frames:]
        self._n_old = n_valid - chunk_frames if n_valid == window_frames else self._frames.shape[1]

    def take(self) -> NDArray[np.float32]:
        """Log-probs [n_frames, n_tokens] since the last call."""
        n_tokens = self.model.graph()["n_tokens"]
        taken = np.concatenate([np.zeros((0, n_tokens), np.float32), *self._log_probs])
        self._log_probs.clear()
        return taken

    def run(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Log-probs of a whole recording, of which nothing was pushed before. Raises as push() and step()."""
        self.push(features)
        self.finish()
        while self.ready:
            self.step()
        return self.take()

    def _fail(self, message: str) -> None:
        self.failure = message
        self._frames = self._frames[:, :0]
        self._n_old = 0


def has_several_chunks(model: StreamingModel) -> bool:
    """Whether a step is several attention chunks: its first output frame doesn't see the later half of its window.

    Nothing in the file says so. The model is configured.
    """
    if model.output_frames < 2:
        return False
    geometry = model.configured()
    n_frames = geometry.window_frames - geometry.subsampling_factor * geometry.dropped_frames
    features = np.random.default_rng(0).standard_normal((model.graph()["n_features"], n_frames)).astype(np.float32)
    firsts = []
    for sign in (1, -1):
        features[:, -(n_frames // 2) :] *= sign
        stream = AcousticStream(model)
        stream.push(features)
        stream.step()
        firsts.append(stream.take()[0])
    return bool(np.abs(firsts[0] - firsts[1]).max() < SAME)


def _failure_of_step(stream: AcousticStream) -> str:
    try:
        stream.step()
    except EngineError as error:
        return str(error)
    return ""


def _check_appended(graph: dict[str, Any], path: str) -> tuple[list[str], list[str]]:
    """The names of the caches and of their new rows. Raises ModelError if they don't match."""
    outputs = {tensor["name"]: tensor for tensor in graph["outputs"]}
    caches, rows = [LENGTHS], ["cache_last_channel_next_len"]
    for tensor in graph["inputs"]:
        if not tensor["name"].startswith("cache_") or tensor["name"] == LENGTHS:
            continue
        name = "new_" + tensor["name"].removeprefix("cache_")
        shapes = [tensor["shape"], outputs.get(name, tensor)["shape"]]
        if name not in outputs or any(len(shape) < 3 or shape[1] >= 0 for shape in shapes):
            raise ModelError(f"The graph {path}: {tensor['name']} has no rows {name} of [rows, batch, ...].")
        caches.append(tensor["name"])
        rows.append(name)
    return caches, rows


def _check_signature(graph: dict[str, Any], path: str) -> tuple[list[str], list[str]]:
    """The names of old and new caches. Raises ModelError when the graph is not NeMo's cache-aware export."""
    inputs = {tensor["name"]: tensor for tensor in graph["inputs"]}
    outputs = {tensor["name"]: tensor for tensor in graph["outputs"]}
    lengths = next(
        (name for name in ("cache_last_channel_next_len", "cache_last_channel_len_next") if name in outputs), ""
    )
    caches_next = ["cache_last_channel_next", "cache_last_time_next", lengths]

    def unknown(why: str) -> ModelError:
        return ModelError(
            f"The graph {path} is not a cache-aware one that fastctc can run: {why}. Inputs: {graph['inputs']}; "
            f"outputs: {graph['outputs']}. Expected: NeMo's export with cache_support."
        )

    if not graph["cache_aware"]:
        raise unknown("it has no cache inputs, so it runs whole recordings")
    if graph["layout"] != "feature_major" or not graph["length_input"] or not graph["length_output"]:
        raise unknown("it has no feature-major audio with lengths in and out")
    if set(inputs) != {graph["audio_input"], graph["length_input"], *CACHES} or not (
        lengths and set(caches_next) <= set(outputs)
    ):
        raise unknown("its caches are others")
    ranks = {graph["audio_input"]: 3, graph["length_input"]: 1, **dict(zip(CACHES, (4, 4, 1), strict=True))}
    for name, rank in ranks.items():
        kind, shape = inputs[name]["type"], inputs[name]["shape"]
        if kind != ("int64" if rank == 1 else "float32") or (shape and len(shape) != rank):
            raise unknown(f"{name} is {kind} of {len(shape)} dimensions")
        if shape and shape[0] >= 0:
            raise unknown(f"the batch of {name} is fixed at {shape[0]}; export it with a dynamic batch axis")
    return list(CACHES), caches_next
