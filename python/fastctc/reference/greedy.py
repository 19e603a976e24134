"""Twin of `cpp/src/decoding/greedy.cpp`: greedy CTC decoding by its definition."""

from __future__ import annotations

from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastctc.errors import ModelError, OptionError
from fastctc.reference.confidence import aggregate, frame_confidence
from fastctc.types import ConfidenceOptions

__all__ = ["AlignedToken", "GreedyDecoder", "Hypothesis", "decode_greedy"]


class AlignedToken(NamedTuple):
    """A token on the frame axis of the acoustic model's output."""

    id: int
    start_frame: int
    end_frame: int
    """One past the last frame of its run."""
    log_prob: float
    """Sum over its run."""
    confidence: float
    """In [0, 1]: aggregated over its run."""


class Hypothesis(NamedTuple):
    """What a decoder finds."""

    tokens: tuple[AlignedToken, ...]
    score: float
    """Log-prob of the path, blanks included."""


def decode_greedy(
    log_probs: NDArray[np.float32], blank_id: int, confidence: ConfidenceOptions | None = None
) -> Hypothesis:
    """Argmax of every frame (first of equals), repeats merged, blanks dropped.

    Args:
        log_probs: [frames, tokens] float32, natural log.
        blank_id: Index of the blank.
        confidence: How sure a token is; None: the defaults.

    Raises:
        OptionError: blank_id is not below the number of tokens, or alpha isn't above 0.
        ModelError: NaN or +infinity; names the frame.
    """
    n_tokens = log_probs.shape[1]
    if not 0 <= blank_id < n_tokens:
        raise OptionError(
            f"Option blank_id is {blank_id}, but must be from 0 to below the number of tokens, {n_tokens}."
        )
    bad_frames = np.flatnonzero((np.isnan(log_probs) | np.isposinf(log_probs)).any(axis=1))
    if bad_frames.size:
        raise ModelError(f"The log-probs of frame {bad_frames[0]} hold NaN or +infinity.")
    ids = log_probs.argmax(axis=1)
    path = log_probs[np.arange(len(ids)), ids].astype(np.float64)
    confidence = confidence or ConfidenceOptions()
    confidences = frame_confidence(log_probs, confidence)

    tokens = []
    for token_id, group in groupby(range(len(ids)), key=lambda frame: int(ids[frame])):
        frames = list(group)
        if token_id != blank_id:
            certainty = aggregate([float(value) for value in confidences[frames]], confidence.aggregation)
            tokens.append(AlignedToken(token_id, frames[0], frames[-1] + 1, float(path[frames].sum()), certainty))
    return Hypothesis(tuple(tokens), float(path.sum()))


class GreedyDecoder:
    """Greedy decoding step by step: keeps all frames and decodes them again.

    Raises:
        OptionError: blank_id is not below n_tokens.
    """

    def __init__(self, n_tokens: int, blank_id: int) -> None:
        decode_greedy(np.empty((0, n_tokens), np.float32), blank_id)
        self._n_tokens = n_tokens
        self._blank_id = blank_id
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._log_probs = np.empty((0, self._n_tokens), np.float32)

    def step(self, log_probs: NDArray[np.float32]) -> None:
        """Takes more frames, in order. Raises OptionError on another width, ModelError on NaN and +infinity."""
        if len(log_probs) and log_probs.shape[1] != self._n_tokens:
            raise OptionError(
                f"The decoder takes log-probs of {self._n_tokens} tokens per frame, not {log_probs.shape[1]}."
            )
        if len(log_probs):
            self._log_probs = np.concatenate([self._log_probs, log_probs])
        self.best()

    def best(self) -> Hypothesis:
        """Best hypothesis so far."""
        return decode_greedy(self._log_probs, self._blank_id)
