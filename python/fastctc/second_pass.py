"""The second pass: the n best readings put in a new order by a function of the caller's.

score(y) = first pass's score(y) + rescore_weight * rescorer(text of y)
"""

from __future__ import annotations

import math
from dataclasses import replace

from fastctc.errors import OptionError, RescoringError
from fastctc.types import Alternative, DecoderOptions, Transcript

__all__ = ["check_rescoring", "rescored"]


def check_rescoring(options: DecoderOptions) -> None:
    """Raises OptionError where a second pass is asked for that can't be."""
    if options.rescorer is None:
        return
    if not callable(options.rescorer):
        raise OptionError(f"decoder.rescorer must be a function of a list of texts, not {options.rescorer!r}.")
    weight = options.rescore_weight
    if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not math.isfinite(weight):
        raise OptionError(f"decoder.rescore_weight must be a finite number, not {weight!r}.")
    if options.kind != "beam" or options.n_best < 2:
        raise OptionError(
            "decoder.rescorer chooses among the n best readings of beam search: give kind='beam' and n_best from 2."
        )


def rescored(transcript: Transcript, options: DecoderOptions) -> Transcript:
    """The transcript that is best after the second pass, its alternatives in their new order; ties keep the first's.

    Raises:
        RescoringError: the rescorer failed, or gave something else than a finite number a text.
    """
    first = transcript.alternatives
    if options.rescorer is None or not first:
        return transcript
    gains = [options.rescore_weight * score + 0.0 for score in _scores(options, [entry.text for entry in first])]
    alternatives = [
        replace(entry, score=entry.score + gain, second_pass_score=gain)
        for entry, gain in zip(first, gains, strict=True)
    ]
    alternatives.sort(key=lambda entry: -entry.score)
    best = alternatives[0]
    return replace(
        transcript,
        text=best.text,
        words=best.words,
        tokens=best.tokens,
        confidence=_confidence(best),
        alternatives=tuple(alternatives),
    )


def _scores(options: DecoderOptions, texts: list[str]) -> list[float]:
    assert options.rescorer is not None
    try:
        scores = list(options.rescorer(list(texts)))
    except Exception as error:
        raise RescoringError(
            f"The rescorer failed on {len(texts)} readings, the first {texts[0]!r}: {type(error).__name__}: {error}."
        ) from error
    if len(scores) != len(texts):
        raise RescoringError(f"The rescorer gave {len(scores)} scores for {len(texts)} readings. Return one for each.")
    numbers = []
    for text, score in zip(texts, scores, strict=True):
        try:
            number = float(score)
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number):
            raise RescoringError(
                f"The rescorer gave {score!r} for {text!r}. Return a finite number, such as a log-probability."
            )
        numbers.append(number)
    return numbers


def _confidence(reading: Alternative) -> float:
    """The mean of its words', as of every transcript; 1 without words."""
    return sum(word.confidence for word in reading.words) / len(reading.words) if reading.words else 1.0
