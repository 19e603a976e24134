"""`fastctc listen`: what the microphone hears, as text."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from fastctc.cli.arguments import STDIN
from fastctc.cli.decoder import decoder_options
from fastctc.cli.live import Blocks, load_model, recognise
from fastctc.cli.live_output import LiveOutput
from fastctc.cli.progress import say

if TYPE_CHECKING:
    from fastctc.cli import Loader

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
    output = LiveOutput(
        sys.stdout, (STDIN,), json=arguments.json, partials=arguments.partials, timestamps=arguments.timestamps
    )
    # The model first: nobody should speak into a microphone that nothing listens to yet.
    recognizer = load_model(arguments, load, output)
    rate_hz, blocks = (microphone or open_microphone)(arguments.device, recognizer.sample_rate_hz)
    if not arguments.quiet and sys.stderr is not None and sys.stderr.isatty():
        say("Listening; Ctrl-C ends.")
    return recognise(
        lambda: blocks,
        lambda: recognizer.stream(
            latency_ms=arguments.latency_ms,
            decoder=decoder_options(arguments, recognizer),
            sample_rate=rate_hz,
            vad=arguments.vad,
            partial_results=output.wants_partials,
        ),
        1,
        output,
    )
