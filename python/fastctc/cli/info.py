"""`fastctc info`: every resolved property of a model and where its value came from."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict

from fastctc.cli.loading import Loader, load_model
from fastctc.cli.messages import library_messages, one_line, say
from fastctc.cli.terminal import is_terminal, print_table
from fastctc.models.named import demo_model_path
from fastctc.types import Property

__all__ = ["print_properties", "run"]


def run(arguments: argparse.Namespace, load: Loader) -> int:
    """Runs the command; returns the exit status. Raises Error where the model can't be loaded."""
    with library_messages(say):
        recognizer = load_model(arguments, load)
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
    rows = [(entry.name, entry.value, entry.source) for entry in properties]
    if is_terminal(sys.stdout):
        value, source = {"overflow": "fold"}, {"style": "dim", "overflow": "fold"}
        print_table({"property": {"style": "bold", "no_wrap": True}, "value": value, "source": source}, rows)
        return
    for row in rows:
        print(*map(one_line, row), sep="\t")
