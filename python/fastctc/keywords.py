"""The keywords of the calls that recognise: written once for type checkers, and checked when a call is made."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict, TypeVar

import numpy as np

from fastctc.audio.reading import Channel
from fastctc.decoding import Decoder, resolve_decoder
from fastctc.errors import OptionError
from fastctc.types import (
    ConversationOptions,
    EndpointOptions,
    LongFormOptions,
    ModelOptions,
    SessionOptions,
    StreamOptions,
    StreamResult,
)
from fastctc.vad import Vad, resolve_vad

if TYPE_CHECKING:  # in `typing` from Python 3.11 on
    from typing_extensions import Required

__all__ = [
    "ChannelMode",
    "LoadKeywords",
    "LoadMixKeywords",
    "LoadSplitKeywords",
    "MixKeywords",
    "Normalize",
    "OnResult",
    "OpenKeywords",
    "PoolKeywords",
    "Progress",
    "SplitKeywords",
    "StreamKeywords",
    "TranscribeKeywords",
    "resolve_stream_options",
    "takes",
]

Normalize: TypeAlias = Literal["none", "per_feature", "all_features", "fixed", "utterance"]
ChannelMode: TypeAlias = Literal["mix", "split"]
Progress: TypeAlias = Callable[[int, float], None]
"""Called with the number of a recording and the seconds of it that are recognised."""
OnResult: TypeAlias = Callable[[StreamResult], object]

Function = TypeVar("Function", bound=Callable[..., Any])


class RecordingKeywords(TypedDict, total=False):
    """Of every call that transcribes; what they mean stands at `Recognizer.transcribe`."""

    sample_rate: int | None
    threads: int | None
    vad: Vad
    decoder: Decoder
    long_form: LongFormOptions | None
    on_progress: Progress | None


class MixKeywords(RecordingKeywords, total=False):
    """One transcript a recording."""

    channel: Channel
    channels: Literal["mix"]


class SplitKeywords(RecordingKeywords, total=False):
    """A conversation of a recording's channels."""

    channels: Required[Literal["split"]]
    conversation: ConversationOptions | None


class TranscribeKeywords(RecordingKeywords, total=False):
    """Either."""

    channel: Channel
    channels: ChannelMode
    conversation: ConversationOptions | None


class LoadKeywords(TypedDict, total=False):
    """Of `load`."""

    normalize: Normalize | None
    options: ModelOptions | None
    session: SessionOptions | None


class LoadMixKeywords(LoadKeywords, MixKeywords):
    """Of `fastctc.transcribe`, for transcripts."""


class LoadSplitKeywords(LoadKeywords, SplitKeywords):
    """Of `fastctc.transcribe`, for conversations."""


class StreamKeywords(TypedDict, total=False):
    """Single options of streams; what they mean stands at `Recognizer.stream`, as of those below."""

    latency_ms: int | None
    sample_rate: int | None
    start: Literal["aligned", "nemo_pad"] | None
    partial_results: bool | None
    endpoint: EndpointOptions | Literal[False] | None
    vad: Vad
    decoder: Decoder


class PoolKeywords(StreamKeywords, total=False):
    """Of a pool: all options too."""

    options: StreamOptions | None


class OpenKeywords(PoolKeywords, total=False):
    """Of calls that open a stream."""

    on_result: OnResult | None


def resolve_stream_options(
    options: StreamOptions | None = None,
    *,
    latency_ms: int | None = None,
    sample_rate: int | None = None,
    start: Literal["aligned", "nemo_pad"] | None = None,
    partial_results: bool | None = None,
    endpoint: EndpointOptions | Literal[False] | None = None,
    vad: Vad = None,
    decoder: Decoder = None,
) -> StreamOptions:
    """The options with what is given by name. `endpoint=False` turns the rules off.

    Raises:
        OptionError: a latency or rate that is no whole number.
    """
    for name, value in (("latency_ms", latency_ms), ("sample_rate", sample_rate)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0):
            raise OptionError(f"{name} must be a whole number from 0, not {value!r}.")
    changes: dict[str, Any] = {
        "latency_ms": latency_ms,
        "sample_rate_hz": sample_rate,
        "start": start,
        "partial_results": partial_results,
        "endpoint": EndpointOptions.off() if endpoint is False else endpoint,
        "vad": None if vad is None else resolve_vad(vad),
        "decoder": None if decoder is None else resolve_decoder(decoder),
    }
    return replace(options or StreamOptions(), **{name: value for name, value in changes.items() if value is not None})


def takes(target: Callable[..., Any]) -> Callable[[Function], Function]:
    """Has a function of `**keywords` tell and check the names of what it passes them on to.

    A call with another name raises TypeError, which lists those there are; `inspect.signature` shows them with their
    defaults.

    Args:
        target: its parameters that have defaults are the names.
    """

    def decorate(function: Function) -> Function:
        signature = inspect.signature(function)
        own = {name: entry for name, entry in signature.parameters.items() if entry.kind != entry.VAR_KEYWORD}
        passed = [entry for entry in inspect.signature(target).parameters.values() if entry.default != entry.empty]
        known = {**own, **{entry.name: entry.replace(kind=entry.KEYWORD_ONLY) for entry in passed}, **own}

        @functools.wraps(function)
        def checked(*arguments: Any, **keywords: Any) -> Any:
            if unknown := keywords.keys() - known:
                names = sorted(name for name, entry in known.items() if entry.kind == entry.KEYWORD_ONLY)
                raise TypeError(
                    f"{function.__qualname__}() has no keyword {min(unknown)!r}; it has {', '.join(names)}."
                )
            return function(*arguments, **keywords)

        checked.__signature__ = signature.replace(parameters=list(known.values()))  # type: ignore[attr-defined]
        return checked  # type: ignore[return-value]

    return decorate
