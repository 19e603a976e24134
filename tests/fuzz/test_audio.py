"""Bytes that nobody meant as audio, and audio that was damaged: they load or raise AudioError, and nothing else."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from fastctc.audio.reading import load_audio, probe_duration_s
from fastctc.errors import AudioError


def encode(container: str, subtype: str) -> bytes:
    file = io.BytesIO()
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, (3000, 2))
    soundfile.write(file, samples, 8000, format=container, subtype=subtype)
    return file.getvalue()


VALID = [
    encode("WAV", "PCM_16"),
    encode("WAV", "FLOAT"),
    encode("WAV", "IMA_ADPCM"),
    encode("RF64", "PCM_24"),
    encode("AIFF", "PCM_16"),
    encode("AU", "ULAW"),
    encode("FLAC", "PCM_16"),
    encode("OGG", "VORBIS"),
]


def check(source: bytes) -> None:
    duration_s = probe_duration_s(source)
    assert duration_s is None or duration_s >= 0
    try:
        audio = load_audio(source, target_rate_hz=16000)
    except AudioError:
        return
    assert audio.samples.dtype == np.float32
    assert audio.samples.ndim == 1
    assert np.isfinite(audio.samples).all()
    assert len(audio.samples) == pytest.approx(audio.duration_s * 16000, abs=1)


magic = st.sampled_from(
    [b"", b"RIFF\0\0\0\0WAVE", b"fLaC", b"OggS\0", b"ID3\3", b"\xff\xfb\x90", b"FORM\0\0\0\0AIFF", b".snd"]
)


@given(head=magic, tail=st.binary(max_size=400))
@settings(deadline=None, max_examples=200)
def test_random_bytes(head: bytes, tail: bytes) -> None:
    check(head + tail)


@given(
    valid=st.sampled_from(VALID),
    flips=st.lists(st.tuples(st.floats(0, 1), st.booleans(), st.integers(0, 255)), max_size=6),
    length=st.floats(0, 1) | st.just(1.0),
)
@settings(deadline=None, max_examples=300)
def test_damaged_files(valid: bytes, flips: list[tuple[float, bool, int]], length: float) -> None:
    damaged = bytearray(valid)
    for place, in_header, value in flips:
        span = min(len(damaged), 100) if in_header else len(damaged)
        damaged[int(place * (span - 1))] = value
    check(bytes(damaged[: round(length * len(damaged))]))
