"""The recogniser: batches, threads, errors; nothing is lost and nothing leaks."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

import fastctc
from conftest import DATA, run_alone
from fastctc.batching import plan_batches, run_batches

SPEECH = {
    "two-nine-three-four-zero.wav": "two nine three four zero",
    "five-five.wav": "five five",
    "kokoro_bf_emma_008.wav": "two seven",
}


@pytest.fixture(scope="module")
def recognizer() -> fastctc.Recognizer:
    return fastctc.load()


def samples_of(name: str) -> np.ndarray:
    return soundfile.read(DATA / "speech" / name, dtype="float32")[0]


def test_many_recordings_keep_their_order(recognizer: fastctc.Recognizer) -> None:
    names = list(SPEECH) * 5
    results = recognizer.transcribe([DATA / "speech" / name for name in names])
    assert [result.text for result in results] == [SPEECH[name] for name in names]
    assert results[0] == recognizer.transcribe(DATA / "speech" / names[0])


def test_a_batch_changes_nothing(recognizer: fastctc.Recognizer) -> None:
    noise = np.random.default_rng(1).standard_normal(50000).astype(np.float32) * 0.1
    items = [samples_of(name) for name in SPEECH] + [noise, noise[:700], noise[:0], noise[:100]]
    alone = [recognizer.transcribe(item) for item in items]
    for threads in (1, 3):
        together = recognizer.transcribe(items, threads=threads)
        for a, b in zip(alone, together, strict=True):
            assert (a.text, a.duration_s) == (b.text, b.duration_s)
            assert [(t.id, t.start_s, t.end_s) for t in a.tokens] == [(t.id, t.start_s, t.end_s) for t in b.tokens]


@pytest.mark.parametrize("n_samples", [0, 1, 159, 160, 320, 1279, 1280])
def test_short_audio(recognizer: fastctc.Recognizer, n_samples: int) -> None:
    result = recognizer.transcribe(np.zeros(n_samples, np.float32))
    assert result.text == ""
    assert result.duration_s == n_samples / 16000


def test_an_empty_list(recognizer: fastctc.Recognizer) -> None:
    assert recognizer.transcribe([]) == []


def test_errors_stay_with_their_recording(recognizer: fastctc.Recognizer, tmp_path: Path) -> None:
    bad = np.full(16000, 0.1, np.float32)
    bad[1234] = np.nan
    text = tmp_path / "text.wav"
    text.write_text("this is not audio")
    good = DATA / "speech" / "five-five.wav"
    results = recognizer.transcribe([good, bad, tmp_path / "missing.wav", text, good], on_error="return")
    assert [type(result) for result in results] == [
        fastctc.Transcript,
        fastctc.AudioError,
        fastctc.AudioNotFoundError,
        fastctc.AudioError,
        fastctc.Transcript,
    ]
    assert "1234" in str(results[1])
    assert "missing.wav" in str(results[2])
    assert "text.wav" in str(results[3])
    assert str(results[0]) == str(results[4]) == "five five"
    with pytest.raises(fastctc.AudioError):
        recognizer.transcribe([good, bad])


def test_not_finite_samples_of_a_file_name_the_file(recognizer: fastctc.Recognizer, tmp_path: Path) -> None:
    bad = np.full(16000, 0.1, np.float32)
    bad[99] = np.inf
    soundfile.write(tmp_path / "inf.wav", bad, 16000, subtype="FLOAT")
    with pytest.raises(fastctc.AudioError, match=r"inf\.wav.*99"):
        recognizer.transcribe(tmp_path / "inf.wav")


def test_audio_longer_than_the_position_table(recognizer: fastctc.Recognizer) -> None:
    """The demo model's table ends at 1000 output frames = 80 s; one more would be silently wrong."""
    longest = recognizer.log_probs(recognizer.features(np.zeros(16000 * 80 - 1280 + 160, np.float32)))
    assert len(longest) == 1000
    with pytest.raises(fastctc.AudioError, match="1000"):
        recognizer.log_probs(recognizer.features(np.zeros(16000 * 81, np.float32)))


@pytest.mark.parametrize(
    "features",
    [np.zeros((64, 100), np.float32), np.zeros(80, np.float32), np.zeros((80, 100), np.int32), np.zeros((80, 10, 2))],
)
def test_features_of_a_wrong_shape(recognizer: fastctc.Recognizer, features: np.ndarray) -> None:
    with pytest.raises((fastctc.ModelError, fastctc.OptionError)):
        recognizer.log_probs(features)


def test_features_that_are_not_finite(recognizer: fastctc.Recognizer) -> None:
    features = np.zeros((80, 100), np.float32)
    features[3, 7] = np.nan
    with pytest.raises(fastctc.AudioError, match="7"):
        recognizer.log_probs(features)


def test_log_probs_of_a_wrong_shape(recognizer: fastctc.Recognizer) -> None:
    with pytest.raises(fastctc.OptionError, match="53"):
        recognizer.decode(np.zeros((10, 54), np.float32))
    with pytest.raises(fastctc.OptionError):
        recognizer.decode(np.zeros(10, np.float32))
    assert recognizer.decode(np.zeros((0, 53), np.float32)).text == ""


def test_not_contiguous_arrays(recognizer: fastctc.Recognizer) -> None:
    samples = samples_of("five-five.wav")
    assert recognizer.transcribe(np.repeat(samples, 2)[::2]).text == "five five"
    features = recognizer.features(samples)
    assert recognizer.decode(recognizer.log_probs(np.asfortranarray(features))).text == "five five"


