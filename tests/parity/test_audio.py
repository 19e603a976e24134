"""Loading audio: `fastctc.audio` and the reference give the same samples and the same errors."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from fastctc.audio import reading as audio
from fastctc.errors import AudioError, AudioNotFoundError, OptionError
from fastctc.reference import audio as reference
from fastctc.types import Audio

Load = Callable[..., Audio]
both = pytest.mark.parametrize("load", [audio.load_audio, reference.load_audio], ids=["cpp", "reference"])

ENCODINGS = [
    ("WAV", "PCM_U8"),
    ("WAV", "PCM_16"),
    ("WAV", "PCM_24"),
    ("WAV", "PCM_32"),
    ("WAV", "FLOAT"),
    ("WAV", "DOUBLE"),
    ("WAV", "ULAW"),
    ("WAV", "ALAW"),
    ("WAV", "IMA_ADPCM"),
    ("WAVEX", "PCM_16"),
    ("RF64", "PCM_16"),
    ("AIFF", "PCM_16"),
    ("AU", "PCM_16"),
    ("W64", "PCM_16"),
    ("FLAC", "PCM_16"),
    ("FLAC", "PCM_24"),
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
    ("MP3", "MPEG_LAYER_III"),
]


# Of what an encoding adds, relative to the signal; others keep at least 16 bits.
NOISE = {
    "PCM_U8": 0.03,
    "ULAW": 0.02,
    "ALAW": 0.02,
    "IMA_ADPCM": 0.2,
    "VORBIS": 0.15,
    "OPUS": 0.25,
    "MPEG_LAYER_III": 0.02,
}


def speech(n_channels: int = 2, n_frames: int = 8000) -> npt.NDArray[np.float32]:
    time = np.arange(n_frames)[:, None] / 8000
    random = np.random.default_rng(n_channels)
    frequencies_hz = random.uniform(100, 3000, (8, n_channels))
    samples: npt.NDArray[np.float64] = 0.1 * sum(np.sin(2 * np.pi * frequencies_hz[i] * time) for i in range(8))
    return samples.astype(np.float32)


def encode(samples: npt.NDArray[Any], rate_hz: int, container: str = "WAV", subtype: str = "FLOAT") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate_hz, format=container, subtype=subtype)
    return file.getvalue()


@pytest.mark.parametrize(("container", "subtype"), ENCODINGS)
@pytest.mark.parametrize("channel", [0, 1, "mean"])
def test_every_encoding(container: str, subtype: str, channel: Any) -> None:
    encoded = encode(speech(), 8000, container, subtype)
    for target_rate_hz in (8000, 16000):
        actual = audio.load_audio(encoded, target_rate_hz=target_rate_hz, channel=channel)
        expected = reference.load_audio(encoded, target_rate_hz=target_rate_hz, channel=channel)
        assert actual.samples.dtype == expected.samples.dtype == np.float32
        assert actual.samples.flags.c_contiguous
        assert actual.sample_rate_hz == expected.sample_rate_hz == target_rate_hz
        assert actual.duration_s == expected.duration_s
        np.testing.assert_allclose(actual.samples, expected.samples, rtol=0, atol=1e-6)
    assert actual.duration_s == pytest.approx(1, abs=0.1)
    # And they are what was written, as far as the encoding keeps it.
    original = speech().mean(axis=1) if channel == "mean" else speech()[:, channel]
    decoded = audio.load_audio(encoded, target_rate_hz=8000, channel=channel).samples[:8000]
    bound = NOISE.get(subtype, 0.0002)
    assert np.sqrt(np.mean((decoded[1000:-1000] - original[1000:-1000]) ** 2)) < bound * np.std(original)


@both
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([-128, 0, 127], np.int16) * 256, [-1.0, 0.0, 127 / 128]),
        (np.array([-(2**31), 0, 2**30], np.int32), [-1.0, 0.0, 0.5]),
        (np.array([0, 128, 255], np.uint8), [-1.0, 0.0, 127 / 128]),
        (np.array([-1.0, 0.25, 1.5], np.float32), [-1.0, 0.25, 1.5]),
        (np.array([-1.0, 0.25, 1.5], np.float64), [-1.0, 0.25, 1.5]),
        (np.array([-32768, 16384], ">i2"), [-1.0, 0.5]),
        (np.array([-1.0, 0.25], ">f4"), [-1.0, 0.25]),
        (np.array([-1.0, 0.25], ">f8"), [-1.0, 0.25]),
    ],
)
def test_dtypes_are_scaled(load: Load, values: npt.NDArray[Any], expected: list[float]) -> None:
    result = load(values, target_rate_hz=16000)
    np.testing.assert_array_equal(result.samples, np.array(expected, np.float32))
    assert result.duration_s == len(values) / 16000


@both
def test_layouts_of_arrays(load: Load) -> None:
    frames = speech(3)
    expected = load(np.ascontiguousarray(frames[:, 1]), target_rate_hz=16000).samples
    padded = np.zeros((16000, 6), np.float32)
    padded[::2, ::2] = frames
    for layout in (frames, frames.T, np.asfortranarray(frames), padded[::2, ::2], frames[::-1].copy()[::-1]):
        np.testing.assert_array_equal(load(layout, target_rate_hz=16000, channel=1).samples, expected)
    np.testing.assert_array_equal(load(frames[:, 1], target_rate_hz=16000).samples, expected)
    np.testing.assert_array_equal(load(frames[:, 1:2], target_rate_hz=16000).samples, expected)
    mean = load(frames.T, target_rate_hz=16000).samples
    np.testing.assert_allclose(mean, frames.mean(axis=1), atol=1e-6)


@both
@pytest.mark.parametrize("shape", [(0,), (0, 2), (2, 0), (0, 1)])
def test_no_samples_are_valid(load: Load, shape: tuple[int, ...]) -> None:
    result = load(np.zeros(shape, np.float32), target_rate_hz=16000, sample_rate=8000)
    assert result.samples.shape == (0,)
    assert result.samples.dtype == np.float32
    assert result.duration_s == 0
    empty = load(encode(np.zeros((0, 2)), 8000), target_rate_hz=16000)
    assert empty.samples.shape == (0,)


@both
@pytest.mark.parametrize("shape", [(), (33, 33), (2, 20), (32, 32), (100, 0), (0, 100), (0, 0), (2, 100, 1)])
def test_shapes_that_can_not_be_audio(load: Load, shape: tuple[int, ...]) -> None:
    with pytest.raises(AudioError, match=r"shape|channels"):
        load(np.zeros(shape, np.float32), target_rate_hz=16000)


@both
@pytest.mark.parametrize(
    "dtype",
    [np.float16, np.complex64, bool, object, "U3", "S3", np.int8, np.uint16, np.int64, np.uint32, "f4,f4", "M8[s]"],
)
def test_dtypes_that_can_not_be_audio(load: Load, dtype: Any) -> None:
    with pytest.raises(AudioError, match="dtype"):
        load(np.zeros(100, dtype), target_rate_hz=16000)


@both
@pytest.mark.parametrize("sample_rate", [0, -8000, 999, 768001, True, 8000.5, float("nan")])
def test_absurd_rates(load: Load, sample_rate: Any) -> None:
    with pytest.raises(OptionError, match="sample_rate"):
        load(np.zeros(100, np.float32), target_rate_hz=16000, sample_rate=sample_rate)
    with pytest.raises(OptionError, match="target_rate_hz"):
        load(np.zeros(100, np.float32), target_rate_hz=sample_rate)


@both
def test_rate_of_an_array(load: Load) -> None:
    samples = speech(1)[:, 0]
    np.testing.assert_array_equal(load(samples, target_rate_hz=16000).samples, samples)
    resampled = load(samples, target_rate_hz=16000, sample_rate=8000)
    assert resampled.samples.shape == (16000,)
    assert resampled.duration_s == 1
    np.testing.assert_allclose(resampled.samples[200:-200:2], samples[100:-100], atol=1e-5)


@both
def test_rate_of_a_file(load: Load) -> None:
    encoded = encode(speech(), 8000)
    assert load(encoded, target_rate_hz=16000, sample_rate=8000).samples.shape == (16000,)
    with pytest.raises(OptionError, match=r"is at 8000 Hz, but option sample_rate is 16000"):
        load(encoded, target_rate_hz=16000, sample_rate=16000)
    for rate_hz in (1, 900, 900_000):
        with pytest.raises(AudioError, match=f"is at {rate_hz} Hz, but"):
            load(encode(speech(), rate_hz), target_rate_hz=16000)


@both
@pytest.mark.parametrize("channel", [2, -1, 1.5, "left", None, True])
def test_channels_that_are_not_there(load: Load, channel: Any) -> None:
    for source in (speech(), encode(speech(), 8000)):
        with pytest.raises(OptionError, match="channel"):
            load(source, target_rate_hz=16000, channel=channel)


@both
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite(load: Load, bad: float) -> None:
    samples = speech()
    samples[4321, 1] = samples[5000, 1] = bad
    for source in (samples, samples.T, samples.astype(np.float64), encode(samples, 8000)):
        for channel in (1, "mean"):
            with pytest.raises(AudioError, match="Sample 4321 is"):
                load(source, target_rate_hz=8000, channel=channel)
        assert load(source, target_rate_hz=8000, channel=0).samples.shape == (8000,)


@both
def test_integers_given_as_floats(load: Load) -> None:
    samples = np.round(speech() * 32768)
    for source in (samples, encode(samples, 8000)):
        with pytest.raises(AudioError, match="32768"):
            load(source, target_rate_hz=16000)
    assert load(speech() * 4, target_rate_hz=16000).samples.shape == (8000,)


@both
def test_what_is_no_audio_file(load: Load, tmp_path: Path) -> None:
    text = tmp_path / "text.wav"
    text.write_text("these are words, not sounds\n" * 100)
    empty = tmp_path / "empty.wav"
    empty.touch()
    with pytest.raises(AudioNotFoundError, match=r"missing\.wav is not there"):
        load(tmp_path / "missing.wav", target_rate_hz=16000)
    with pytest.raises(AudioError, match="directory"):
        load(tmp_path, target_rate_hz=16000)
    for source in (empty, b""):
        with pytest.raises(AudioError, match="empty"):
            load(source, target_rate_hz=16000)
    for source in (text, text.read_bytes()):
        with pytest.raises(AudioError, match="can't be read as audio"):
            load(source, target_rate_hz=16000)
    no_audio: tuple[Any, ...] = ([0.0, 0.5], (0.0,), None, 3, {})
    for wrong in no_audio:
        with pytest.raises(AudioError, match="audio can't be a"):
            load(wrong, target_rate_hz=16000)


@both
def test_real_recordings(load: Load, data: Path) -> None:
    mono = load(data / "speech" / "two-nine-three-four-zero.wav", target_rate_hz=16000)
    expected, _ = soundfile.read(data / "speech" / "two-nine-three-four-zero.wav", dtype="float32")
    np.testing.assert_array_equal(mono.samples, expected)
    call, rate_hz = soundfile.read(data / "speech" / "call-two-channels.wav")
    for channel in (0, 1):
        result = load(str(data / "speech" / "call-two-channels.wav"), target_rate_hz=rate_hz, channel=channel)
        np.testing.assert_allclose(result.samples, call[:, channel], atol=1e-7)
