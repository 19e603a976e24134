"""Twin of model_graphs.cpp: the graphs of one model, each opened on first use."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from fastctc.errors import ModelError, OptionError
from fastctc.reference.acoustic_model import AcousticModel
from fastctc.reference.model_directory import ModelDirectory
from fastctc.reference.streaming_model import StreamingModel
from fastctc.types import ModelOptions, SessionOptions

__all__ = ["ModelGraphs"]


class ModelGraphs:
    """The offline graph, those for streams by look-ahead, and the one for long recordings, as far as there are any."""

    def __init__(self, directory: ModelDirectory, options: ModelOptions, session: SessionOptions) -> None:
        self._directory = directory
        self._options = options
        self._session = session
        self._streaming: dict[Path, StreamingModel] = {}

    @property
    def first(self) -> AcousticModel | StreamingModel:
        """The graph that tells the model's shape. Raises as AcousticModel and StreamingModel."""
        return self.offline or self._open_streaming(self._directory.graph)

    @property
    def subsampling_factor(self) -> int:
        """Input frames (samples, for a waveform) per output frame."""
        first = self.first
        return first.subsampling_factor if isinstance(first, AcousticModel) else first.configured().subsampling_factor

    @cached_property
    def offline(self) -> AcousticModel | None:
        """For recordings in one run; None: there is none. Raises as AcousticModel."""
        path = self._directory.graphs.offline
        if path is None:
            return None
        model = AcousticModel(path, self._session)
        if model.graph()["cache_aware"]:
            raise ModelError(f"{path} is a cache-aware graph, for streams, but is named as the offline graph.")
        model.configure(**self._directory.geometry(self._options))
        return model

    @property
    def latencies_ms(self) -> list[int]:
        """Look-aheads that streams can have, ascending."""
        return sorted(self._directory.graphs.streaming)

    @property
    def names(self) -> list[str]:
        """Of all graphs, as in the manifest."""
        files = self._directory.graphs
        streaming = [f"streaming_{latency_ms}ms" for latency_ms in self.latencies_ms]
        return [*(["offline"] if files.offline else []), *streaming, *(["long_form"] if files.long_form else [])]

    def cache_aware(self, name: str) -> StreamingModel:
        """The graph of that name, but for the offline one. Raises ModelError, OptionError."""
        files = self._directory.graphs
        paths = {f"streaming_{latency_ms}ms": path for latency_ms, path in files.streaming.items()}
        path = files.long_form if name == "long_form" else paths.get(name)
        if path is None:
            raise OptionError(f"The model has no graph '{name}'; it has {', '.join(self.names)}.")
        return self._open_streaming(path)

    def streaming(self, latency_ms: int = -1) -> StreamingModel:
        """The graph for streams of that look-ahead; -1: the longest. Raises ModelError, OptionError."""
        latencies_ms = self.latencies_ms
        if not latencies_ms:
            raise ModelError(f"The model {self._directory.graph.parent} has no cache-aware graph for streams.")
        wanted_ms = latencies_ms[-1] if latency_ms < 0 else latency_ms
        if wanted_ms not in latencies_ms:
            raise OptionError(f"latency_ms is {latency_ms}, but the model has graphs for {latencies_ms}.")
        return self._open_streaming(self._directory.graphs.streaming[wanted_ms])

    def long_form(self) -> StreamingModel | None:
        """The graph of several attention chunks per step; None: there is none."""
        path = self._directory.graphs.long_form
        return None if path is None else self._open_streaming(path)

    def _open_streaming(self, path: Path) -> StreamingModel:
        if path not in self._streaming:
            model = StreamingModel(path, self._session)
            stated = self._directory.geometry(self._options)
            known: dict[str, Any] = {
                "window_frames": self._options.window_frames,
                "chunk_frames": self._options.chunk_frames,
                "subsampling_factor": stated["subsampling_factor"],
                "log_probs_kind": stated["log_probs_kind"],
            }
            model.configure(**{name: value for name, value in known.items() if value is not None})
            self._streaming[path] = model
        return self._streaming[path]
