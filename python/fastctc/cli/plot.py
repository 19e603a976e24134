"""`fastctc plot`: a recording and what was heard in it, as one picture."""

from __future__ import annotations

import argparse
from pathlib import Path

from fastctc.cli.align import read_text
from fastctc.cli.decoder import decoder_options
from fastctc.cli.loading import Loader, load_model
from fastctc.cli.messages import library_messages, say
from fastctc.errors import OptionError
from fastctc.new_files import write_file

__all__ = ["run"]


def run(arguments: argparse.Namespace, load: Loader) -> int:
    """Runs the command; returns the exit status. Raises Error where audio, options or output can't be used."""
    from fastctc.output.figure import PICTURE_FORMATS, plot, render

    path = Path(arguments.output)
    kind = path.suffix.lower().removeprefix(".")
    if kind not in PICTURE_FORMATS:
        raise OptionError(f"--output {path}: a picture's name ends in .png, .svg or .pdf.")
    text = None if arguments.text is None else read_text(arguments.text)
    with library_messages(say):
        recognizer = load_model(arguments, load)
        figure = plot(
            arguments.audio,
            recognizer,
            text=text,
            start_s=arguments.start,
            end_s=arguments.end,
            channel=arguments.channel,
            decoder=decoder_options(arguments, recognizer),
            width_in=arguments.width,
        )
        write_file(path, render(figure, kind, dpi=arguments.dpi))
    return 0
