"""What people read on standard error."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["library_messages", "one_line", "say"]


def one_line(text: str) -> str:
    """The text without what would break a line or steer a terminal: file names may hold anything."""
    return "".join(
        character if character.isprintable() else repr(character)[1:-1] for character in " ".join(text.splitlines())
    )


def say(text: str) -> None:
    """One line on standard error."""
    if sys.stderr is not None:
        print(f"fastctc: {one_line(text)}", file=sys.stderr, flush=True)


@contextmanager
def library_messages(show: Callable[[str], None], *, quiet: bool = False) -> Iterator[None]:
    """In the block, what the library logs from warnings up (from errors up when `quiet`) is shown."""
    handler = _Handler(show, logging.ERROR if quiet else logging.WARNING)
    logger = logging.getLogger("fastctc")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _Handler(logging.Handler):
    def __init__(self, show: Callable[[str], None], level: int) -> None:
        super().__init__(level)
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        self._show(record.getMessage())
