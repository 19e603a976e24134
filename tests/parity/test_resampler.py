"""The resampler: C++ = NumPy reference, both within the bounds that `fastctc/audio.h` promises, both close to soxr."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from fastctc import _core
from fastctc.errors import AudioError, Error, OptionError
from fastctc.reference import resampler as reference

Samples = npt.NDArray[Any]
Resample = Callable[[Samples, int, int], Samples]

RATES_HZ = (8000, 11025, 22050, 44100, 48000)
COMMON = [(rate_hz, 16000) for rate_hz in RATES_HZ] + [(16000, rate_hz) for rate_hz in RATES_HZ]
# A table of all phases would be too large: the C++ interpolates between phases.
UGLY = [(44101, 16000), (16000, 15999), (15999, 16000), (383999, 16000)]
# Float32 sums of some hundred products, relative to full scale; interpolation between phases adds 2e-7.
TOLERANCE = 1e-6


def cpp(samples: Samples, input_rate_hz: int, output_rate_hz: int) -> Samples:
    resampler = _core.Resampler(input_rate_hz, output_rate_hz)
    return np.concatenate([resampler.push(samples.astype(np.float32)), resampler.finish()])


both = pytest.mark.parametrize("resample", [cpp, reference.resample], ids=["cpp", "reference"])
# The reference makes the weights of every phase anew: ugly ratios are left to test_cpp_equals_reference.
CASES = [(cpp, *pair) for pair in COMMON + UGLY] + [(reference.resample, *pair) for pair in COMMON]


def decibels(amplitude: float) -> float:
    return 20 * math.log10(max(amplitude, 1e-30))


def middle(output: Samples, input_rate_hz: int, output_rate_hz: int) -> tuple[Samples, Samples]:
    """The part of the output that the ends of the signal don't reach, and its times in seconds."""
    edge = math.ceil(reference.HALF_WIDTH * output_rate_hz / min(input_rate_hz, output_rate_hz)) + 1
    index = np.arange(edge, len(output) - edge)
    return output[index].astype(np.float64), index / output_rate_hz


def tone(frequency_hz: float, rate_hz: int, duration_s: float) -> Samples:
    samples: Samples = np.sin(2 * np.pi * frequency_hz / rate_hz * np.arange(round(duration_s * rate_hz)))
    return samples


def gain_and_rest(
    resample: Resample, frequency_hz: float, input_rate_hz: int, output_rate_hz: int
) -> tuple[complex, float]:
    """What becomes of a tone: its gain (1: as loud as before and not shifted), and the level of all else."""
    output = resample(tone(frequency_hz, input_rate_hz, 0.05), input_rate_hz, output_rate_hz)
    y, t_s = middle(output, input_rate_hz, output_rate_hz)
    basis = np.stack([np.sin(2 * np.pi * frequency_hz * t_s), np.cos(2 * np.pi * frequency_hz * t_s)], axis=1)
    (in_phase, quadrature), *_ = np.linalg.lstsq(basis, y, rcond=None)
    rest = y - basis @ [in_phase, quadrature]
    return complex(in_phase, quadrature), float(np.sqrt(2 * np.mean(rest**2)))


def test_impulse_response_has_the_promised_spectrum() -> None:
    oversampling = 32
    t = np.arange(-reference.HALF_WIDTH * oversampling, reference.HALF_WIDTH * oversampling + 1) / oversampling
    spectrum = np.abs(np.fft.rfft(reference.impulse_response(t), 1 << 17)) / oversampling
    frequency = np.fft.rfftfreq(1 << 17, 1 / oversampling) / 0.5  # in Nyquist frequencies of the lower rate
    assert np.abs(20 * np.log10(spectrum[frequency <= 0.9])).max() < 0.001
    assert 20 * np.log10(spectrum[frequency >= 1.0].max()) < -96


@pytest.mark.parametrize(("resample", "input_rate_hz", "output_rate_hz"), CASES)
def test_pass_band_is_flat_and_images_are_gone(resample: Resample, input_rate_hz: int, output_rate_hz: int) -> None:
    nyquist_hz = min(input_rate_hz, output_rate_hz) / 2
    for fraction in np.linspace(0.02, 0.9, 12):
        gain, rest = gain_and_rest(resample, fraction * nyquist_hz, input_rate_hz, output_rate_hz)
        assert abs(decibels(abs(gain))) < 0.05
        assert abs(math.degrees(np.angle(gain))) < 0.01  # output m stands at m * input / output
        assert decibels(rest) < -90
    # In the transition the tone grows weaker, but its images are gone there too.
    for fraction in (0.92, 0.95, 0.98):
        gain, rest = gain_and_rest(resample, fraction * nyquist_hz, input_rate_hz, output_rate_hz)
        assert abs(gain) < 1
        assert decibels(rest) < -90


