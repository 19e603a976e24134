"""Confidence measures: C++ = reference, with the values that the definitions have at both ends."""

from __future__ import annotations

import itertools
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import fastctc
from conftest import DATA, ROOT
from fastctc import DecoderOptions, _core
from fastctc.errors import OptionError
from fastctc.reference import load as load_reference
from fastctc.reference.confidence import aggregate, frame_confidence
from fastctc.reference.greedy import decode_greedy
from fastctc.types import ConfidenceOptions
from tolerances import CONFIDENCE_NEMO

LogProbs = NDArray[np.float32]
MEASURES: list[Any] = ["max_prob", "gibbs", "tsallis", "renyi"]
NORMALIZATIONS: list[Any] = ["linear", "exponential"]
OPTIONS = [
    ConfidenceOptions(measure, alpha, normalization)
    for measure, normalization, alpha in itertools.product(MEASURES, NORMALIZATIONS, [0.33, 0.5, 1.0, 2.0])
]


def core(log_probs: LogProbs, options: ConfidenceOptions) -> NDArray[np.float32]:
    return _core.frame_confidence(log_probs, asdict(options))


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@given(seed=st.integers(0, 2**32 - 1), n_tokens=st.sampled_from([2, 5, 53, 1025]))
@settings(max_examples=20, deadline=None)
def test_core_is_the_reference(options: ConfidenceOptions, seed: int, n_tokens: int) -> None:
    random = np.random.default_rng(seed)
    probs = random.dirichlet(np.full(n_tokens, random.choice([0.05, 0.5, 5.0])), 6)
    probs[random.random(probs.shape) < 0.1] = 0
    with np.errstate(divide="ignore"):
        log_probs = np.log(probs).astype(np.float32)
    log_probs[:, 0] = np.maximum(log_probs[:, 0], -20)
    np.testing.assert_allclose(core(log_probs, options), frame_confidence(log_probs, options), atol=1e-5)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_certainty_is_one_and_ignorance_is_zero(options: ConfidenceOptions) -> None:
    n_tokens = 53
    certain = np.full((1, n_tokens), -np.inf, np.float32)
    certain[0, 7] = 0
    uniform = np.full((1, n_tokens), -np.log(n_tokens), np.float32)
    for implementation in (core, frame_confidence):
        assert implementation(certain, options)[0] == pytest.approx(1, abs=1e-5)
        assert implementation(uniform, options)[0] == pytest.approx(0, abs=1e-5)


def test_published_values() -> None:
    """Two tokens, 0.75 and 0.25: what the formulas give by hand."""
    log_probs = np.log(np.array([[0.75, 0.25]], np.float32))
    entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    power = 0.75**0.5 + 0.25**0.5
    expected = {
        ("max_prob", 1.0, "linear"): 2 * 0.75 - 1,
        ("gibbs", 1.0, "linear"): 1 - entropy / np.log(2),
        ("gibbs", 1.0, "exponential"): 2 * np.exp(-entropy) - 1,
        ("tsallis", 0.5, "linear"): 1 - (power - 1) / (2**0.5 - 1),
        ("renyi", 0.5, "linear"): 1 - 2 * np.log2(power),
        ("renyi", 0.5, "exponential"): 2 / power**2 - 1,
    }
    for (measure, alpha, normalization), value in expected.items():
        options = ConfidenceOptions(measure, alpha, normalization)  # type: ignore[arg-type]
        for implementation in (core, frame_confidence):
            assert implementation(log_probs, options)[0] == pytest.approx(value, abs=1e-6), (measure, normalization)


def test_aggregation() -> None:
    values = [0.5, 0.25, 1.0]
    expected = {"mean": 0.583333, "min": 0.25, "max": 1.0, "product": 0.125}
    assert {name: round(aggregate(values, name), 6) for name in expected} == expected
    assert [aggregate([], name) for name in expected] == [1.0] * 4


@pytest.mark.parametrize("aggregation", ["mean", "min", "max", "product"])
def test_tokens_aggregate_their_frames(aggregation: Any) -> None:
    """As NeMo's CTC decoding does: the frames of the token's run, no blanks."""
    random = np.random.default_rng(4)
    log_probs = np.log(random.dirichlet(np.full(4, 0.2), 60) + 1e-9).astype(np.float32)
    options = ConfidenceOptions("tsallis", 0.33, "exponential", aggregation)
    of_frames = frame_confidence(log_probs, options)
    for token in decode_greedy(log_probs, 3, options).tokens:
        expected = aggregate([float(v) for v in of_frames[token.start_frame : token.end_frame]], aggregation)
        assert token.confidence == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("alpha", [0.0, -1.0, float("nan"), float("inf")])
