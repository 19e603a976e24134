"""Speech detection, C++ and reference, on signals whose speech is known, on real speech, and against Silero itself."""

from __future__ import annotations

import hashlib
import importlib.util
import threading
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

import fastctc
import tolerances
from conftest import DATA, external
from fastctc import _core
from fastctc.audio import load_audio
from fastctc.errors import AudioError, EngineError, Error, ModelError, ModelNotFoundError, OptionError
from fastctc.installed.onnxruntime_library import find_library
from fastctc.reference import speech_detector as reference
from fastctc.types import SessionOptions, SpeechSegment, VadOptions
from onnx_graphs import save_silero_graph

Samples = npt.NDArray[np.float32]
Segments = list[SpeechSegment]
Detect = Callable[[Samples, VadOptions, int], Segments]

ENERGY = VadOptions(kind="energy")
RATES_HZ = (8000, 16000)
PADDING_S = ENERGY.padding_s
NEAR_S = 0.05
"""How far from the truth a segment may begin or end, padding aside: a syllable rises above the noise in that time."""


def session() -> dict[str, Any]:
    return {"library": find_library()[0]}


def detector(options: VadOptions, rate_hz: int) -> _core.SpeechDetector:
    return _core.SpeechDetector(asdict(options), rate_hz, session())


def cpp(samples: Samples, options: VadOptions, rate_hz: int) -> Segments:
    speech = detector(options, rate_hz)
    speech.push(samples)
    speech.finish()
    return [SpeechSegment(*segment) for segment in speech.take()]


both = pytest.mark.parametrize("detect", [cpp, reference.detect_speech], ids=["cpp", "reference"])
each_rate = pytest.mark.parametrize("rate_hz", RATES_HZ)


# Signals


def noise(duration_s: float, rate_hz: int, level_db: float, seed: int = 0) -> Samples:
    """White, of that level in dB of full scale."""
    values = np.random.default_rng(seed).standard_normal(round(duration_s * rate_hz))
    return np.asarray(10 ** (level_db / 20) * values, dtype=np.float32)


def babble(duration_s: float, rate_hz: int, level_db: float, seed: int = 0) -> Samples:
    """Like speech: a voice of 120 Hz in syllables of 180 ms, 60 ms apart, from the first sample to the last."""
    t = np.arange(round(duration_s * rate_hz)) / rate_hz
    random = np.random.default_rng(seed)
    voice = sum(np.cos(2 * np.pi * 120 * k * t + random.uniform(0, 6)) / (1 + (k / 6) ** 2) for k in range(1, 28))
    place = t % 0.24
    syllables = np.where(place < 0.18, np.sin(np.pi * np.minimum(place / 0.18, 1)) ** 0.5, 0.0)
    values = voice * syllables * random.uniform(0.5, 1, round(duration_s / 0.24) + 2)[(t / 0.24).astype(int)]
    return np.asarray(values * 10 ** (level_db / 20) / np.sqrt(np.mean(values**2)), dtype=np.float32)


def hum(duration_s: float, rate_hz: int, level_db: float) -> Samples:
    t = np.arange(round(duration_s * rate_hz)) / rate_hz
    values = sum(np.sin(2 * np.pi * 50 * k * t + k) / k for k in (1, 2, 3, 5, 7))
    return np.asarray(values * 10 ** (level_db / 20) / np.sqrt(np.mean(values**2)), dtype=np.float32)


def with_speech(background: Samples, rate_hz: int, truth: list[tuple[float, float]], level_db: float) -> Samples:
    samples = background.copy()
    for start_s, end_s in truth:
        start = round(start_s * rate_hz)
        voice = babble(end_s - start_s, rate_hz, level_db, seed=start)
        samples[start : start + len(voice)] += voice
    return samples


def check(segments: Segments, truth: list[tuple[float, float]], duration_s: float) -> None:
    """Every part that is true is there, padded, and nothing else."""
    assert len(segments) == len(truth), segments
    for segment, (start_s, end_s) in zip(segments, truth, strict=True):
        assert segment.start_s == pytest.approx(max(0.0, start_s - PADDING_S), abs=NEAR_S)
        # The last syllable may be followed by its pause.
        assert segment.end_s == pytest.approx(min(duration_s, end_s + PADDING_S), abs=NEAR_S + 0.06)
        assert segment.start_s <= start_s
        assert segment.end_s >= end_s - 0.06