@pytest.mark.parametrize(("resample", "input_rate_hz", "output_rate_hz"), [case for case in CASES if case[1] > case[2]])
def test_tones_above_the_lower_nyquist_are_gone(resample: Resample, input_rate_hz: int, output_rate_hz: int) -> None:
    for frequency_hz in np.linspace(output_rate_hz / 2, input_rate_hz / 2, 25):
        output = resample(tone(frequency_hz, input_rate_hz, 0.05), input_rate_hz, output_rate_hz)
        y, _ = middle(output, input_rate_hz, output_rate_hz)
        assert decibels(float(np.sqrt(2 * np.mean(y**2)))) < -90


class Hum:
    """A sum of 50 tones below a frequency, at any times."""

    def __init__(self, highest_hz: float) -> None:
        random = np.random.default_rng(1)
        self.frequencies_hz = random.uniform(0, highest_hz, (50, 1))
        self.phases = random.uniform(0, 2 * np.pi, (50, 1))

    def __call__(self, n_samples: int, rate_hz: int) -> Samples:
        angles = 2 * np.pi * self.frequencies_hz * np.arange(n_samples) / rate_hz + self.phases
        return np.asarray(np.sin(angles).mean(axis=0))


@pytest.mark.parametrize(("resample", "input_rate_hz", "output_rate_hz"), CASES)
def test_samples_the_same_signal(resample: Resample, input_rate_hz: int, output_rate_hz: int) -> None:
    hum = Hum(0.9 * min(input_rate_hz, output_rate_hz) / 2)
    output = resample(hum(input_rate_hz // 20, input_rate_hz), input_rate_hz, output_rate_hz)
    y, _ = middle(output, input_rate_hz, output_rate_hz)
    expected, _ = middle(hum(len(output), output_rate_hz), input_rate_hz, output_rate_hz)
    assert np.abs(y - expected).max() < 5e-6  # the ripple of the pass band, of a signal of peak about 0.4


@pytest.mark.parametrize(("resample", "input_rate_hz", "output_rate_hz"), CASES)
def test_equals_soxr(resample: Resample, input_rate_hz: int, output_rate_hz: int) -> None:
    # Where soxr's filter is flat as well: at ratios like 441 / 160 it is off by 1e-5 there, and by 1e-4 from 0.85 on.
    x = Hum(0.75 * min(input_rate_hz, output_rate_hz) / 2)(input_rate_hz // 4, input_rate_hz)
    ours = resample(x, input_rate_hz, output_rate_hz)
    theirs = soxr.resample(x, input_rate_hz, output_rate_hz, quality="VHQ")
    edge = output_rate_hz // 20  # soxr's filter is longer; the ends differ
    assert abs(len(ours) - len(theirs)) <= 1
    assert np.abs(ours[edge:-edge] - theirs[edge : len(ours) - edge]).max() < 2e-5


@pytest.mark.parametrize(
    ("input_rate_hz", "output_rate_hz"), [*COMMON, *UGLY, (8000, 8000), (768000, 1000), (96000, 44100)]
)
def test_cpp_equals_reference(input_rate_hz: int, output_rate_hz: int) -> None:
    random = np.random.default_rng(2)
    for n in (0, 1, 5, 300, 4000):
        x = random.uniform(-1, 1, n).astype(np.float32)
        expected = reference.resample(x, input_rate_hz, output_rate_hz)
        actual = cpp(x, input_rate_hz, output_rate_hz)
        assert actual.dtype == np.float32
        assert actual.shape == expected.shape == (-(-n * output_rate_hz // input_rate_hz),)
        np.testing.assert_allclose(actual, expected, rtol=0, atol=TOLERANCE)


def test_reference_is_the_plain_sum() -> None:
    x = np.random.default_rng(3).uniform(-1, 1, 200)
    for input_rate_hz, output_rate_hz in ((8000, 16000), (11025, 16000), (48000, 16000)):
        scale = min(1.0, output_rate_hz / input_rate_hz)
        y = reference.resample(x, input_rate_hz, output_rate_hz)
        for m in range(len(y)):
            weights = reference.impulse_response((np.arange(200) - m * input_rate_hz / output_rate_hz) * scale) * scale
            assert y[m] == pytest.approx(weights @ x, abs=1e-12)


@given(
    input_rate_hz=st.integers(1000, 768000),
    output_rate_hz=st.integers(1000, 768000),
    n=st.integers(0, 3000),
    cuts=st.lists(st.floats(0, 1), max_size=8),
    seed=st.integers(0, 2**32 - 1),
)
@settings(deadline=None, max_examples=60)
def test_any_ratio_any_split_same_bits(
    input_rate_hz: int, output_rate_hz: int, n: int, cuts: list[float], seed: int
) -> None:
    n = min(n, 40 * 3000 * input_rate_hz // output_rate_hz + 1)  # at most some 100,000 outputs
    x = np.random.default_rng(seed).uniform(-1, 1, n).astype(np.float32)
    expected = cpp(x, input_rate_hz, output_rate_hz)
    assert len(expected) == -(-n * output_rate_hz // input_rate_hz)
    resampler = _core.Resampler(input_rate_hz, output_rate_hz)
    for _ in range(2):
        pieces = np.split(x, sorted(round(cut * n) for cut in cuts))
        actual = np.concatenate([resampler.push(piece) for piece in pieces] + [resampler.finish()])
        np.testing.assert_array_equal(actual, expected)
        resampler.reset()


@given(
    ratio=st.sampled_from([*COMMON, *UGLY, (32000, 44100), (7350, 16000), (96000, 16000)]),
    n=st.integers(0, 2000),
    seed=st.integers(0, 2**32 - 1),
)
@settings(deadline=None, max_examples=30)
def test_random_signals_cpp_equals_reference(ratio: tuple[int, int], n: int, seed: int) -> None:
    x = np.random.default_rng(seed).uniform(-1, 1, n).astype(np.float32)
    np.testing.assert_allclose(cpp(x, *ratio), reference.resample(x, *ratio), rtol=0, atol=TOLERANCE)


@both
@pytest.mark.parametrize(("bad", "name"), [(np.nan, "nan"), (np.inf, "inf"), (-np.inf, "inf")])
def test_samples_that_are_not_finite(resample: Resample, bad: float, name: str) -> None:
    x = np.zeros(100)
    x[[42, 60]] = bad
    for output_rate_hz in (8000, 16000):
        with pytest.raises(AudioError, match=rf"(?i)^Sample 42 is [+-]?{name}"):
            resample(x, 8000, output_rate_hz)


@both
@pytest.mark.parametrize("rate_hz", [-8000, 0, 999, 768001])
def test_absurd_rates(resample: Resample, rate_hz: int) -> None:
    with pytest.raises(OptionError, match=f"input rate is {rate_hz}"):
        resample(np.zeros(10), rate_hz, 16000)
    with pytest.raises(OptionError, match=f"output rate is {rate_hz}"):
        resample(np.zeros(10), 16000, rate_hz)


def test_binding_takes_mono_float32_only() -> None:
    resampler = _core.Resampler(8000, 16000)
    for wrong in (np.zeros(10), np.zeros(10, np.int16), np.zeros(20, np.float32)[::2], [0.0]):
        with pytest.raises(TypeError):
            resampler.push(wrong)  # type: ignore[arg-type]
    with pytest.raises(AudioError, match="2 dimensions"):
        resampler.push(np.zeros((1, 10), np.float32))
    assert len(resampler.push(np.zeros(10, np.float32))) + len(resampler.finish()) == 20
    with pytest.raises(AudioError, match="reset"):
        resampler.push(np.zeros(1, np.float32))


def test_concurrent_use_is_a_named_error() -> None:
    resampler = _core.Resampler(383999, 16000)
    x = np.zeros(4_000_000, np.float32)
    started = threading.Event()

    def push(samples: Samples) -> str:
        try:
            resampler.push(samples)
        except Error as error:
            return str(error)
        return ""

    def push_all() -> None:
        started.set()
        while push(x):  # refused while the other thread is inside
            pass

    thread = threading.Thread(target=push_all)
    thread.start()
    started.wait()
    messages = set()
    while thread.is_alive():  # this loop runs at all only because push() has released the GIL
        messages.add(push(x[:1]))
    thread.join()
    assert "This Resampler is in use by another thread. Give each thread its own." in messages
    assert len(messages - {""}) == 1
