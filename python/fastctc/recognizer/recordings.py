"""The recordings of one call: how they are transcribed, one by one, in batches, channel by channel."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from fastctc import _core
from fastctc.audio.reading import AudioSource, Channel, open_audio, probe_duration_s
from fastctc.batching import default_threads, plan_batches, run_batches
from fastctc.conversation import make_conversation
from fastctc.core_options import core_fields
from fastctc.decoding import Decoder, with_decoder
from fastctc.errors import EngineError, Error, OptionError
from fastctc.keywords import ChannelMode, Progress
from fastctc.second_pass import rescored
from fastctc.types import Conversation, ConversationOptions, LongFormOptions, Transcript
from fastctc.vad import Vad, resolve_vad

__all__ = ["Recordings", "Transcribed", "as_many"]

Transcribed: TypeAlias = Transcript | Conversation | Error
Result = TypeVar("Result")

MAX_BATCH_S = 8.0
"""Padded seconds of a batch. Larger ones fall out of the processor's caches: on the full-size model batches of 60 s
take 40 % longer than the same recordings one by one, batches of 8 s a few per cent less (benchmarks/README.md)."""


class Recordings:
    """What one call of `transcribe` asks for, the same for all its recordings."""

    def __init__(
        self,
        core: _core.Recognizer,
        *,
        sample_rate: int | None = None,
        channel: Channel = "mean",
        channels: ChannelMode = "mix",
        conversation: ConversationOptions | None = None,
        threads: int | None = None,
        vad: Vad = None,
        decoder: Decoder = None,
        long_form: LongFormOptions | None = None,
        on_progress: Progress | None = None,
    ) -> None:
        """Checks everything, before any work; see `Recognizer.transcribe`."""
        if channels not in ("mix", "split"):
            raise OptionError(f"channels must be 'mix' or 'split', not {channels!r}.")
        if channels == "split" and channel != "mean":
            raise OptionError(f"channels='split' transcribes every channel, channel={channel!r} one. Give one of them.")
        if channel == "split":  # type: ignore[comparison-overlap]
            raise OptionError("channel is one channel's number, or 'mean'. To have them all give channels='split'.")
        if conversation is not None and channels != "split":
            raise OptionError("conversation says how split channels are put together: give channels='split' too.")
        if threads is not None and (isinstance(threads, bool) or not isinstance(threads, int) or threads < 1):
            raise OptionError(f"threads must be a whole number from 1, not {threads!r}.")
        self._conversation = conversation or ConversationOptions()
        make_conversation((), replace(self._conversation, channel_names=()))  # its errors, before the work
        options = _long_form_options(vad, decoder, long_form)
        self._core = core
        self._sample_rate = sample_rate
        self._channel: Channel = channel
        self._split = channels == "split"
        self._threads = threads or default_threads()
        self._long_form = core_fields(options, core.vocabulary)
        self._decoder = options.decoder
        self._on_progress = on_progress
        self._stop = threading.Event()
        """Set when nobody waits for the results any more."""

    def one(self, source: AudioSource) -> Transcript | Conversation:
        """The only recording. Raises its error."""
        [result] = self._batch([0], [source])
        if isinstance(result, Error):
            raise result
        return result

    def each(self, sources: Sequence[AudioSource]) -> Iterator[tuple[int, Transcribed]]:
        """Yields (index, result or error) as batches are done."""
        rate_hz = self._sample_rate or self._core.sample_rate_hz
        durations_s = [probe_duration_s(source, sample_rate=rate_hz) for source in sources]
        # No thread should wait while another works off a large batch.
        share_s = sum(duration or 0.0 for duration in durations_s) / self._threads
        # Channels are read from their file together, so such a recording runs alone.
        batches = plan_batches(durations_s, 0.0 if self._split else min(MAX_BATCH_S, share_s))

        def work(batch: tuple[int, ...]) -> list[Transcribed]:
            return self._batch(batch, [sources[index] for index in batch])

        return run_batches(batches, work, self._threads, stop=self._stop)

    def _batch(self, indices: Sequence[int], sources: Sequence[AudioSource]) -> list[Transcribed]:
        """An error stands in the place of its item only."""
        results: list[Any]
        if self._split:
            results = [_attempt(self._channels, indices[0], sources[0])]
        elif len(sources) == 1:
            results = [_attempt(self._alone, indices[0], sources[0])]
        else:
            results = [
                parts if isinstance(parts, Error) else _attempt(self._transcript, parts)
                for parts in self._together(sources)
            ]
        return [
            _with_source(result, source) if isinstance(result, Error) else result
            for result, source in zip(results, sources, strict=True)
        ]

    def _transcript(self, parts: tuple[Any, ...]) -> Transcript:
        """What the core found, after the second pass."""
        return rescored(Transcript.from_tuple(parts), self._decoder)

    def _alone(self, index: int, source: AudioSource) -> Transcript:
        """A recording of any length, block by block."""
        [transcript] = self._pushed(index, source, self._channel)
        return transcript

    def _channels(self, index: int, source: AudioSource) -> Conversation:
        """Every channel of such a recording."""
        return make_conversation(self._pushed(index, source, "split"), self._conversation)

    def _pushed(self, index: int, source: AudioSource, channel: Any) -> list[Transcript]:
        """The transcripts of a recording's channels, or of one of them, which are read together."""
        parts: list[_core.LongForm] = []
        rate_hz = self._core.sample_rate_hz
        with open_audio(source, default_rate_hz=rate_hz, sample_rate=self._sample_rate, channel=channel) as recording:
            for channels in recording.blocks():
                parts = parts or [_core.LongForm(self._core, self._long_form) for _ in channels]
                for part, samples in zip(parts, channels, strict=True):
                    if self._stop.is_set():
                        raise Error("Transcription was stopped.")  # nobody waits for the result any more
                    part.push(samples, recording.rate_hz)
                if self._on_progress is not None:
                    self._on_progress(index, min(part.done_s for part in parts))
        return [self._transcript(part.finish()) for part in parts]

    def _together(self, sources: Sequence[AudioSource]) -> list[Any]:
        """Short recordings in one run of the graph."""
        loaded = [_attempt(self._load, source) for source in sources]
        arrays = [item for item in loaded if not isinstance(item, Error)]
        answers: list[Any] | Error = _attempt(self._core.transcribe, arrays, self._long_form)
        if isinstance(answers, Error):
            # Whose error it is shows when each runs alone.
            alone: list[list[Any] | Error] = [
                _attempt(self._core.transcribe, [array], self._long_form) for array in arrays
            ]
            answers = [answer if isinstance(answer, Error) else answer[0] for answer in alone]
        queue = iter(answers)
        return [item if isinstance(item, Error) else next(queue) for item in loaded]

    def _load(self, audio: AudioSource) -> tuple[npt.NDArray[np.float32], int]:
        """Samples at the recording's own rate, and that rate."""
        rate_hz, channel = self._core.sample_rate_hz, self._channel
        with open_audio(audio, default_rate_hz=rate_hz, sample_rate=self._sample_rate, channel=channel) as recording:
            return recording.read(), recording.rate_hz


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
