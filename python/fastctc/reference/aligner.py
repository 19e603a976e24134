"""CTC forced alignment with the whole table in memory: the twin of `cpp/src/decoding/alignment/aligner.cpp`.

Viterbi over the states blank, y1, blank, y2, ... blank (Graves et al. 2006, with the maximum for the sum). A step goes
on by 0, 1 or, between different tokens, 2 states.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from fastctc.errors import AlignmentError, ModelError, OptionError
from fastctc.reference.confidence import aggregate, frame_confidence
from fastctc.reference.greedy import AlignedToken, Hypothesis
from fastctc.types import ConfidenceOptions

__all__ = ["align"]


def align(
    log_probs: NDArray[np.float32],
    token_ids: Sequence[int],
    blank_id: int,
    confidence: ConfidenceOptions | None = None,
) -> Hypothesis:
    """The most likely path of a token sequence through log-probs [n_frames, n_tokens].

    Raises:
        OptionError: an id is not in the vocabulary, or the blank's.
        AlignmentError: the tokens need more frames than there are, or have a probability of 0.
        ModelError: a log-prob is NaN or +infinity.
    """
    confidence = confidence or ConfidenceOptions()
    n_frames, n_tokens = log_probs.shape
    if not 0 <= blank_id < n_tokens or any(not 0 <= i < n_tokens or i == blank_id for i in token_ids):
        raise OptionError(f"Token ids must be from 0 to below {n_tokens}, and not the blank's, {blank_id}.")
    n_needed = len(token_ids) + sum(a == b for a, b in pairwise(token_ids))
    if n_needed > n_frames:
        raise AlignmentError(f"The text needs {n_needed} frames at least, but the audio has {n_frames}.")
    if not (log_probs <= np.finfo(np.float32).max).all():
        raise ModelError("The log-probs hold NaN or +infinity.")
    path, score = _best_path(log_probs.astype(np.float64), list(token_ids), blank_id)
    confidences = frame_confidence(log_probs, confidence)
    tokens = []
    for index, token_id in enumerate(token_ids):
        frames = np.flatnonzero(path == 2 * index + 1)
        log_prob = float(log_probs[frames, token_id].astype(np.float64).sum())
        certainty = aggregate([float(value) for value in confidences[frames]], confidence.aggregation)
        tokens.append(AlignedToken(token_id, int(frames[0]), int(frames[-1]) + 1, log_prob, certainty))
    return Hypothesis(tuple(tokens), score)


def _best_path(log_probs: NDArray[np.float64], token_ids: list[int], blank_id: int) -> tuple[NDArray[np.int64], float]:
    labels = [blank_id]
    for token_id in token_ids:
        labels += [token_id, blank_id]
    n_frames, n_states = len(log_probs), len(labels)
    may_skip = [s % 2 == 1 and s >= 3 and labels[s] != labels[s - 2] for s in range(n_states)]
    scores = np.full((n_frames + 1, n_states), -np.inf)
    scores[0, 0] = 0  # before the first frame
    moves = np.zeros((n_frames, n_states), np.int64)
    for frame in range(n_frames):
        for state in range(n_states):
            best, move = scores[frame, state], 0
            # Among equals the path that enters the state later.
            if state >= 1 and scores[frame, state - 1] >= best and scores[frame, state - 1] > -np.inf:
                best, move = scores[frame, state - 1], 1
            if may_skip[state] and scores[frame, state - 2] > best:
                best, move = scores[frame, state - 2], 2
            scores[frame + 1, state] = best + log_probs[frame, labels[state]]
            moves[frame, state] = move
    state = n_states - 1
    if n_states > 1 and scores[-1, state - 1] > scores[-1, state]:
        state -= 1
    score = float(scores[-1, state])
    if not score > -np.inf:
        raise AlignmentError("The text has a probability of 0.")
    path = np.zeros(n_frames, np.int64)
    for frame in reversed(range(n_frames)):
        path[frame] = state
        state -= moves[frame, state]
    return path, score
