"""Live streams, C++ and reference: times and texts of the offline result, endpoints, partial results, any split."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import fastctc
import tolerances
from conftest import DATA, ROOT, external
from fastctc import _core, reference
from fastctc.audio import load_audio
from fastctc.core_options import core_fields
from fastctc.reference.assemble import assemble
from fastctc.reference.greedy import GreedyDecoder
from fastctc.reference.streaming_model import AcousticStream, StreamingModel
from fastctc.reference.vocabulary import Vocabulary
from fastctc.types import (
    EndpointOptions,
    StreamOptions,
    StreamResult,
    Token,
    Transcript,
    VadOptions,
    Word,
)

TINY = DATA / "tiny"
DEMO = ROOT / "models" / "digits"
LATENCIES_MS = (0, 80, 480, 1040)
LOOK_AHEADS = {0: "r0", 80: "r1", 480: "r6", 1040: "r13"}
RATE_HZ = 16000
FRAME_S = 0.08
NO_RULES = EndpointOptions.off()

Samples = NDArray[np.float32]
Open = Callable[..., Any]


class CoreStream:
    """A `_core.Stream` that gives results as the reference does."""

    def __init__(self, core: Any) -> None:
        self._core = core

    def __getattr__(self, name: str) -> Any:
        return getattr(self._core, name)

    def take(self) -> list[StreamResult]:
        return [StreamResult.from_tuple(parts) for parts in self._core.take()]


@cache
def core_recognizer(model: Path) -> fastctc.Recognizer:
    return fastctc.load(model, normalize="none")


@cache
def reference_recognizer(model: Path) -> reference.Recognizer:
    return reference.load(model, normalize="none")


@cache
def reference_model(graph: Path) -> tuple[StreamingModel, Vocabulary]:
    model = StreamingModel(graph)
    model.configure()
    return model, Vocabulary.read(graph.parent / "tokens.txt", model.graph()["n_tokens"])


def model_and_options(graph: Path, options: StreamOptions) -> tuple[Path, StreamOptions]:
    """The demo model is one directory for all latencies; of the tiny one each graph stands alone."""
    if graph.parent != DEMO:
        return graph, options
    return DEMO, dataclasses.replace(options, latency_ms=int(graph.stem.removeprefix("exact-").removesuffix("ms")))


def open_core(graph: Path, options: StreamOptions) -> Any:
    model, options = model_and_options(graph, options)
    return CoreStream(
        _core.Stream(core_recognizer(model)._core, core_fields(options, core_recognizer(model)._core.vocabulary))
    )


def open_reference(graph: Path, options: StreamOptions) -> Any:
    model, options = model_and_options(graph, options)
    return reference_recognizer(model).stream(options)


@pytest.fixture(params=[open_core, open_reference], ids=["core", "reference"])
def open_stream(request: pytest.FixtureRequest) -> Open:
    return request.param


def demo(latency_ms: int) -> Path:
    return DEMO / f"exact-{latency_ms}ms.onnx"


def chunk_s(latency_ms: int) -> float:
    return latency_ms / 1000 + FRAME_S


def read(path: Path) -> tuple[Samples, int]:
    samples, rate_hz = soundfile.read(path, dtype="float32")
    return (samples if samples.ndim == 1 else np.ascontiguousarray(samples[:, 0])), rate_hz


def speech(name: str) -> Samples:
    samples, rate_hz = read(DATA / "speech" / f"{name}.wav")
    assert rate_hz == RATE_HZ
    return samples


def silence(duration_s: float) -> Samples:
    """Faint noise, which the demo model hears nothing in."""
    noise = np.random.default_rng(0).standard_normal(round(duration_s * RATE_HZ)) * 1e-4
    return noise.astype(np.float32)


def run(stream: Any, samples: Samples, cuts: list[int] | None = None, rate_hz: int = RATE_HZ) -> list[StreamResult]:
    """All results of a signal that is pushed in pieces."""
    results = []
    for piece in np.split(samples, cuts or []):
        stream.push(np.ascontiguousarray(piece), rate_hz)
        results += stream.take()
    stream.finish()
    assert stream.done
    results += stream.take()
    assert stream.take() == []
    check_order(results)
    return results


def check_order(results: list[StreamResult]) -> None:
    """What holds of every stream's results."""
    finals = [result for result in results if result.is_final]
    assert [result.segment for result in finals] == list(range(len(finals)))
    assert [result.segment for result in results] == sorted(result.segment for result in results)
    assert all(earlier.end_s <= later.start_s + 1e-9 for earlier, later in pairwise(finals))
    for result in results:
        assert result.is_final == (result.cause != "")
        assert result.start_s <= result.end_s
        assert result.transcript.duration_s == result.end_s - result.start_s
        assert result.transcript.method == "stream"
        items: list[Word | Token] = [*result.transcript.words, *result.transcript.tokens]
        for item in items:
            assert result.start_s <= item.start_s <= item.end_s <= result.end_s + 1e-9
    if finals:
        assert finals[-1] == results[-1]
        assert [result.cause for result in finals].index("finish") == len(finals) - 1


