"""Messages and progress of a run: a bar where standard error is a terminal."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from fastctc.cli.messages import library_messages, one_line, say
from fastctc.cli.terminal import is_terminal, make_bar

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["Reporter", "clock", "speed"]


def clock(seconds: float) -> str:
    """Seconds as people read them: 7.4 s, 3:07, 1:03:07."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def speed(audio_s: float, elapsed_s: float) -> str:
    """How fast: the real-time factor (below 1 is faster than the speech) and its inverse."""
    if audio_s <= 0 or elapsed_s <= 0:
        return ""
    return f"RTF {elapsed_s / audio_s:.3f} ({audio_s / elapsed_s:.0f}x)"


class Reporter:
    """Messages and progress of one run; a context manager. Also shows what the library logs.

    The bar is drawn only where standard error is a terminal and `quiet` is not set; it never mixes with results,
    which are printed inside `results()`.
    """

    def __init__(self, n_files: int, *, quiet: bool) -> None:
        self._n_files = n_files
        self._quiet = quiet
        self._n_done = 0
        self._audio_s = 0.0
        self._parts_s: dict[int, float] = {}  # of files at work
        self._started_s = time.monotonic()
        self._progress: Progress | None = None
        self._task: Any = None
        # The library logs from the thread that loads the model.
        self._lock = threading.RLock()
        self._messages = library_messages(self.message, quiet=quiet)

    def __enter__(self) -> Reporter:
        self._messages.__enter__()
        if not self._quiet and is_terminal(sys.stderr):
            self._progress = _make_bar()
            self._task = self._progress.add_task("loading the model", total=None, files="", speed="", name="")
            self._progress.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self._messages.__exit__(*error)
        with self._lock:
            if self._progress is not None:
                self._progress.stop()
            self._progress = None

    @property
    def shows_progress(self) -> bool:
        """Whether there is a bar."""
        return self._progress is not None

    def begin(self, total_s: float | None) -> None:
        """Notes that the model is loaded; `total_s` of audio will come, if that is known."""
        self._started_s = time.monotonic()
        if self._progress is not None:
            self._progress.reset(
                self._task, total=total_s or None, description="", files=self._files(), speed="", name=""
            )

    def part(self, index: int, done_s: float) -> None:
        """Notes the done part of a long file; its thread calls this several times per second at most."""
        with self._lock:
            self._parts_s[index] = done_s
            if self._progress is not None:
                self._progress.update(self._task, completed=self._audio_s + sum(self._parts_s.values()))

    def advance(self, index: int, name: str, audio_s: float) -> None:
        """Notes that a file is done."""
        self._n_done += 1
        self._audio_s += audio_s
        with self._lock:
            self._parts_s.pop(index, None)
        if self._progress is not None:
            self._progress.update(
                self._task,
                completed=self._audio_s + sum(self._parts_s.values()),
                files=self._files(),
                speed=speed(self._audio_s, time.monotonic() - self._started_s),
                name=one_line(name),
            )

    def message(self, text: str) -> None:
        """One line, above the bar."""
        # Not through rich's console: that would wrap the line and read markup in file names.
        with self._aside():
            say(text)

    def notice(self, text: str) -> None:
        """One line that `quiet` silences."""
        if not self._quiet:
            self.message(text)

    def summarise(self) -> None:
        """After the bar: how much audio there was and how fast it went. Silent where there is no bar."""
        if self.shows_progress and self._audio_s > 0:
            elapsed_s = time.monotonic() - self._started_s
            elapsed = clock(elapsed_s) if elapsed_s >= 10 else f"{elapsed_s:.2f} s"
            self.message(f"{clock(self._audio_s)} of audio in {elapsed}: {speed(self._audio_s, elapsed_s)}")

    @contextmanager
    def results(self) -> Iterator[None]:
        """Around the printing of results: the bar steps aside where both share the terminal."""
        if not is_terminal(sys.stdout):
            yield
            return
        with self._aside():
            yield
            sys.stdout.flush()

    @contextmanager
    def _aside(self) -> Iterator[None]:
        with self._lock:
            if self._progress is not None:
                self._progress.stop()
            try:
                yield
            finally:
                if self._progress is not None:
                    self._progress.start()

    def _files(self) -> str:
        return f"{self._n_done}/{self._n_files} file{'' if self._n_files == 1 else 's'}"


def _make_bar() -> Progress:
    from rich.progress import BarColumn, ProgressColumn, SpinnerColumn, Task, TextColumn
    from rich.table import Column
    from rich.text import Text

    class AudioColumn(ProgressColumn):
        """Audio done, of how much, and the time left."""

        def render(self, task: Task) -> Text:
            if task.description:
                return Text(task.description)
            text = f"audio {clock(task.completed)}"
            if task.total:
                text += f" of {clock(task.total)}"
            if task.time_remaining:
                text += f", {clock(task.time_remaining)} left"
            return Text(text)

    name = Column(no_wrap=True, overflow="ellipsis", ratio=1)
    return make_bar(
        SpinnerColumn(),
        TextColumn("{task.fields[files]}", markup=False),
        BarColumn(bar_width=16),
        AudioColumn(),
        TextColumn("{task.fields[speed]}", markup=False, style="green"),
        TextColumn("{task.fields[name]}", markup=False, style="dim", table_column=name),
        expand=True,
    )
