"""What this installation consists of: for `fastctc doctor`, and for bug reports of programs that use fastctc."""

from __future__ import annotations

from dataclasses import dataclass

from fastctc import _core
from fastctc.engine import find_library

__all__ = ["Core", "Engine", "inspect_core", "inspect_engine"]


@dataclass(frozen=True)
class Core:
    """The C++ core."""

    version: str
    path: str
    """Of the extension module."""
    instruction_set: str
    """Chosen for this processor: "baseline", "avx2" or "avx512"."""


@dataclass(frozen=True)
class Engine:
    """An ONNX Runtime library."""

    version: str
    path: str
    found_by: str
    """How it was found."""
    providers: tuple[str, ...]
    """Execution providers that it has."""


def inspect_core() -> Core:
    """The C++ core that is loaded."""
    return Core(_core.__version__, str(_core.__file__), _core.Frontend([]).instruction_set)


def inspect_engine(library: str = "") -> Engine:
    """Opens ONNX Runtime as `fastctc.load` does.

    Args:
        library: its path; empty: as `SessionOptions.library` says.

    Raises:
        EngineNotFoundError: it is missing or too old; the message says what to install.
    """
    path, found_by = find_library(library)
    engine = _core.open_engine(path)
    return Engine(engine["version"], engine["library"], found_by, tuple(engine["providers"]))
