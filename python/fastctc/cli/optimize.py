"""`fastctc optimize`: faster graphs for a model."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from fastctc.cli.loading import Loader, load_model
from fastctc.cli.messages import library_messages, one_line, say
from fastctc.cli.terminal import RIGHT, is_terminal, print_table
from fastctc.models.named import demo_recording_path

if TYPE_CHECKING:
    from fastctc.export.optimize import OptimizedGraph

__all__ = ["run"]


def run(arguments: argparse.Namespace, load: Loader) -> int:
    """Runs the command; returns the exit status. Raises Error where the model can't be optimized."""
    from fastctc.export.optimize import optimize_directory

    with library_messages(say, quiet=True):
        recognizer = load_model(arguments, load)
        recordings = arguments.audio or [demo_recording_path()]
        features = [recognizer.features(recording) for recording in recordings]
        shows_table = is_terminal(sys.stdout)
        graphs = optimize_directory(
            arguments.model,
            arguments.output,
            features=features,
            only=arguments.only or (),
            on_graph=None if shows_table else _print_line,
        )
    if shows_table:
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
    rows = [
        (
            graph.name,
            f"{graph.n_nodes[0]} to {graph.n_nodes[1]}",
            f"{graph.times_ms[0]:.2f} to {graph.times_ms[1]:.2f}",
            f"{graph.times_ms[0] / graph.times_ms[1]:.2f} x",
            f"{graph.largest_difference:.1e}",
        )
        for graph in graphs
    ]
    columns = dict.fromkeys(("nodes", "ms", "faster", "largest difference"), RIGHT)
    print_table({"graph": {"style": "bold", "no_wrap": True}, **columns}, rows)