def final_text(results: list[StreamResult]) -> str:
    return " ".join(result.text for result in results if result.is_final and result.text)


def final_words(results: list[StreamResult]) -> list[Word]:
    return [word for result in results if result.is_final for word in result.transcript.words]


def final_tokens(results: list[StreamResult]) -> list[Token]:
    return [token for result in results if result.is_final for token in result.transcript.tokens]


def times(items: list[Any]) -> list[Any]:
    return [(getattr(item, "text", getattr(item, "id", None)), item.start_s, item.end_s) for item in items]


def assert_same(actual: list[StreamResult], expected: list[StreamResult]) -> None:
    """Everything equal but for the last digits of log-probs and confidences."""

    def plain(result: StreamResult) -> Any:
        transcript = result.transcript
        return (
            *(result.is_final, result.cause, result.segment, result.start_s, result.end_s, result.n_stable_words),
            *(transcript.text, times([*transcript.words]), times([*transcript.tokens]), transcript.speech),
        )

    assert [plain(result) for result in actual] == [plain(result) for result in expected]
    for one, other in zip(actual, expected, strict=True):
        for field in ("tokens", "words"):
            np.testing.assert_allclose(
                [item.confidence for item in getattr(one.transcript, field)],
                [item.confidence for item in getattr(other.transcript, field)],
                atol=tolerances.CONFIDENCE,
            )


def whole(latency_ms: int, samples: Samples, rate_hz: int) -> Transcript:
    """The transcript of a whole recording's features, which go through the graph at once."""
    recognizer = core_recognizer(DEMO)
    model, vocabulary = reference_model(demo(latency_ms))
    stream = AcousticStream(model)
    stream.push(recognizer.features(samples, sample_rate=rate_hz))
    stream.finish()
    while stream.ready:
        stream.step()
    decoder = GreedyDecoder(len(vocabulary), vocabulary.blank_id)
    decoder.step(stream.take())
    return assemble(decoder.best(), vocabulary, recognizer.frame_s, len(samples) / rate_hz)


# A stream is the offline result


@pytest.mark.parametrize("latency_ms", LATENCIES_MS)
def test_tokens_words_and_times_equal_offline_at_every_latency(open_stream: Open, latency_ms: int) -> None:
    """The tiny model, whose text is noise: many tokens, also where a segment grows too long."""
    look_ahead = LOOK_AHEADS[latency_ms]
    offline = core_recognizer(TINY / ("offline.onnx" if latency_ms == 1040 else f"offline_{look_ahead}.onnx"))
    for name in ("speech", "speech2", "speech3") if open_stream is open_core else ("speech3",):
        samples, rate_hz = read(DATA / "audio" / f"{name}.wav")
        expected = offline.transcribe(samples, sample_rate=rate_hz)
        assert len(expected.tokens) > 20
        for endpoint in (EndpointOptions(), EndpointOptions(0.3, 0.5, 1.0)):
            stream = open_stream(TINY / f"stream_exact_{look_ahead}.onnx", StreamOptions(endpoint=endpoint))
            results = run(stream, samples, [1000, 1001, 30000], rate_hz)
            assert times(final_tokens(results)) == times([*expected.tokens]), name
            np.testing.assert_allclose(
                [token.log_prob for token in final_tokens(results)],
                [token.log_prob for token in expected.tokens],
                atol=20 * tolerances.LOG_PROBS_STREAM,  # a sum over a token's frames
            )


@pytest.mark.parametrize("name", ["two-nine-three-four-zero", "five-five", "kokoro_bf_emma_000", "kokoro_bf_emma_008"])
def test_the_demo_model_hears_in_a_stream_what_it_hears_offline(open_stream: Open, name: str) -> None:
    samples = speech(name)
    expected = core_recognizer(DEMO).transcribe(samples, sample_rate=RATE_HZ)
    assert expected.words
    results = run(open_stream(demo(1040), StreamOptions()), samples, [*range(1600, len(samples), 1600)])
    assert final_text(results) == expected.text
    assert times(final_words(results)) == times([*expected.words])
    assert results[-1].end_s == expected.duration_s


