"""Where live results go: complete lines at once, and on a terminal the line in progress, in place."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from typing import TextIO

from fastctc.cli.messages import one_line, say
from fastctc.cli.output import is_utf8, write_all
from fastctc.errors import OutputError
from fastctc.types import StreamResult, clock_time

__all__ = ["LiveOutput"]

_ERASE_BELOW = "\x1b[J"
_DIM, _PLAIN = "\x1b[2m", "\x1b[0m"


class LiveOutput:
    """Results of one stream, or of some at once, as text or JSON lines.

    On a terminal each stream's unfinished text is a row below the lines, with the part that may still change dimmed. A
    row never breaks: if the text is too long, its end is shown.
    """

    def __init__(
        self,
        stream: TextIO | None,
        names: Sequence[str],
        *,
        json: bool = False,
        partials: bool = False,
        timestamps: bool = False,
    ) -> None:
        """Opens the output.

        Args:
            stream: standard output.
            names: of the channels; they are shown where there are several.
            json: JSON lines instead of text.
            partials: JSON lines of partial results too.
            timestamps: the time before each line of text.

        Raises:
            OutputError: there is no stream.
        """
        if stream is None:
            raise OutputError("Standard output is closed. Open it.")
        self._stream = stream
        self._names = names
        self._json = json
        self._partials = partials
        self._timestamps = timestamps
        self._in_place = not json and stream.isatty() and _can_redraw()
        self._unfinished: list[StreamResult | None] = [None] * len(names)
        self._n_rows = 0
        """Rows of unfinished text on the terminal; the cursor is at the end of the last one."""

    @property
    def wants_partials(self) -> bool:
        """Whether partial results are shown at all."""
        return self._in_place or self._partials

    def put(self, results: Sequence[tuple[int, StreamResult]]) -> None:
        """Shows the results, each with its channel, in order. Raises OutputError, BrokenPipeError."""
        lines = []
        for channel, result in results:
            self._unfinished[channel] = None if result.is_final else result
            lines.append(self._line(channel, result))
        text = "".join(lines)
        if results and (text or self._in_place):
            write_all(self._stream, self._erase() + text + self._rows())

    def message(self, text: str) -> None:
        """One line on standard error, which may be the same terminal."""
        if self._in_place:
            write_all(self._stream, self._erase())
        say(text)
        if self._in_place:
            write_all(self._stream, self._rows())

    def close(self) -> None:
        """Removes the unfinished rows."""
        self._unfinished = [None] * len(self._names)
        if self._n_rows:
            write_all(self._stream, self._erase())

    def _line(self, channel: int, result: StreamResult) -> str:
        """A final result with its newline; empty for others."""
        if self._json:
            if not (result.is_final or self._partials):
                return ""
            from fastctc.output.formats import result_to_json

            several = len(self._names) > 1
            return result_to_json(result, channel=channel if several else None, ascii_only=not is_utf8(self._stream))
        if not result.is_final or not result.text:
            return ""
        return f"{self._prefix(channel, result)}{one_line(result.text)}\n"

    def _prefix(self, channel: int, result: StreamResult) -> str:
        words = result.transcript.words
        start_s = words[0].start_s if words else result.start_s
        time = f"[{clock_time(start_s)}] " if self._timestamps else ""
        return time + (f"{one_line(self._names[channel])}: " if len(self._names) > 1 else "")

    def _erase(self) -> str:
        if not self._n_rows:
            return ""
        up = f"\x1b[{self._n_rows - 1}A" if self._n_rows > 1 else ""
        self._n_rows = 0
        return f"\r{up}{_ERASE_BELOW}"

    def _rows(self) -> str:
        if not self._in_place:
            return ""
        width = shutil.get_terminal_size().columns
        rows = [
            _row(self._prefix(channel, result), result, width, "\u2026" if is_utf8(self._stream) else "...")
            for channel, result in enumerate(self._unfinished)
            if result is not None and result.text
        ]
        self._n_rows = len(rows)
        return "\n".join(rows)


def _row(prefix: str, result: StreamResult, width: int, ellipsis: str) -> str:
    """One row of a terminal: the end of the text that fits, its unstable part dimmed."""
    from rich.cells import cell_len

    text = one_line(result.text)
    stable = one_line(result.stable_text)
    n_stable = len(stable) if text.startswith(stable) else 0
    # The last column stays free, because terminals differ in where the cursor is after it.
    room = width - 1 - cell_len(prefix)
    if room < cell_len(ellipsis) + 2:
        prefix, room = "", max(width - 1, 1)
    begin = 0
    if cell_len(text) > room:
        begin = len(text)
        used = cell_len(ellipsis)
        while begin > 0 and (used := used + cell_len(text[begin - 1])) <= room:
            begin -= 1
        prefix += ellipsis
    tail = text[max(begin, n_stable) :]
    return prefix + text[begin:n_stable] + (f"{_DIM}{tail}{_PLAIN}" if tail else "")


def _can_redraw() -> bool:
    """Whether the terminal knows the sequences."""
    if os.environ.get("TERM") == "dumb":
        return False
    if os.name != "nt":
        return True
    from rich.console import Console

    return not Console().legacy_windows
