"""The errors of fastctc. Each is also the builtin that a caller would expect.

Every message says what was wrong, where, and what to do.
"""

from __future__ import annotations

__all__ = [
    "AlignmentError",
    "AudioError",
    "AudioNotFoundError",
    "ChecksumError",
    "DownloadError",
    "EngineError",
    "EngineNotFoundError",
    "Error",
    "ModelError",
    "ModelNotFoundError",
    "NotEnoughMemoryError",
    "OptionError",
    "OutputError",
    "PackageNotFoundError",
    "RescoringError",
    "UnknownModelError",
    "VocabularyError",
]


class Error(Exception):
    """Base of every error that fastctc raises."""


class AudioError(Error, ValueError):
    """The audio can't be used: unreadable, not finite, far beyond [-1, 1], a wrong shape or rate, too long."""


class AudioNotFoundError(AudioError, FileNotFoundError):
    """The audio file is not there."""


class ModelError(Error, ValueError):
    """The model directory, its graph or its manifest can't be used."""


class ModelNotFoundError(ModelError, FileNotFoundError):
    """A file of the model is not there."""


class UnknownModelError(ModelNotFoundError):
    """Neither a model's directory nor a name of the catalogue; the message lists similar names."""


class DownloadError(ModelError, OSError):
    """A model can't be downloaded: the network, the server, the disk, offline mode. No half model is left in use."""


class ChecksumError(DownloadError):
    """A downloaded file is not the expected one; it was removed."""


class VocabularyError(ModelError):
    """The token list can't be used; the message names the file and the line."""


class OptionError(Error, ValueError):
    """An option is out of range, unknown, or contradicts another one."""


class EngineError(Error, RuntimeError):
    """ONNX Runtime failed."""


class EngineNotFoundError(EngineError, ImportError):
    """The ONNX Runtime library is missing, or too old."""


class AlignmentError(Error, ValueError):
    """A text can't be aligned to the audio: it needs more frames than there are, or the audio rules it out."""


class RescoringError(Error, RuntimeError):
    """The caller's function of the second pass failed, or didn't return one finite number per text."""


class PackageNotFoundError(Error, ImportError):
    """An optional package is missing; the message says how to install it."""


class OutputError(Error, OSError):
    """A result can't be written; an existing file is untouched."""


class NotEnoughMemoryError(Error, MemoryError):
    """The work would take more memory than is available; nothing was begun."""
