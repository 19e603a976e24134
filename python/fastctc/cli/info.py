"""`fastctc info`: every resolved property of a model and where its value came from."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from fastctc.cli.progress import library_messages, one_line, say
from fastctc.models.named import demo_model_path
from fastctc.types import Property, SessionOptions

if TYPE_CHECKING:
    from fastctc.cli import Loader

__all__ = ["print_properties", "run"]


def run(arguments: argparse.Namespace, load: Loader) -> int:
    """Runs the command; returns the exit status. Raises Error where the model can't be loaded."""
    with library_messages(say):
        recognizer = load(
            arguments.model,
            normalize=arguments.normalize,
            session=SessionOptions(library=arguments.library, provider=arguments.provider),
        )
    if arguments.model is None:
        model = Property("model", os.fspath(demo_model_path()), "default: the demo model")
    else:
        model = Property("model", arguments.model, "the command line")
    properties = [model, *recognizer.properties]
    if arguments.json:
        print(json.dumps({"properties": [asdict(entry) for entry in properties]}, indent=2))
    else:
        print_properties(properties)
    return 0


def print_properties(properties: Sequence[Property]) -> None:
    """A table on a terminal, else a line each."""
    if sys.stdout is not None and sys.stdout.isatty():
        _print_table(properties)
        return
    for entry in properties:
        print(one_line(entry.name), one_line(entry.value), one_line(entry.source), sep="\t")


def _print_table(properties: Sequence[Property]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("property", style="bold", no_wrap=True)
    table.add_column("value", overflow="fold")
    table.add_column("source", style="dim", overflow="fold")
    for entry in properties:
        # Text, not markup: a path may hold brackets.
        table.add_row(Text(entry.name), Text(one_line(entry.value)), Text(one_line(entry.source)))
    Console().print(table)
