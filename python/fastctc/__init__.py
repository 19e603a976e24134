"""NVIDIA NeMo FastConformer-CTC speech recognition on a CPU: fast, and equal to NeMo by test."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from fastctc.errors import (
    AudioError,
    AudioNotFoundError,
    EngineError,
    EngineNotFoundError,
    Error,
    ModelError,
    ModelNotFoundError,
    OptionError,
    OutputError,
    VocabularyError,
)
from fastctc.types import FrontendOptions, ModelOptions, Property, SessionOptions, Token, Transcript, Word

if TYPE_CHECKING:
    from fastctc._core import __version__
    from fastctc.recognizer import Recognizer, load, transcribe

__all__ = [
    "AudioError",
    "AudioNotFoundError",
    "EngineError",
    "EngineNotFoundError",
    "Error",
    "FrontendOptions",
    "ModelError",
    "ModelNotFoundError",
    "ModelOptions",
    "OptionError",
    "OutputError",
    "Property",
    "Recognizer",
    "SessionOptions",
    "Token",
    "Transcript",
    "VocabularyError",
    "Word",
    "__version__",
    "load",
    "transcribe",
]

# Loaded at first use: `fastctc --help` needs neither NumPy nor the C++ core, and `fastctc doctor` must start where
# one of them is broken.
_LAZY = {
    "Recognizer": "fastctc.recognizer",
    "__version__": "fastctc._core",
    "load": "fastctc.recognizer",
    "transcribe": "fastctc.recognizer",
}

if not TYPE_CHECKING:  # a type checker would otherwise believe that every name exists

    def __getattr__(name: str) -> Any:
        if name not in _LAZY:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(_LAZY[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
