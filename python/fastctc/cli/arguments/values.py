"""Texts of the command line as values."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

__all__ = ["STDIN", "channel", "names", "numbers", "seconds", "whole"]

STDIN = "-"


def whole(least: int, what: str = "a whole number") -> Callable[[str], int]:
    """Reads whole numbers from `least` on; of others the error says that they are not `what`."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit()) or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not {what} from {least}")
        return int(text)

    return read


def channel(text: str) -> int | str:
    """A channel's number, or mean."""
    if text.isascii() and text.isdigit():
        return int(text)
    if text != "mean":
        raise argparse.ArgumentTypeError(f"{text!r} is not a channel's number from 0, or mean")
    return text


def numbers(text: str) -> tuple[float, ...]:
    """Numbers with commas between."""
    try:
        return tuple(float(number) for number in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of numbers, as 0.5,1") from None


def names(text: str) -> tuple[str, ...]:
    """Names with commas between."""
    found = tuple(name.strip() for name in text.split(","))
    if not all(found):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of names, as agent,caller")
    return found


def seconds(text: str) -> float:
    """A duration above 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return value
