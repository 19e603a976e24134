"""What can go wrong with live streams and their pools: named errors, no crash, nobody else touched, memory flat."""

from __future__ import annotations

import gc
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import soundfile
from numpy.typing import NDArray

import fastctc
import onnx_graphs
from conftest import DATA, ROOT
from fastctc import _core
from fastctc.errors import AudioError, EngineError, Error, ModelError, OptionError
from fastctc.types import StreamResult

DEMO = ROOT / "models" / "digits"
TINY = DATA / "tiny"
RATE_HZ = 16000
MIB = 1 << 20

Samples = NDArray[np.float32]


@pytest.fixture(scope="module")
def recognizer() -> Any:
    return fastctc.load(DEMO)._core


def speech(name: str = "two-nine-three-four-zero") -> Samples:
    samples, rate_hz = soundfile.read(DATA / "speech" / f"{name}.wav", dtype="float32")
    assert rate_hz == RATE_HZ
    return np.asarray(samples)


def tiled(duration_s: float) -> Samples:
    """Two recordings with pauses, over and over."""
    pause = np.zeros(RATE_HZ, np.float32)
    block = np.concatenate([speech(), pause, speech("five-five"), pause])
    return np.tile(block, int(duration_s * RATE_HZ) // len(block) + 1)[: round(duration_s * RATE_HZ)]


def take(stream: Any) -> list[StreamResult]:
    return [StreamResult.from_tuple(parts) for parts in stream.take()]


def text(results: list[StreamResult]) -> str:
    return " ".join(result.text for result in results if result.is_final and result.text)


def alone(recognizer: Any, samples: Samples, **options: Any) -> list[StreamResult]:
    stream = _core.Stream(recognizer, options)
    stream.push(samples)
    stream.finish()
    return take(stream)


def final_words(results: list[StreamResult]) -> list[tuple[str, float, float]]:
    return [
        (word.text, word.start_s, word.end_s)
        for result in results
        if result.is_final
        for word in result.transcript.words
    ]


def run_out(pool: Any) -> int:
    n_steps = 0
    while pool.step():
        n_steps += 1
    return n_steps


def rss() -> int:
    gc.collect()
    return int(psutil.Process().memory_info().rss)


# One stream


def test_a_finished_stream_takes_no_more_audio_until_reset(recognizer: Any) -> None:
    stream = _core.Stream(recognizer, {"latency_ms": 480})
    stream.push(speech())
    stream.finish()
    stream.finish()  # twice is fine
    first = take(stream)
    for samples in (speech(), speech()[:0]):
        with pytest.raises(AudioError, match=r"finished.*reset\(\)"):
            stream.push(samples)
    assert stream.done
    assert take(stream) == []
    stream.reset()
    assert not stream.done
    assert stream.pushed_s == stream.decoded_s == 0
    stream.push(speech())
    stream.finish()
    assert take(stream) == first
    assert text(first) == "two nine three four zero"


def test_reset_in_the_middle_forgets_everything(recognizer: Any) -> None:
    stream = _core.Stream(recognizer, {"latency_ms": 80})
    stream.push(speech("five-five"))
    stream.reset()
    assert take(stream) == []
    stream.push(speech())
    stream.finish()
    assert take(stream) == alone(recognizer, speech(), latency_ms=80)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite_are_refused_and_the_stream_goes_on(recognizer: Any, bad: float) -> None:
    samples = speech()
    stream = _core.Stream(recognizer, {"latency_ms": 80})
    stream.push(samples[:5000])
    broken = samples[5000:9000].copy()
    broken[[123, 200]] = bad
    for _ in range(2):
        with pytest.raises(AudioError, match=r"Sample 5123 is (NaN|.Inf).*None of this audio was taken"):
            stream.push(broken)
    assert stream.pushed_s == 5000 / RATE_HZ
    stream.push(samples[5000:])
    stream.finish()
    assert take(stream) == alone(recognizer, samples, latency_ms=80)


def test_a_rate_that_changes_is_refused_and_the_stream_goes_on(recognizer: Any) -> None:
    samples = speech()
    stream = _core.Stream(recognizer, {"latency_ms": 80})
    stream.push(samples[:0], 8000)  # nothing: no rate is settled
    stream.push(samples[:5000], RATE_HZ)
    with pytest.raises(AudioError, match="signal is at 16000 Hz, but this audio is at 8000 Hz"):
        stream.push(samples[5000:], 8000)
    stream.push(samples[5000:])
    stream.finish()
    assert take(stream) == alone(recognizer, samples, latency_ms=80)
    stream.reset()
    stream.push(samples, 8000)

    stated = _core.Stream(recognizer, {"sample_rate_hz": 8000})
    with pytest.raises(AudioError, match="signal is at 8000 Hz, but this audio is at 16000 Hz"):
        stated.push(samples, RATE_HZ)
    stated.push(samples)
    assert stated.pushed_s == len(samples) / 8000


@pytest.mark.parametrize("rate_hz", [-1, 1, 999, 1_000_000])
def test_absurd_rates(recognizer: Any, rate_hz: int) -> None:
    with pytest.raises(OptionError, match=str(rate_hz)):
        _core.Stream(recognizer, {"sample_rate_hz": rate_hz})
    stream = _core.Stream(recognizer)
    with pytest.raises((AudioError, OptionError), match=str(rate_hz)):
        stream.push(speech(), rate_hz)
    stream.push(speech(), RATE_HZ)
    assert stream.pushed_s == len(speech()) / RATE_HZ


def test_wrong_arrays_and_options(recognizer: Any) -> None:
    stream = _core.Stream(recognizer)
    wrong: list[Any] = [np.zeros(10), np.zeros(10, np.int16), np.zeros(20, np.float32)[::2], [0.0], None]
    for samples in wrong:
        with pytest.raises(TypeError):
            stream.push(samples)
    with pytest.raises(AudioError, match="one-dimensional"):
        stream.push(np.zeros((2, 10), np.float32))
    wrong_options: list[tuple[dict[str, Any], str]] = [
        ({"latency_ms": 77}, r"0.*80.*480.*1040"),
        ({"start": "somewhere"}, "one of aligned, nemo_pad"),
        ({"latency": 80}, "no option latency; there are latency_ms"),
        ({"latency_ms": "soon"}, "latency_ms"),
        ({"endpoint": {"silence": 1.0}}, r"endpoint\.silence"),
        ({"endpoint": {"max_length_s": float("nan")}}, "max_length_s"),
        ({"endpoint": 3}, "endpoint"),
        ({"vad": {"kind": "loud"}}, r"vad\.kind"),
        ({"vad": {"kind": "energy", "min_speech_s": -1.0}}, "min_speech_s"),
    ]
    for options, message in wrong_options:
        for make in (_core.Stream, _core.StreamPool):
            with pytest.raises(OptionError, match=message):
                make(recognizer, options)
    with pytest.raises(OptionError, match="max_batch"):
        _core.StreamPool(recognizer, {}, 0)


def test_models_that_cannot_stream() -> None:
    with pytest.raises(ModelError, match="cache-aware"):
        _core.Stream(fastctc.load(TINY / "offline.onnx", normalize="none")._core)
    with pytest.raises(ModelError, match="normalises its features over the whole utterance"):
        _core.Stream(fastctc.load(TINY / "stream_exact_r1.onnx", normalize="per_feature")._core)


def test_two_threads_in_one_stream_get_a_named_error(recognizer: Any) -> None:
    stream = _core.Stream(recognizer, {"latency_ms": 0})
    samples = tiled(60)
    started = threading.Event()

    def refusal(enter: Callable[[], object]) -> str:
        try:
            enter()
        except Error as error:
            return str(error)
        return ""

    def push_all() -> None:
        started.set()
        while refusal(lambda: stream.push(samples)):  # refused while the other thread is inside
            pass

    thread = threading.Thread(target=push_all)
    thread.start()
    started.wait()
    messages = set()
    while thread.is_alive():  # this loop runs at all only because push() has released the GIL
        for enter in (lambda: stream.push(samples[:1]), lambda: stream.push(samples[:0])):
            messages.add(refusal(enter))
    thread.join()
    assert len(messages - {""}) == 1
    assert "This stream is in use by another thread" in max(messages)
    stream.finish()
    assert stream.done


def test_a_stream_dropped_in_the_middle_and_one_that_outlives_its_recognizer() -> None:
    stream = _core.Stream(fastctc.load(DEMO)._core, {"latency_ms": 80})
    gc.collect()
    stream.push(speech()[:20000])
    other = _core.Stream(fastctc.load(DEMO)._core, {"latency_ms": 80})
    other.push(speech()[:20000])
    del other
    gc.collect()
    stream.push(speech()[20000:])
    stream.finish()
    assert text(take(stream)) == "two nine three four zero"


def test_a_thousand_streams_opened_and_closed_leave_memory_flat(recognizer: Any) -> None:
    samples = speech()[: 3 * RATE_HZ]

    def open_and_close(count: int, make: Callable[[], Any]) -> None:
        for i in range(count):
            stream = make()
            stream.push(samples[: 1 + i * 97 % len(samples)])
            if i % 3 == 0:
                stream.finish()

    pool = _core.StreamPool(recognizer, {"latency_ms": 1040})

    def make_in_pool() -> Any:
        pool.step()
        return pool.open()

    for make in (lambda: _core.Stream(recognizer, {"latency_ms": 1040}), make_in_pool):
        open_and_close(100, make)
        before = rss()
        open_and_close(500, make)
        assert rss() - before < 4 * MIB
    pool.step()
    assert pool.n_streams == 0


def test_minutes_of_audio_leave_memory_flat_and_times_true(recognizer: Any) -> None:
    """An hour takes half a minute and gives the same picture."""
    duration_s = 300
    pause = np.zeros(RATE_HZ // 2, np.float32)
    block = np.concatenate([pause, speech("five-five"), pause])
    block = block[: len(block) // 1280 * 1280]  # whole frames
    block_s = len(block) / RATE_HZ
    first = final_words(alone(recognizer, block, latency_ms=1040))
    assert [word for word, *_ in first] == ["five", "five"]
    stream = _core.Stream(recognizer, {"latency_ms": 1040})
    words: list[tuple[str, float, float]] = []
    n_blocks = int(duration_s / block_s)
    before = 0
    for i in range(n_blocks):
        for begin in range(0, len(block), 8000):
            stream.push(block[begin : begin + 8000])
        words += final_words(take(stream))
        if i == n_blocks // 5:
            before = rss()
    assert rss() - before < 4 * MIB
    stream.finish()
    words += final_words(take(stream))
    assert stream.decoded_s == stream.pushed_s == n_blocks * len(block) / RATE_HZ
    expected = [
        (word, i * block_s + start_s, i * block_s + end_s) for i in range(n_blocks) for word, start_s, end_s in first
    ]
    assert [word for word, *_ in words] == [word for word, *_ in expected]
    for found, true in zip(words, expected, strict=True):
        assert abs(found[1] - true[1]) < 0.08 + 1e-6
        assert abs(found[2] - true[2]) < 0.08 + 1e-6


# Pools


def test_a_pool_gives_each_stream_what_it_gets_alone(recognizer: Any) -> None:
    """Opened, pushed into, finished, reset and dropped in any order."""
    random = np.random.default_rng(0)
    source = tiled(12)
    options = {"latency_ms": 480, "endpoint": {"max_length_s": 2.5}}
    pool = _core.StreamPool(recognizer, options, 3)
    streams: dict[int, Any] = {}
    begins: dict[int, int] = {}
    finished: set[int] = set()
    results: dict[int, list[StreamResult]] = {}
    n_whole = 0
    for number in range(12):
        streams[number], results[number] = pool.open(), []
        begins[number] = int(random.integers(0, 40000))
        for i in random.permutation([i for i in streams if i not in finished]):
            begin = begins[i] + round(streams[i].pushed_s * RATE_HZ)
            streams[i].push(source[begin : begin + int(random.integers(1, 40000))])
            if number % 5 == 4 and i == min(streams):
                streams[i].finish()
                finished.add(int(i))
            results[i] += take(streams[i])
        if number == 6:
            del streams[max(streams)]
        if number == 8:
            i = max(streams)
            streams[i].reset()
            results[i] = []
        pool.step()
    assert pool.n_streams == len(streams)
    for stream in streams.values():
        stream.finish()
    run_out(pool)
    for i, stream in streams.items():
        assert stream.done
        results[i] += take(stream)
        begin = begins[i]
        expected = alone(recognizer, source[begin : begin + round(stream.pushed_s * RATE_HZ)], **options)
        assert final_words(results[i]) == final_words(expected)
        assert [(r.cause, r.segment, r.start_s, r.end_s) for r in results[i] if r.is_final] == [
            (r.cause, r.segment, r.start_s, r.end_s) for r in expected if r.is_final
        ]
        n_whole += 1
    assert n_whole == 11


def test_a_nan_in_one_stream_of_a_batch_touches_that_stream_alone(recognizer: Any) -> None:
    pool = _core.StreamPool(recognizer, {"latency_ms": 480})
    samples = speech()
    good, bad, other = (pool.open() for _ in range(3))
    for stream in (good, bad, other):
        stream.push(samples[:20000])
    broken = samples[20000:].copy()
    broken[7] = np.nan
    good.push(samples[20000:])
    with pytest.raises(AudioError, match=r"Sample 20007 is NaN"):
        bad.push(broken)
    pool.step()
    other.push(samples[20000:])
    bad.push(samples[20000:])
    for stream in (good, bad, other):
        stream.finish()
    run_out(pool)
    expected = final_words(alone(recognizer, samples, latency_ms=480))
    for stream in (good, bad, other):
        assert final_words(take(stream)) == expected


@pytest.mark.parametrize("trap", [{"nan_above": 10.25}, {"fail_above": 10.25}])
def test_a_stream_that_fails_in_the_model_keeps_its_error_to_itself(tmp_path: Path, trap: dict[str, float]) -> None:
    """The graph breaks where a feature is above 10.25: the loudest tone. Its probe run goes to 10."""
    shutil.copy(TINY / "tokens.txt", tmp_path)
    shutil.copy(TINY / "weights.bin", tmp_path)
    onnx_graphs.edit_streaming_graph(TINY / "stream_exact_r1.onnx", tmp_path / "model.onnx", **trap)  # type: ignore[arg-type]
    recognizer = fastctc.load(tmp_path, normalize="none")._core
    quiet = speech()
    tone = 31 * np.sin(2 * np.pi * 1000 * np.arange(len(quiet) - 16000) / RATE_HZ)
    loud = np.concatenate([quiet[:16000], tone.astype(np.float32)])
    expected = alone(recognizer, quiet)
    pool = _core.StreamPool(recognizer)
    streams = [pool.open() for _ in range(3)]
    for i, stream in enumerate(streams):
        stream.push(loud if i == 1 else quiet)
        stream.finish()
    run_out(pool)
    good, bad, other = streams
    for stream in (good, other):
        assert stream.done
        assert final_words(take(stream)) == final_words(expected)
    assert not bad.done
    assert not bad.ready
    kept = take(bad)  # what came before the failure
    assert [result.text for result in kept] == [result.text for result in expected[: len(kept)]]
    assert kept
    for enter in (bad.take, bad.finish, lambda: bad.push(quiet)):
        with pytest.raises(EngineError):
            enter()
    bad.reset()
    bad.push(quiet)
    bad.finish()
    run_out(pool)
    assert final_words(take(bad)) == final_words(expected)

    lone = _core.Stream(recognizer)
    with pytest.raises(EngineError):
        lone.push(loud)
    assert [result.text for result in take(lone)] == [result.text for result in kept]
    with pytest.raises(EngineError):
        lone.take()


def test_streams_that_waited_longest_run_first_and_a_batch_has_its_bound(recognizer: Any) -> None:
    pool = _core.StreamPool(recognizer, {"latency_ms": 80}, 2)
    streams = [pool.open() for _ in range(5)]
    for stream in streams:
        stream.push(speech())
    assert not pool.open().ready
    order = []
    for _ in range(5):
        decoded_s = [stream.decoded_s for stream in streams]
        assert pool.step() == 2
        order.append([i for i, stream in enumerate(streams) if stream.decoded_s > decoded_s[i]])
    assert order == [[0, 1], [2, 3], [0, 4], [1, 2], [3, 4]]
    run_out(pool)
    for stream in streams:
        assert stream.decoded_s > 2
        stream.finish()
    run_out(pool)
    assert all(text(take(stream)) == "two nine three four zero" for stream in streams)


def test_silence_costs_no_steps_where_speech_is_detected(recognizer: Any) -> None:
    pool = _core.StreamPool(recognizer, {"latency_ms": 80, "vad": {"kind": "energy"}})
    stream = pool.open()
    noise = (np.random.default_rng(0).standard_normal(30 * RATE_HZ) * 1e-4).astype(np.float32)
    for begin in range(0, len(noise), 1600):
        stream.push(noise[begin : begin + 1600])
        assert pool.step() == 0
    assert stream.decoded_s > 29
    stream.push(speech())
    assert pool.step() == 1
    stream.finish()
    run_out(pool)
    assert text(take(stream)) == "two nine three four zero"


def test_a_pool_under_threads(recognizer: Any) -> None:
    """Streams pushed into, taken from, reset and dropped by several threads while another one steps."""
    pool = _core.StreamPool(recognizer, {"latency_ms": 480}, 4)
    samples = speech()
    expected = final_words(alone(recognizer, samples, latency_ms=480))
    stopping = threading.Event()
    failures: list[BaseException] = []

    def guarded(work: Callable[[], None]) -> threading.Thread:
        def run() -> None:
            try:
                work()
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def step() -> None:
        while not stopping.is_set():
            if pool.wait(0.05):
                pool.step()

    def feed(seed: int) -> Callable[[], None]:
        def work() -> None:
            random = np.random.default_rng(seed)
            for number in range(6):
                stream = pool.open()
                results: list[StreamResult] = []
                begin = 0
                while begin < len(samples):
                    end = begin + int(random.integers(1, 20000))
                    stream.push(samples[begin:end])
                    results += take(stream)
                    begin = end
                    if number % 3 == 1 and begin > 20000:
                        break
                if number % 3 == 1:
                    continue  # dropped in the middle
                if number % 3 == 2:
                    stream.reset()
                    results = []
                    stream.push(samples)
                stream.finish()
                while not stream.done:
                    results += take(stream)
                    stopping.wait(0.002)
                assert final_words(results + take(stream)) == expected

        return work

    stepping = guarded(step)
    feeding = [guarded(feed(seed)) for seed in range(3)]
    for thread in feeding:
        thread.join(60)
    stopping.set()
    stepping.join(60)
    assert not failures
    assert not stepping.is_alive()
    assert pool.n_streams == 0


def test_waiting_streams_do_not_keep_the_caches_of_others(recognizer: Any) -> None:
    """A stream that pauses after each step would hold the whole batch's caches."""
    pool = _core.StreamPool(recognizer, {"latency_ms": 1040}, 16)
    samples = tiled(2.2)
    for stream in [pool.open() for _ in range(16)]:  # what ONNX Runtime needs for such a batch stays
        stream.push(samples)
    run_out(pool)
    idle = []
    before = 0
    for i in range(40):
        streams = [pool.open() for _ in range(16)]
        for stream in streams:
            stream.push(samples[:20000])
        pool.step()
        idle.append(streams[0])
        del streams, stream
        pool.step()
        if i == 9:
            before = rss()
    # 30 streams with 0.3 MiB of caches each; not 480.
    assert rss() - before < 30 * MIB
    assert pool.n_streams == len(idle)
