"""`fastctc models`: the models that can be named, and those that are in the cache."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from fastctc.cli.messages import library_messages, one_line, say
from fastctc.cli.terminal import RIGHT, Column, is_terminal, make_bar, print_table, show_bar
from fastctc.errors import ModelNotFoundError
from fastctc.models.named import download_model, list_models, model_path, remove_model

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from fastctc.models.catalog import CatalogEntry

__all__ = ["fetch_named", "run"]


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns the exit status. Raises Error where the catalogue, the network or the cache fails."""
    if arguments.action == "list":
        return _list(arguments)
    if arguments.action == "path":
        directory = model_path(arguments.name)
        if directory is None:
            raise ModelNotFoundError(f"{arguments.name} is not downloaded: fastctc models download {arguments.name}")
        print(directory)
        return 0
    if arguments.action == "download":
        for name in arguments.names:
            print(_download(name, quiet=arguments.quiet), flush=True)
        return 0
    for name in arguments.names:
        removed = remove_model(name, forget=arguments.forget)
        say(f"{name}: {'removed' if removed else 'was not downloaded'}")
    return 0


def fetch_named(model: str | None, *, quiet: bool, kind: str = "onnx") -> None:
    """Downloads a command's named model of this format if it is not in the cache, with a bar on a terminal."""
    if model is None or Path(model).exists():
        return
    entries = {entry.name: entry for entry in list_models()}
    if model in entries and entries[model].format == kind and model_path(model) is None:
        _download(model, quiet=quiet)


def _download(name: str, *, quiet: bool) -> Path:
    with library_messages(say, quiet=quiet), _progress(quiet=quiet) as on_progress:
        return download_model(name, on_progress)


def _list(arguments: argparse.Namespace) -> int:
    entries = list_models()
    paths = {entry.name: model_path(entry.name) for entry in entries}
    if arguments.json:
        for entry in entries:
            path = paths[entry.name]
            print(json.dumps({**asdict(entry), "n_bytes": entry.n_bytes, "path": None if path is None else str(path)}))
        return 0
    if is_terminal(sys.stdout):
        _print_table(entries, paths)
        return 0
    for entry in entries:
        state = _state(entry, paths[entry.name])
        print(*map(one_line, (entry.name, state, *_columns(entry), entry.title)), sep="\t")
    return 0


def _state(entry: CatalogEntry, path: Path | None) -> str:
    if entry.format == "included":
        return "included"
    return "-" if path is None else "downloaded"


def _columns(entry: CatalogEntry) -> tuple[str, str, str, str]:
    size = "?" if entry.approximate_mb is None else f"about {entry.approximate_mb} MB"
    if entry.format == "included":
        size = "-"
    elif entry.n_bytes is not None:
        size = f"{entry.n_bytes / 1e6:.0f} MB"
    live = ",".join(map(str, entry.latencies_ms)) or "-"
    return size, ",".join(entry.languages), live, entry.license or "?"


def _print_table(entries: list[CatalogEntry], paths: dict[str, Path | None]) -> None:
    rows = []
    for entry in entries:
        state = {"downloaded": "yes", "included": "yes"}.get(_state(entry, paths[entry.name]), "")
        title = entry.title + (" (to be exported)" if entry.format == "nemo" else "")
        rows.append((entry.name, state, *_columns(entry), title))
    fold: Column = {"overflow": "fold"}
    columns = {"model": {"style": "bold", **fold}, "here": {"no_wrap": True}, "size": {"no_wrap": True, **RIGHT}}
    columns |= {"language": fold, "live, ms": fold, "licence": fold, "": {"style": "dim", **fold}}
    print_table(columns, rows)


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[str, int, int | None], object] | None]:
    """A bar, where standard error is a terminal."""
    with show_bar(_make_bar, quiet=quiet) as bar:
        if bar is None:
            yield None
            return
        tasks: dict[str, TaskID] = {}

        def update(name: str, done: int, total: int | None) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(one_line(name), total=total)
            bar.update(tasks[name], completed=done, total=total)

        yield update


def _make_bar() -> Progress:
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()
    return make_bar(TextColumn("{task.description}", markup=False), BarColumn(bar_width=16), *columns)