def test_a_list_of_numbers_is_not_audio(recognizer: fastctc.Recognizer) -> None:
    with pytest.raises(fastctc.OptionError, match="asarray"):
        recognizer.transcribe([0.1, 0.2, 0.3])  # type: ignore[list-item]


@pytest.mark.parametrize("threads", [0, -1, 1.5, True])
def test_wrong_thread_counts(recognizer: fastctc.Recognizer, threads: object) -> None:
    with pytest.raises(fastctc.OptionError, match="threads"):
        recognizer.transcribe([np.zeros(10, np.float32)], threads=threads)  # type: ignore[call-overload]


def test_a_rate_that_differs_is_resampled(recognizer: fastctc.Recognizer) -> None:
    import soxr

    samples = samples_of("two-nine-three-four-zero.wav")
    for rate in (8000, 22050, 44100, 48000):
        other = soxr.resample(samples, 16000, rate)
        assert recognizer.transcribe(other, sample_rate=rate).text == "two nine three four zero"


def test_channels(recognizer: fastctc.Recognizer) -> None:
    call = DATA / "speech" / "call-two-channels.wav"
    assert recognizer.transcribe(call, channel=0).text == "two nine three four zero"
    assert recognizer.transcribe(call, channel=1).text == "five five"
    with pytest.raises(fastctc.Error, match="channel"):
        recognizer.transcribe(call, channel=2)


def test_eight_threads_share_a_recognizer() -> None:
    """1,000 short calls: same texts, no growth in memory beyond the first pass, other Python threads run meanwhile."""
    recognizer = fastctc.load()
    names = list(SPEECH)
    audio = [samples_of(name) for name in names]
    wrong: list[str] = []

    def call(index: int) -> None:
        # Lengths vary, as calls do: a cache keyed by shape would grow here.
        item = audio[index % 3][: len(audio[index % 3]) - index % 7 * 16]
        result = recognizer.transcribe(item)
        if result.text != SPEECH[names[index % 3]]:
            wrong.append(result.text)

    ticks, done = 0, threading.Event()

    def tick() -> None:
        nonlocal ticks
        while not done.is_set():
            ticks += 1
            time.sleep(0.001)

    process = psutil.Process(os.getpid())
    ticker = threading.Thread(target=tick)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(call, range(300)))
        before = process.memory_info().rss
        started = time.monotonic()
        ticker.start()
        list(pool.map(call, range(1000)))
        elapsed = time.monotonic() - started
        done.set()
        ticker.join()
        after = process.memory_info().rss
    assert not wrong
    assert after - before < 24 * 2**20, f"{(after - before) / 2**20:.1f} MiB grown"
    # Held through a call (some 10 ms each), the GIL would let the ticker run only between calls.
    assert ticks > elapsed * 20, f"{ticks} ticks in {elapsed:.1f} s"


def test_the_gil_is_released_while_the_core_works() -> None:
    recognizer = fastctc.load()
    minute = np.random.default_rng(0).standard_normal(16000 * 60).astype(np.float32) * 0.1
    recognizer.transcribe(minute)
    worker = threading.Thread(target=recognizer.transcribe, args=(minute,))
    gaps = [0.0]
    worker.start()
    last = time.monotonic()
    while worker.is_alive():
        time.sleep(0.001)
        now = time.monotonic()
        gaps.append(now - last)
        last = now
    started = time.monotonic()
    recognizer.transcribe(minute)
    whole = time.monotonic() - started
    assert len(gaps) > 10
    assert max(gaps) < whole / 2, f"this thread stood still for {max(gaps):.3f} s of {whole:.3f} s"


durations = st.lists(st.one_of(st.none(), st.floats(0, 1000)), max_size=60)


@given(durations, st.floats(1, 200))
def test_batches_hold_every_item_once_and_keep_their_limit(items: list[float | None], limit: float) -> None:
    batches = plan_batches(items, limit)
    assert sorted(index for batch in batches for index in batch) == list(range(len(items)))
    for batch in batches:
        assert batch
        if len(batch) > 1:
            lengths = [items[index] for index in batch]
            assert None not in lengths
            assert max(length for length in lengths if length is not None) * len(batch) <= limit


def test_a_closed_run_starts_nothing_more() -> None:
    started: list[int] = []

    def work(batch: tuple[int, ...]) -> list[int]:
        started.extend(batch)
        time.sleep(0.01)
        return list(batch)

    results = run_batches([(index,) for index in range(100)], work, threads=2)
    next(results)
    results.close()
    time.sleep(0.05)
    assert len(started) < 10


def peak_memory_of(n_files: int, path: Path) -> int:
    """Peak resident bytes of a process that transcribes a file n times."""
    program = (
        "import sys, fastctc\n"
        "results = fastctc.load().transcribe([sys.argv[1]] * int(sys.argv[2]), threads=2)\n"
        "assert len(results) == int(sys.argv[2])"
    )
    return run_alone(program, str(path), str(n_files))[1]


def test_many_files_do_not_need_their_memory(tmp_path: Path) -> None:
    """2400 s of audio, 154 MB of samples, need what 240 s need: only the batches at work are in memory."""
    path = tmp_path / "noise.wav"
    soundfile.write(path, np.random.default_rng(2).standard_normal(16000 * 20) * 0.05, 16000)
    growth = peak_memory_of(120, path) - peak_memory_of(12, path)
    assert growth < 40 * 2**20, f"{growth / 2**20:.0f} MiB"