def test_alpha_is_above_zero(alpha: float) -> None:
    log_probs = np.zeros((1, 2), np.float32)
    for implementation in (core, frame_confidence):
        with pytest.raises(OptionError, match="alpha"):
            implementation(log_probs, ConfidenceOptions(alpha=alpha))


CASES = ["numbers", "kokoro_bf_emma_000", "heldout_theo_07_16k", "made_1", "made_2"]


@pytest.fixture(scope="module")
def golden() -> Any:
    """What NeMo itself said (tools/confidence_goldens.py)."""
    return dict(np.load(DATA / "golden" / "confidence.npz"))


@pytest.fixture(scope="module")
def models() -> Any:
    folder = ROOT / "models" / "digits"
    return fastctc.load(folder), load_reference(folder)


def log_probs_of(case: str, golden: Any) -> LogProbs:
    return golden[f"{case}/logprobs"] if case.startswith("made") else np.load(DATA / "golden" / "digits.npz")[
        f"{case}/logprobs"
    ]  # fmt: skip


def options_of(nemo_name: str, alpha: float, aggregation: str) -> ConfidenceOptions:
    """By NeMo's names: max_prob, entropy_KIND_NORM; prod."""
    kind, norm = ("max_prob", "lin") if nemo_name == "max_prob" else nemo_name.split("_")[1:]
    normalization: Any = {"lin": "linear", "exp": "exponential"}[norm]
    measure: Any = kind
    return ConfidenceOptions(
        measure, float(alpha), normalization, "product" if aggregation == "prod" else aggregation  # type: ignore[arg-type]
    )  # fmt: skip


def settings_of(golden: Any) -> Any:
    """(place of measure and alpha, place of aggregation, options)."""
    for i, measure in enumerate(golden["measures"]):
        for j, alpha in enumerate(golden["alphas"]):
            for k, aggregation in enumerate(golden["aggregations"]):
                yield (i, j), k, options_of(str(measure), alpha, str(aggregation))


@pytest.mark.parametrize("case", CASES)
def test_frames_are_nemos(case: str, golden: Any) -> None:
    log_probs = log_probs_of(case, golden)
    for place, _, options in settings_of(golden):
        for implementation in (core, frame_confidence):
            expected = golden[f"{case}/frames"][place]
            np.testing.assert_allclose(implementation(log_probs, options), expected, atol=CONFIDENCE_NEMO)


@pytest.mark.parametrize("kind", ["greedy", "beam"])
@pytest.mark.parametrize("case", CASES)
def test_tokens_and_words_are_nemos(case: str, kind: Any, golden: Any, models: Any) -> None:
    """Beam search finds other pieces of the made cases, whose probabilities are so spread: those go without it."""
    if kind == "beam" and case.startswith("made"):
        pytest.skip("beam search finds a likelier text than greedy search there")
    log_probs = log_probs_of(case, golden)
    for place, k, options in settings_of(golden):
        for model in models:
            result = model.decode(log_probs, DecoderOptions(kind=kind, confidence=options))
            assert [token.id for token in result.tokens] == golden[f"{case}/ids"].tolist()
            assert result.text == str(golden[f"{case}/text"])
            for name, parts in (("tokens", result.tokens), ("words", result.words)):
                expected = golden[f"{case}/{name}"][place][k, 0]
                found = [part.confidence for part in parts]
                np.testing.assert_allclose(found, expected, atol=CONFIDENCE_NEMO, err_msg=f"{options} {name}")
            if kind == "beam":
                break  # the twin of beam search is compared elsewhere, and slow


@pytest.mark.parametrize("case", CASES)
def test_blanks_can_be_counted_in_as_nemo_does(case: str, golden: Any) -> None:
    """exclude_blank=False: the frames from a token's start to the next one's (docs/decoding.md)."""
    log_probs = log_probs_of(case, golden)
    for place, k, options in settings_of(golden):
        of_frames = frame_confidence(log_probs, options)
        starts = [token.start_frame for token in decode_greedy(log_probs, log_probs.shape[1] - 1, options).tokens]
        found = [
            aggregate([float(value) for value in of_frames[start:end]], options.aggregation)
            for start, end in itertools.pairwise([*starts, len(log_probs)])
        ]
        np.testing.assert_allclose(found, golden[f"{case}/tokens"][place][k, 1], atol=CONFIDENCE_NEMO)