@pytest.mark.parametrize("latency_ms", LATENCIES_MS)
def test_the_last_word_of_every_recording_is_there(open_stream: Open, latency_ms: int) -> None:
    """`expected.json` holds the greedy output of NeMo's own graphs, whose first frames are not those of the exact
    ones: it tells the last word, and at the look-ahead of the offline graph the whole text.
    """
    folder = external("speech/digits")
    entries = [entry for entry in json.loads((folder / "expected.json").read_text()) if isinstance(entry["text"], str)]
    if open_stream is open_reference:
        entries = [entry for entry in entries if "16k" in entry["audio"] and "long" not in entry["audio"]][::4]
    assert len(entries) >= 5
    for entry in entries:
        samples, rate_hz = read(folder / entry["audio"])
        results = run(open_stream(demo(latency_ms), StreamOptions(partial_results=False)), samples, None, rate_hz)
        assert final_text(results).split()[-1:] == entry[f"streaming {latency_ms}ms"].split()[-1:], entry["audio"]
        if "long" not in entry["audio"]:
            assert times(final_words(results)) == times([*whole(latency_ms, samples, rate_hz).words]), entry["audio"]
        if latency_ms == 1040:
            assert final_text(results) == entry["offline"], entry["audio"]
            offline = core_recognizer(DEMO).transcribe(samples, sample_rate=rate_hz)
            assert times(final_words(results)) == times([*offline.words]), entry["audio"]


@pytest.mark.parametrize("start", ["aligned", "nemo_pad"])
@pytest.mark.parametrize("latency_ms", LATENCIES_MS)
def test_core_equals_reference_result_by_result(latency_ms: int, start: Any) -> None:
    samples = np.concatenate([silence(1.0), speech("two-nine-three-four-zero"), silence(2.0), speech("five-five")])
    options = StreamOptions(start=start, endpoint=EndpointOptions(0.8, 0.7, 1.5))
    core, twin = (
        run(open_it(demo(latency_ms), options), samples, [*range(4000, len(samples), 4000)])
        for open_it in (open_core, open_reference)
    )
    assert_same(core, twin)
    assert {"no_speech", "max_length", "finish"} <= {result.cause for result in core}
    assert any(not result.is_final for result in core)


@pytest.mark.parametrize("rate_hz", [8000, 11025, 48000])
def test_core_equals_reference_at_other_rates(rate_hz: int) -> None:
    samples = load_audio(speech("two-nine-three-four-zero"), target_rate_hz=rate_hz, sample_rate=RATE_HZ).samples
    options = StreamOptions(sample_rate_hz=rate_hz)
    core = run(open_core(demo(480), options), samples, [5000, 20000], rate_hz)
    twin = run(open_reference(demo(480), options), samples, [9000], 0)
    assert_same([result for result in core if result.is_final], [result for result in twin if result.is_final])
    assert core[-1].end_s == len(samples) / rate_hz


# Any split


def finals(results: list[StreamResult]) -> list[StreamResult]:
    return [result for result in results if result.is_final]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(0, 8000, 9126, [], EndpointOptions(0.2, 0.3, 0.7))  # its last segment begins past the end of the audio
@given(
    latency_ms=st.sampled_from(LATENCIES_MS),
    rate_hz=st.sampled_from([16000, 8000]),
    n_samples=st.integers(0, 40000),
    cuts=st.lists(st.integers(0, 40000), max_size=20),
    endpoint=st.sampled_from([EndpointOptions(), EndpointOptions(0.2, 0.3, 0.7)]),
)
def test_any_split_gives_the_same_results(
    open_stream: Open, latency_ms: int, rate_hz: int, n_samples: int, cuts: list[int], endpoint: EndpointOptions
) -> None:
    samples = speech("two-nine-three-four-zero")[:n_samples]
    options = StreamOptions(endpoint=endpoint)
    whole = run(open_stream(demo(latency_ms), options), samples, None, rate_hz)
    pieces = run(
        open_stream(demo(latency_ms), options), samples, sorted(min(cut, len(samples)) for cut in cuts), rate_hz
    )
    # A partial result comes with its chunk, however the chunk came.
    assert pieces == whole
    assert (whole == []) == (len(samples) == 0)


def test_single_samples_give_the_same_results(open_stream: Open) -> None:
    samples = speech("five-five")[: 16000 if open_stream is open_core else 3000]
    options = StreamOptions(endpoint=EndpointOptions(0.2, 0.3, 0.7))
    one_by_one = run(open_stream(demo(0), options), samples, [*range(1, len(samples))])
    assert one_by_one == run(open_stream(demo(0), options), samples)


