"""`fastctc optimize`: faster graphs for a model."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from fastctc.cli.progress import library_messages, one_line, say
from fastctc.models.named import demo_recording_path
from fastctc.types import SessionOptions

if TYPE_CHECKING:
    from fastctc.cli import Loader
    from fastctc.export.optimize import OptimizedGraph

__all__ = ["run"]


def run(arguments: argparse.Namespace, load: Loader) -> int:
    """Runs the command; returns the exit status. Raises Error where the model can't be optimized."""
    from fastctc.export.optimize import optimize_directory

    with library_messages(say, quiet=True):
        recognizer = load(
            arguments.model,
            normalize=arguments.normalize,
            session=SessionOptions(library=arguments.library, provider=arguments.provider),
        )
        recordings = arguments.audio or [demo_recording_path()]
        features = [recognizer.features(recording) for recording in recordings]
        is_terminal = sys.stdout is not None and sys.stdout.isatty()
        graphs = optimize_directory(
            arguments.model,
            arguments.output,
            features=features,
            only=arguments.only or (),
            on_graph=None if is_terminal else _print_line,
        )
    if is_terminal:
        _print_table(graphs)
    say(f"{arguments.output or arguments.model} is ready: its log-probs are the same within 1e-4.")
    return 0


def _print_line(graph: OptimizedGraph) -> None:
    print(
        one_line(graph.name),
        one_line(graph.target.name),
        *graph.n_nodes,
        *(f"{ms:.2f}" for ms in graph.times_ms),
        f"{graph.largest_difference:.1e}",
        sep="\t",
        flush=True,
    )


def _print_table(graphs: list[OptimizedGraph]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("graph", style="bold", no_wrap=True)
    for name in ("nodes", "ms", "faster", "largest difference"):
        table.add_column(name, justify="right")
    for graph in graphs:
        before, after = graph.times_ms
        table.add_row(
            Text(one_line(graph.name)),
            f"{graph.n_nodes[0]} to {graph.n_nodes[1]}",
            f"{before:.2f} to {after:.2f}",
            f"{before / after:.2f} x",
            f"{graph.largest_difference:.1e}",
        )
    Console().print(table)
