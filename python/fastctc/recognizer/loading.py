"""Models loaded, and kept for the next call."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

from fastctc import _core
from fastctc.audio.reading import AudioSource
from fastctc.core_options import model_fields, session_fields
from fastctc.errors import Error
from fastctc.installed.onnxruntime_library import find_library
from fastctc.keywords import LoadMixKeywords, LoadSplitKeywords, Normalize, TranscribeKeywords, takes
from fastctc.models.named import resolve_model
from fastctc.recognizer.recognizer import Recognizer
from fastctc.recognizer.recordings import Recordings
from fastctc.types import Conversation, ModelOptions, SessionOptions, Transcript

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["load", "load_once", "transcribe"]

Many: TypeAlias = Iterable[AudioSource]
Named: TypeAlias = "str | os.PathLike[str] | None"
Model: TypeAlias = "Named | Recognizer"


def load(
    model: Named = None,
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


@overload
def transcribe(  # type: ignore[overload-overlap]  # a str is an iterable of str, and is taken as a path
    audio: AudioSource, model: Model = None, *, on_error: Literal["raise"] = ..., **keywords: Unpack[LoadMixKeywords]
) -> Transcript: ...
@overload
def transcribe(
    audio: Many, model: Model = None, *, on_error: Literal["raise"] = ..., **keywords: Unpack[LoadMixKeywords]
) -> list[Transcript]: ...
@overload
def transcribe(
    audio: Many, model: Model = None, *, on_error: Literal["return"], **keywords: Unpack[LoadMixKeywords]
) -> list[Transcript | Error]: ...
@overload
def transcribe(  # type: ignore[overload-overlap]
    audio: AudioSource, model: Model = None, *, on_error: Literal["raise"] = ..., **keywords: Unpack[LoadSplitKeywords]
) -> Conversation: ...
@overload
def transcribe(
    audio: Many, model: Model = None, *, on_error: Literal["raise"] = ..., **keywords: Unpack[LoadSplitKeywords]
) -> list[Conversation]: ...
@overload
def transcribe(
    audio: Many, model: Model = None, *, on_error: Literal["return"], **keywords: Unpack[LoadSplitKeywords]
) -> list[Conversation | Error]: ...
@takes(Recordings)
def transcribe(
    audio: AudioSource | Many,
    model: Model = None,
    *,
    normalize: Normalize | None = None,
    options: ModelOptions | None = None,
    session: SessionOptions | None = None,
    on_error: Literal["raise", "return"] = "raise",
    **keywords: Unpack[TranscribeKeywords],
) -> Any:
    """What was said: `load(model, ...).transcribe(audio, ...)`; the last models are kept loaded.

    Returns:
        A Transcript (with channels="split" a Conversation) for one recording, a list of them for many. Arguments and
        errors as `load` and `Recognizer.transcribe`.
    """
    recognizer = model if isinstance(model, Recognizer) else load_once(model, normalize, options, session)
    # Which overload it is, the caller's types decide; here any of them.
    transcribe_any: Callable[..., Any] = recognizer.transcribe
    return transcribe_any(audio, on_error=on_error, **keywords)


def load_once(
    model: Named,
    normalize: Normalize | None = None,
    options: ModelOptions | None = None,
    session: SessionOptions | None = None,
) -> Recognizer:
    """As `load`; the last two models are kept."""
    # Options hold mappings, which can't be hashed; their text can.
    text = (None if model is None else os.fspath(model), normalize, repr(options), repr(session))
    return _load_cached(_CacheKey(text, (model, normalize, options, session)))


@dataclass(frozen=True)
class _CacheKey:
    """Equal by the text of the arguments, which it carries."""

    text: tuple[Any, ...]
    arguments: tuple[Any, ...] = field(compare=False)


@lru_cache(maxsize=2)
def _load_cached(key: _CacheKey) -> Recognizer:
    model, normalize, options, session = key.arguments
    return load(model, normalize=normalize, options=options, session=session)