# Endpoints, in audio time


def moments(stream: Any, samples: Samples, piece: int = 160) -> list[tuple[float, StreamResult]]:
    """Final results, and how much audio had been pushed when each came; the end of the stream is left out."""
    found = []
    for begin in range(0, len(samples), piece):
        stream.push(samples[begin : begin + piece].copy())
        pushed_s = min(begin + piece, len(samples)) / RATE_HZ
        found += [(pushed_s, result) for result in stream.take() if result.is_final]
    return found


MARGIN_S = 0.01 + 0.0125 + 1e-9
"""A piece, and half a window of the front end."""


@pytest.mark.parametrize("limit_s", [0.5, 1.2, 2.4])
@pytest.mark.parametrize("latency_ms", LATENCIES_MS)
def test_silence_without_speech_ends_a_segment_in_time(open_stream: Open, latency_ms: int, limit_s: float) -> None:
    endpoint = EndpointOptions(silence_without_speech_s=limit_s)
    found = moments(open_stream(demo(latency_ms), StreamOptions(endpoint=endpoint)), silence(6.0))
    assert len(found) >= int((6.0 - chunk_s(latency_ms) - MARGIN_S) / (limit_s + FRAME_S))
    start_s = 0.0
    for pushed_s, result in found:
        assert (result.cause, result.text, result.n_stable_words) == ("no_speech", "", 0)
        assert result.start_s == pytest.approx(start_s)
        assert limit_s <= result.end_s - result.start_s + 1e-9 < limit_s + FRAME_S
        assert pushed_s - result.start_s <= limit_s + chunk_s(latency_ms) + MARGIN_S
        start_s = result.end_s


@pytest.mark.parametrize("limit_s", [0.4, 0.8, 1.2])
@pytest.mark.parametrize("latency_ms", LATENCIES_MS)
def test_silence_after_speech_ends_a_segment_in_time(open_stream: Open, latency_ms: int, limit_s: float) -> None:
    samples = np.concatenate([speech("two-nine-three-four-zero"), silence(3.0)])
    endpoint = EndpointOptions(silence_after_speech_s=limit_s, silence_without_speech_s=0)
    found = moments(open_stream(demo(latency_ms), StreamOptions(endpoint=endpoint)), samples)
    pushed_s, result = found[-1]
    assert result.cause == "silence"
    assert result.transcript.words[-1].text == "zero"
    last_token_end_s = result.transcript.tokens[-1].end_s
    assert limit_s <= result.end_s - last_token_end_s + 1e-9 < limit_s + FRAME_S
    assert pushed_s - last_token_end_s <= limit_s + chunk_s(latency_ms) + MARGIN_S


@pytest.mark.parametrize("latency_ms", LATENCIES_MS)
def test_a_segment_that_grows_too_long_is_cut_in_time_and_between_words(open_stream: Open, latency_ms: int) -> None:
    samples = np.concatenate([speech("two-nine-three-four-zero"), speech("five-five"), speech("kokoro_bf_emma_000")])
    uncut = run(open_stream(demo(latency_ms), StreamOptions(endpoint=NO_RULES)), samples)
    assert len(finals(uncut)) == 1
    limits_s = (0.5, 0.77, 1.3, 1.9) if open_stream is open_core else (1.3,)
    for limit_s in limits_s:
        options = StreamOptions(endpoint=EndpointOptions(0, 0, limit_s))
        found = moments(open_stream(demo(latency_ms), options), samples)
        assert found
        for pushed_s, result in found:
            assert result.cause == "max_length"
            # It waits for the end of a token's run, and hands a word that may go on to the next segment.
            held_s = max((token.end_s - token.start_s for token in final_tokens(uncut)), default=0) + FRAME_S
            assert pushed_s - result.start_s <= limit_s + held_s + chunk_s(latency_ms) + MARGIN_S
        results = run(open_stream(demo(latency_ms), options), samples)
        assert len(finals(results)) > 2
        assert times(final_tokens(results)) == times(final_tokens(uncut)), limit_s
        assert times(final_words(results)) == times(final_words(uncut)), limit_s


def test_rules_that_are_off_never_fire(open_stream: Open) -> None:
    samples = np.concatenate([silence(3.0), speech("five-five"), silence(3.0)])
    (result,) = finals(run(open_stream(demo(480), StreamOptions(endpoint=NO_RULES)), samples))
    assert (result.cause, result.text, result.start_s) == ("finish", "five five", 0.0)
    assert result.end_s == len(samples) / RATE_HZ


