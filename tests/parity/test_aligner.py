"""Forced alignment: C++ = reference = every path tried; and it agrees with greedy search."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from conftest import run_alone
from fastctc import _core
from fastctc.errors import AlignmentError, ModelError, OptionError
from fastctc.reference.aligner import align
from fastctc.reference.greedy import AlignedToken, Hypothesis

LogProbs = NDArray[np.float32]
N_TOKENS, BLANK = 4, 3


def core_align(log_probs: LogProbs, token_ids: Any, blank_id: int = BLANK) -> Hypothesis:
    tokens, score = _core.align(log_probs, list(token_ids), blank_id)
    return Hypothesis(tuple(AlignedToken(*token) for token in tokens), score)


def twin_align(log_probs: LogProbs, token_ids: Any, blank_id: int = BLANK) -> Hypothesis:
    return align(log_probs, token_ids, blank_id)


IMPLEMENTATIONS = [core_align, twin_align]


def random_log_probs(seed: int, n_frames: int, n_tokens: int = N_TOKENS, sharpness: float = 0.5) -> LogProbs:
    random = np.random.default_rng(seed)
    return np.log(random.dirichlet(np.full(n_tokens, sharpness), n_frames) + 1e-9).astype(np.float32)


@given(
    seed=st.integers(0, 2**32 - 1), n_frames=st.integers(1, 6), ids=st.lists(st.integers(0, N_TOKENS - 2), max_size=4)
)
@settings(max_examples=400, deadline=None)
def test_the_path_is_the_best_of_all(seed: int, n_frames: int, ids: list[int]) -> None:
    log_probs = random_log_probs(seed, n_frames)
    paths = [
        path
        for path in itertools.product(range(N_TOKENS), repeat=n_frames)
        if [token for token, _ in itertools.groupby(path) if token != BLANK] == ids
    ]
    for implementation in IMPLEMENTATIONS:
        if not paths:
            with pytest.raises(AlignmentError, match=f"{n_frames}"):
                implementation(log_probs, ids)
            continue
        found = implementation(log_probs, ids)
        scores = [float(log_probs[np.arange(n_frames), list(path)].astype(np.float64).sum()) for path in paths]
        assert found.score == pytest.approx(max(scores), abs=1e-9)
        assert [token.id for token in found.tokens] == ids
        # The runs are those of a path of that score, blanks between.
        path = np.full(n_frames, BLANK)
        for token in found.tokens:
            path[token.start_frame : token.end_frame] = token.id
        assert [token for token, _ in itertools.groupby(path) if token != BLANK] == ids
        assert float(log_probs[np.arange(n_frames), path].astype(np.float64).sum()) == pytest.approx(found.score)


@given(seed=st.integers(0, 2**32 - 1), n_frames=st.integers(1, 200), data=st.data())
@settings(max_examples=100, deadline=None)
def test_core_is_the_reference(seed: int, n_frames: int, data: st.DataObject) -> None:
    """Ties too. (Checkpoints: tests/cpp/test_aligner.cpp.)"""
    log_probs = random_log_probs(seed, n_frames)
    if data.draw(st.booleans()):
        log_probs = np.round(log_probs)
    ids = data.draw(st.lists(st.integers(0, N_TOKENS - 2), max_size=n_frames // 2))
    found, expected = (implementation(log_probs, ids) for implementation in IMPLEMENTATIONS)
    assert [token[:3] for token in found.tokens] == [token[:3] for token in expected.tokens]
    assert found.score == pytest.approx(expected.score, abs=1e-9)
    for token, other in zip(found.tokens, expected.tokens, strict=True):
        assert token[3:] == pytest.approx(other[3:], abs=1e-4)


@given(seed=st.integers(0, 2**32 - 1), n_frames=st.integers(1, 100))
@settings(max_examples=100, deadline=None)
def test_greedy_search_agrees(seed: int, n_frames: int) -> None:
    """The best path of all is the best of its own text."""
    log_probs = random_log_probs(seed, n_frames, 9, 0.1)
    tokens, score = _core.GreedyDecoder(9, 0).decode(log_probs)
    aligned = core_align(log_probs, [token[0] for token in tokens], 0)
    assert aligned.score == pytest.approx(score, abs=1e-3)
    assert [tuple(token[:3]) for token in aligned.tokens] == [token[:3] for token in tokens]
    assert [token.confidence for token in aligned.tokens] == pytest.approx([token[4] for token in tokens], abs=1e-6)


def test_synthetic_posteriors_give_the_truth_back() -> None:
    random = np.random.default_rng(5)
    n_tokens, n_frames = 50, 2000
    probs = random.dirichlet(np.full(n_tokens, 0.05), n_frames) * 0.2
    probs[:, 0] += 0.3
    truth = []
    for frame in range(3, n_frames - 3, 5):
        token = int(random.integers(1, n_tokens))
        truth.append((token, frame))
        probs[frame, token] += 1.5
        probs[frame - 2 : frame, 0] += 1.5
        probs[frame + 1 : frame + 3, 0] += 1.5
    log_probs = np.log(probs / probs.sum(1, keepdims=True) + 1e-9).astype(np.float32)
    aligned = core_align(log_probs, [token for token, _ in truth], 0)
    for found, (_, frame) in zip(aligned.tokens, truth, strict=True):
        assert abs(found.start_frame - frame) <= 1


def test_an_hour_needs_little_memory() -> None:
    """In a process of its own: 45,000 frames of 1,025 tokens, which are 185 MB, and 12,000 tokens of all kinds."""
    script = """
import numpy as np
from fastctc import _core
random = np.random.default_rng(1)
ids, frames = random.integers(0, 1024, 12_000), np.arange(12_000) * 3 + 100
aligner = _core.TextAligner(ids.tolist(), 1025, 1024)
for begin in range(0, 45_000, 500):
    log_probs = np.full((500, 1025), -8.0, np.float32)
    log_probs[:, 1024] = -1.0
    inside = (frames >= begin) & (frames < begin + 500)
    log_probs[frames[inside] - begin, ids[inside]] = -0.1
    aligner.step(log_probs)
tokens, _ = aligner.best()
print([token[1] for token in tokens] == frames.tolist())
"""
    is_right, peak_bytes = run_alone(script)
    assert peak_bytes < 500e6
    assert is_right == "True"


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_what_can_not_be_aligned_is_named(implementation: Any) -> None:
    log_probs = random_log_probs(0, 4)
    for ids, needed in (([0, 1, 2, 0, 1], 5), ([0, 0, 1, 1], 6)):
        with pytest.raises(AlignmentError, match=f"{needed} frames.* 4"):
            implementation(log_probs, ids)
    for ids in ([BLANK], [-1], [N_TOKENS]):
        with pytest.raises(OptionError):
            implementation(log_probs, ids)
    for bad in (np.nan, np.inf):
        broken = log_probs.copy()
        broken[2, 0] = bad
        with pytest.raises(ModelError, match="NaN"):
            implementation(broken, [0])
    impossible = log_probs.copy()
    impossible[:, 1] = -np.inf
    with pytest.raises(AlignmentError, match="probability of 0"):
        implementation(impossible, [0, 1])
    assert implementation(log_probs, []).tokens == ()
