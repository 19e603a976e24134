"""The n best readings rescored by a function of the user's."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

import fastctc
from conftest import DATA, ROOT
from fastctc import Alternative, DecoderOptions, Transcript, Word
from fastctc.errors import OptionError, RescoringError
from fastctc.reference import load as load_reference
from fastctc.second_pass import rescored

RECORDING = DATA / "speech" / "two-nine-three-four-zero.wav"
TEXT = "two nine three four zero"
FIRST = DecoderOptions(kind="beam", n_best=8)


def prefers_short(texts: list[str]) -> list[float]:
    return [-10.0 * len(text.split()) for text in texts]


SHORT = replace(FIRST, rescorer=prefers_short, rescore_weight=3.0)


@pytest.fixture(scope="module")
def model() -> fastctc.Recognizer:
    return fastctc.load(ROOT / "models" / "digits")


@pytest.fixture(scope="module")
def noisy() -> Any:
    """Digits under so much noise that readings of different lengths are among the best."""
    samples, _ = soundfile.read(RECORDING, dtype="float32")
    return (samples + np.random.default_rng(2).standard_normal(len(samples)) * 0.05).astype(np.float32)


def expected(first: Transcript) -> list[tuple[str, float]]:
    """By the formula."""
    scores = [(entry.text, entry.score + 3.0 * gain) for entry, gain in zip(
        first.alternatives, prefers_short([entry.text for entry in first.alternatives]), strict=True
    )]  # fmt: skip
    return sorted(scores, key=lambda entry: -entry[1])


def check(second: Transcript, first: Transcript) -> None:
    order = expected(first)
    assert [entry.text for entry in second.alternatives] == [text for text, _ in order]
    assert [entry.score for entry in second.alternatives] == pytest.approx([score for _, score in order])
    best = second.alternatives[0]
    assert (second.text, second.words, second.tokens) == (best.text, best.words, best.tokens)
    assert " ".join(word.text for word in second.words) == second.text
    for entry in second.alternatives:
        parts = entry.acoustic_score + entry.lm_score + entry.bonus_score + entry.second_pass_score
        assert entry.score == pytest.approx(parts)


def test_it_chooses_another_reading(model: fastctc.Recognizer, noisy: Any) -> None:
    first, second = model.transcribe(noisy, decoder=FIRST), model.transcribe(noisy, decoder=SHORT)
    assert len(second.words) < len(first.words)
    check(second, first)
    # What it chose is as whole as if it had been the best at once.
    [entry] = [entry for entry in first.alternatives if entry.text == second.text][:1]
    assert (second.words, second.tokens) == (entry.words, entry.tokens)
    assert second.confidence == pytest.approx(np.mean([word.confidence for word in second.words]))
    assert first.alternatives[0].tokens == first.tokens
    log_probs = model.log_probs(model.features(noisy))
    assert model.decode(log_probs, SHORT).text == second.text
    assert second.to_dict()["alternatives"][0]["second_pass_score"] == -30.0 * len(second.words)


def test_the_reference_does_the_same(model: fastctc.Recognizer, noisy: Any) -> None:
    reference = load_reference(ROOT / "models" / "digits")
    found, twin = model.transcribe(noisy, decoder=SHORT), reference.transcribe(noisy, decoder=SHORT)
    assert twin.text == found.text
    assert [entry.text for entry in twin.alternatives] == [entry.text for entry in found.alternatives]
    assert [token.id for token in twin.tokens] == [token.id for token in found.tokens]


def test_batches_channels_and_long_recordings(model: fastctc.Recognizer, noisy: Any) -> None:
    samples, _ = soundfile.read(RECORDING, dtype="float32")
    alone = model.transcribe(noisy, decoder=SHORT)
    many = model.transcribe([noisy, samples, noisy], decoder=SHORT)
    assert [result.text for result in many] == [alone.text, model.transcribe(samples, decoder=SHORT).text, alone.text]
    call = model.transcribe(np.stack([noisy, samples], axis=1), channels="split", decoder=SHORT)
    assert [channel.text for channel in call.channels] == [result.text for result in many[:2]]
    spoken = np.concatenate([noisy, np.zeros(16000, np.float32), noisy])
    found = model.transcribe(spoken, vad="energy", decoder=SHORT)
    assert len(found.speech) == 2
    check(found, model.transcribe(spoken, vad="energy", decoder=FIRST))
    starts = [token.start_s for token in found.tokens]
    assert starts == sorted(starts)
    assert starts[-1] > found.speech[1].start_s
    long = np.tile(noisy, 12)
    check(model.transcribe(long, decoder=SHORT), model.transcribe(long, decoder=FIRST))


@pytest.mark.parametrize("in_pool", [False, True])
def test_final_results_of_streams(model: fastctc.Recognizer, noisy: Any, in_pool: bool) -> None:
    def results(decoder: DecoderOptions) -> list[fastctc.StreamResult]:
        if not in_pool:
            return list(model.transcribe_stream([noisy[:20000], noisy[20000:]], latency_ms=1040, decoder=decoder))
        pool = fastctc.StreamPool(model, latency_ms=1040, decoder=decoder)
        stream = pool.open()
        found = [*stream.push(noisy), *stream.finish()]
        while not stream.done:
            pool.step()
            found += stream.results()
        return found

    first, second = results(FIRST), results(SHORT)
    assert len(second) == len(first) > 1
    for one, other in zip(first, second, strict=True):
        if one.is_final:
            check(other.transcript, one.transcript)
            assert other.n_stable_words == len(other.transcript.words)
        else:
            assert other == one


def test_a_stream_loses_nothing_when_the_rescorer_fails(model: fastctc.Recognizer, noisy: Any) -> None:
    broken = True

    def sometimes(texts: list[str]) -> list[float]:
        if broken:
            raise ConnectionError("no server")
        return prefers_short(texts)

    stream = model.stream(latency_ms=1040, decoder=replace(SHORT, rescorer=sometimes))
    partial = stream.push(noisy)
    for attempt in (stream.finish, stream.results):
        with pytest.raises(RescoringError, match="no server"):
            attempt()
    broken = False
    final = stream.results()[-1]
    assert final.is_final
    assert not any(result.is_final for result in partial)
    assert final.text == next(
        result.text
        for result in model.transcribe_stream([noisy], latency_ms=1040, decoder=SHORT)
        if result.is_final
    )  # fmt: skip


def raises(texts: list[str]) -> Sequence[float]:
    raise ValueError(f"no idea of {len(texts)}")


@pytest.mark.parametrize(
    ("rescorer", "why"),
    [
        (raises, r"failed on \d readings, the first 'two nine three four zero': ValueError: no idea"),
        (lambda texts: [0.0] * (len(texts) - 1), r"gave \d scores for \d readings"),
        (lambda texts: [math.nan] * len(texts), "gave nan for 'two nine"),
        (lambda texts: [-math.inf] * len(texts), "gave -inf"),
        (lambda texts: ["good"] * len(texts), "gave 'good'"),
        (lambda texts: [None] * len(texts), "gave None"),
        (lambda texts: 1.0, "TypeError"),  # noqa: ARG005
    ],
)
def test_a_rescorer_that_fails_is_named(
    model: fastctc.Recognizer, rescorer: Callable[[list[str]], Any], why: str
) -> None:
    decoder = replace(FIRST, rescorer=rescorer)
    with pytest.raises(RescoringError, match=why):
        model.transcribe(RECORDING, decoder=decoder)
    # Of many recordings each has its own error.
    silence = np.zeros(16000, np.float32)
    results = model.transcribe([RECORDING, silence], decoder=decoder, on_error="return")
    assert isinstance(results[0], RescoringError)
    assert RECORDING.name in str(results[0])


@pytest.mark.parametrize(
    ("decoder", "why"),
    [
        (replace(SHORT, n_best=1), "n_best"),
        (DecoderOptions(rescorer=prefers_short), "kind='beam'"),
        (replace(SHORT, rescorer="neural"), "must be a function"),  # type: ignore[arg-type]
        (replace(SHORT, rescore_weight=math.nan), "rescore_weight"),
    ],
)
def test_options_that_can_not_be(model: fastctc.Recognizer, decoder: DecoderOptions, why: str) -> None:
    for attempt in (
        lambda: model.transcribe(RECORDING, decoder=decoder),
        lambda: model.stream(latency_ms=1040, decoder=decoder),
        lambda: load_reference(ROOT / "models" / "digits").transcribe(RECORDING, decoder=decoder),
    ):
        with pytest.raises(OptionError, match=why):
            attempt()


scores = st.lists(st.floats(-50, 0), min_size=1, max_size=6)


@given(first=scores, seed=st.integers(0, 99), weight=st.floats(-2, 2))
def test_the_best_sum_wins(first: list[float], seed: int, weight: float) -> None:
    second = np.random.default_rng(seed).normal(size=len(first)).tolist()
    entries = tuple(
        Alternative(f"reading {i}", (Word(f"{i}", 0.0, 1.0, 0.5),), score, score, 0.0, 0.0)
        for i, score in enumerate(sorted(first, reverse=True))
    )
    options = replace(FIRST, rescorer=lambda texts: [second[int(text.split()[1])] for text in texts])
    result = rescored(Transcript("reading 0", alternatives=entries), replace(options, rescore_weight=weight))
    sums = [entry.score + weight * gain for entry, gain in zip(entries, second, strict=True)]
    assert result.text == f"reading {int(np.argmax(sums))}"
    assert [entry.score for entry in result.alternatives] == sorted(sums, reverse=True)
    assert rescored(Transcript(""), options) == Transcript("")