def test_a_stream_of_nothing_has_no_result_and_one_of_silence_an_empty_one(open_stream: Open) -> None:
    assert run(open_stream(demo(480), StreamOptions()), silence(0)) == []
    (result,) = run(open_stream(demo(480), StreamOptions()), silence(0.001))
    assert (result.cause, result.text, result.end_s) == ("finish", "", 0.001)


# Partial results


@pytest.mark.parametrize("latency_ms", LATENCIES_MS)
@pytest.mark.parametrize("max_length_s", [20.0, 1.1])
def test_partial_results_change_where_the_model_does_and_stable_words_stay(
    open_stream: Open, latency_ms: int, max_length_s: float
) -> None:
    samples = np.concatenate([speech("two-nine-three-four-zero"), silence(1.5), speech("kokoro_bf_emma_000")])
    stream = open_stream(demo(latency_ms), StreamOptions(endpoint=EndpointOptions(max_length_s=max_length_s)))
    piece = round(chunk_s(latency_ms) * RATE_HZ)
    results = []
    for begin in range(0, len(samples), piece):
        stream.push(samples[begin : begin + piece].copy())
        taken = stream.take()
        assert sum(not result.is_final for result in taken) <= 1
        results += taken
    stream.finish()
    results += stream.take()
    check_order(results)
    if max_length_s > 2:  # a shorter segment may hold one word when its only partial result comes
        assert sum(result.n_stable_words > 0 for result in results if not result.is_final) >= 2

    for earlier, later in pairwise(results):
        if earlier.segment == later.segment:
            ids = [[token.id for token in result.transcript.tokens] for result in (earlier, later)]
            assert later.is_final or ids[0] != ids[1]
    for i, result in enumerate(results):
        assert result.n_stable_words <= len(result.transcript.words)
        assert not result.is_final or result.n_stable_words == len(result.transcript.words)
        stable = times([*result.transcript.words[: result.n_stable_words]])
        for later in results[i + 1 :]:
            if later.segment == result.segment:
                assert [text for text, *_ in times([*later.transcript.words])[: len(stable)]] == [
                    text for text, *_ in stable
                ]


def test_partial_results_can_be_left_out(open_stream: Open) -> None:
    samples = speech("two-nine-three-four-zero")
    with_them = run(open_stream(demo(80), StreamOptions()), samples)
    without = run(open_stream(demo(80), StreamOptions(partial_results=False)), samples)
    assert len(with_them) > len(without)
    assert without == finals(with_them)


# Speech detection


@pytest.mark.parametrize("latency_ms", [80, 1040])
def test_core_equals_reference_where_silence_is_skipped(latency_ms: int) -> None:
    samples = np.concatenate(
        [silence(2.0), speech("two-nine-three-four-zero"), silence(3.0), speech("five-five"), silence(1.0)]
    )
    vad = VadOptions(kind="energy")
    options = StreamOptions(vad=vad)
    core, twin = (
        finals(run(open_it(demo(latency_ms), options), samples, [*range(3000, len(samples), 3000)]))
        for open_it in (open_core, open_reference)
    )
    assert_same(core, twin)
    assert final_text(core) == "two nine three four zero five five"

    detected = fastctc.detect_speech(samples, vad=vad, sample_rate=RATE_HZ)
    assert 1 < len(detected) < 5
    spoken = [result for result in core if result.cause != "finish"]
    assert {result.cause for result in spoken} == {"silence"}
    assert [segment for result in spoken for segment in result.transcript.speech] == [*detected]
    assert [(result.start_s, result.end_s) for result in spoken] == [
        (segment.start_s, segment.end_s) for segment in detected
    ]
    assert core[-1].transcript.speech == ()
    assert core[-1].start_s == core[-1].end_s == len(samples) / RATE_HZ


@settings(max_examples=6, deadline=None)
@given(cuts=st.lists(st.integers(0, 100000), max_size=30), rate_hz=st.sampled_from([16000, 8000]))
def test_any_split_gives_the_same_results_where_silence_is_skipped(cuts: list[int], rate_hz: int) -> None:
    samples = np.concatenate([silence(1.0), speech("five-five"), silence(2.0), speech("five-five"), silence(0.5)])
    options = StreamOptions(vad=VadOptions(kind="energy"))
    whole = run(open_core(demo(80), options), samples, None, rate_hz)
    pieces = run(open_core(demo(80), options), samples, sorted(min(cut, len(samples)) for cut in cuts), rate_hz)
    assert finals(pieces) == finals(whole)
    assert [result.text for result in pieces] == [result.text for result in whole]
    assert final_words(whole)
