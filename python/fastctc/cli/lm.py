"""`fastctc lm build` and `fastctc lm info`: language models in fastctc's binary form."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fastctc.cli.messages import one_line, say
from fastctc.cli.terminal import make_bar, show_bar
from fastctc.decoding import LanguageModel
from fastctc.errors import OptionError

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["run"]


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns the exit status. Raises Error where the model can't be read or written."""
    return _build(arguments) if arguments.action == "build" else _info(arguments)


def _build(arguments: argparse.Namespace) -> int:
    started_s = time.perf_counter()
    with _progress(f"reading {one_line(arguments.input)}", quiet=arguments.quiet) as on_progress:
        model = LanguageModel(arguments.input, on_progress=on_progress)
    if Path(arguments.output).exists() and Path(arguments.output).samefile(arguments.input):
        raise OptionError(f"{arguments.output} is the model to be read itself; name another file to be made.")
    model.save(arguments.output)
    elapsed_s = time.perf_counter() - started_s
    if arguments.quiet:
        return 0
    say(
        f"{arguments.output}: order {model.order}, {_counts(model)}, {_size(model.n_bytes)} from "
        f"{_size(Path(arguments.input).stat().st_size)}, in {elapsed_s:.2f} s"
    )
    return 0


def _info(arguments: argparse.Namespace) -> int:
    with _progress(f"reading {one_line(arguments.model)}", quiet=False) as on_progress:
        model = LanguageModel(arguments.model, on_progress=on_progress)
    rows: dict[str, str | int | list[int]] = {
        "model": arguments.model,
        "order": model.order,
        "words": model.n_words,
        "n_grams": list(model.n_grams),
        "file_bytes": Path(arguments.model).stat().st_size,
        "binary_bytes": model.n_bytes,
    }
    if arguments.json:
        print(json.dumps(rows))
        return 0
    for name, value in rows.items():
        text = " ".join(map(str, value)) if isinstance(value, list) else str(value)
        print(name, one_line(text), sep="\t")
    return 0


def _counts(model: LanguageModel) -> str:
    return ", ".join(f"{count:,} {n}-grams" for n, count in enumerate(model.n_grams, 1))


def _size(n_bytes: float) -> str:
    for unit in ("bytes", "kB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} {unit}" if unit == "bytes" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} GB"


@contextmanager
def _progress(what: str, *, quiet: bool) -> Iterator[Callable[[float], object] | None]:
    """A bar, where standard error is a terminal."""
    with show_bar(_make_bar, quiet=quiet) as bar:
        if bar is None:
            yield None
            return
        task = bar.add_task(what, total=1.0)
        yield lambda done: bar.update(task, completed=done)


def _make_bar() -> Progress:
    from rich.progress import BarColumn, SpinnerColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn

    text = TextColumn("{task.description}", markup=False)
    return make_bar(SpinnerColumn(), text, BarColumn(bar_width=16), TaskProgressColumn(), TimeRemainingColumn())
