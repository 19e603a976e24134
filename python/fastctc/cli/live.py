"""What `fastctc stream` and `fastctc listen` share: samples in as they come, results out at once."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from fastctc.cli.background import InterruptedBySignal, in_background
from fastctc.cli.decoder import decoder_options
from fastctc.cli.live_output import LiveOutput
from fastctc.cli.loading import Loader, load_model
from fastctc.cli.messages import library_messages
from fastctc.errors import Error
from fastctc.types import StreamResult

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from fastctc.recognizer import Recognizer
    from fastctc.stream import Stream

__all__ = ["Blocks", "load_live_model", "open_output", "open_stream", "recognise"]

Blocks: TypeAlias = "Generator[npt.NDArray[np.float32] | str, None, None]"
"""Samples [n, channels] as they come, and between them messages to show."""


def open_output(arguments: argparse.Namespace, names: Sequence[str]) -> LiveOutput:
    """Where results of channels with these names go. Raises OutputError."""
    shown = {name: getattr(arguments, name) for name in ("json", "partials", "timestamps")}
    return LiveOutput(sys.stdout, names, **shown)


def load_live_model(arguments: argparse.Namespace, load: Loader, output: LiveOutput) -> Recognizer:
    """The model that the arguments name."""
    with library_messages(output.message, quiet=arguments.quiet):
        return load_model(arguments, load, threads=arguments.threads)


def open_stream(
    arguments: argparse.Namespace, recognizer: Recognizer, output: LiveOutput, rate_hz: int | None
) -> Stream:
    """A stream as the arguments ask for it."""
    return recognizer.stream(
        latency_ms=arguments.latency_ms,
        decoder=decoder_options(arguments, recognizer),
        sample_rate=rate_hz,
        vad=arguments.vad,
        partial_results=output.wants_partials,
    )


def recognise(
    make_blocks: Callable[[], Blocks],
    open_stream: Callable[[], Stream],
    n_channels: int,
    output: LiveOutput,
) -> int:
    """Recognises blocks until they end or a signal comes; returns the exit status.

    A thread of its own reads, so that nothing that comes while the model computes is lost, and a signal is answered
    between two blocks. Whatever ends the blocks, all audio before it is recognised and printed.

    Args:
        make_blocks: makes the blocks; runs in the reading thread.
        open_stream: makes a stream; runs while the first blocks are read.
        n_channels: of the blocks; each gets a stream.
        output: where results go.

    Raises:
        Error: what the blocks or a stream raised, after the results before it.
        BrokenPipeError: nobody reads the results.
    """
    status = 0
    with in_background(make_blocks) as arriving:
        streams = [open_stream() for _ in range(n_channels)]
        try:
            for blocks in arriving:
                for block in blocks:
                    if isinstance(block, str):
                        output.message(block)
                        continue
                    for channel, stream in enumerate(streams):
                        output.put([(channel, result) for result in stream.push(block[:, channel])])
        except InterruptedBySignal as interrupt:
            status = interrupt.status
        except Error:
            _finish(streams, output)
            raise
        _finish(streams, output)
    return status


def _finish(streams: Sequence[Stream], output: LiveOutput) -> None:
    """Every stream to its end, also where another one failed; then raises the first failure."""
    failures: list[Error] = []
    for channel, stream in enumerate(streams):
        results, failure = _end(stream)
        output.put([(channel, result) for result in results])
        failures += [failure] if failure else []
    output.close()
    if failures:
        raise failures[0]


def _end(stream: Stream) -> tuple[list[StreamResult], Error | None]:
    try:
        return stream.finish(), None
    except Error as error:
        return [], error
