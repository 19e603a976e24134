"""NVIDIA NeMo FastConformer-CTC speech recognition on a CPU: fast, and equal to NeMo by test."""

from __future__ import annotations

from fastctc._core import __version__
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
    "SessionOptions",
    "Token",
    "Transcript",
    "VocabularyError",
    "Word",
    "__version__",
]
