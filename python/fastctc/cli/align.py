"""`fastctc align`: when each word of a known text is said."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from fastctc.cli.loading import Loader, load_model
from fastctc.cli.messages import library_messages, say
from fastctc.cli.output import StreamOutput
from fastctc.errors import OptionError

__all__ = ["read_text", "run"]


def run(arguments: argparse.Namespace, load: Loader) -> int:
    """Runs the command; returns the exit status. Raises Error where text or audio can't be used."""
    text = read_text(arguments.text)
    output = StreamOutput(sys.stdout, arguments.format, [arguments.audio])
    with library_messages(say):
        recognizer = load_model(arguments, load)
        result = recognizer.align(arguments.audio, text)
    output.put([(0, result)])
    output.finish()
    return 0


def read_text(text: str) -> str:
    """The text itself, or the content of the file that it names."""
    try:
        is_file = Path(text).is_file()
    except (OSError, ValueError):  # too long, or a character that no name has
        is_file = False
    if not is_file:
        return text
    try:
        return Path(text).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(f"The text {text} can't be read as UTF-8: {error}.") from error
