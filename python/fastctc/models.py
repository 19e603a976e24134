"""Where models are: the demo model that comes with the package."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import fastctc
from fastctc.errors import ModelNotFoundError

__all__ = ["demo_model_path", "demo_recording_path", "resolve_model"]

_logger = logging.getLogger("fastctc")
_announced = False


def demo_model_path() -> Path:
    """Directory of the demo model (spoken English digits). Raises ModelNotFoundError where it was not installed."""
    # An editable installation has two package directories: the sources, and what CMake installed.
    for root in fastctc.__path__:
        directory = Path(root) / "demo_model" / "digits"
        if (directory / "fastctc.json").is_file():
            return directory
    raise ModelNotFoundError(
        "The demo model is not part of this installation. Name a model directory, or install fastctc again."
    )


def demo_recording_path() -> Path:
    """A recording that the demo model reads as "two nine three four zero". Raises as demo_model_path()."""
    return demo_model_path() / "two-nine-three-four-zero.wav"


def resolve_model(model: str | os.PathLike[str] | None) -> Path:
    """The directory of a model; None is the demo model, announced once through the logger."""
    if model is not None:
        return Path(model)
    global _announced
    if not _announced:
        _announced = True
        _logger.warning(
            "No model was named: using the demo model, which knows English digits only. For real speech give the "
            "directory of your export (model.onnx and tokens.txt): model='DIR' in Python, --model DIR on the "
            "command line."
        )
    return demo_model_path()
