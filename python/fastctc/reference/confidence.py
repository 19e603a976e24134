"""How sure the model is: NeMo's confidence measures, as `cpp/src/decoding/confidence.cpp`.

Source: NeMo, nemo/collections/asr/parts/utils/asr_confidence_utils.py, get_confidence_measure_bank.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fastctc.errors import OptionError
from fastctc.types import ConfidenceOptions

__all__ = ["aggregate", "frame_confidence"]


def frame_confidence(log_probs: NDArray[np.float32], options: ConfidenceOptions) -> NDArray[np.float32]:
    """Confidence of each frame, float32 [n_frames] in [0, 1], from natural-log probabilities [n_frames, n_tokens].

    Raises:
        OptionError: alpha isn't above 0.
    """
    if not (np.isfinite(options.alpha) and options.alpha > 0):
        raise OptionError(f"Option confidence.alpha is {options.alpha}, but must be a finite number above 0.")
    if log_probs.shape[1] < 2:
        return np.ones(len(log_probs), np.float32)
    with np.errstate(invalid="ignore"):
        values = _measure(log_probs.astype(np.float64), options)
    # NeMo's Gibbs measure with alpha above 1 is less than 0 where many tokens are likely.
    least = -np.inf if options.measure == "gibbs" and options.alpha > 1 else 0
    return np.clip(values, least, 1).astype(np.float32)


def _measure(x: NDArray[np.float64], options: ConfidenceOptions) -> NDArray[np.float64]:
    v, a = x.shape[1], options.alpha
    is_linear = options.normalization == "linear"
    if options.measure == "max_prob":
        return (np.exp(a * x.max(axis=1)) * v**a - 1) / (v**a - 1)
    if options.measure == "gibbs" or a == 1:
        gibbs = np.where(x > -1e30, np.exp(a * x) * np.maximum(x, -1e30), 0).sum(axis=1)
        if is_linear:
            return 1 + gibbs / np.log(v) / v ** (1 - a)
        least = v ** (-a * v ** (1 - a))
        return (np.exp(a * gibbs) - least) / (1 - least)
    power = np.exp(a * x).sum(axis=1)
    if options.measure == "tsallis":
        if is_linear:
            return 1 + (1 - power) / (v ** (1 - a) - 1)
        least = np.exp((1 - v ** (1 - a)) / (1 - a))
        return (np.exp((1 - power) / (1 - a)) - least) / (1 - least)
    if is_linear:
        return 1 + np.log2(power) / (a - 1) / np.log2(v)
    return (power ** (1 / (a - 1)) * v - 1) / (v - 1)


def aggregate(confidences: Sequence[float], aggregation: str) -> float:
    """Aggregates several confidences; 1 for none."""
    if len(confidences) == 0:
        return 1.0
    values = np.asarray(confidences, np.float64)
    if aggregation == "mean":
        return float(values.mean())
    return float(values.prod() if aggregation == "product" else values.min() if aggregation == "min" else values.max())
