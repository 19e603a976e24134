"""`fastctc transcribe --latency-ms`: files as live streams would recognise them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from fastctc.audio.reading import open_audio
from fastctc.batching import run_batches
from fastctc.conversation import make_conversation
from fastctc.errors import Error
from fastctc.types import Conversation, ConversationOptions, DecoderOptions, StreamResult, Transcript

if TYPE_CHECKING:
    from fastctc.recognizer import Recognizer

__all__ = ["transcribe_live"]


def transcribe_live(
    recognizer: Recognizer,
    sources: Sequence[str | bytes],
    *,
    latency_ms: int,
    vad: str | None,
    decoder: DecoderOptions | None,
    channel: Any,
    conversation: ConversationOptions | None,
    threads: int,
) -> Iterator[tuple[int, Transcript | Conversation | Error]]:
    """Yields (index, result) as `Recognizer.transcribe_each` does; a Conversation where `conversation` is given.

    Raises:
        OptionError: the model has no such latency, or `vad` is nothing.
    """
    # No endpoints: they cut a text into lines, and a file's transcript has no lines.
    options: dict[str, Any] = {"latency_ms": latency_ms, "vad": vad, "decoder": decoder}
    options |= {"endpoint": False, "partial_results": False}
    recognizer.stream(**options).close()  # an error that concerns all is raised once, before any work
    stop = threading.Event()

    def work(batch: tuple[int, ...]) -> list[Transcript | Conversation | Error]:
        [index] = batch
        try:
            transcripts = _transcribe(recognizer, sources[index], options, channel, conversation is not None, stop)
            return [transcripts[0] if conversation is None else make_conversation(transcripts, conversation)]
        except Error as error:
            return [error]

    return run_batches([(index,) for index in range(len(sources))], work, threads, stop=stop)


def _transcribe(
    recognizer: Recognizer,
    source: str | bytes,
    options: dict[str, Any],
    channel: Any,
    split: bool,
    stop: threading.Event,
) -> list[Transcript]:
    """The transcript of the channel, or those of all channels."""
    streams: list[Any] = []
    finals: list[list[StreamResult]] = []
    rate_hz = recognizer.sample_rate_hz
    with open_audio(source, default_rate_hz=rate_hz, channel="split" if split else channel) as recording:
        for channels in recording.blocks():
            if not streams:
                streams = [recognizer.stream(**options) for _ in channels]
                finals = [[] for _ in streams]
            if stop.is_set():
                raise Error("Transcription was stopped.")  # nobody waits for the result any more
            for index, (stream, samples) in enumerate(zip(streams, channels, strict=True)):
                finals[index] += stream.push(samples, sample_rate=recording.rate_hz)
    for index, stream in enumerate(streams):
        finals[index] += stream.finish()
    return [_join(results, stream.pushed_s) for results, stream in zip(finals, streams, strict=True)]


def _join(results: Sequence[StreamResult], duration_s: float) -> Transcript:
    """The final results of a stream as one transcript."""
    transcripts = [result.transcript for result in results]
    words = tuple(word for transcript in transcripts for word in transcript.words)
    return Transcript(
        " ".join(transcript.text for transcript in transcripts if transcript.text),
        words,
        tuple(token for transcript in transcripts for token in transcript.tokens),
        sum(word.confidence for word in words) / len(words) if words else 1.0,
        duration_s,
        "stream",
        tuple(segment for transcript in transcripts for segment in transcript.speech),
    )