# Energy: signals whose speech is known


@both
@each_rate
@pytest.mark.parametrize(("noise_db", "speech_db"), [(-70, -25), (-50, -25), (-35, -12), (-75, -50), (-60, -3)])
def test_speech_in_noise(detect: Detect, rate_hz: int, noise_db: float, speech_db: float) -> None:
    truth = [(1.0, 2.5), (4.0, 4.6), (6.2, 9.0)]
    samples = with_speech(noise(11, rate_hz, noise_db), rate_hz, truth, speech_db)
    check(detect(samples, ENERGY, rate_hz), truth, 11)


@both
@each_rate
@pytest.mark.parametrize("level_db", [-80, -60, -40, -20, -6])
def test_constant_noise_is_no_speech(detect: Detect, rate_hz: int, level_db: float) -> None:
    assert detect(noise(8, rate_hz, level_db), ENERGY, rate_hz) == []


@each_rate
@pytest.mark.parametrize("slope", [-1, 0, 1, 2], ids=["blue", "white", "pink", "brown"])
def test_a_minute_of_noise_of_any_colour(rate_hz: int, slope: int) -> None:
    """Not even near the threshold: the highest score in 16 minutes of each was -3.7 dB."""
    spectrum = np.fft.rfft(np.random.default_rng(slope + 1).standard_normal(60 * rate_hz))
    values = np.fft.irfft(spectrum / np.maximum(np.arange(len(spectrum)), 1) ** (slope / 2))
    samples = np.asarray(0.03 * values / np.std(values), dtype=np.float32)
    scores, _ = _core.speech_scores(samples, asdict(ENERGY), rate_hz)
    assert max(scores) < -3


@both
@each_rate
@pytest.mark.parametrize("first_s", [0.3, 0.9, 1.5, 6.0])
def test_speech_from_the_first_sample_on(detect: Detect, rate_hz: int, first_s: float) -> None:
    truth = [(0.0, first_s)]
    samples = with_speech(noise(first_s + 2, rate_hz, -55), rate_hz, truth, -20)
    check(detect(samples, ENERGY, rate_hz), truth, first_s + 2)


@both
@each_rate
@pytest.mark.parametrize("duration_s", [0.3, 0.96, 5.0])
def test_nothing_but_speech(detect: Detect, rate_hz: int, duration_s: float) -> None:
    samples = with_speech(noise(duration_s, rate_hz, -60), rate_hz, [(0, duration_s)], -20)
    check(detect(samples, ENERGY, rate_hz), [(0, duration_s)], duration_s)


@both
@each_rate
def test_hum_and_dc(detect: Detect, rate_hz: int) -> None:
    background = noise(8, rate_hz, -65) + hum(8, rate_hz, -25) + np.float32(0.1)
    assert detect(background, ENERGY, rate_hz) == []
    truth = [(2.0, 4.0), (5.0, 7.0)]
    check(detect(with_speech(background, rate_hz, truth, -20), ENERGY, rate_hz), truth, 8)


