"""Twin of the recogniser: the whole way in plain NumPy and the onnxruntime Python package, one recording at a time."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from fastctc.errors import Error, ModelError, ModelNotFoundError
from fastctc.reference.aligner import align
from fastctc.reference.assemble import assemble
from fastctc.reference.audio import count_channels, load_audio
from fastctc.reference.beam import BeamDecoder, beam_options
from fastctc.reference.conversation import make_conversation
from fastctc.reference.fbank import compute_features
from fastctc.reference.greedy import decode_greedy
from fastctc.reference.long_form import compute_log_probs, join_spoken
from fastctc.reference.model_directory import ModelDirectory
from fastctc.reference.model_graphs import ModelGraphs
from fastctc.reference.speech_detector import detect_speech
from fastctc.reference.speller import spell
from fastctc.reference.stream import Stream
from fastctc.reference.streaming_model import AcousticStream
from fastctc.reference.vocabulary import Vocabulary
from fastctc.second_pass import check_rescoring, rescored
from fastctc.types import (
    Alternative,
    ConfidenceOptions,
    ConversationOptions,
    DecoderOptions,
    FrontendOptions,
    LongFormOptions,
    ModelOptions,
    SessionOptions,
    StreamOptions,
    Transcript,
    VadOptions,
)

__all__ = ["Recognizer", "load", "transcribe"]

Decoder: TypeAlias = "Literal['greedy', 'beam'] | DecoderOptions | None"
DEMO_MODEL = Path("demo_model") / "digits"


class Recognizer:
    """As `fastctc.Recognizer`."""

    def __init__(
        self, frontend: FrontendOptions, graphs: ModelGraphs, vocabulary: Vocabulary, tokenizer: Path | None = None
    ) -> None:
        self._frontend = frontend
        self._graphs = graphs
        self._vocabulary = vocabulary
        self._tokenizer = tokenizer

    @property
    def frontend(self) -> FrontendOptions:
        """How features are made."""
        return self._frontend

    @property
    def vocabulary(self) -> Vocabulary:
        """The tokens, blank included."""
        return self._vocabulary

    @property
    def sample_rate_hz(self) -> int:
        """Rate that the model was trained with."""
        return self._frontend.sample_rate_hz

    @property
    def frame_s(self) -> float:
        """Seconds from one frame of the log-probs to the next."""
        hop = 1 if self._frontend.kind == "waveform" else self._frontend.hop_length_samples
        return hop * self._graphs.subsampling_factor / self._frontend.sample_rate_hz

    @property
    def latencies_ms(self) -> list[int]:
        """Look-aheads that live streams can have, ascending."""
        return self._graphs.latencies_ms

    def stream(self, options: StreamOptions | None = None) -> Stream:
        """A live stream. Raises OptionError (no such latency), ModelError (the model can't stream)."""
        options = options or StreamOptions()
        model = self._graphs.streaming(-1 if options.latency_ms is None else options.latency_ms)
        return Stream(self._frontend, model, self._vocabulary, options)

    def features(
        self, audio: Any, *, sample_rate: int | None = None, channel: int | Literal["mean"] = "mean"
    ) -> npt.NDArray[np.float32]:
        """Log-mel features, float32 [n_features, n_frames]."""
        samples = load_audio(
            audio, sample_rate=sample_rate, channel=channel, target_rate_hz=self.sample_rate_hz
        ).samples
        features, n_valid_frames = compute_features(samples, self._frontend)
        return features[:, :n_valid_frames]

    @property
    def graphs(self) -> list[str]:
        """The model's graphs, as the manifest names them."""
        return self._graphs.names

    def log_probs(self, features: npt.ArrayLike, *, graph: str = "offline") -> npt.NDArray[np.float32]:
        """Natural-log probabilities, float32 [n_frames, n_tokens], by one of `graphs`.

        Raises ModelError without an offline graph, OptionError without the one that is named.
        """
        values = np.asarray(features, np.float32)
        if graph == "offline":
            model = self._graphs.offline
            if model is None:
                raise ModelError("The model has no offline graph, only cache-aware graphs for streams.")
            return model.run([values])[0]
        return AcousticStream(self._graphs.cache_aware(graph)).run(values)

    def decode(self, log_probs: npt.ArrayLike, decoder: Decoder = None) -> Transcript:
        """The transcript of log-probs [n_frames, n_tokens]."""
        values = np.asarray(log_probs, np.float32)
        options = _resolve_decoder(decoder)
        return rescored(self._decode(values, len(values) * self.frame_s, options), options)

    def align(
        self,
        audio: Any,
        text: str,
        *,
        sample_rate: int | None = None,
        channel: int | Literal["mean"] = "mean",
        confidence: ConfidenceOptions | None = None,
        long_form: LongFormOptions | None = None,
    ) -> Transcript:
        """When each word of a known text is said."""
        loaded = load_audio(audio, sample_rate=sample_rate, channel=channel, target_rate_hz=self.sample_rate_hz)
        options, vocabulary = long_form or LongFormOptions(), self._vocabulary
        ids = spell(text, vocabulary, self._tokenizer)
        log_probs, method = compute_log_probs(
            loaded.samples, self._frontend, self._graphs, vocabulary.blank_id, options
        )
        confidence = confidence or options.decoder.confidence
        hypothesis = align(log_probs, ids, vocabulary.blank_id, confidence)
        transcript = assemble(hypothesis, vocabulary, self.frame_s, loaded.duration_s, confidence.aggregation)
        return replace(transcript, method=method)

    def transcribe(
        self,
        audio: Any,
        *,
        sample_rate: int | None = None,
        channel: int | Literal["mean"] = "mean",
        channels: Literal["mix", "split"] = "mix",
        conversation: ConversationOptions | None = None,
        threads: int | None = None,
        on_error: Literal["raise", "return"] = "raise",
        vad: str | os.PathLike[str] | VadOptions | None = None,
        decoder: Decoder = None,
        long_form: LongFormOptions | None = None,
        on_progress: Callable[[int, float], None] | None = None,
    ) -> Any:
        """What was said; a list for many recordings. `threads` is only part of the signature: one thread works here."""
        del threads
        options = _with_vad(long_form or LongFormOptions(), vad)
        options = options if decoder is None else replace(options, decoder=_resolve_decoder(decoder))
        many = isinstance(audio, (list, tuple))
        results = []
        for index, source in enumerate(audio if many else [audio]):
            result = (
                self._transcribe_channels(source, sample_rate, conversation, options)
                if channels == "split"
                else self._transcribe_or(source, sample_rate, channel, options)
            )
            if isinstance(result, Error) and (on_error == "raise" or not many):
                raise result
            if on_progress is not None and isinstance(result, Transcript):
                on_progress(index, result.duration_s)
            results.append(result)
        return results if many else results[0]

    def _transcribe_channels(
        self, source: Any, sample_rate: int | None, conversation: ConversationOptions | None, options: LongFormOptions
    ) -> Any:
        try:
            n_channels = count_channels(source)
        except Error as error:
            return error
        each = [self._transcribe_or(source, sample_rate, index, options) for index in range(n_channels)]
        for result in each:
            if isinstance(result, Error):
                return result
        return make_conversation([result for result in each if isinstance(result, Transcript)], conversation)

    def _transcribe_or(
        self, source: Any, sample_rate: int | None, channel: int | Literal["mean"], options: LongFormOptions
    ) -> Transcript | Error:
        try:
            loaded = load_audio(source, sample_rate=sample_rate, channel=channel, target_rate_hz=self.sample_rate_hz)
            return rescored(self._transcribe_samples(loaded.samples, loaded.duration_s, options), options.decoder)
        except Error as error:
            return error

    def _transcribe_samples(
        self, samples: npt.NDArray[np.float32], duration_s: float, options: LongFormOptions
    ) -> Transcript:
        if options.vad.kind == "none":
            log_probs, method = compute_log_probs(
                samples, self._frontend, self._graphs, self._vocabulary.blank_id, options
            )
            return replace(self._decode(log_probs, duration_s, options.decoder), method=method)
        unspoken = replace(options, vad=VadOptions())
        parts = []
        for segment in detect_speech(samples, options.vad, self.sample_rate_hz):
            start, end = (round(time_s * self.sample_rate_hz) for time_s in (segment.start_s, segment.end_s))
            part_s = (end - start) / self.sample_rate_hz
            parts.append((segment, self._transcribe_samples(samples[start:end], part_s, unspoken)))
        empty = self._transcribe_samples(samples[:0], 0.0, unspoken)
        return join_spoken(parts, duration_s, empty, options.decoder.n_best)

    def _decode(self, log_probs: npt.NDArray[np.float32], duration_s: float, options: DecoderOptions) -> Transcript:
        """Greedy, or the twin of beam search, with twins of the objects that it uses."""
        check_rescoring(options)
        vocabulary, aggregation = self._vocabulary, options.confidence.aggregation
        if options.kind == "greedy":
            hypothesis = decode_greedy(log_probs, vocabulary.blank_id, options.confidence)
            return assemble(hypothesis, vocabulary, self.frame_s, duration_s, aggregation)
        decoder = BeamDecoder(vocabulary, beam_options(options, vocabulary))
        decoder.step(log_probs)
        alternatives, transcripts = [], []
        for entry in decoder.n_best(options.n_best):
            aligned = align(log_probs, entry.token_ids, vocabulary.blank_id, options.confidence)
            transcript = assemble(aligned, vocabulary, self.frame_s, duration_s, aggregation, entry.words)
            scores = entry.score, entry.acoustic_score, entry.lm_score, entry.bonus_score
            alternatives.append(Alternative(transcript.text, transcript.words, *scores, transcript.tokens))
            transcripts.append(transcript)
        return replace(transcripts[0], alternatives=tuple(alternatives) if options.n_best > 1 else ())


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
    return make_recognizer(directory, ModelGraphs(directory, options, session or SessionOptions()), options)


def make_recognizer(directory: ModelDirectory, graphs: ModelGraphs, options: ModelOptions) -> Recognizer:
    """The recogniser of a directory whose graphs are opened already, or will be."""
    graph = graphs.first.graph()
    frontend = directory.frontend(options, graph["metadata"], graph["layout"], graph["n_features"])
    blank_id = directory.blank_id(options, graph["metadata"])
    vocabulary = Vocabulary.read(directory.tokens, graph["n_tokens"], blank_id, options.text_style)
    return Recognizer(frontend, graphs, vocabulary, directory.tokenizer)


def transcribe(
    audio: Any,
    model: str | os.PathLike[str] | Recognizer | None = None,
    *,
    normalize: Literal["none", "per_feature", "all_features", "fixed", "utterance"] | None = None,
    options: ModelOptions | None = None,
    session: SessionOptions | None = None,
    **keywords: Any,
) -> Any:
    """As `fastctc.transcribe`."""
    recognizer = (
        model if isinstance(model, Recognizer) else load(model, normalize=normalize, options=options, session=session)
    )
    return recognizer.transcribe(audio, **keywords)


def _resolve_decoder(decoder: Decoder) -> DecoderOptions:
    if isinstance(decoder, DecoderOptions):
        return decoder
    return DecoderOptions() if decoder is None else DecoderOptions(kind=decoder)


def _with_vad(options: LongFormOptions, vad: str | os.PathLike[str] | VadOptions | None) -> LongFormOptions:
    """`vad` is "energy", Silero's file, or all the options; None: as in `options`."""
    if vad is None:
        return options
    if not isinstance(vad, VadOptions):
        vad = VadOptions(kind="energy") if vad == "energy" else VadOptions(kind="silero", model=os.fspath(vad))
    return replace(options, vad=vad)


def _demo_model() -> Path:
    spec = importlib.util.find_spec("fastctc")
    for root in (spec and spec.submodule_search_locations) or ():
        if (Path(root) / DEMO_MODEL).is_dir():
            return Path(root) / DEMO_MODEL
    raise ModelNotFoundError("The demo model is not part of this installation; name a model directory.")
