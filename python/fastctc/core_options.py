"""Options as the C++ core takes them: plain dicts."""

from __future__ import annotations

import os
from dataclasses import asdict, fields
from typing import Any

from fastctc.errors import OptionError
from fastctc.types import LongFormOptions, ModelOptions, SessionOptions, StreamOptions, VadOptions, option_text

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


def long_form_fields(options: LongFormOptions | None) -> dict[str, Any]:
    """The dict of a LongFormOptions; None: the defaults."""
    return {} if options is None else {**asdict(options), "vad": vad_fields(options.vad)}


def stream_fields(options: StreamOptions) -> dict[str, Any]:
    """The dict of a StreamOptions."""
    result = {**asdict(options), "vad": vad_fields(options.vad)}
    # None is "not given": the core's own default.
    return {name: value for name, value in result.items() if value is not None}
