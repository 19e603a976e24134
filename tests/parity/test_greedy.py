"""Greedy CTC and assembly: C++ = reference = NeMo's goldens = the definition."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fastctc import _core
from fastctc.errors import ModelError, OptionError
from fastctc.reference import greedy as reference
from fastctc.reference.assemble import assemble
from fastctc.reference.vocabulary import Vocabulary
from fastctc.types import Transcript
from tolerances import TOKEN_FIGURES

FRAME_S = 0.08
LogProbs = NDArray[np.float32]


class Core:
    """The C++ path in the reference's types."""

    @staticmethod
    def decoder(n_tokens: int, blank_id: int) -> Any:
        return _core.GreedyDecoder(n_tokens, blank_id)

    @staticmethod
    def hypothesis(values: Any) -> reference.Hypothesis:
        tokens, score = values
        return reference.Hypothesis(tuple(reference.AlignedToken(*token) for token in tokens), score)

    @classmethod
    def decode(cls, log_probs: LogProbs, blank_id: int) -> reference.Hypothesis:
        return cls.hypothesis(_core.GreedyDecoder(log_probs.shape[1], blank_id).decode(log_probs))

    @staticmethod
    def transcript(log_probs: LogProbs, tokens: Path, duration_s: float) -> Transcript:
        vocabulary = _core.Vocabulary.read(tokens, log_probs.shape[1])
        return Transcript.from_tuple(_core.decode_greedy(log_probs, vocabulary, FRAME_S, duration_s))


class Reference:
    @staticmethod
    def decoder(n_tokens: int, blank_id: int) -> Any:
        return reference.GreedyDecoder(n_tokens, blank_id)

    @staticmethod
    def hypothesis(values: Any) -> reference.Hypothesis:
        assert isinstance(values, reference.Hypothesis)
        return values

    @staticmethod
    def decode(log_probs: LogProbs, blank_id: int) -> reference.Hypothesis:
        return reference.decode_greedy(log_probs, blank_id)

    @staticmethod
    def transcript(log_probs: LogProbs, tokens: Path, duration_s: float) -> Transcript:
        vocabulary = Vocabulary.read(tokens, log_probs.shape[1])
        hypothesis = reference.decode_greedy(log_probs, vocabulary.blank_id)
        return assemble(hypothesis, vocabulary, FRAME_S, duration_s)


both = pytest.mark.parametrize("path", [Core, Reference], ids=["core", "reference"])


def random_log_probs(generator: np.random.Generator, n_frames: int, n_tokens: int, levels: int = 0) -> LogProbs:
    """Normalised; `levels` > 0: values so coarse that frames have equal ones."""
    logits = generator.normal(size=(n_frames, n_tokens)) * 3
    logits = np.round(logits / 6 * levels) if levels else logits
    return np.asarray(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)), np.float32)


def assert_same(found: reference.Hypothesis, expected: reference.Hypothesis) -> None:
    assert [token[:3] for token in found.tokens] == [token[:3] for token in expected.tokens]
    assert found.score == pytest.approx(expected.score, rel=1e-12)  # sums of doubles in another order
    for token, twin in zip(found.tokens, expected.tokens, strict=True):
        assert token.log_prob == pytest.approx(twin.log_prob, rel=TOKEN_FIGURES, abs=TOKEN_FIGURES)
        assert token.confidence == pytest.approx(twin.confidence, abs=TOKEN_FIGURES)


def collapse(path: Sequence[int], blank_id: int) -> tuple[int, ...]:
    """CTC's own definition (Graves et al. 2006): merge repeats, then drop blanks."""
    merged = [token for index, token in enumerate(path) if index == 0 or token != path[index - 1]]
    return tuple(token for token in merged if token != blank_id)


