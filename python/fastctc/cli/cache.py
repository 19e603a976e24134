"""`fastctc cache`: shows where optimized sessions are kept and how large they are, and removes them."""

from __future__ import annotations

import argparse

from fastctc.errors import OutputError

__all__ = ["run"]


def run(arguments: argparse.Namespace) -> int:
    """Prints the place and what is in it; returns 0."""
    from fastctc.installed.inspection import clear_session_cache, inspect_session_cache

    cache = inspect_session_cache()
    if not cache.path:
        print("Nothing is kept: neither FASTCTC_HOME nor HOME is set.")
        return 0
    if arguments.clear:
        try:
            clear_session_cache()
        except OSError as error:
            raise OutputError(f"{cache.path} can't be removed: {error}") from error
    verb = "removed" if arguments.clear else "kept"
    print(f"{cache.path}: {cache.n_sessions} sessions, {cache.n_bytes / 1e6:.0f} MB {verb}")
    return 0
