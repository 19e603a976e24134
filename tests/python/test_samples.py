"""Every door for samples refuses the same ones in the same words; recordings enter at their own rate."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import fastctc
import fastctc.reference
from conftest import DATA
from fastctc import _core
from fastctc.audio import load_audio, read_audio
from fastctc.reference.audio import load_audio as reference_load_audio
from fastctc.reference.fbank import compute_features
from fastctc.reference.resampler import resample
from fastctc.reference.speech_detector import detect_speech
from fastctc.types import VadOptions

RECORDING = DATA / "speech" / "two-nine-three-four-zero.wav"
RECOGNIZER = fastctc.load()
STREAM = fastctc.reference.load().stream
ENERGY = VadOptions(kind="energy")
BAD = {
    "NaN": np.nan,
    "+Inf": np.inf,
    "-Inf": -np.inf,
    "12345": 12345.0,
    "-100.5": -100.5,
}
ADVICE = {
    True: "samples must be finite. None of this audio was taken: repair it, or put 0 in place of such samples.",
    False: "float samples must be in [-1, 1]. None of this audio was taken: divide 16-bit values by 32768, or give "
    "them as int16.",
}


def as_file(samples: np.ndarray) -> io.BytesIO:
    file = io.BytesIO()
    soundfile.write(file, samples, 16000, format="WAV", subtype="FLOAT")
    return file


def in_a_pool(samples: np.ndarray) -> None:
    with fastctc.StreamPool(RECOGNIZER) as pool:
        pool.open().push(samples)


DOORS: dict[str, Callable[[Any], object]] = {
    "load_audio": lambda x: load_audio(x, target_rate_hz=16000),
    "load_audio, another rate": lambda x: load_audio(x, target_rate_hz=8000, sample_rate=16000),
    "read_audio": lambda x: list(read_audio(x, target_rate_hz=16000)),
    "features": RECOGNIZER.features,
    "features, another rate": lambda x: RECOGNIZER.features(x, sample_rate=8000),
    "transcribe": RECOGNIZER.transcribe,
    "transcribe, another rate": lambda x: RECOGNIZER.transcribe(x, sample_rate=44100),
    "transcribe, speech alone": lambda x: RECOGNIZER.transcribe(x, vad="energy"),
    "transcribe, float64": lambda x: RECOGNIZER.transcribe(x.astype(np.float64)),
    "transcribe, a file": lambda x: RECOGNIZER.transcribe(as_file(x)),
    "transcribe, a batch": lambda x: RECOGNIZER.transcribe([RECORDING, x], threads=1),
    "transcribe, channels": lambda x: RECOGNIZER.transcribe(np.stack([x, x], axis=1), channels="split"),
    "align": lambda x: RECOGNIZER.align(x, "two"),
    "detect_speech": fastctc.detect_speech,
    "detect_speech, another rate": lambda x: fastctc.detect_speech(x, sample_rate=48000),
    "a stream": lambda x: RECOGNIZER.stream().push(x),
    "a stream, another rate": lambda x: RECOGNIZER.stream(sample_rate=8000).push(x),
    "a stream of a pool": in_a_pool,
    "Resampler": lambda x: _core.Resampler(8000, 16000).push(x),
    "Frontend": lambda x: _core.Frontend().compute(x),
    "SpeechDetector": lambda x: _core.SpeechDetector(dataclasses.asdict(ENERGY), 16000).push(x),
}
REFERENCE_DOORS: dict[str, Callable[[Any], object]] = {
    "load_audio": lambda x: reference_load_audio(x, target_rate_hz=16000),
    "resample": lambda x: resample(x, 8000, 16000),
    "features": compute_features,
    "detect_speech": lambda x: detect_speech(x, ENERGY, 16000),
    "stream": lambda x: STREAM().push(x),
}


def spoiled(value: float) -> np.ndarray:
    samples = np.full(8000, 0.01, np.float32)
    samples[[1234, 5000]] = value
    return samples


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize("door", DOORS)
def test_every_door_says_the_same(door: str, value: str) -> None:
    with pytest.raises(fastctc.AudioError) as caught:
        DOORS[door](spoiled(BAD[value]))
    what = f"Sample 1234 is {value}; {ADVICE[not np.isfinite(BAD[value])]}"
    assert str(caught.value) in (what, f"The array: {what}", f"The BytesIO: {what}")


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize("door", REFERENCE_DOORS)
def test_the_reference_refuses_the_same(door: str, value: str) -> None:
    with pytest.raises(fastctc.AudioError) as caught:
        REFERENCE_DOORS[door](spoiled(BAD[value]))
    assert str(caught.value).startswith(f"Sample 1234 is {value}; {ADVICE[not np.isfinite(BAD[value])][:20]}")


def test_a_stream_counts_from_its_start_and_goes_on() -> None:
    stream = RECOGNIZER.stream()
    stream.push(np.zeros(1000, np.int16))
    with pytest.raises(fastctc.AudioError, match="Sample 2234 is NaN"):
        stream.push(spoiled(np.nan))
    assert stream.pushed_s == 1000 / 16000


@pytest.mark.parametrize("door", [RECOGNIZER.features, fastctc.detect_speech, lambda x: RECOGNIZER.align(x, "two")])
def test_the_message_names_the_file(door: Callable[[Any], object], tmp_path: Path) -> None:
    soundfile.write(tmp_path / "loud.wav", spoiled(12345), 16000, subtype="FLOAT")
    with pytest.raises(fastctc.AudioError, match=r"^The file \S+loud\.wav: Sample 1234 is 12345"):
        door(tmp_path / "loud.wav")


def content(transcript: fastctc.Transcript) -> fastctc.Transcript:
    """All but the duration: of resampled samples it is that of whole samples."""
    return dataclasses.replace(transcript, duration_s=0.0)


@pytest.mark.parametrize("rate_hz", [8000, 11025, 16000, 44100, 48000])
def test_the_core_resamples_as_load_audio_does(rate_hz: int) -> None:
    original = load_audio(RECORDING, target_rate_hz=rate_hz).samples
    expected = load_audio(original, target_rate_hz=16000, sample_rate=rate_hz).samples
    for options in ({}, {"vad": "energy"}, {"long_form": fastctc.LongFormOptions(one_shot_max_s=1)}):
        transcript = RECOGNIZER.transcribe(original, sample_rate=rate_hz, **options)
        assert transcript.text == "two nine three four zero"
        assert transcript.duration_s == len(original) / rate_hz
        assert content(transcript) == content(RECOGNIZER.transcribe(expected, **options))
    aligned = RECOGNIZER.align(original, "two nine three four zero", sample_rate=rate_hz)
    assert content(aligned) == content(RECOGNIZER.align(expected, "two nine three four zero"))
    features = RECOGNIZER.features(original, sample_rate=rate_hz)
    np.testing.assert_array_equal(features, RECOGNIZER.features(expected))
    assert fastctc.detect_speech(original, sample_rate=rate_hz) == fastctc.detect_speech(expected)


def test_recordings_of_different_rates_in_one_batch(tmp_path: Path) -> None:
    paths = []
    for rate_hz in (8000, 16000, 22050, 44100):
        samples = load_audio(RECORDING, target_rate_hz=rate_hz).samples
        soundfile.write(tmp_path / f"{rate_hz}.wav", samples, rate_hz, subtype="FLOAT")
        paths.append(tmp_path / f"{rate_hz}.wav")
    for path, together in zip(paths, RECOGNIZER.transcribe(paths, threads=1), strict=True):
        alone = RECOGNIZER.transcribe(path)
        assert (together.text, together.duration_s, together.method) == (alone.text, alone.duration_s, "one_shot")
        assert [(t.id, t.start_s, t.end_s) for t in together.tokens] == [
            (t.id, t.start_s, t.end_s) for t in alone.tokens
        ]