@both
def test_the_best_of_all_paths(path: Any) -> None:
    """Against enumeration of every path through small lattices."""
    generator = np.random.default_rng(1)
    for n_frames, n_tokens in [(1, 2), (2, 3), (4, 3), (5, 3), (4, 4)]:
        for blank_id in range(n_tokens):
            log_probs = random_log_probs(generator, n_frames, n_tokens)
            paths = list(itertools.product(range(n_tokens), repeat=n_frames))
            scores = [sum(float(log_probs[frame, token]) for frame, token in enumerate(one)) for one in paths]
            best = paths[int(np.argmax(scores))]
            found = path.decode(log_probs, blank_id)
            assert tuple(token.id for token in found.tokens) == collapse(best, blank_id)
            assert found.score == pytest.approx(max(scores), rel=1e-12)
            frames = [list(range(token.start_frame, token.end_frame)) for token in found.tokens]
            for token, run in zip(found.tokens, frames, strict=True):
                assert {best[frame] for frame in run} == {token.id}
                probabilities = [np.exp(float(log_probs[frame, token.id])) for frame in run]
                assert token.log_prob == pytest.approx(np.log(probabilities).sum(), abs=TOKEN_FIGURES)
                lowest = (min(probabilities) * n_tokens - 1) / (n_tokens - 1)
                assert token.confidence == pytest.approx(max(lowest, 0), abs=TOKEN_FIGURES)
            covered = set(itertools.chain(*frames))
            assert {best[frame] for frame in range(n_frames) if frame not in covered} <= {blank_id}


@settings(max_examples=300, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    n_frames=st.integers(0, 40),
    n_tokens=st.integers(1, 100),
    levels=st.sampled_from([0, 1, 3]),
    cuts=st.lists(st.integers(0, 40), max_size=6),
    choices=st.data(),
)
def test_core_is_reference_and_any_split_is_one_shot(
    seed: int, n_frames: int, n_tokens: int, levels: int, cuts: list[int], choices: st.DataObject
) -> None:
    blank_id = choices.draw(st.integers(0, n_tokens - 1))
    log_probs = random_log_probs(np.random.default_rng(seed), n_frames, n_tokens, levels)
    whole = Core.decode(log_probs, blank_id)
    assert_same(whole, reference.decode_greedy(log_probs, blank_id))
    for path in (Core, Reference):
        decoder = path.decoder(n_tokens, blank_id)
        decoder.step(random_log_probs(np.random.default_rng(0), 3, n_tokens))
        decoder.reset()
        for part in np.split(log_probs, sorted(cuts)):
            decoder.step(part)
        assert path.hypothesis(decoder.best()) == path.decode(log_probs, blank_id)


@both
def test_nemos_text_on_the_demo_model(path: Any, data: Path, demo_model: Path) -> None:
    golden = np.load(data / "golden" / "digits.npz")
    names = sorted({key.split("/")[0] for key in golden.files})
    assert len(names) == 7
    for name in names:
        log_probs = golden[f"{name}/logprobs"]
        transcript = path.transcript(log_probs, demo_model / "tokens.txt", len(log_probs) * FRAME_S)
        assert transcript.text == str(golden[f"{name}/text"])
        assert [token.id for token in transcript.tokens] == golden[f"{name}/ids"].tolist()
        assert [word.text for word in transcript.words] == transcript.text.split()


@both
@pytest.mark.parametrize("variant", ["full_offline", "offline", "offline_r0", "offline_r1", "offline_r6"])
def test_nemos_tokens_on_the_tiny_models(path: Any, data: Path, variant: str) -> None:
    golden = np.load(data / "golden" / f"e2e_tiny_{variant}.npz")
    for name in ("speech", "speech2", "speech3"):
        log_probs = golden[f"{name}/logprobs"][0, : golden[f"{name}/enc_len"][0]]
        found = path.decode(log_probs, log_probs.shape[1] - 1)
        assert [token.id for token in found.tokens] == golden[f"{name}/greedy"].tolist()


def test_transcripts_of_core_and_reference(data: Path, demo_model: Path) -> None:
    golden = np.load(data / "golden" / "digits.npz")
    log_probs = golden["long_theo_60s_16k/logprobs"]
    for duration_s in (len(log_probs) * FRAME_S, 30.0, 0.0):  # shorter than the frames, too
        core, twin = (path.transcript(log_probs, demo_model / "tokens.txt", duration_s) for path in (Core, Reference))
        assert (core.text, core.duration_s) == (twin.text, twin.duration_s)
        assert core.confidence == pytest.approx(twin.confidence, abs=TOKEN_FIGURES)
        assert len(core.words) == len(core.text.split()) > 50
        for word, other in zip(core.words, twin.words, strict=True):
            assert (word.text, word.start_s, word.end_s) == (other.text, other.start_s, other.end_s)
            assert word.confidence == pytest.approx(other.confidence, abs=TOKEN_FIGURES)
            assert 0 <= word.start_s <= word.end_s <= duration_s
        for token, twin_token in zip(core.tokens, twin.tokens, strict=True):
            assert (token.id, token.piece, token.start_s) == (twin_token.id, twin_token.piece, twin_token.start_s)
            assert token.end_s == twin_token.end_s
            assert token.log_prob == pytest.approx(twin_token.log_prob, rel=TOKEN_FIGURES, abs=TOKEN_FIGURES)


