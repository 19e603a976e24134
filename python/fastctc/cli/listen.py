"""`fastctc listen`: what the microphone hears, as text."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TypeAlias

from fastctc.cli.arguments import STDIN
from fastctc.cli.live import Blocks, load_live_model, open_output, open_stream, recognise
from fastctc.cli.loading import Loader
from fastctc.cli.messages import say
from fastctc.cli.terminal import is_terminal

__all__ = ["Microphone", "run"]

Microphone: TypeAlias = "Callable[[str | None, int], tuple[int, Blocks]]"
"""Opens a device (None: the default) for the rate the model wants; gives the rate it has, and its blocks [n, 1]."""


def run(arguments: argparse.Namespace, load: Loader, *, microphone: Microphone | None = None) -> int:
    """Runs the command; returns the exit status.

    Args:
        arguments: of the command line.
        load: makes the recognizer.
        microphone: where the audio comes from; None: sounddevice.

    Raises:
        Error: the microphone, the model or the output can't be used.
        BrokenPipeError: nobody reads the results.
    """
    from fastctc.cli.microphone import describe_devices, open_microphone

    if arguments.list_devices:
        print("\n".join(describe_devices()))
        return 0
    output = open_output(arguments, (STDIN,))
    # The model first: nobody should speak into a microphone that nothing listens to yet.
    recognizer = load_live_model(arguments, load, output)
    rate_hz, blocks = (microphone or open_microphone)(arguments.device, recognizer.sample_rate_hz)
    if not arguments.quiet and is_terminal(sys.stderr):
        say("Listening; Ctrl-C ends.")
    return recognise(
        lambda: blocks,
        lambda: open_stream(arguments, recognizer, output, rate_hz),
        1,
        output,
    )