@both
@each_rate
def test_clicks_are_no_speech(detect: Detect, rate_hz: int) -> None:
    samples = noise(8, rate_hz, -60)
    for start_s in np.arange(0, 8, 0.15):
        start = round(start_s * rate_hz)
        samples[start : start + rate_hz // 50] += noise(0.02, rate_hz, -10)[: len(samples) - start]
    assert detect(samples, ENERGY, rate_hz) == []


@both
@each_rate
def test_digital_silence_between_speech(detect: Detect, rate_hz: int) -> None:
    truth = [(0.5, 1.2), (3.0, 4.0)]
    check(detect(with_speech(np.zeros(5 * rate_hz, np.float32), rate_hz, truth, -30), ENERGY, rate_hz), truth, 5)
    assert detect(np.zeros(3 * rate_hz, np.float32), ENERGY, rate_hz) == []


@both
def test_zeros_in_front_of_noise_do_not_matter(detect: Detect) -> None:
    # As MP3 decoders give them.
    assert detect(np.concatenate([np.zeros(800, np.float32), noise(6, 16000, -40)]), ENERGY, 16000) == []


@both
@each_rate
def test_clipped_speech(detect: Detect, rate_hz: int) -> None:
    truth = [(1.0, 3.0), (4.5, 5.5)]
    samples = np.clip(with_speech(noise(7, rate_hz, -45), rate_hz, truth, 15), -1, 1)
    check(detect(samples, ENERGY, rate_hz), truth, 7)


@both
def test_noise_that_grows_is_noise_again_after_some_seconds(detect: Detect) -> None:
    samples = np.concatenate([noise(6, 16000, -70), noise(10, 16000, -45), noise(4, 16000, -70)])
    segments = detect(samples, ENERGY, 16000)
    assert len(segments) == 1
    assert segments[0].start_s == pytest.approx(6 - PADDING_S, abs=NEAR_S)
    assert segments[0].end_s == pytest.approx(6 + 4.5 + PADDING_S, abs=0.2)


@both
def test_no_samples_and_few(detect: Detect) -> None:
    for n in (0, 1, 79, 80, 81, 161, 400):
        assert detect(np.zeros(n, np.float32), ENERGY, 8000) == []
    options = replace(ENERGY, min_speech_s=0, snr_db=0, padding_s=0)
    for n in (1, 79, 80, 81, 161, 400):
        assert detect(np.full(n, 0.5, np.float32) * (-1) ** np.arange(n, dtype=np.float32), options, 8000) == [
            SpeechSegment(0, n / 8000)
        ]


# Energy: options


@both
def test_short_bursts_and_short_pauses(detect: Detect) -> None:
    rate_hz = 16000
    truth = [(1.0, 1.9), (2.2, 3.1), (4.5, 5.4)]
    samples = with_speech(noise(7, rate_hz, -60), rate_hz, truth, -20)
    check(detect(samples, ENERGY, rate_hz), [(1.0, 3.1), (4.5, 5.4)], 7)
    check(detect(samples, replace(ENERGY, min_silence_s=2), rate_hz), [(1.0, 5.4)], 7)
    long = detect(samples, replace(ENERGY, min_speech_s=1.5), rate_hz)
    assert [round(segment.start_s, 1) for segment in long] == [0.8]
    assert detect(samples, replace(ENERGY, min_speech_s=3), rate_hz) == []
    apart = detect(samples, replace(ENERGY, min_silence_s=0.2, padding_s=0.1), rate_hz)
    assert [round(segment.start_s, 1) for segment in apart] == [0.9, 2.1, 4.4]


@both
def test_paddings_never_meet(detect: Detect) -> None:
    samples = with_speech(noise(7, 16000, -60), 16000, [(1.0, 1.9), (2.6, 3.5)], -20)
    options = replace(ENERGY, min_silence_s=0.3)
    assert len(detect(samples, replace(options, padding_s=0.3), 16000)) == 2
    merged = detect(samples, replace(options, padding_s=0.5), 16000)
    assert [(round(s.start_s, 1), round(s.end_s, 1)) for s in merged] == [(0.5, 4.0)]


@both
def test_levels(detect: Detect) -> None:
    samples = with_speech(noise(6, 16000, -60), 16000, [(1.0, 2.0)], -45) + 0
    samples = with_speech(samples, 16000, [(3.5, 4.5)], -15)
    check(detect(samples, ENERGY, 16000), [(1.0, 2.0), (3.5, 4.5)], 6)
    for options in (replace(ENERGY, min_level_db=-35), replace(ENERGY, snr_db=25)):
        segments = detect(samples, options, 16000)
        assert [round(segment.start_s, 1) for segment in segments] == [3.3]


# Both kinds: C++ equals the reference, however it is fed


@pytest.mark.parametrize("rate_hz", [8000, 11025, 16000, 44100])
def test_energy_scores_equal_the_reference(rate_hz: int) -> None:
    random = np.random.default_rng(rate_hz)
    for n in (0, 1, rate_hz // 100, 5 * (rate_hz // 100) + 3, rate_hz, rate_hz + 1, 7 * rate_hz + 5):
        samples = np.asarray(random.uniform(-1, 1, n) * 10 ** random.uniform(-4, 0), dtype=np.float32)
        samples[n // 3 : n // 2] = 0
        expected, expected_ends = reference.energy_scores(samples, ENERGY, rate_hz)
        scores, ends = _core.speech_scores(samples, asdict(ENERGY), rate_hz)
        np.testing.assert_array_equal(ends, expected_ends)
        np.testing.assert_allclose(scores, expected, rtol=0, atol=tolerances.LEVEL_DB)


@st.composite
def signals(draw: st.DrawFn) -> Samples:
    """Stretches of random length and level, silence among them."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    parts = draw(st.lists(st.tuples(st.integers(1, 12000), st.integers(-90, 0)), min_size=1, max_size=8))
    stretches = [random.standard_normal(n) * (level > -80) * 10 ** (level / 20) for n, level in parts]
    return np.concatenate(stretches).astype(np.float32)


OPTIONS = st.builds(
    VadOptions,
    kind=st.just("energy"),
    min_level_db=st.sampled_from([-120.0, -60.0, -30.0]),
    snr_db=st.sampled_from([0.0, 3.0, 9.0]),
    min_speech_s=st.sampled_from([0.0, 0.015, 0.1, 0.4]),
    min_silence_s=st.sampled_from([0.0, 0.1, 0.5]),
    padding_s=st.sampled_from([0.0, 0.033, 0.2]),
)


@given(signal=signals(), options=OPTIONS, rate_hz=st.sampled_from([8000, 16000]))
@settings(deadline=None, max_examples=60)
def test_segments_equal_the_reference(signal: Samples, options: VadOptions, rate_hz: int) -> None:
    assert cpp(signal, options, rate_hz) == reference.detect_speech(signal, options, rate_hz)


def check_any_split(options: VadOptions, signal: Samples, sizes: list[int], rate_hz: int) -> None:
    """Pieces of these sizes, over and over, give the one-shot segments, and nothing that was settled changes."""
    expected = cpp(signal, options, rate_hz)
    speech = detector(options, rate_hz)
    for _ in range(2):
        segments: Segments = []
        settled: list[tuple[float, list[tuple[float, float]]]] = []
        position, turn = 0, 0
        while position < len(signal):
            piece = signal[position : position + sizes[turn % len(sizes)]]
            speech.push(piece)
            position, turn = position + len(piece), turn + 1
            segments += [SpeechSegment(*segment) for segment in speech.take()]
            decided_s = speech.decided_s
            assert (settled[-1][0] if settled else 0) <= decided_s <= position / rate_hz
            known = [(s.start_s, s.end_s) for s in segments] + [(speech.open_start_s, np.inf)] * speech.in_speech
            settled.append((decided_s, known))
        speech.finish()
        assert not speech.in_speech
        assert speech.decided_s == len(signal) / rate_hz
        segments += [SpeechSegment(*segment) for segment in speech.take()]
        assert segments == expected
        final = [(s.start_s, s.end_s) for s in expected]
        for decided_s, known in settled:
            assert cut(known, decided_s) == cut(final, decided_s)
        speech.reset()


def cut(parts: list[tuple[float, float]], end_s: float) -> list[tuple[float, float]]:
    return [(start, min(end, end_s)) for start, end in parts if start < end_s]


SIZES = st.lists(st.integers(0, 5000), min_size=1, max_size=5).filter(lambda sizes: sum(sizes) > 50)


@given(signal=signals(), options=OPTIONS, sizes=SIZES, rate_hz=st.sampled_from([8000, 16000]))
@settings(deadline=None, max_examples=60)
def test_any_split_gives_the_same_segments(
    signal: Samples, options: VadOptions, sizes: list[int], rate_hz: int
) -> None:
    check_any_split(options, signal, sizes, rate_hz)


def test_single_samples_give_the_same_segments() -> None:
    check_any_split(ENERGY, with_speech(noise(3, 8000, -60), 8000, [(0.7, 1.5)], -20), [1], 8000)


def test_settled_soon() -> None:
    """A live stream waits no longer than it must: 30 ms for the median, and padding_s before what may be speech."""
    rate_hz, step = 16000, 160
    samples = with_speech(noise(8, rate_hz, -60), rate_hz, [(2.0, 5.0)], -20)
    speech = detector(ENERGY, rate_hz)
    opened_s = 0.0
    for start in range(0, len(samples), step):
        speech.push(samples[start : start + step])
        heard_s = (start + step) / rate_hz
        opened_s = opened_s or heard_s * speech.in_speech
        if 1.03 < heard_s < 2 or heard_s > 6:
            assert heard_s - speech.decided_s <= PADDING_S + 0.03 + 1e-9
        elif 2.2 < heard_s < 5:
            assert speech.in_speech
            assert heard_s - speech.decided_s < 0.1  # at most a pause between syllables, less padding_s
    assert opened_s <= 2.0 + 0.03 + 0.1 + 0.02  # the median, min_speech_s, the rise of a syllable


# Both kinds: real speech


@cache
def words(path: Path) -> tuple[tuple[float, float], ...]:
    return tuple((word.start_s, word.end_s) for word in fastctc.transcribe(path).words)


def read(path: Path) -> tuple[Samples, int]:
    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    return np.ascontiguousarray(samples[:, 0]), rate_hz


def check_words(segments: Segments, path: Path, cut_s: float = 0.0) -> None:
    assert words(path)
    for start_s, end_s in words(path):
        start_s, end_s = max(0.0, start_s - cut_s), end_s - cut_s
        inside = [s for s in segments if s.start_s <= start_s and end_s <= s.end_s + 1e-9]
        assert inside, f"{path.name}: {start_s:.2f}-{end_s:.2f} s is in none of {segments}"


def first_sound_s(samples: Samples, rate_hz: int) -> float:
    """Where the first word begins; words' own times come from the model and may be late by some 100 ms."""
    return cpp(samples, replace(ENERGY, padding_s=0), rate_hz)[0].start_s


SPEECH = sorted(path for path in (DATA / "speech").glob("*.wav") if "call" not in path.name)


@both
@pytest.mark.parametrize("path", SPEECH, ids=[path.stem for path in SPEECH])
def test_real_words_are_speech(detect: Detect, path: Path) -> None:
    samples, rate_hz = read(path)
    check_words(detect(samples, ENERGY, rate_hz), path)
    start_s = first_sound_s(samples, rate_hz)
    check_words(detect(samples[round(start_s * rate_hz) :], ENERGY, rate_hz), path, start_s)


def test_every_digit_string_is_speech() -> None:
    paths = sorted(external("speech/digits").glob("*_*k.wav"))
    paths = [path for path in paths if "call" not in path.name]
    assert {path.stem[-3:] for path in paths} >= {"16k", "_8k"}
    for path in paths:
        samples, rate_hz = read(path)
        segments = cpp(samples, ENERGY, rate_hz)
        assert segments == reference.detect_speech(samples, ENERGY, rate_hz)
        check_words(segments, path)
        start_s = first_sound_s(samples, rate_hz)
        check_words(cpp(samples[round(start_s * rate_hz) :], ENERGY, rate_hz), path, start_s)


def test_noise_recordings_hold_none() -> None:
    paths = sorted(external("speech/digits").glob("noise_*.wav"))
    assert paths
    for path in paths:
        assert cpp(*_swap(read(path))) == []
        assert reference.detect_speech(*_swap(read(path))) == []


def _swap(recording: tuple[Samples, int]) -> tuple[Samples, VadOptions, int]:
    return recording[0], ENERGY, recording[1]


# Silero


@pytest.fixture(scope="module", params=[4, 5])
def graph(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_silero_graph(tmp_path_factory.mktemp("silero") / "graph.onnx", version=request.param)


def silero(path: Path, **changes: Any) -> VadOptions:
    return VadOptions(kind="silero", model=str(path), **changes)


@each_rate
def test_probabilities_equal_the_reference(graph: Path, rate_hz: int) -> None:
    window = rate_hz * 32 // 1000
    for n in (0, 1, window - 1, window, window + 1, 5 * window, 40 * window + 7):
        samples = noise(n / rate_hz, rate_hz, -20, seed=n) * np.linspace(0, 1, n, dtype=np.float32)
        expected, expected_ends = reference.silero_scores(samples, graph, rate_hz)
        scores, ends = _core.speech_scores(samples, asdict(silero(graph)), rate_hz, session())
        np.testing.assert_array_equal(ends, expected_ends)
        np.testing.assert_allclose(scores, expected, rtol=0, atol=tolerances.PROBABILITY_TWIN)


def test_the_context_the_states_and_the_rate_count(tmp_path: Path) -> None:
    graph = save_silero_graph(tmp_path / "graph.onnx", version=5)
    loud = noise(1, 16000, -10)
    scores, _ = _core.speech_scores(loud, asdict(silero(graph)), 16000, session())
    assert scores[0] < scores[1] < scores[10]  # states
    assert scores[5] != _core.speech_scores(loud, asdict(silero(graph)), 8000, session())[0][5]
    # By hand: before the first window come zeros, before the second one the end of the first.
    h = np.log(np.mean(np.concatenate([np.zeros(64), loud[:512].astype(np.float64)]) ** 2) + 1e-6) + 7
    assert scores[0] == pytest.approx(1 / (1 + np.exp(-h / 2)), abs=1e-6)
    h = h / 2 + np.log(np.mean(loud[448:1024].astype(np.float64) ** 2) + 1e-6) + 7
    assert scores[1] == pytest.approx(1 / (1 + np.exp(-h / 2)), abs=1e-6)


@each_rate
def test_silero_segments(graph: Path, rate_hz: int) -> None:
    samples = with_speech(noise(8, rate_hz, -70), rate_hz, [(1.5, 3.0), (5.0, 6.5)], -10)
    for threshold in (0.3, 0.5, 0.7):
        options = silero(graph, threshold=threshold)
        segments = cpp(samples, options, rate_hz)
        assert segments == reference.detect_speech(samples, options, rate_hz)
        assert [round(segment.start_s) for segment in segments] == [1, 5]
        assert [round(segment.end_s) for segment in segments] == [3, 7]


@given(signal=signals(), sizes=SIZES, rate_hz=st.sampled_from([8000, 16000]))
@settings(deadline=None, max_examples=15)
def test_silero_any_split_gives_the_same_segments(graph: Path, signal: Samples, sizes: list[int], rate_hz: int) -> None:
    check_any_split(silero(graph, threshold=0.3), signal, sizes, rate_hz)


@both
def test_graphs_that_are_not_silero(detect: Detect, tmp_path: Path) -> None:
    samples = noise(0.1, 16000, -20)
    with pytest.raises(ModelError, match="not one of Silero's"):
        detect(samples, silero(DATA / "tiny" / "offline.onnx"), 16000)
    other = save_silero_graph(tmp_path / "other.onnx", extra_input="speaker")
    with pytest.raises(ModelError, match=r"not one of Silero's.*speaker.*stateN.*hn, cn"):
        detect(samples, silero(other), 16000)
    with pytest.raises(ModelNotFoundError, match="missing"):
        detect(samples, silero(tmp_path / "missing.onnx"), 16000)


def test_a_graph_that_fails_is_a_named_error_until_reset(tmp_path: Path) -> None:
    path = save_silero_graph(tmp_path / "graph.onnx", fault="fails_when_loud")
    quiet, loud = noise(1, 16000, -60), noise(1, 16000, 0)
    speech = detector(silero(path), 16000)
    speech.push(quiet)
    with pytest.raises(EngineError, match=r"graph\.onnx"):
        speech.push(loud)
    with pytest.raises(EngineError, match="reset"):
        speech.push(quiet)
    with pytest.raises(EngineError, match="reset"):
        speech.finish()
    speech.reset()
    speech.push(quiet)
    speech.finish()
    assert speech.take() == []
    with pytest.raises(EngineError, match=r"graph\.onnx"):
        reference.detect_speech(loud, silero(path), 16000)


def test_what_is_no_probability_is_an_error(tmp_path: Path) -> None:
    path = save_silero_graph(tmp_path / "graph.onnx", fault="no_probability")
    speech = detector(silero(path), 16000)  # silence gives less than 1
    with pytest.raises(ModelError, match="not a probability"):
        speech.push(noise(1, 16000, 0))


@both
def test_silero_takes_two_rates(detect: Detect, tmp_path: Path) -> None:
    both_rates = save_silero_graph(tmp_path / "silero_vad.onnx")
    one_rate = save_silero_graph(tmp_path / "half.onnx", rate=False)
    named = save_silero_graph(tmp_path / "silero_vad_16k_op15.onnx")
    samples = noise(0.1, 16000, -20)
    for path in (both_rates, one_rate, named):
        detect(samples, silero(path), 16000)
    for rate_hz in (11025, 44100):
        with pytest.raises(OptionError, match=f"8000 or 16000 Hz, not at {rate_hz}"):
            detect(samples, silero(both_rates), rate_hz)
    for path in (one_rate, named):
        with pytest.raises(OptionError, match="16000 Hz only"):
            detect(samples, silero(path), 8000)


def silero_file() -> Path:
    spec = importlib.util.find_spec("silero_vad")  # not imported: that needs torch
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("silero-vad is not installed (pip install --no-deps silero-vad)")
    return Path(next(iter(spec.submodule_search_locations))) / "data" / "silero_vad.onnx"


@each_rate
def test_the_real_silero(rate_hz: int) -> None:
    path = silero_file()
    stem = SPEECH[-1]
    samples, file_rate_hz = read(stem)
    samples = load_audio(samples, target_rate_hz=rate_hz, sample_rate=file_rate_hz).samples
    options = silero(path)
    expected, _ = reference.silero_scores(samples, path, rate_hz)
    scores, _ = _core.speech_scores(samples, asdict(options), rate_hz, session())
    np.testing.assert_allclose(scores, expected, rtol=0, atol=tolerances.PROBABILITY_TWIN)
    assert expected.max() > 0.99
    segments = cpp(samples, options, rate_hz)
    assert segments == reference.detect_speech(samples, options, rate_hz)
    check_words(segments, stem)
    check_any_split(options, samples, [1, 700, 0, 4001], rate_hz)
    assert cpp(noise(3, rate_hz, -30), options, rate_hz) == []


@pytest.fixture(scope="module")
def golden() -> dict[str, npt.NDArray[Any]]:
    """What Silero's own Python code finds, with torch; made by tools/silero_goldens.py."""
    with np.load(DATA / "golden" / "silero.npz") as file:
        return dict(file)


@each_rate
def test_probabilities_equal_silero_s_own(golden: dict[str, npt.NDArray[Any]], rate_hz: int) -> None:
    path = silero_file()
    if hashlib.sha256(path.read_bytes()).hexdigest() != str(golden["sha256"]):
        pytest.skip("another version of silero-vad than the golden probabilities (6.2.3)")
    samples, file_rate_hz = read(DATA / "speech" / "two-nine-three-four-zero.wav")
    samples = samples[:: file_rate_hz // rate_hz].copy()
    scores, _ = _core.speech_scores(samples, asdict(silero(path)), rate_hz, session())
    np.testing.assert_allclose(scores, golden[f"probabilities_{rate_hz}"], rtol=0, atol=tolerances.PROBABILITY)
    expected, _ = reference.silero_scores(samples, path, rate_hz)
    np.testing.assert_allclose(expected, golden[f"probabilities_{rate_hz}"], rtol=0, atol=tolerances.PROBABILITY)


def test_segments_of_probabilities_equal_silero_s_own(golden: dict[str, npt.NDArray[Any]]) -> None:
    window, rate_hz = 512, 16000
    min_speech_s, min_silence_s, padding_s = (float(value) / 1000 for value in golden["options_ms"])
    # Silero measures a pause to the begin of its last window, one less than it lasts.
    options = VadOptions(
        kind="silero", min_speech_s=min_speech_s, min_silence_s=min_silence_s + window / rate_hz, padding_s=padding_s
    )
    assert len(golden["segments"]) > 100
    for index, path in enumerate(golden["paths"]):
        ends = window * np.arange(1, len(path) + 1)
        segments = reference.find_segments(path.astype(np.float64), ends, options, rate_hz, 0.5, 0.5 - 0.15)
        expected = [tuple(segment[1:] / rate_hz) for segment in golden["segments"] if segment[0] == index]
        assert [(segment.start_s, segment.end_s) for segment in segments] == expected


# Faults


@both
def test_options_out_of_range(detect: Detect) -> None:
    samples = noise(0.1, 16000, -20)
    with pytest.raises(OptionError, match="none"):
        detect(samples, VadOptions(), 16000)
    for rate_hz in (-1, 0, 7999, 768001):
        with pytest.raises(OptionError, match=f"{rate_hz} Hz"):
            detect(samples, ENERGY, rate_hz)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("threshold", value) for value in (0.0, 1.1, float("nan"))),
        *(("min_level_db", value) for value in (-121.0, 1.0)),
        ("snr_db", -1.0),
        *((name, value) for name in ("min_speech_s", "min_silence_s", "padding_s") for value in (-0.1, float("inf"))),
        ("model", "silero_vad.onnx"),
        ("kind", "loud"),
        ("kind", "silero"),
        ("snr_db", "nine"),
        ("colour", 1),
    ],
)
def test_options_are_checked(field: str, value: Any) -> None:
    with pytest.raises(OptionError, match=rf"vad\.{field}"):
        _core.SpeechDetector({**asdict(ENERGY), field: value}, 16000)


@both
def test_samples_that_are_not_finite(detect: Detect) -> None:
    samples = noise(1, 16000, -20)
    samples[[4242, 5000]] = np.nan, np.inf
    with pytest.raises(AudioError, match="4242"):
        detect(samples, ENERGY, 16000)


def test_a_refused_push_takes_nothing() -> None:
    samples = with_speech(noise(4, 16000, -60), 16000, [(1.0, 2.0)], -20)
    speech = detector(ENERGY, 16000)
    speech.push(samples[:30000])
    bad = samples[30000:31000].copy()
    bad[-1] = -np.inf
    with pytest.raises(AudioError, match="Sample 30999 is -Inf"):
        speech.push(bad)
    speech.push(samples[30000:])
    speech.finish()
    speech.finish()  # again is nothing
    with pytest.raises(AudioError, match="reset"):
        speech.push(samples)
    assert [SpeechSegment(*segment) for segment in speech.take()] == cpp(samples, ENERGY, 16000)
    assert speech.take() == []


def test_binding_takes_mono_float32_only() -> None:
    speech = detector(ENERGY, 16000)
    for wrong in (np.zeros(10), np.zeros(10, np.int16), np.zeros(20, np.float32)[::2], [0.0]):
        with pytest.raises(TypeError):
            speech.push(wrong)  # type: ignore[arg-type]
    with pytest.raises(AudioError, match="2 dimensions"):
        speech.push(np.zeros((1, 10), np.float32))


def test_concurrent_use_is_a_named_error() -> None:
    speech = detector(ENERGY, 16000)
    samples = np.zeros(4_000_000, np.float32)
    started = threading.Event()

    def push(piece: Samples) -> str:
        try:
            speech.push(piece)
        except Error as error:
            return str(error)
        return ""

    def push_all() -> None:
        started.set()
        while push(samples):  # refused while the other thread is inside
            pass

    thread = threading.Thread(target=push_all)
    thread.start()
    started.wait()
    messages = set()
    while thread.is_alive():  # this loop runs at all only because push() has released the GIL
        messages.add(push(samples[:1]))
    thread.join()
    assert messages - {""} == {"This SpeechDetector is in use by another thread. Give each thread its own."}


# Python


@pytest.mark.parametrize("path", SPEECH, ids=[path.stem for path in SPEECH])
def test_detect_speech_from_python(path: Path, graph: Path) -> None:
    samples, rate_hz = read(path)
    assert fastctc.detect_speech(path) == cpp(samples, ENERGY, rate_hz)
    assert fastctc.detect_speech(samples, sample_rate=rate_hz) == cpp(samples, ENERGY, rate_hz)
    options = replace(ENERGY, padding_s=0.0)
    assert fastctc.detect_speech(path, vad=options) == cpp(samples, options, rate_hz)
    for vad in (graph, str(graph), silero(graph)):
        assert fastctc.detect_speech(path, vad=vad) == cpp(samples, silero(graph), rate_hz)


def test_detect_speech_of_a_channel() -> None:
    call = DATA / "speech" / "call-two-channels.wav"
    channels, rate_hz = soundfile.read(call, dtype="float32")
    for channel in (0, 1):
        expected = cpp(np.ascontiguousarray(channels[:, channel]), ENERGY, rate_hz)
        assert fastctc.detect_speech(call, channel=channel) == expected
        assert expected


@pytest.mark.parametrize("vad", ["loud", "silero", b"energy", 3, "none", VadOptions()])
def test_vad_that_is_none(vad: Any) -> None:
    with pytest.raises(OptionError, match=r"vad"):
        fastctc.detect_speech(np.zeros(100, np.float32), vad=vad)


def test_energy_needs_no_onnxruntime(monkeypatch: pytest.MonkeyPatch, graph: Path) -> None:
    monkeypatch.setenv("FASTCTC_ONNXRUNTIME", "nowhere.so")
    assert fastctc.detect_speech(np.zeros(16000, np.float32)) == []
    with pytest.raises(Error, match=r"nowhere\.so"):
        fastctc.detect_speech(np.zeros(16000, np.float32), vad=graph, session=SessionOptions(library="nowhere.so"))
