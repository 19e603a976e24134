"""`fastctc export nemo`: a model directory from a NeMo model."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastctc.audio.reading import load_audio
from fastctc.cli.loading import Loader
from fastctc.cli.messages import library_messages, one_line, say
from fastctc.cli.models import fetch_named
from fastctc.cli.terminal import is_terminal, make_bar
from fastctc.errors import UnknownModelError
from fastctc.models.named import checkpoint_path, demo_recording_path

if TYPE_CHECKING:
    from fastctc.export.memory import MemoryEstimate
    from fastctc.export.nemo import ExportedModel

__all__ = ["run"]


def run(arguments: argparse.Namespace, load: Loader) -> int:
    """Runs the command; returns the exit status. Raises Error where the model can't be exported."""
    from fastctc.export.nemo import NemoExport, export_nemo

    recordings = arguments.audio or [demo_recording_path()]
    texts: list[tuple[str, str]] = []

    def accept(directory: Path) -> None:
        recognizer = load(directory)
        texts.extend((str(recording), recognizer.transcribe(recording).text) for recording in recordings)

    source = _fetch(arguments.source, quiet=arguments.quiet)
    job = NemoExport(
        source,
        Path(arguments.output),
        arguments.latency_ms,
        arguments.max_audio,
        arguments.license,
        arguments.language,
        published_as="" if source == arguments.source else arguments.source,
    )
    with library_messages(say, quiet=True), _Progress(quiet=arguments.quiet) as progress:
        result = export_nemo(
            job,
            lambda rate_hz: [load_audio(recording, target_rate_hz=rate_hz).samples for recording in recordings],
            on_begin=None if arguments.quiet else _say_memory,
            on_progress=progress.step,
            accept=accept,
        )
    if arguments.audio:
        for name, text in texts:
            print(one_line(name), one_line(text), sep="\t", flush=True)
    if not arguments.quiet:
        _summarise(result)
    return 0


def _fetch(source: str, *, quiet: bool) -> str:
    """The file of a checkpoint of the catalogue. Other names stay, because NeMo may know them."""
    if source.endswith(".nemo"):
        return source
    fetch_named(source, quiet=quiet, kind="nemo")
    try:
        return os.fspath(checkpoint_path(source))
    except UnknownModelError:
        return source


def _say_memory(estimate: MemoryEstimate, available: int | None) -> None:
    has = "" if available is None else f"; {available / 1e9:.1f} GB are available"
    say(f"this takes about {estimate} of memory at its peak{has}.")


def _summarise(result: ExportedModel) -> None:
    worst = max(graph.largest_difference for graph in result.graphs)
    names = ", ".join(graph.part for graph in result.graphs)
    say(f"{result.directory} is ready: {names}.")
    say(
        f"largest difference to NeMo: {result.feature_difference:.1e} in features, {worst:.1e} in log-probs of the "
        "same features."
    )
    if result.why_no_streams:
        say(f"no live streams: {result.why_no_streams}.")


class _Progress:
    """A bar of steps if standard error is a terminal, else one line per step."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> _Progress:
        if not self._quiet and is_terminal(sys.stderr):
            from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn

            columns = SpinnerColumn(), BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn()
            name = TextColumn("{task.description}", markup=False)
            # Messages of the work stand above the bar.
            self._bar = make_bar(*columns, name, redirect_stdout=True, redirect_stderr=True)
            self._bar.start()
        return self

    def __exit__(self, *error: Any) -> None:
        if self._bar is not None:
            self._bar.stop()

    def step(self, what: str, number: int, total: int) -> None:
        """Begins a step."""
        if self._quiet:
            return
        if self._bar is None:
            say(f"{number + 1}/{total} {what}")
        elif self._task is None:
            self._task = self._bar.add_task(what, total=total, completed=number)
        else:
            self._bar.update(self._task, description=what, total=total, completed=number)
