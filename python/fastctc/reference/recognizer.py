"""Twin of the recogniser: the whole way in plain NumPy and the onnxruntime Python package, one recording at a time."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from fastctc.errors import Error, ModelError, ModelNotFoundError
from fastctc.reference.acoustic_model import AcousticModel
from fastctc.reference.assemble import assemble
from fastctc.reference.audio import load_audio
from fastctc.reference.fbank import compute_features
from fastctc.reference.greedy import decode_greedy
from fastctc.reference.model_directory import ModelDirectory
from fastctc.reference.vocabulary import Vocabulary
from fastctc.types import FrontendOptions, ModelOptions, SessionOptions, Transcript

__all__ = ["Recognizer", "load", "transcribe"]

DEMO_MODEL = Path("demo_model") / "digits"


class Recognizer:
    """As `fastctc.Recognizer`."""

    def __init__(self, frontend: FrontendOptions, acoustic_model: AcousticModel, vocabulary: Vocabulary) -> None:
        self._frontend = frontend
        self._acoustic_model = acoustic_model
        self._vocabulary = vocabulary

    @property
    def sample_rate_hz(self) -> int:
        """Rate that the model was trained with."""
        return self._frontend.sample_rate_hz

    @property
    def frame_s(self) -> float:
        """Seconds from one frame of the log-probs to the next."""
        hop = 1 if self._frontend.kind == "waveform" else self._frontend.hop_length_samples
        return hop * self._acoustic_model.subsampling_factor / self._frontend.sample_rate_hz

    def features(
        self, audio: Any, *, sample_rate: int | None = None, channel: int | Literal["mean"] = "mean"
    ) -> npt.NDArray[np.float32]:
        """Log-mel features, float32 [n_features, n_frames]."""
        samples = load_audio(
            audio, sample_rate=sample_rate, channel=channel, target_rate_hz=self.sample_rate_hz
        ).samples
        features, n_valid_frames = compute_features(samples, self._frontend)
        return features[:, :n_valid_frames]

    def log_probs(self, features: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Natural-log probabilities, float32 [n_frames, n_tokens]."""
        return self._acoustic_model.run([np.asarray(features, np.float32)])[0]

    def decode(self, log_probs: npt.ArrayLike) -> Transcript:
        """The transcript of log-probs [n_frames, n_tokens] (greedy CTC)."""
        values = np.asarray(log_probs, np.float32)
        return self._decode(values, len(values) * self.frame_s)

    def transcribe(
        self,
        audio: Any,
        *,
        sample_rate: int | None = None,
        channel: int | Literal["mean"] = "mean",
        threads: int | None = None,
        on_error: Literal["raise", "return"] = "raise",
    ) -> Any:
        """What was said; a list for many recordings. `threads` is taken for the signature's sake: one works here."""
        del threads
        if isinstance(audio, (list, tuple)):
            return [self._transcribe_or(item, sample_rate, channel, on_error) for item in audio]
        loaded = load_audio(audio, sample_rate=sample_rate, channel=channel, target_rate_hz=self.sample_rate_hz)
        features = self.features(loaded.samples)
        return self._decode(self.log_probs(features), loaded.samples.size / self.sample_rate_hz)

    def _transcribe_or(self, audio: Any, sample_rate: int | None, channel: int | Literal["mean"], on_error: str) -> Any:
        try:
            return self.transcribe(audio, sample_rate=sample_rate, channel=channel)
        except Error as error:
            if on_error == "raise":
                raise
            return error

    def _decode(self, log_probs: npt.NDArray[np.float32], duration_s: float) -> Transcript:
        hypothesis = decode_greedy(log_probs, self._vocabulary.blank_id)
        return assemble(hypothesis, self._vocabulary, self.frame_s, duration_s)


def load(
    model: str | os.PathLike[str] | None = None,
    *,
    normalize: Literal["none", "per_feature", "all_features", "fixed", "utterance"] | None = None,
    options: ModelOptions | None = None,
    session: SessionOptions | None = None,
) -> Recognizer:
    """As `fastctc.load`."""
    options = options or ModelOptions()
    if normalize is not None:
        options = ModelOptions(**{**vars(options), "normalize": normalize})
    directory = ModelDirectory.open(_demo_model() if model is None else Path(model), options)
    acoustic_model = AcousticModel(directory.graph, session or SessionOptions())
    graph = acoustic_model.graph()
    if graph["cache_aware"]:
        raise ModelError(f"{directory.graph} is a cache-aware graph, for streams; name an offline graph.")
    frontend = directory.frontend(options, graph["metadata"], graph["layout"], graph["n_features"])
    acoustic_model.configure(**directory.geometry(options))
    blank_id = directory.blank_id(options, graph["metadata"])
    vocabulary = Vocabulary.read(directory.tokens, graph["n_tokens"], blank_id, options.text_style)
    return Recognizer(frontend, acoustic_model, vocabulary)


def transcribe(
    audio: Any,
    model: str | os.PathLike[str] | Recognizer | None = None,
    *,
    sample_rate: int | None = None,
    channel: int | Literal["mean"] = "mean",
    normalize: Literal["none", "per_feature", "all_features", "fixed", "utterance"] | None = None,
    options: ModelOptions | None = None,
    session: SessionOptions | None = None,
    threads: int | None = None,
    on_error: Literal["raise", "return"] = "raise",
) -> Any:
    """As `fastctc.transcribe`."""
    recognizer = (
        model if isinstance(model, Recognizer) else load(model, normalize=normalize, options=options, session=session)
    )
    return recognizer.transcribe(audio, sample_rate=sample_rate, channel=channel, threads=threads, on_error=on_error)


def _demo_model() -> Path:
    spec = importlib.util.find_spec("fastctc")
    for root in (spec and spec.submodule_search_locations) or ():
        if (Path(root) / DEMO_MODEL).is_dir():
            return Path(root) / DEMO_MODEL
    raise ModelNotFoundError("The demo model is not part of this installation; name a model directory.")
