"""Calls as a type checker sees them: `nox -s types` reads this file, in which unused ignores are errors; nothing runs.

Each function's results have the types that are asserted, and each ignored line is the mistake that its code names.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

import fastctc
from fastctc import Conversation, Error, Stream, StreamResult, Transcript

if TYPE_CHECKING:
    from typing_extensions import assert_type


def results(recognizer: fastctc.Recognizer) -> None:
    assert_type(recognizer.transcribe("a.wav"), Transcript)
    assert_type(recognizer.transcribe("a.wav", channel=1, vad="energy", channels="mix"), Transcript)
    assert_type(recognizer.transcribe(["a.wav", b""], threads=2), list[Transcript])
    assert_type(recognizer.transcribe(["a.wav"], on_error="raise"), list[Transcript])
    assert_type(recognizer.transcribe(["a.wav"], on_error="return"), list[Transcript | Error])
    assert_type(recognizer.transcribe("a.wav", channels="split"), Conversation)
    assert_type(recognizer.transcribe(["a.wav"], channels="split", decoder="beam"), list[Conversation])
    assert_type(recognizer.transcribe(["a.wav"], channels="split", on_error="return"), list[Conversation | Error])
    assert_type(recognizer.transcribe_each(["a.wav"]), Iterator[tuple[int, Transcript | Conversation | Error]])


def results_of_the_function() -> None:
    assert_type(fastctc.transcribe("a.wav", "model", normalize="none"), Transcript)
    assert_type(fastctc.transcribe(["a.wav"], fastctc.load(), sample_rate=8000), list[Transcript])
    assert_type(fastctc.transcribe(["a.wav"], on_error="return"), list[Transcript | Error])
    assert_type(fastctc.transcribe("a.wav", channels="split", session=fastctc.SessionOptions()), Conversation)
    assert_type(fastctc.transcribe(["a.wav"], channels="split"), list[Conversation])
    assert_type(fastctc.transcribe(["a.wav"], channels="split", on_error="return"), list[Conversation | Error])


def results_of_streams(recognizer: fastctc.Recognizer) -> None:
    assert_type(recognizer.stream(latency_ms=80, endpoint=False, on_result=print), Stream)
    assert_type(recognizer.transcribe_stream([], vad="energy"), Iterator[StreamResult])
    assert_type(recognizer.transcribe_stream_async([], start="nemo_pad"), AsyncIterator[StreamResult])
    assert_type(fastctc.StreamPool(recognizer, max_batch=4, partial_results=False).open(), Stream)


def names_that_are_none(recognizer: fastctc.Recognizer) -> None:
    recognizer.transcribe("a.wav", canal=1)  # type: ignore[call-overload]
    recognizer.transcribe("a.wav", latency_ms=80)  # type: ignore[call-overload]
    recognizer.transcribe_each(["a.wav"], canal=1)  # type: ignore[call-arg]
    recognizer.stream(latency=80)  # type: ignore[call-arg]
    recognizer.transcribe_stream([], latency=80)  # type: ignore[call-arg]
    recognizer.transcribe_stream_async([], latency=80)  # type: ignore[call-arg]
    fastctc.StreamPool(recognizer, latency=80)  # type: ignore[call-arg]
    fastctc.transcribe("a.wav", canal=1)  # type: ignore[call-overload]


def values_of_other_types(recognizer: fastctc.Recognizer) -> None:
    recognizer.transcribe("a.wav", sample_rate="8000")  # type: ignore[call-overload]
    recognizer.transcribe("a.wav", decoder="bean")  # type: ignore[call-overload]
    recognizer.transcribe_each(["a.wav"], threads=1.5)  # type: ignore[arg-type]
    recognizer.stream(latency_ms="80")  # type: ignore[arg-type]
    recognizer.stream(endpoint=True)  # type: ignore[arg-type]
    fastctc.StreamPool(recognizer, decoder=fastctc.EndpointOptions())  # type: ignore[arg-type]
    fastctc.transcribe("a.wav", normalize="all")  # type: ignore[call-overload]


def what_does_not_go_together(recognizer: fastctc.Recognizer) -> None:
    recognizer.transcribe("a.wav", channels="split", channel=1)  # type: ignore[call-overload]
    recognizer.transcribe("a.wav", conversation=fastctc.ConversationOptions())  # type: ignore[call-overload]
    recognizer.transcribe("a.wav", on_error="ignore")  # type: ignore[call-overload]
