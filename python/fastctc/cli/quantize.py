"""`fastctc quantize`: smaller graphs, and how they change the words."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fastctc.cli.labelled import read_labelled
from fastctc.cli.loading import Loader, load_model
from fastctc.cli.messages import library_messages, one_line, say
from fastctc.cli.terminal import RIGHT, is_terminal, print_table
from fastctc.errors import OptionError

if TYPE_CHECKING:
    from fastctc.export.quantize import QuantizedGraph

__all__ = ["run"]


def run(arguments: argparse.Namespace, load: Loader) -> int:
    """Runs the command; returns the exit status. Raises Error where the model can't be quantised well."""
    from fastctc.export.quantize import Calibration, quantize_directory

    if bool(arguments.audio) == bool(arguments.list):
        raise OptionError("Quantisation takes calibration audio: --audio FILE, or recordings with texts, --list LIST.")
    labelled = read_labelled(arguments.list) if arguments.list else []
    results: list[QuantizedGraph] = []
    with library_messages(say, quiet=True):
        recognizer = load_model(arguments, load)
        calibration = Calibration(
            [recognizer.features(path) for path in ([path for path, _ in labelled] or arguments.audio)],
            lambda log_probs: recognizer.decode(log_probs).text,
            [text for _, text in labelled] or None,
        )
        try:
            with _progress() as show:
                quantize_directory(
                    arguments.model,
                    arguments.output,
                    kind=arguments.kind,
                    calibration=calibration,
                    max_wer_increase=arguments.max_wer_increase / 100,
                    max_drift=arguments.max_drift,
                    on_graph=results.append,
                    on_progress=show,
                )
        finally:
            # Also for a refused result, because the figures tell why.
            _print(results)
    say(f"{arguments.output or arguments.model} is ready.")
    return 0


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """What is being done, in place on a terminal; nothing elsewhere."""
    if not is_terminal(sys.stderr):
        yield lambda _: None
        return
    from rich.console import Console
    from rich.text import Text

    with Console(stderr=True).status("") as status:
        yield lambda text: status.update(Text(one_line(text)))


def _print(graphs: list[QuantizedGraph]) -> None:
    if graphs and is_terminal(sys.stdout):
        _print_table(graphs)
        return
    for graph in graphs:
        words = graph.words
        rates = words.word_error_rates
        print(
            one_line(graph.name),
            one_line(graph.target.name),
            *graph.n_products,
            *(f"{n_bytes / 1e6:.2f}" for n_bytes in graph.n_bytes),
            *(f"{1e3 * cost_s:.2f}" for cost_s in graph.cost_s),
            f"{graph.largest_drift:.3f}",
            f"{graph.mean_drift:.4f}",
            words.n_changed,
            words.n_words,
            *(("", "") if rates is None else (f"{rate:.4f}" for rate in rates)),
            sep="\t",
            flush=True,
        )


def _print_table(graphs: list[QuantizedGraph]) -> None:
    rows = []
    for graph in graphs:
        (bytes_before, bytes_after), (before_s, after_s) = graph.n_bytes, graph.cost_s
        words, rates = graph.words, graph.words.word_error_rates
        rows.append(
            (
                graph.name,
                f"{bytes_before / 1e6:.1f} to {bytes_after / 1e6:.1f}",
                f"{1e3 * before_s:.1f} to {1e3 * after_s:.1f}",
                f"{before_s / after_s:.2f} x",
                f"{graph.largest_drift:.2f}",
                f"{graph.mean_drift:.3f}",
                f"{graph.n_products[0]} ({graph.n_products[1]})",
                f"{words.n_changed} of {words.n_words}",
                "" if rates is None else f"{rates[0]:.2%} to {rates[1]:.2%}",
            )
        )
    names = "MB", "ms per s", "faster", "drift", "mean", "products (float)", "words changed", "word error rate"
    print_table({"graph": {"style": "bold", "no_wrap": True}, **dict.fromkeys(names, RIGHT)}, rows)
