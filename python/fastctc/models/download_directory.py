"""Where fastctc keeps what it can make or fetch again: one directory a user, and nothing beside the user's files."""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["cache_directory"]

VARIABLE = "FASTCTC_HOME"


def cache_directory(*parts: str) -> Path:
    r"""A directory below the cache (`models`, `sessions`), which need not be there yet.

    The environment variable FASTCTC_HOME, else the platform's place: `$XDG_CACHE_HOME/fastctc` or `~/.cache/fastctc`,
    on macOS `~/Library/Caches/fastctc`, on Windows `%LOCALAPPDATA%\fastctc`.
    """
    return _root().joinpath(*parts)


def _root() -> Path:
    if named := os.environ.get(VARIABLE):
        return Path(named).expanduser().absolute()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "fastctc"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "fastctc"
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    # The specification of the variable: a relative path is to be ignored.
    return (base if base.is_absolute() else Path.home() / ".cache") / "fastctc"
