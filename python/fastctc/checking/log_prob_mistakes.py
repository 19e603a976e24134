"""Finds mistakes that explain other log-probs, when features are the same or not known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from fastctc.checking.feature_mistakes import Mistake, Recipe, feature_changes
from fastctc.types import FrontendOptions

__all__ = ["explain_by_features", "explain_log_probs", "find_blank_mistake"]

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

LARGEST_DIFFERENCE = 2e-2
"""Largest difference of equal log-probs: from slightly other features, other kernels, or rounded to text."""
PROBABLE = -20.0
"""Lower log-probs count as this: a probability of 1e-9 has no digits left in many formats."""
MOST_LOST_FRAMES = 8
LEAST_BLANK_SHARE = 0.3
"""Share of all frames: a CTC model gives the blank in most."""


def explain_log_probs(found: Floats, expected: Floats) -> tuple[list[Mistake], bool]:
    """Mistakes that turn the expected log-probs [n_frames, n_tokens] into those found, and whether they explain all."""
    if found.shape[1] != expected.shape[1]:
        text = f"there are {found.shape[1]} tokens per frame; the model has {expected.shape[1]}, its blank included."
        return [Mistake("wrong_number_of_tokens", text)], True
    mistakes: list[Mistake] = []
    values = found.astype(np.float64)
    for mistake, undo in _scales(values):
        values = undo(values)
        mistakes.append(mistake)
    rotations = (
        (None, 0),
        (Mistake("blank_first", "the blank is the first token; in this model it is the last."), -1),
        (Mistake("blank_last", "the blank is the last token; in this model it is the first."), 1),
    )
    for rotation, shift in rotations:
        rolled = np.roll(values, shift, axis=1)
        for lost in range(MOST_LOST_FRAMES + 1):
            if not _same_start(rolled, expected[lost:]):
                continue
            mistakes += [rotation] if rotation is not None else []
            mistakes += list(_lost(lost, len(expected) - lost - len(found)))
            return mistakes, True
    return mistakes, False


def _scales(values: Doubles) -> Iterator[tuple[Mistake, Callable[[Doubles], Doubles]]]:
    """Kinds of values that aren't natural log-probs, and how to convert them."""
    if values.size == 0:
        return
    if values.min() >= 0 and np.allclose(values.sum(axis=1), 1, atol=1e-3):
        text = "values are probabilities; they must be their natural logarithms."
        yield Mistake("probabilities", text), lambda p: np.log(np.maximum(p, 1e-30))
    elif not np.allclose(_total(values), 0, atol=1e-2):
        if np.allclose(_total(values * np.log(10)), 0, atol=1e-2):
            text = "logarithms are decimal; they must be natural ones."
            yield Mistake("log10", text), lambda v: v * np.log(10)
        else:
            text = "values are logits; they need a log-softmax."
            yield Mistake("logits", text), lambda v: np.asarray(v - _total(v)[:, None])


def _total(values: Doubles) -> Doubles:
    """Natural logarithm of each frame's sum."""
    top = values.max(axis=1, keepdims=True)
    return np.asarray(top[:, 0] + np.log(np.exp(values - top).sum(axis=1)))


def _lost(first: int, last: int) -> Iterator[Mistake]:
    if first:
        text = (
            f"the first {first} output frames are missing: a stream's first window was not fed as the graph takes it."
        )
        yield Mistake("frames_dropped_at_the_start", text)
    if last > 0:
        text = f"the last {last} output frames are missing: the end of the audio was not flushed."
        yield Mistake("frames_dropped_at_the_end", text)
    elif last < 0:
        text = f"there are {-last} output frames too many: cut them by the length of the input."
        yield Mistake("frames_too_many", text)


def _same_start(found: Doubles, expected: Floats) -> bool:
    n_frames = min(len(found), len(expected))
    if n_frames == 0:
        return False
    one, other = (np.maximum(values[:n_frames], PROBABLE) for values in (found, expected))
    # The last frames see what follows the end.
    worst = np.abs(one - other).max(axis=1)
    return bool(np.quantile(worst, 0.9) <= LARGEST_DIFFERENCE)


def explain_by_features(
    samples: Floats, found: Floats, options: FrontendOptions, run: Callable[[Floats], Floats]
) -> list[Mistake]:
    """The single mistake in the features that makes the model give these log-probs; empty: no known one.

    Args:
        samples: [n], at the model's rate.
        found: [n_frames, n_tokens].
        options: The right front end.
        run: The model: log-probs of features.
    """
    right = Recipe(options)
    for mistake, recipe in feature_changes(right, right):
        if mistake.name == "no_log":
            continue
        explained, is_explained = explain_log_probs(found, run(recipe.compute(samples)))
        if is_explained:
            return [mistake, *explained]
    return []


def find_blank_mistake(log_probs: Sequence[Floats], blank_id: int) -> Mistake | None:
    """A blank at one end of the tokens, although the model gives the token at the other end in most frames."""
    n_tokens = log_probs[0].shape[1]
    other = {0: n_tokens - 1, n_tokens - 1: 0}.get(blank_id)
    best = np.concatenate([each.argmax(axis=1) for each in log_probs])
    if other is None or best.size == 0 or n_tokens < 2:
        return None
    shares = np.bincount(best, minlength=n_tokens) / best.size
    if shares[other] < max(LEAST_BLANK_SHARE, 2 * shares[blank_id]) or shares.argmax() != other:
        return None
    text = (
        f"the blank is said to be token {blank_id}, but token {other} wins in {shares[other]:.0%} of the frames, and "
        f"token {blank_id} in {shares[blank_id]:.0%}: the blank stands at the other end."
    )
    return Mistake("blank_at_the_wrong_end", text)
