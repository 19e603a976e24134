"""Offline recognition: audio in, transcripts out, and every stage alone."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar, cast, overload

import numpy as np
import numpy.typing as npt

from fastctc import _core
from fastctc.audio.reading import AudioSource, load_audio, probe_duration_s, read_audio
from fastctc.batching import default_threads, plan_batches, run_batches
from fastctc.conversation import make_conversation
from fastctc.core_options import core_fields, model_fields, session_fields
from fastctc.decoding.decoder import Decoder, decoder_fields, resolve_decoder, with_decoder
from fastctc.decoding.second_pass import rescored
from fastctc.errors import EngineError, Error, OptionError
from fastctc.installed.onnxruntime_library import find_library
from fastctc.models.named import resolve_model
from fastctc.stream import OnResult, Samples, Stream, resolve_stream_options, stream_results
from fastctc.stream_async import AsyncStream, stream_results_async
from fastctc.types import (
    ConfidenceOptions,
    Conversation,
    ConversationOptions,
    DecoderOptions,
    LongFormOptions,
    ModelOptions,
    Property,
    SessionOptions,
    StreamOptions,
    StreamResult,
    Transcript,
)
from fastctc.vad import Vad, resolve_vad

__all__ = ["Recognizer", "load", "transcribe"]

FloatArray: TypeAlias = npt.NDArray[np.float32]
Normalize: TypeAlias = Literal["none", "per_feature", "all_features", "fixed", "utterance"]
Channel: TypeAlias = int | Literal["mean"]
Channels: TypeAlias = Literal["mix", "split"]
Progress: TypeAlias = Callable[[int, float], None]

Result = TypeVar("Result")

MAX_BATCH_S = 8.0
"""Padded seconds of a batch. Larger ones fall out of the processor's caches: on the full-size model batches of 60 s
take 40 % longer than the same recordings one by one, batches of 8 s a few per cent less (benchmarks/README.md)."""


@dataclass(frozen=True)
class _How:
    """What one call of `transcribe` asks for, the same for all its recordings."""

    sample_rate: int | None
    channel: Channel
    channels: Channels
    conversation: ConversationOptions
    long_form: dict[str, Any]
    decoder: DecoderOptions
    on_progress: Progress | None
    stop: threading.Event
    """Set when nobody waits for the results any more."""

    @classmethod
    def ask(
        cls,
        sample_rate: int | None,
        channel: Any,
        channels: Channels,
        conversation: ConversationOptions | None,
        vad: Vad,
        decoder: Decoder,
        long_form: LongFormOptions | None,
        on_progress: Progress | None,
        vocabulary: _core.Vocabulary,
    ) -> _How:
        """Checks what concerns the channels."""
        if channels not in ("mix", "split"):
            raise OptionError(f"channels must be 'mix' or 'split', not {channels!r}.")
        if channels == "split" and channel != "mean":
            raise OptionError(f"channels='split' transcribes every channel, channel={channel!r} one. Give one of them.")
        if channel == "split":
            raise OptionError("channel is one channel's number, or 'mean'. To have them all give channels='split'.")
        if conversation is not None and channels != "split":
            raise OptionError("conversation says how split channels are put together: give channels='split' too.")
        make_conversation((), replace(conversation or ConversationOptions(), channel_names=()))  # before the work
        options = _long_form_options(vad, decoder, long_form)
        return cls(
            sample_rate,
            channel,
            channels,
            conversation or ConversationOptions(),
            core_fields(options, vocabulary),
            options.decoder,
            on_progress,
            threading.Event(),
        )

    def transcript(self, parts: tuple[Any, ...]) -> Transcript:
        """What the core found, after the second pass."""
        return rescored(Transcript.from_tuple(parts), self.decoder)


class Recognizer:
    """A loaded model. Immutable, safe to share between threads; made by `load`.

    The stages, each alone: `decode(log_probs(features(audio)))` finds what `transcribe(audio)` finds.
    """

    def __init__(self, core: _core.Recognizer, path: Path) -> None:
        self._core = core
        self._path = path

    def __repr__(self) -> str:
        return f"Recognizer({str(self._path)!r}, {self.sample_rate_hz} Hz, {len(self.pieces)} tokens)"

    @property
    def sample_rate_hz(self) -> int:
        """Rate that the model was trained with; audio at another rate is resampled."""
        return self._core.sample_rate_hz

    @property
    def frame_s(self) -> float:
        """Seconds from one frame of the log-probs to the next."""
        return self._core.frame_s

    @property
    def pieces(self) -> list[str]:
        """The vocabulary, blank included, in order of ids."""
        return self._core.pieces

    @property
    def blank_id(self) -> int:
        """Id of the CTC blank."""
        return self._core.blank_id

    @property
    def latencies_ms(self) -> list[int]:
        """Look-aheads that live streams can have, ascending; empty: the model has no cache-aware graph."""
        return self._core.latencies_ms

    @property
    def properties(self) -> list[Property]:
        """Every resolved property of the model and where its value came from."""
        return [Property(*entry) for entry in self._core.properties]

    def features(self, audio: AudioSource, *, sample_rate: int | None = None, channel: Channel = "mean") -> FloatArray:
        """Log-mel features, float32 [n_features, n_frames], as NeMo's preprocessor gives them.

        Args:
            audio: a path, bytes, a binary file object or an array; see `fastctc.audio`.
            sample_rate: of an array, in Hz; None: the model's.
            channel: a channel's number, or the mean of all.

        Raises:
            AudioError: the audio can't be used.
        """
        samples = self._load(audio, sample_rate, channel)
        features, n_valid_frames = self._core.features(samples)
        return features[:, :n_valid_frames]

    @property
    def graphs(self) -> list[str]:
        """What graphs the model has, as the manifest names them: offline, streaming_80ms, ..., long_form."""
        offline = ["offline"] if self._core.has_offline_graph else []
        long_form = [entry.name for entry in self.properties if entry.name == "long_form"]
        return [*offline, *(f"streaming_{latency_ms}ms" for latency_ms in self.latencies_ms), *long_form]

    def log_probs(self, features: npt.ArrayLike, *, graph: str = "offline") -> FloatArray:
        """Natural-log probabilities, float32 [n_frames, n_tokens], of features [n_features, n_frames].

        Args:
            features: of a whole recording.
            graph: one of `graphs`. All but the offline one run step by step.

        Raises:
            AudioError: more frames than the model's position table, or not finite.
            ModelError: the number of features is not the model's.
            OptionError: there is no such graph.
            EngineError: ONNX Runtime failed.
        """
        values = _matrix(features, "features")
        if graph == "offline":
            return self._core.log_probs(values)
        if graph not in self.graphs:
            raise OptionError(f"The model has no graph '{graph}'; it has {', '.join(self.graphs)}.")
        latency = re.fullmatch(r"streaming_(\d+)ms", graph)
        model = self._core.streaming_model(int(latency[1])) if latency else self._core.long_form_model()
        stream = _core.AcousticStream(model)
        stream.push(values)
        stream.finish()
        while stream.ready:
            if failure := model.step([stream])[0]:
                raise EngineError(failure)
        return stream.take()

    def decode(self, log_probs: npt.ArrayLike, decoder: Decoder = None) -> Transcript:
        """The transcript of log-probs [n_frames, n_tokens].

        Args:
            log_probs: natural logarithms.
            decoder: "greedy" (default), "beam", or all the options.

        Raises:
            OptionError: the width is not the vocabulary's.
        """
        options = resolve_decoder(decoder)
        parts = self._core.decode(_matrix(log_probs, "log_probs"), decoder_fields(options, self._core.vocabulary))
        return rescored(Transcript.from_tuple(parts), options)

    def align(
        self,
        audio: AudioSource,
        text: str,
        *,
        sample_rate: int | None = None,
        channel: Channel = "mean",
        confidence: ConfidenceOptions | None = None,
        long_form: LongFormOptions | None = None,
        on_progress: Progress | None = None,
    ) -> Transcript:
        """When each word of a known text is said: its most likely alignment, exact (see `fastctc/aligner.h`).

        How well a word fits tells its `score`, the mean log-prob of a frame; `confidence` tells how sure the model is
        there, of whatever it is. Recordings may have any length, as in `transcribe`. The text is cut into tokens by the
        directory's SentencePiece model, where it has one (`tokenizer.model`), else into as few pieces as can be.

        Args:
            audio: a path, bytes, a binary file object or an array; see `fastctc.audio`.
            text: words; upper or lower case as the model has it.
            sample_rate: of an array, in Hz; None: the model's.
            channel: a channel's number, or the mean of all.
            confidence: the measure.
            long_form: how long recordings are done; without speech detection, as the text tells no segments.
            on_progress: called after every block with 0 and how many seconds are done.

        Raises:
            AudioError: the audio can't be used.
            AlignmentError: the text holds a character that the model's pieces don't have (the message names it), or
                needs more frames than the audio has.
            OptionError: `long_form` asks for speech detection or beam search.
        """
        options = long_form or LongFormOptions()
        if confidence is not None:
            if options.decoder.confidence not in (ConfidenceOptions(), confidence):
                raise OptionError(f"confidence={confidence!r} contradicts long_form.decoder.confidence. Give one.")
            options = replace(options, decoder=replace(options.decoder, confidence=confidence))
        alignment = _core.LongForm.align(self._core, text, core_fields(options, self._core.vocabulary))
        blocks = read_audio(audio, target_rate_hz=self.sample_rate_hz, sample_rate=sample_rate, channel=channel)
        for block in blocks:
            alignment.push(block)
            if on_progress is not None:
                on_progress(0, alignment.done_s)
        return Transcript.from_tuple(alignment.finish())

    @overload
    def transcribe(  # type: ignore[overload-overlap]  # a str is an iterable of str, and is taken as a path
        self,
        audio: AudioSource,
        *,
        sample_rate: int | None = None,
        channel: Channel = "mean",
        channels: Literal["mix"] = "mix",
        threads: int | None = None,
        on_error: Literal["raise"] = "raise",
        vad: Vad = None,
        decoder: Decoder = None,
        long_form: LongFormOptions | None = None,
        on_progress: Progress | None = None,
    ) -> Transcript: ...
    @overload
    def transcribe(
        self,
        audio: Iterable[AudioSource],
        *,
        sample_rate: int | None = None,
        channel: Channel = "mean",
        channels: Literal["mix"] = "mix",
        threads: int | None = None,
        on_error: Literal["raise"] = "raise",
        vad: Vad = None,
        decoder: Decoder = None,
        long_form: LongFormOptions | None = None,
        on_progress: Progress | None = None,
    ) -> list[Transcript]: ...
    @overload
    def transcribe(
        self,
        audio: Iterable[AudioSource],
        *,
        sample_rate: int | None = None,
        channel: Channel = "mean",
        channels: Literal["mix"] = "mix",
        threads: int | None = None,
        on_error: Literal["return"],
        vad: Vad = None,
        decoder: Decoder = None,
        long_form: LongFormOptions | None = None,
        on_progress: Progress | None = None,
    ) -> list[Transcript | Error]: ...
    @overload
    def transcribe(  # type: ignore[overload-overlap]
        self,
        audio: AudioSource,
        *,
        sample_rate: int | None = None,
        channels: Literal["split"],
        conversation: ConversationOptions | None = None,
        threads: int | None = None,
        on_error: Literal["raise"] = "raise",
        vad: Vad = None,
        decoder: Decoder = None,
        long_form: LongFormOptions | None = None,
        on_progress: Progress | None = None,
    ) -> Conversation: ...
    @overload
    def transcribe(
        self,
        audio: Iterable[AudioSource],
        *,
        sample_rate: int | None = None,
        channels: Literal["split"],
        conversation: ConversationOptions | None = None,
        threads: int | None = None,
        on_error: Literal["raise"] = "raise",
        vad: Vad = None,
        decoder: Decoder = None,
        long_form: LongFormOptions | None = None,
        on_progress: Progress | None = None,
    ) -> list[Conversation]: ...
    @overload
    def transcribe(
        self,
        audio: Iterable[AudioSource],
        *,
        sample_rate: int | None = None,
        channels: Literal["split"],
        conversation: ConversationOptions | None = None,
        threads: int | None = None,
        on_error: Literal["return"],
        vad: Vad = None,
        decoder: Decoder = None,
        long_form: LongFormOptions | None = None,
        on_progress: Progress | None = None,
    ) -> list[Conversation | Error]: ...
    def transcribe(
        self,
        audio: AudioSource | Iterable[AudioSource],
        *,
        sample_rate: int | None = None,
        channel: Channel = "mean",
        channels: Channels = "mix",
        conversation: ConversationOptions | None = None,
        threads: int | None = None,
        on_error: Literal["raise", "return"] = "raise",
        vad: Vad = None,
        decoder: Decoder = None,
        long_form: LongFormOptions | None = None,
        on_progress: Progress | None = None,
    ) -> Any:
        """What was said: a Transcript for one recording, a list in the same order for many.

        Recordings may have any length: files are read block by block, time grows linearly, memory doesn't grow
        (`Transcript.method` says how it was done). Many recordings are sorted by length into batches and spread over
        threads; each result equals that of the recording alone, and only the batches at work are in memory.

        Args:
            audio: one recording (a path, bytes, a binary file object, an array), or a list of them.
            sample_rate: of arrays, in Hz; None: the model's.
            channel: a channel's number, or the mean of all.
            channels: "mix": one transcript a recording; "split": every channel is transcribed on its own, and the
                result is a Conversation.
            conversation: of "split": the pauses that end a segment, and the channels' names.
            threads: batches at work at a time; None: as many as there are processors.
            on_error: of many recordings: raise the first error, or return errors in the place of transcripts.
            vad: transcribe only speech, as "energy" or Silero's ONNX file finds it; see `fastctc.vad`. The segments
                are `Transcript.speech`.
            decoder: "greedy" (default), "beam", or a `DecoderOptions`: beam search with a language model, hot words, a
                lexicon, alternatives.
            long_form: how long recordings are done.
            on_progress: called after every block with the number of the recording (0 of one) and how many seconds of
                it are recognised, by the thread that works on it. Short recordings in batches are not reported.

        Raises:
            AudioError: the audio can't be used.
            EngineError: ONNX Runtime failed.
        """
        if on_error not in ("raise", "return"):
            raise OptionError(f"on_error must be 'raise' or 'return', not {on_error!r}.")
        sources = as_many(audio)
        if sources is None:
            how = _How.ask(
                sample_rate,
                channel,
                channels,
                conversation,
                vad,
                decoder,
                long_form,
                on_progress,
                self._core.vocabulary,
            )
            [result] = self._transcribe_batch([0], [cast("AudioSource", audio)], how)
            if isinstance(result, Error):
                raise result
            return result
        results: list[Transcript | Conversation | Error | None] = [None] * len(sources)
        for index, result in self.transcribe_each(
            sources,
            sample_rate=sample_rate,
            channel=channel,
            channels=channels,
            conversation=conversation,
            threads=threads,
            vad=vad,
            decoder=decoder,
            long_form=long_form,
            on_progress=on_progress,
        ):
            if isinstance(result, Error) and on_error == "raise":
                raise result
            results[index] = result
        return results

    def transcribe_each(
        self,
        sources: Sequence[AudioSource],
        *,
        sample_rate: int | None = None,
        channel: Channel = "mean",
        channels: Channels = "mix",
        conversation: ConversationOptions | None = None,
        threads: int | None = None,
        vad: Vad = None,
        decoder: Decoder = None,
        long_form: LongFormOptions | None = None,
        on_progress: Progress | None = None,
    ) -> Iterator[tuple[int, Transcript | Conversation | Error]]:
        """Yields (index, transcript or error) of many recordings as they are done, in any order.

        Args and behaviour as `transcribe`; an error concerns its own recording only.
        """
        if threads is not None and (isinstance(threads, bool) or not isinstance(threads, int) or threads < 1):
            raise OptionError(f"threads must be a whole number from 1, not {threads!r}.")
        threads = threads or default_threads()
        durations_s = [probe_duration_s(source, sample_rate=sample_rate or self.sample_rate_hz) for source in sources]
        # No thread should wait while another works off a large batch.
        share_s = sum(duration or 0.0 for duration in durations_s) / threads
        # Channels are read from their file together, so such a recording runs alone.
        batches = plan_batches(durations_s, 0.0 if channels == "split" else min(MAX_BATCH_S, share_s))

        how = _How.ask(
            sample_rate,
            channel,
            channels,
            conversation,
            vad,
            decoder,
            long_form,
            on_progress,
            self._core.vocabulary,
        )

        def work(batch: tuple[int, ...]) -> list[Transcript | Conversation | Error]:
            return self._transcribe_batch(batch, [sources[index] for index in batch], how)

        return run_batches(batches, work, threads, stop=how.stop)

    def stream(
        self,
        options: StreamOptions | None = None,
        *,
        on_result: OnResult | None = None,
        **changes: Any,
    ) -> Stream:
        """A live stream: push audio as it comes, get partial and final results.

        Args:
            options: all options; None: the defaults.
            on_result: called with each result, in order, by the thread that pushes.
            changes: single options by name: latency_ms, sample_rate (of the audio pushed), start, partial_results,
                endpoint (an `EndpointOptions`; False: no rules), vad ("energy", Silero's .onnx file, a `VadOptions`),
                decoder ("greedy", "beam", a `DecoderOptions`).

        Raises:
            OptionError: no such latency (the message lists those there are), or another option that can't be.
            ModelError: the model has no graph for streams.
        """
        resolved = resolve_stream_options(options, **changes)
        return Stream(_core.Stream(self._core, core_fields(resolved, self._core.vocabulary)), resolved, on_result)

    def transcribe_stream(self, chunks: Iterable[Samples], **options: Any) -> Iterator[StreamResult]:
        """Yields results while `chunks` of samples come; options as `stream`."""
        return stream_results(self.stream(**options), chunks)

    def transcribe_stream_async(
        self, chunks: AsyncIterable[Samples] | Iterable[Samples], **options: Any
    ) -> AsyncIterator[StreamResult]:
        """The same under asyncio: `async for result in ...`; the loop never waits for the model or for the audio."""
        return stream_results_async(AsyncStream(self.stream(**options)), chunks)

    def _transcribe_batch(
        self, indices: Sequence[int], sources: Sequence[AudioSource], how: _How
    ) -> list[Transcript | Conversation | Error]:
        """One batch; an error in it stands in the place of its item only."""
        if how.channels == "split":
            [source] = sources
            whole = _attempt(self._transcribe_channels, indices[0], source, how)
            return [_with_source(whole, source) if isinstance(whole, Error) else whole]
        if len(sources) == 1:
            results: list[Any] = [_attempt(self._transcribe_alone, indices[0], sources[0], how)]
        else:
            results = self._transcribe_together(sources, how)
        transcripts = [result if isinstance(result, Error) else _attempt(how.transcript, result) for result in results]
        return [
            _with_source(result, source) if isinstance(result, Error) else result
            for result, source in zip(transcripts, sources, strict=True)
        ]

    def _transcribe_alone(self, index: int, source: AudioSource, how: _How) -> tuple[Any, ...]:
        """A recording of any length, block by block."""
        long_form = _core.LongForm(self._core, how.long_form)
        blocks = read_audio(
            source, target_rate_hz=self.sample_rate_hz, sample_rate=how.sample_rate, channel=how.channel
        )
        for block in blocks:
            if how.stop.is_set():
                raise Error("Transcription was stopped.")  # nobody waits for the result any more
            long_form.push(block)
            if how.on_progress is not None:
                how.on_progress(index, long_form.done_s)
        return long_form.finish()

    def _transcribe_channels(self, index: int, source: AudioSource, how: _How) -> Conversation:
        """Every channel of a recording of any length, block by block."""
        parts: list[_core.LongForm] = []
        for block in read_audio(
            source, target_rate_hz=self.sample_rate_hz, sample_rate=how.sample_rate, channel="split"
        ):
            parts = parts or [_core.LongForm(self._core, how.long_form) for _ in range(block.shape[1])]
            for channel, part in enumerate(parts):
                if how.stop.is_set():
                    raise Error("Transcription was stopped.")  # nobody waits for the result any more
                part.push(np.ascontiguousarray(block[:, channel]))
            if how.on_progress is not None:
                how.on_progress(index, min(part.done_s for part in parts))
        return make_conversation([how.transcript(part.finish()) for part in parts], how.conversation)

    def _transcribe_together(self, sources: Sequence[AudioSource], how: _How) -> list[Any]:
        """Short recordings in one run of the graph."""
        loaded = [_attempt(self._load, source, how.sample_rate, how.channel) for source in sources]
        arrays = [item for item in loaded if not isinstance(item, Error)]
        answers: list[Any] | Error = _attempt(self._core.transcribe, arrays, 0, how.long_form)
        if isinstance(answers, Error):
            # Whose error it is shows when each runs alone.
            alone: list[list[Any] | Error] = [
                _attempt(self._core.transcribe, [array], 0, how.long_form) for array in arrays
            ]
            answers = [answer if isinstance(answer, Error) else answer[0] for answer in alone]
        queue = iter(answers)
        return [item if isinstance(item, Error) else next(queue) for item in loaded]

    def _load(self, audio: AudioSource, sample_rate: int | None, channel: Channel) -> FloatArray:
        return load_audio(audio, sample_rate=sample_rate, channel=channel, target_rate_hz=self.sample_rate_hz).samples


def load(
    model: str | os.PathLike[str] | None = None,
    *,
    normalize: Normalize | None = None,
    options: ModelOptions | None = None,
    session: SessionOptions | None = None,
) -> Recognizer:
    """Loads a model.

    Args:
        model: a directory that holds an ONNX graph and its tokens, or the graph itself; None: the demo model.
        normalize: how features are normalised, where nothing in the directory tells (short for
            `ModelOptions(normalize=...)`).
        options: what you know better than the directory.
        session: how ONNX Runtime runs the graph.

    Raises:
        ModelNotFoundError: there is no model.
        ModelError: the model can't be used, or nothing tells a property (the message says which option to give).
        EngineNotFoundError: ONNX Runtime is missing or too old.
        OptionError: an option can't be.
    """
    path = resolve_model(model)
    session = session or SessionOptions()
    library, _ = find_library(session.library)
    core = _core.Recognizer.load(
        os.fspath(path),
        model_fields(options or ModelOptions(), normalize),
        session_fields(session, library),
    )
    return Recognizer(core, path)


def transcribe(
    audio: AudioSource | Iterable[AudioSource],
    model: str | os.PathLike[str] | Recognizer | None = None,
    *,
    sample_rate: int | None = None,
    channel: Channel = "mean",
    channels: Channels = "mix",
    conversation: ConversationOptions | None = None,
    normalize: Normalize | None = None,
    options: ModelOptions | None = None,
    session: SessionOptions | None = None,
    threads: int | None = None,
    on_error: Literal["raise", "return"] = "raise",
    vad: Vad = None,
    decoder: Decoder = None,
    long_form: LongFormOptions | None = None,
    on_progress: Progress | None = None,
) -> Any:
    """What was said: `load(model, ...).transcribe(audio, ...)`; the last models are kept loaded.

    Returns:
        A Transcript (with channels="split" a Conversation) for one recording, a list of them for many. Arguments and
        errors as `load` and `Recognizer.transcribe`.
    """
    recognizer = model if isinstance(model, Recognizer) else load_once(model, normalize, options, session)
    # Which overload it is, the caller's types decide; here any of them.
    transcribe_any: Callable[..., Any] = recognizer.transcribe
    return transcribe_any(
        audio,
        sample_rate=sample_rate,
        channel=channel,
        channels=channels,
        conversation=conversation,
        threads=threads,
        on_error=on_error,
        vad=vad,
        decoder=decoder,
        long_form=long_form,
        on_progress=on_progress,
    )


def as_many(audio: Any) -> list[Any] | None:
    """The recordings of a list, a tuple or an iterator; None when `audio` is one recording.

    Raises:
        OptionError: a list of numbers, which is neither.
    """
    if isinstance(audio, (str, bytes, bytearray, memoryview, os.PathLike, np.ndarray)) or hasattr(audio, "read"):
        return None
    if not isinstance(audio, Iterable):
        return None
    sources = list(audio)
    if sources and isinstance(sources[0], (int, float, np.number)):
        raise OptionError("A list holds recordings, not samples. Give samples as a NumPy array: np.asarray(samples).")
    return sources


def load_once(
    model: str | os.PathLike[str] | None,
    normalize: Normalize | None,
    options: ModelOptions | None,
    session: SessionOptions | None,
) -> Recognizer:
    # Options hold mappings, which can't be hashed; their text can.
    key = (None if model is None else os.fspath(model), normalize, repr(options), repr(session))
    return _load_cached(_CacheKey(key, model, normalize, options, session))


class _CacheKey:
    """Hashes by the text of the arguments, carries the arguments."""

    def __init__(self, key: tuple[Any, ...], *arguments: Any) -> None:
        self.key = key
        self.arguments = arguments

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _CacheKey) and self.key == other.key


@lru_cache(maxsize=2)
def _load_cached(key: _CacheKey) -> Recognizer:
    model, normalize, options, session = key.arguments
    return load(model, normalize=normalize, options=options, session=session)


def _matrix(values: npt.ArrayLike, name: str) -> FloatArray:
    array = np.asarray(values)
    if array.ndim != 2 or not np.issubdtype(array.dtype, np.floating):
        raise OptionError(
            f"{name} must be a floating-point array of two dimensions, not {array.dtype} of shape {array.shape}."
        )
    return np.ascontiguousarray(array, dtype=np.float32)


def _long_form_options(vad: Vad, decoder: Decoder, long_form: LongFormOptions | None) -> LongFormOptions:
    options: LongFormOptions = with_decoder(long_form or LongFormOptions(), decoder, "long_form")
    chosen = resolve_vad(vad)
    if vad is not None and options.vad.kind != "none" and options.vad != chosen:
        raise OptionError(f"vad={vad!r} contradicts long_form.vad={options.vad!r}. Give one.")
    return options if vad is None else replace(options, vad=chosen)


def _attempt(work: Callable[..., Result], *arguments: Any) -> Result | Error:
    try:
        return work(*arguments)
    except Error as error:
        return error
    except MemoryError:
        # One recording that is too large must not take the others with it.
        return EngineError("There was not enough memory for this recording. Cut it into shorter pieces.")


def _with_source(error: Error, source: AudioSource) -> Error:
    """Errors of one recording among many say which."""
    if not isinstance(source, (str, os.PathLike)) or os.fspath(source) in str(error):
        return error
    return type(error)(f"{os.fspath(source)}: {error}")
