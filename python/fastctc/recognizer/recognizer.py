"""Offline recognition: audio in, transcripts out, and every stage alone."""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast, overload

import numpy as np
import numpy.typing as npt

from fastctc import _core
from fastctc.audio.reading import AudioSource, Channel, open_audio
from fastctc.core_options import core_fields
from fastctc.decoding import Decoder, decoder_fields, resolve_decoder
from fastctc.errors import EngineError, Error, OptionError
from fastctc.keywords import (
    MixKeywords,
    OnResult,
    OpenKeywords,
    Progress,
    SplitKeywords,
    StreamKeywords,
    TranscribeKeywords,
    resolve_stream_options,
    takes,
)
from fastctc.recognizer.recordings import Recordings, Transcribed, as_many
from fastctc.second_pass import rescored
from fastctc.stream import Samples, Stream, stream_results
from fastctc.stream_async import AsyncStream, stream_results_async
from fastctc.types import (
    ConfidenceOptions,
    Conversation,
    LongFormOptions,
    Property,
    StreamOptions,
    StreamResult,
    Transcript,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Recognizer"]

FloatArray: TypeAlias = npt.NDArray[np.float32]
Many: TypeAlias = Iterable[AudioSource]


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
        rate_hz = self.sample_rate_hz
        with open_audio(audio, default_rate_hz=rate_hz, sample_rate=sample_rate, channel=channel) as recording:
            return self._core.features((samples for [samples] in recording.blocks()), recording.rate_hz)

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
        rate_hz = self.sample_rate_hz
        with open_audio(audio, default_rate_hz=rate_hz, sample_rate=sample_rate, channel=channel) as recording:
            for [samples] in recording.blocks():
                alignment.push(samples, recording.rate_hz)
                if on_progress is not None:
                    on_progress(0, alignment.done_s)
        return Transcript.from_tuple(alignment.finish())

    @overload
    def transcribe(  # type: ignore[overload-overlap]  # a str is an iterable of str, and is taken as a path
        self, audio: AudioSource, *, on_error: Literal["raise"] = ..., **keywords: Unpack[MixKeywords]
    ) -> Transcript: ...
    @overload
    def transcribe(
        self, audio: Many, *, on_error: Literal["raise"] = ..., **keywords: Unpack[MixKeywords]
    ) -> list[Transcript]: ...
    @overload
    def transcribe(
        self, audio: Many, *, on_error: Literal["return"], **keywords: Unpack[MixKeywords]
    ) -> list[Transcript | Error]: ...
    @overload
    def transcribe(  # type: ignore[overload-overlap]
        self, audio: AudioSource, *, on_error: Literal["raise"] = ..., **keywords: Unpack[SplitKeywords]
    ) -> Conversation: ...
    @overload
    def transcribe(
        self, audio: Many, *, on_error: Literal["raise"] = ..., **keywords: Unpack[SplitKeywords]
    ) -> list[Conversation]: ...
    @overload
    def transcribe(
        self, audio: Many, *, on_error: Literal["return"], **keywords: Unpack[SplitKeywords]
    ) -> list[Conversation | Error]: ...
    @takes(Recordings)
    def transcribe(
        self,
        audio: AudioSource | Many,
        *,
        on_error: Literal["raise", "return"] = "raise",
        **keywords: Unpack[TranscribeKeywords],
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
        recordings = Recordings(self._core, **keywords)
        sources = as_many(audio)
        if sources is None:
            return recordings.one(cast("AudioSource", audio))
        results: list[Transcribed | None] = [None] * len(sources)
        for index, result in recordings.each(sources):
            if isinstance(result, Error) and on_error == "raise":
                raise result
            results[index] = result
        return results

    @takes(Recordings)
    def transcribe_each(
        self, sources: Sequence[AudioSource], **keywords: Unpack[TranscribeKeywords]
    ) -> Iterator[tuple[int, Transcribed]]:
        """Yields (index, transcript or error) of many recordings as they are done, in any order.

        Args and behaviour as `transcribe`; an error concerns its own recording only.
        """
        return Recordings(self._core, **keywords).each(sources)

    @takes(resolve_stream_options)
    def stream(
        self,
        options: StreamOptions | None = None,
        *,
        on_result: OnResult | None = None,
        **keywords: Unpack[StreamKeywords],
    ) -> Stream:
        """A live stream: push audio as it comes, get partial and final results.

        Args:
            options: all options; None: the defaults.
            on_result: called with each result, in order, by the thread that pushes.
            keywords: single options by name: latency_ms, sample_rate (of the audio pushed), start, partial_results,
                endpoint (an `EndpointOptions`; False: no rules), vad ("energy", Silero's .onnx file, a `VadOptions`),
                decoder ("greedy", "beam", a `DecoderOptions`).

        Raises:
            OptionError: no such latency (the message lists those there are), or another option that can't be.
            ModelError: the model has no graph for streams.
        """
        resolved = resolve_stream_options(options, **keywords)
        return Stream(_core.Stream(self._core, core_fields(resolved, self._core.vocabulary)), resolved, on_result)

    @takes(stream)
    def transcribe_stream(self, chunks: Iterable[Samples], **keywords: Unpack[OpenKeywords]) -> Iterator[StreamResult]:
        """Yields results while `chunks` of samples come; keywords as `stream`."""
        return stream_results(self.stream(**keywords), chunks)

    @takes(stream)
    def transcribe_stream_async(
        self, chunks: AsyncIterable[Samples] | Iterable[Samples], **keywords: Unpack[OpenKeywords]
    ) -> AsyncIterator[StreamResult]:
        """The same under asyncio: `async for result in ...`; the loop never waits for the model or for the audio."""
        return stream_results_async(AsyncStream(self.stream(**keywords)), chunks)


def _matrix(values: npt.ArrayLike, name: str) -> FloatArray:
    array = np.asarray(values)
    if array.ndim != 2 or not np.issubdtype(array.dtype, np.floating):
        raise OptionError(
            f"{name} must be a floating-point array of two dimensions, not {array.dtype} of shape {array.shape}."
        )
    return np.ascontiguousarray(array, dtype=np.float32)