@both
def test_words_by_hand(path: Any, tmp_path: Path) -> None:
    tokens = tmp_path / "tokens.txt"
    tokens.write_text("▁two 0\n▁ 1\nni 2\nne 3\n<blk> 4\n", encoding="utf-8")
    ids = [4, 0, 0, 1, 4, 2, 3, 3]
    probabilities = np.array([0.9, 0.8, 0.7, 0.3, 0.9, 0.6, 0.9, 0.5])
    log_probs = np.empty((8, 5), np.float32)
    log_probs[:] = np.log((1 - probabilities) / 4)[:, None]
    log_probs[np.arange(8), ids] = np.log(probabilities)
    transcript = path.transcript(log_probs, tokens, 0.6)
    assert transcript.text == "two nine"
    assert [(word.text, word.start_s, word.end_s) for word in transcript.words] == [
        ("two", 0.08, 3 * 0.08),
        ("nine", 5 * 0.08, 0.6),
    ]
    expected = [(0.7 * 5 - 1) / 4, (0.5 * 5 - 1) / 4]  # the lone word start is no part of a word
    assert [word.confidence for word in transcript.words] == pytest.approx(expected, abs=TOKEN_FIGURES)
    assert transcript.confidence == pytest.approx(sum(expected) / 2, abs=TOKEN_FIGURES)
    empty = path.transcript(log_probs[:0], tokens, 1.5)
    assert empty == Transcript("", (), (), 1.0, 1.5)


@both
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_figures_that_are_no_log_probs(path: Any, value: float) -> None:
    for token in (0, 31, 32, 69):  # blocks and remainder of the argmax
        log_probs = np.full((5, 70), -1.0, np.float32)
        log_probs[3:, token] = value
        with pytest.raises(ModelError, match="frame 3 hold NaN or"):
            path.decode(log_probs, 0)
        decoder = path.decoder(70, 0)
        decoder.step(log_probs[:3])
        with pytest.raises(ModelError, match="frame 3 hold NaN or"):
            decoder.step(log_probs[3:])
    certain = np.full((2, 70), -np.inf, np.float32)
    certain[:, 4] = 0
    assert path.decode(certain, 0).tokens == ((4, 0, 2, 0.0, 1.0),)


@both
def test_wrong_shapes(path: Any) -> None:
    with pytest.raises(OptionError, match="blank_id"):
        path.decoder(4, 4)
    with pytest.raises(OptionError, match="blank_id"):
        path.decoder(4, -1)
    with pytest.raises(OptionError, match="4 tokens per frame, not 3"):
        path.decoder(4, 0).step(np.zeros((2, 3), np.float32))


def test_the_core_takes_float32_rows_as_they_are() -> None:
    vocabulary = _core.Vocabulary(["a", "b", "c", "<blk>"])
    for array in (np.zeros((4, 4)), np.zeros((4, 8), np.float32)[:, ::2], np.zeros((4, 4), np.float32).T[:, 1:], "x"):
        with pytest.raises(TypeError):
            _core.GreedyDecoder(4, 0).step(array)  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            _core.decode_greedy(array, vocabulary, FRAME_S, 1.0)  # type: ignore[arg-type]
    for shape in ((4,), (1, 4, 4), ()):
        with pytest.raises(OptionError, match="2 dimension"):
            _core.decode_greedy(np.zeros(shape, np.float32), vocabulary, FRAME_S, 1.0)
    for seconds in (-1.0, np.nan, np.inf):
        with pytest.raises(OptionError, match="frame_s"):
            _core.decode_greedy(np.zeros((1, 4), np.float32), vocabulary, seconds, 1.0)
        with pytest.raises(OptionError, match="duration_s"):
            _core.decode_greedy(np.zeros((1, 4), np.float32), vocabulary, FRAME_S, seconds)
