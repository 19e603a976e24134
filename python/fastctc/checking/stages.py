"""The results of each stage of recognition, and how much two programs differ in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LARGEST_LOG_PROB_DIFFERENCE", "STAGES", "Comparison", "Stages", "compare_stages", "run_stages"]

Floats = NDArray[np.float32]

STAGES = ("samples", "features", "log_probs", "tokens", "text")

LARGEST_SAMPLE_DIFFERENCE = 1e-4
"""Largest difference of samples: two resamplers of one design, and 16-bit rounding."""
LARGEST_FEATURE_DIFFERENCE = 5e-3
"""NeMo's float32 STFT is off by up to 2.4e-3 near the guard of the logarithm, and by 1.4e-3 in normalised features of a
few frames; the smallest mistake, a periodic window, is off by ten times as much."""
LARGEST_LOG_PROB_DIFFERENCE = 5e-3
"""Log-probs of features that are the same within `LARGEST_FEATURE_DIFFERENCE`."""


@dataclass(frozen=True)
class Stages:
    """One program's values; None: it doesn't have that stage."""

    name: str
    samples: Floats | None = None
    """[n]"""
    features: Floats | None = None
    """[n_features, n_frames]"""
    log_probs: Floats | None = None
    """[n_frames, n_tokens]"""
    tokens: tuple[int, ...] | None = None
    text: str | None = None


@dataclass(frozen=True)
class Comparison:
    """One stage of one program, beside the right values."""

    stage: str
    name: str
    expected_name: str
    shapes: tuple[str, str]
    largest: float | None
    """The difference; None: the values are no numbers, or the shapes have nothing in common."""
    mean: float | None
    correlation: float | None
    is_same: bool


def run_stages(name: str, recognizer: Any, samples: Floats) -> Stages:
    """All stages of `fastctc.Recognizer` or its twin in the reference, by its first graph, the offline one."""
    features = recognizer.features(samples)
    log_probs = recognizer.log_probs(features, graph=recognizer.graphs[0])
    transcript = recognizer.decode(log_probs)
    return Stages(name, samples, features, log_probs, tuple(token.id for token in transcript.tokens), transcript.text)


def compare_stages(found: Stages, expected: Stages) -> list[Comparison]:
    """Every stage that both have.

    Args:
        found: What is to be judged.
        expected: What is right.
    """
    allowed = {
        "samples": LARGEST_SAMPLE_DIFFERENCE,
        "features": LARGEST_FEATURE_DIFFERENCE,
        "log_probs": LARGEST_LOG_PROB_DIFFERENCE,
    }
    comparisons = []
    for stage in STAGES:
        one, other = getattr(found, stage), getattr(expected, stage)
        if one is None or other is None:
            continue
        if stage in allowed:
            comparisons.append(_compare_arrays(stage, found.name, one, expected.name, other, allowed[stage]))
        else:
            shapes = tuple(f"{len(value.split() if stage == 'text' else value)}" for value in (one, other))
            same = one == other
            comparisons.append(
                Comparison(stage, found.name, expected.name, (shapes[0], shapes[1]), None, None, None, same)
            )
    return comparisons


def _compare_arrays(
    stage: str, name: str, found: Floats, expected_name: str, expected: Floats, allowed: float
) -> Comparison:
    shapes = (_shape(found), _shape(expected))
    if found.ndim != expected.ndim or any(a != b for a, b in _sizes_that_must_agree(stage, found, expected)):
        return Comparison(stage, name, expected_name, shapes, None, None, None, is_same=False)
    common = tuple(slice(min(sizes)) for sizes in zip(found.shape, expected.shape, strict=True))
    one, other = found[common].astype(np.float64), expected[common].astype(np.float64)
    difference = np.abs(one - other)
    largest = float(difference.max(initial=0.0))
    mean = float(difference.mean()) if difference.size else 0.0
    same = found.shape == expected.shape and largest <= allowed
    return Comparison(stage, name, expected_name, shapes, largest, mean, _correlation(one, other), same)


def _sizes_that_must_agree(stage: str, found: Floats, expected: Floats) -> Sequence[tuple[int, int]]:
    axis = {"features": 0, "log_probs": 1}.get(stage)
    return [] if axis is None else [(found.shape[axis], expected.shape[axis])]


def _shape(values: Floats) -> str:
    return " x ".join(map(str, values.shape))


def _correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Pearson's; 1 where both are constant, 0 where one is."""
    centred, other_centred = one - one.mean() if one.size else one, other - other.mean() if other.size else other
    norms = float(np.sqrt((centred**2).sum() * (other_centred**2).sum()))
    if norms == 0:
        return 1.0 if np.array_equal(one, other) else 0.0
    return float((centred * other_centred).sum() / norms)
