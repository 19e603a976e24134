"""Options as the C++ core takes them: plain dicts, which its tables of fields read (`cpp/src/options`)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from fastctc.decoding import decoder_fields
from fastctc.errors import OptionError
from fastctc.types import DecoderOptions, LongFormOptions, ModelOptions, SessionOptions, StreamOptions, VadOptions

if TYPE_CHECKING:
    from fastctc import _core

__all__ = ["core_fields", "model_fields", "session_fields"]


def model_fields(options: ModelOptions, normalize: str | None) -> dict[str, Any]:
    """The dict of a ModelOptions. Raises OptionError where `normalize` contradicts it."""
    if normalize is not None and options.normalize not in (None, normalize):
        raise OptionError(f"normalize={normalize!r} contradicts options.normalize={options.normalize!r}. Give one.")
    result = core_fields(options)
    return result if normalize is None else {**result, "normalize": normalize}


def session_fields(session: SessionOptions, library: str) -> dict[str, Any]:
    """The dict of a SessionOptions, with the library that was found."""
    return {**core_fields(session), "library": library}


def core_fields(
    options: LongFormOptions | StreamOptions | VadOptions | ModelOptions | SessionOptions,
    vocabulary: _core.Vocabulary | None = None,
) -> dict[str, Any]:
    """The dict of options and of those in them; None is "not given". `vocabulary`: of their decoder's hot words."""
    result: dict[str, Any] = {}
    for entry in fields(options):
        value = getattr(options, entry.name)
        if isinstance(value, DecoderOptions) and vocabulary is not None:
            value = decoder_fields(value, vocabulary)
        elif is_dataclass(value):
            value = core_fields(value)  # type: ignore[arg-type]  # the options within
        elif isinstance(value, os.PathLike):
            value = os.fspath(value)
        result[entry.name] = dict(value) if isinstance(value, Mapping) else value
    return result
