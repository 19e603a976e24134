"""What terminals show and pipes don't: tables, bars."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO, TypeAlias

from fastctc.cli.messages import one_line

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn

__all__ = ["RIGHT", "Cell", "Column", "is_terminal", "make_bar", "print_table", "show_bar"]

Cell: TypeAlias = "str | tuple[str, str]"
"""A text, or one with its style."""
Column: TypeAlias = dict[str, Any]
"""Options of rich's for one."""
RIGHT: Column = {"justify": "right"}


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody reads it; a process may be started with the stream closed."""
    return stream is not None and stream.isatty()


def print_table(columns: Mapping[str, Column], rows: Iterable[Sequence[Cell]], *, title: str | None = None) -> None:
    """Prints a table."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    heading = None if title is None else Text(one_line(title))
    table = Table(box=SIMPLE_HEAD, pad_edge=False, title=heading, title_justify="left")
    for name, options in columns.items():
        table.add_column(name, **options)
    for row in rows:
        cells = [(cell, "") if isinstance(cell, str) else cell for cell in row]
        # Text, not markup: a path may hold brackets.
        table.add_row(*(Text(one_line(text), style) for text, style in cells))
    Console().print(table)


def make_bar(*columns: str | ProgressColumn, **options: Any) -> Progress:
    """A bar on standard error, gone at its end. Results go to the real standard output, and only there."""
    from rich.console import Console
    from rich.progress import Progress

    options = {"redirect_stdout": False, "redirect_stderr": False, "transient": True, **options}
    return Progress(*columns, console=Console(stderr=True), **options)


@contextmanager
def show_bar(make: Callable[[], Progress], *, quiet: bool) -> Iterator[Progress | None]:
    """In the block, a bar where standard error is a terminal; None elsewhere."""
    if quiet or not is_terminal(sys.stderr):
        yield None
        return
    with make() as progress:
        yield progress
