"""`fastctc stream`: raw audio from a pipe, results while it comes."""

from __future__ import annotations

import argparse
import os
import select
import sys
from typing import TYPE_CHECKING

from fastctc.cli.arguments import STDIN
from fastctc.cli.live import Blocks, load_live_model, open_output, open_stream, recognise
from fastctc.cli.loading import Loader
from fastctc.errors import AudioError, AudioNotFoundError, OptionError

if TYPE_CHECKING:
    from fastctc.audio.raw import RawDecoder
    from fastctc.stream import Stream

__all__ = ["run"]

TELEPHONE_RATE_HZ = 8000
READ_S = 0.25
"""Most audio per read, in seconds: an interrupt waits until what was read is recognised."""
_LEAST_READ_BYTES = 1024


def run(arguments: argparse.Namespace, load: Loader) -> int:
    """Runs the command; returns the exit status. Raises Error, BrokenPipeError."""
    from fastctc.audio.raw import RawDecoder

    n_channels: int = arguments.channels
    names = arguments.channel_names or tuple(f"channel {channel}" for channel in range(n_channels))
    output = open_output(arguments, names)
    if arguments.source == STDIN and (sys.stdin is None or sys.stdin.isatty()):
        raise OptionError("Standard input is not audio. Pipe raw audio into it; fastctc listen hears the microphone.")
    decoder = RawDecoder(arguments.format, n_channels=n_channels)
    rate_hz = arguments.rate or (TELEPHONE_RATE_HZ if arguments.format in ("mulaw", "alaw") else None)
    recognizer = None

    def open_one() -> Stream:
        nonlocal recognizer
        recognizer = recognizer or load_live_model(arguments, load, output)
        return open_stream(arguments, recognizer, output, rate_hz)

    return recognise(
        lambda: _read(arguments.source, decoder, rate_hz or TELEPHONE_RATE_HZ), open_one, n_channels, output
    )


def _read(source: str, decoder: RawDecoder, rate_hz: int) -> Blocks:
    """Yields samples as soon as they can be read, and at the end a message if something was wrong."""
    name = "standard input" if source == STDIN else source
    read_bytes = max(_LEAST_READ_BYTES, int(rate_hz * READ_S) * decoder.frame_bytes)
    try:
        # Not closed at the end: the process ends then, and standard input is not ours.
        descriptor = (
            sys.stdin.fileno() if source == STDIN else os.open(source, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        )
        is_first = True
        while data := _read_some(descriptor, read_bytes):
            if is_first:
                _check_is_raw(data, name)
                is_first = False
            yield decoder.push(data)
    except FileNotFoundError:
        raise AudioNotFoundError(f"{name}: there is no such file.") from None
    except OSError as error:
        raise AudioError(f"{name} can't be read: {error.strerror or error}.") from error
    if n_bytes := decoder.n_rest_bytes:
        yield (
            f"{name} ended within a sample of {decoder.frame_bytes} bytes: its last "
            f"{'byte was' if n_bytes == 1 else f'{n_bytes} bytes were'} left out. Is the format right?"
        )


def _read_some(descriptor: int, n_bytes: int) -> bytes:
    """Reads what is there, as soon as there is something; empty at the end."""
    if os.name != "nt" and not os.get_blocking(descriptor):  # the starting process made it so
        select.select([descriptor], [], [])
    return os.read(descriptor, n_bytes)


def _check_is_raw(data: bytes, name: str) -> None:
    if data[:4] in (b"RIFF", b"RF64") and data[8:12] == b"WAVE":
        raise OptionError(
            f"{name} is a WAV file, not raw audio. fastctc transcribe reads files (--latency-ms N as a stream would); "
            "ffmpeg -i - -f s16le - makes them raw."
        )
