"""What beam search may use beside the audio, how decoders are asked for, and the second pass over their readings."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastctc.decoding.decoder import HotWords, LanguageModel, Lexicon

__all__ = ["HotWords", "LanguageModel", "Lexicon"]

if not TYPE_CHECKING:  # at first use: `second_pass` serves the reference, which does without the C++ core

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module("fastctc.decoding.decoder"), name)
