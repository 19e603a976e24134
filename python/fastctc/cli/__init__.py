"""The command line. It uses the public API only, and imports NumPy and the C++ core only in commands that need them.

Exit statuses: 0 done; 1 some files failed, or the model or the output can't be used; 2 usage; 130 interrupted
(143 by SIGTERM); 141 the reader of standard output went away.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple, NoReturn

from fastctc.cli.arguments import parse
from fastctc.cli.loading import Loader
from fastctc.cli.messages import say
from fastctc.errors import Error, OptionError

__all__ = ["main", "script"]


class Needs(NamedTuple):
    """What a command needs: parts of the package, and arguments of its module's `run`."""

    loader: bool = True
    """Whether `run` takes the loader of the model beside the arguments."""
    package: bool = True
    """Whether the package must be complete; doctor says what is missing."""
    named_model: bool = True
    """Whether a named model is downloaded."""


NEEDS = {
    **dict.fromkeys(("cache", "lm", "models", "spl"), Needs(loader=False)),
    **dict.fromkeys(("export", "optimize", "quantize"), Needs(named_model=False)),
    "doctor": Needs(package=False),
}
"""By the command's name, which is the module's; the others need it all."""


def main(argv: Sequence[str] | None = None, *, load: Loader | None = None) -> int:
    """Runs the command line and returns the exit status.

    Args:
        argv: the arguments after the program's name; None: the process's.
        load: makes the recognizer, with the signature of `fastctc.load`, which is the default.
    """
    try:
        arguments = parse(sys.argv[1:] if argv is None else argv)
    except SystemExit as stop:  # argparse has said why, or has printed the help
        return stop.code if isinstance(stop.code, int) else 2
    try:
        return _run(arguments.command, arguments, load)
    except OptionError as error:
        say(str(error))
        return 2
    except Error as error:
        say(str(error))
        return 1
    except ImportError as error:
        say(f"fastctc is not installed completely: {error}. fastctc doctor tells more.")
        return 1
    except BrokenPipeError:
        return 141
    except KeyboardInterrupt:
        say("interrupted")
        return 130


def script(*, load: Loader | None = None) -> NoReturn:
    """The process `fastctc`: `main`, then exit without waiting for abandoned work."""
    for stream in (sys.stdout, sys.stderr):
        # A file name or a word that the terminal's encoding lacks is shown escaped; it must not end the run.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    status = main(load=load)
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        _drop_standard_output()
        if not status:
            say(f"Standard output can't be written: {error.strerror or error}.")
            status = 1
    if any(thread is not threading.main_thread() for thread in threading.enumerate()):
        # An interrupt or a full disk leaves a batch at work, whose threads Python would wait for.
        os._exit(status)
    sys.exit(status)


def _run(command: str, arguments: argparse.Namespace, load: Loader | None) -> int:
    needs = NEEDS.get(command, Needs())
    run: Callable[..., int] = importlib.import_module(f"fastctc.cli.{command}").run
    if not needs.loader:
        return run(arguments)
    if load is None and needs.package:
        import fastctc
        from fastctc.cli.models import fetch_named

        load = fastctc.load
        if needs.named_model:
            fetch_named(arguments.model, quiet=getattr(arguments, "quiet", False))
    return run(arguments, load)


def _drop_standard_output() -> None:
    """Points standard output at nothing, so that Python's flush at exit can't fail again."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
    except (AttributeError, OSError, ValueError):  # no descriptor behind it: nothing to flush to
        pass
