"""What this installation consists of: for `fastctc doctor`, and for bug reports of programs that use fastctc."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from fastctc import _core
from fastctc.installed.onnxruntime_library import find_library

__all__ = [
    "Core",
    "Engine",
    "SessionCache",
    "clear_session_cache",
    "inspect_core",
    "inspect_engine",
    "inspect_session_cache",
]


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


@dataclass(frozen=True)
class SessionCache:
    """The optimized sessions that `SessionOptions.cache` keeps."""

    path: str
    """Its directory, which may be absent; empty: the environment names no place, and nothing is kept."""
    n_sessions: int
    n_bytes: int
    """On disk."""


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


def inspect_session_cache() -> SessionCache:
    """The cache of optimized sessions, in its place as the environment says now."""
    path = _core.session_cache_directory()
    if not path:
        return SessionCache("", 0, 0)
    files = [file for file in Path(path).rglob("*") if file.is_file()]
    n_sessions = sum(file.suffix == ".json" and file.parent == Path(path) for file in files)
    return SessionCache(path, n_sessions, sum(file.stat().st_size for file in files))


def clear_session_cache() -> None:
    """Removes the optimized sessions; recognizers that run keep theirs.

    Raises:
        OSError: They can't be removed.
    """
    path = _core.session_cache_directory()
    if path and Path(path).exists():
        shutil.rmtree(path)
