"""Options as the C++ core takes them: plain dicts."""

from __future__ import annotations

import os
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from fastctc.decoding.decoder import decoder_fields
from fastctc.errors import OptionError
from fastctc.types import LongFormOptions, ModelOptions, SessionOptions, StreamOptions, VadOptions, option_text

if TYPE_CHECKING:
    from fastctc import _core

__all__ = ["long_form_fields", "model_fields", "session_fields", "stream_fields", "vad_fields"]


def model_fields(options: ModelOptions, normalize: str | None) -> dict[str, Any]:
    """The dict of a ModelOptions. Raises OptionError where `normalize` contradicts it."""
    if normalize is not None and options.normalize not in (None, normalize):
        raise OptionError(f"normalize={normalize!r} contradicts options.normalize={options.normalize!r}. Give one.")
    result: dict[str, Any] = {}
    for entry in fields(options):
        value = getattr(options, entry.name)
        if value is not None and entry.name != "frontend":
            result[entry.name] = int(value) if isinstance(value, bool) else value
    result["frontend"] = [(name, option_text(value)) for name, value in options.frontend.items()]
    if normalize is not None:
        result["normalize"] = normalize
    return result


def session_fields(session: SessionOptions, library: str) -> dict[str, Any]:
    """The dict of a SessionOptions, with the library that was found."""
    result = {entry.name: getattr(session, entry.name) for entry in fields(session)}
    result["library"] = library
    for name in ("provider_options", "config_entries"):
        result[name] = {str(key): str(value) for key, value in result[name].items()}
    return result


def vad_fields(options: VadOptions) -> dict[str, Any]:
    """The dict of a VadOptions; its model may be any path."""
    return {**asdict(options), "model": os.fspath(options.model)}


def long_form_fields(options: LongFormOptions, vocabulary: _core.Vocabulary) -> dict[str, Any]:
    """The dict of a LongFormOptions."""
    return _fields(options, vocabulary)


def stream_fields(options: StreamOptions, vocabulary: _core.Vocabulary) -> dict[str, Any]:
    """The dict of a StreamOptions."""
    result = {**_fields(options, vocabulary), "endpoint": asdict(options.endpoint)}
    # None is "not given": the core's own default.
    return {name: value for name, value in result.items() if value is not None}


def _fields(options: LongFormOptions | StreamOptions, vocabulary: _core.Vocabulary) -> dict[str, Any]:
    # Not asdict: it would copy what a decoder holds.
    result = {entry.name: getattr(options, entry.name) for entry in fields(options)}
    return {**result, "vad": vad_fields(options.vad), "decoder": decoder_fields(options.decoder, vocabulary)}
