"""NVIDIA NeMo FastConformer-CTC speech recognition on a CPU: fast, and equal to NeMo by test."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from fastctc.errors import (
    AlignmentError,
    AudioError,
    AudioNotFoundError,
    ChecksumError,
    DownloadError,
    EngineError,
    EngineNotFoundError,
    Error,
    ModelError,
    ModelNotFoundError,
    NotEnoughMemoryError,
    OptionError,
    OutputError,
    PackageNotFoundError,
    RescoringError,
    UnknownModelError,
    VocabularyError,
)
from fastctc.types import (
    Alternative,
    ConfidenceOptions,
    Conversation,
    ConversationOptions,
    ConversationSegment,
    DecoderOptions,
    EndpointOptions,
    FrontendOptions,
    LongFormOptions,
    ModelOptions,
    Property,
    SessionOptions,
    SpeechSegment,
    StreamOptions,
    StreamResult,
    Token,
    Transcript,
    VadOptions,
    Word,
)

if TYPE_CHECKING:
    from fastctc._core import __version__
    from fastctc.conversation import make_conversation
    from fastctc.decoding import HotWords, LanguageModel, Lexicon
    from fastctc.installed.cpp_library import get_cmake_dir, get_include, get_library_dir, get_spl_toolkit
    from fastctc.installed.spl_toolkit import write_spl_toolkit
    from fastctc.output.figure import plot
    from fastctc.recognizer import Recognizer, load, transcribe
    from fastctc.stream import Stream, StreamPool
    from fastctc.stream_async import AsyncStream
    from fastctc.vad import detect_speech

__all__ = [
    "AlignmentError",
    "Alternative",
    "AsyncStream",
    "AudioError",
    "AudioNotFoundError",
    "ChecksumError",
    "ConfidenceOptions",
    "Conversation",
    "ConversationOptions",
    "ConversationSegment",
    "DecoderOptions",
    "DownloadError",
    "EndpointOptions",
    "EngineError",
    "EngineNotFoundError",
    "Error",
    "FrontendOptions",
    "HotWords",
    "LanguageModel",
    "Lexicon",
    "LongFormOptions",
    "ModelError",
    "ModelNotFoundError",
    "ModelOptions",
    "NotEnoughMemoryError",
    "OptionError",
    "OutputError",
    "PackageNotFoundError",
    "Property",
    "Recognizer",
    "RescoringError",
    "SessionOptions",
    "SpeechSegment",
    "Stream",
    "StreamOptions",
    "StreamPool",
    "StreamResult",
    "Token",
    "Transcript",
    "UnknownModelError",
    "VadOptions",
    "VocabularyError",
    "Word",
    "__version__",
    "detect_speech",
    "get_cmake_dir",
    "get_include",
    "get_library_dir",
    "get_spl_toolkit",
    "load",
    "make_conversation",
    "plot",
    "transcribe",
    "write_spl_toolkit",
]

# Loaded at first use: `fastctc --help` needs neither NumPy nor the C++ core, and `fastctc doctor` must start where
# one of them is broken.
_LAZY = {
    "fastctc._core": ("__version__",),
    "fastctc.conversation": ("make_conversation",),
    "fastctc.decoding": ("HotWords", "LanguageModel", "Lexicon"),
    "fastctc.installed.cpp_library": ("get_cmake_dir", "get_include", "get_library_dir", "get_spl_toolkit"),
    "fastctc.installed.spl_toolkit": ("write_spl_toolkit",),
    "fastctc.output.figure": ("plot",),
    "fastctc.recognizer": ("Recognizer", "load", "transcribe"),
    "fastctc.stream": ("Stream", "StreamPool"),
    "fastctc.stream_async": ("AsyncStream",),
    "fastctc.vad": ("detect_speech",),
}

if not TYPE_CHECKING:  # a type checker would otherwise believe that every name exists

    def __getattr__(name: str) -> Any:
        for module, names in _LAZY.items():
            if name in names:
                value = globals()[name] = getattr(importlib.import_module(module), name)
                return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
