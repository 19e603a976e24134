"""Twin of `cpp/src/decoding/endpoint.cpp`: when a live utterance is over."""

from __future__ import annotations

import math
from dataclasses import astuple
from typing import Literal

from fastctc.errors import OptionError
from fastctc.types import EndpointOptions

__all__ = ["find_endpoint"]

ROUNDING_S = 1e-9
"""A whole number of frames must not miss its rule by the rounding of frame_s."""


def find_endpoint(
    options: EndpointOptions, frame_s: float, n_frames: int, start_frame: int, last_token_end_frame: int | None
) -> Literal["", "no_speech", "silence", "max_length"]:
    """The first of Kaldi's three rules that holds; "": none.

    Args:
        options: How long each rule waits, in seconds; 0 or less: the rule is off.
        frame_s: Seconds per frame.
        n_frames: Frames decoded since the start of the signal.
        start_frame: Where the segment starts.
        last_token_end_frame: One past the last frame of the segment's last token; None: it has no token.

    Raises:
        OptionError: A time is not finite.
    """
    if not all(math.isfinite(limit_s) for limit_s in astuple(options)):
        raise OptionError("The times of the endpoint rules must be numbers of seconds; 0 turns a rule off.")

    def lasts(since_frame: int, limit_s: float) -> bool:
        return limit_s > 0 and (n_frames - since_frame) * frame_s >= limit_s - ROUNDING_S

    if last_token_end_frame is None and lasts(start_frame, options.silence_without_speech_s):
        return "no_speech"
    if last_token_end_frame is not None and lasts(last_token_end_frame, options.silence_after_speech_s):
        return "silence"
    return "max_length" if lasts(start_frame, options.max_length_s) else ""
