"""`fastctc adopt`: describes an export made by a script of the user's."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from fastctc.audio.reading import load_audio
from fastctc.checking.adoption import NORMALIZATIONS, Reading, adopt_directory
from fastctc.cli.info import print_properties
from fastctc.cli.loading import Loader, session_options
from fastctc.cli.messages import library_messages, one_line, say
from fastctc.cli.terminal import is_terminal
from fastctc.models.named import demo_recording_path
from fastctc.types import ModelOptions

__all__ = ["run"]


def run(arguments: argparse.Namespace, _load: Loader) -> int:
    """Runs the command; returns the exit status. Raises Error if the directory can't be adopted."""
    recordings = arguments.audio or [demo_recording_path()]
    asks = is_terminal(sys.stdin) and is_terminal(sys.stderr)
    with library_messages(say, quiet=True):
        adopted = adopt_directory(
            arguments.model,
            lambda rate_hz: [load_audio(recording, target_rate_hz=rate_hz).samples for recording in recordings],
            options=ModelOptions(
                normalize=arguments.normalize,
                frontend_preset=arguments.preset,
                blank_id=arguments.blank_id,
                subsampling_factor=arguments.subsampling,
            ),
            session=session_options(arguments),
            ask_normalize=lambda readings: _ask(readings, asks=asks, told=bool(arguments.audio)),
            force=arguments.force,
        )
    print_properties(adopted.properties)
    if arguments.audio:
        for name, text in zip(arguments.audio, adopted.texts, strict=True):
            say(f"{name}: {text}")
    for name in adopted.left_out:
        say(
            f"{name} is left out: it takes several attention chunks per step, which is for long recordings, and isn't "
            "shown to be the same as the offline graph."
        )
    say(f"{adopted.manifest} is written: {arguments.model} is ready.")
    return 0


def _ask(readings: Sequence[Reading], *, asks: bool, told: bool) -> str | None:
    """None where nobody can be asked. `told`: the readings are of recordings that the user knows."""
    if not asks and not told:
        return None
    say("nothing tells how the model's features are normalised; it reads nonsense when that is wrong.")
    if told:
        for reading in readings:
            say(f"  {reading.normalize:13} {reading.confidence:.0%} sure  {one_line(reading.text)}")
    if not asks:
        return None
    while True:
        print(f"Which ({', '.join(NORMALIZATIONS)}; empty: stop)? ", end="", file=sys.stderr, flush=True)
        answer = sys.stdin.readline().strip()
        if answer in ("", *NORMALIZATIONS):
            return answer or None
