"""The slow, obvious twin of every stage: plain NumPy and the onnxruntime Python package, no C++ of ours.

The same interface as `fastctc`: `load`, `transcribe`, `Recognizer`.
"""

from __future__ import annotations

from fastctc.reference.recognizer import Recognizer, load, transcribe

__all__ = ["Recognizer", "load", "transcribe"]
