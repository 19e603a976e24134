"""Live streams as Python users have them: pieces, callbacks, iterators, pools. What they hear: tests/parity."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

import fastctc
from conftest import DATA
from fastctc.errors import AudioError, Error, OptionError
from fastctc.types import EndpointOptions, StreamOptions, StreamResult, VadOptions

RATE_HZ = 16000
SAID = "two nine three four zero"
CHUNK = RATE_HZ // 10


@pytest.fixture(scope="module")
def recognizer() -> fastctc.Recognizer:
    return fastctc.load()


@pytest.fixture(scope="module")
def speech() -> NDArray[np.int16]:
    return soundfile.read(DATA / "speech" / "two-nine-three-four-zero.wav", dtype="int16")[0]


def pieces(samples: NDArray[Any], n: int = CHUNK) -> Iterator[NDArray[Any]]:
    for start in range(0, len(samples), n):
        yield samples[start : start + n]


def final_text(results: list[StreamResult]) -> str:
    return " ".join(result.text for result in results if result.is_final and result.text)


class TestStream:
    @pytest.mark.parametrize("latency_ms", [0, 80, 480, 1040])
    def test_pushes_give_partial_results_then_final_ones(
        self, recognizer: fastctc.Recognizer, speech: NDArray[np.int16], latency_ms: int
    ) -> None:
        with recognizer.stream(latency_ms=latency_ms) as stream:
            results = [result for piece in pieces(speech) for result in stream.push(piece)]
            assert 0 < stream.decoded_s <= stream.pushed_s == pytest.approx(len(speech) / RATE_HZ)
            assert not stream.done
            assert results
            assert not any(result.is_final for result in results if result.cause == "finish")
            results += stream.finish()
            assert stream.done
            assert stream.decoded_s == stream.pushed_s
            assert stream.finish() == []
        assert final_text(results) == SAID
        assert results[-1].cause == "finish"
        for result in results:
            assert result.text.startswith(result.stable_text)
            assert result.start_s <= result.end_s

    @pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32, np.float64])
    def test_samples_of_every_type(
        self, recognizer: fastctc.Recognizer, speech: NDArray[np.int16], dtype: type[Any]
    ) -> None:
        scale: float = {np.int16: 1, np.int32: 65536}.get(dtype, 1 / 32768)
        given = (speech.astype(np.float64) * scale).astype(dtype)
        stream = recognizer.stream(latency_ms=80)
        # Every second of a doubled array: not contiguous.
        assert final_text(stream.push(np.repeat(given, 2)[::2]) + stream.finish()) == SAID

    def test_another_rate(self, recognizer: fastctc.Recognizer) -> None:
        samples, rate = soundfile.read(DATA / "speech" / "five-five.wav", dtype="float32")
        doubled = np.interp(np.arange(2 * len(samples)) / 2, np.arange(len(samples)), samples).astype(np.float32)
        stream = recognizer.stream(sample_rate=2 * rate)
        assert final_text(stream.push(doubled) + stream.finish()) == "five five"
        assert stream.pushed_s == pytest.approx(len(samples) / rate)
        stream = recognizer.stream()
        assert final_text(stream.push(doubled, sample_rate=2 * rate) + stream.finish()) == "five five"

    def test_a_rate_that_changes(self, recognizer: fastctc.Recognizer, speech: NDArray[np.int16]) -> None:
        stream = recognizer.stream(latency_ms=80)
        results = stream.push(speech[:CHUNK], sample_rate=RATE_HZ)
        with pytest.raises(AudioError, match="8000"):
            stream.push(speech[CHUNK:], sample_rate=8000)
        results += stream.push(speech[CHUNK:]) + stream.finish()
        assert final_text(results) == SAID

    def test_results_as_dicts(self, recognizer: fastctc.Recognizer, speech: NDArray[np.int16]) -> None:
        stream = recognizer.stream(latency_ms=80, partial_results=False)
        [*_, result] = stream.push(speech) + stream.finish()
        content = result.to_dict()
        assert content["cause"] == "finish"
        assert [word["text"] for word in content["transcript"]["words"]] == SAID.split()
        assert repr(result).startswith("StreamResult('two nine")
        assert "final, finish" in repr(result)

    def test_reset_begins_anew(self, recognizer: fastctc.Recognizer, speech: NDArray[np.int16]) -> None:
        stream = recognizer.stream(latency_ms=80)
        once = stream.push(speech) + stream.finish()
        stream.reset()
        assert (stream.pushed_s, stream.decoded_s, stream.done) == (0, 0, False)
        assert stream.push(speech) + stream.finish() == once

    def test_a_closed_or_finished_stream_takes_nothing(
        self, recognizer: fastctc.Recognizer, speech: NDArray[np.int16]
    ) -> None:
        stream = recognizer.stream()
        stream.finish()
        with pytest.raises(AudioError, match="finish"):
            stream.push(speech)
        stream.close()
        stream.close()
        assert repr(stream) == "Stream(closed)"
        for use in (lambda: stream.push(speech), stream.finish, stream.reset, lambda: stream.pushed_s):
            with pytest.raises(AudioError, match="closed"):
                use()

    def test_samples_that_are_none(self, recognizer: fastctc.Recognizer, speech: NDArray[np.int16]) -> None:
        stream = recognizer.stream(latency_ms=80)
        bad = np.zeros(CHUNK, np.float32)
        bad[7] = np.nan
        wrong: list[Any] = [bad, [0.1, 0.2], "talk.wav", speech[:, None], speech.astype(np.float32), speech > 0]
        for samples in wrong:
            with pytest.raises(AudioError):
                stream.push(samples)
        assert stream.pushed_s == 0
        assert final_text(stream.push(speech) + stream.finish()) == SAID

    def test_two_threads_at_once_are_a_named_error(self, recognizer: fastctc.Recognizer) -> None:
        """Whoever loses is told so; nothing crashes, and the stream goes on."""
        stream = recognizer.stream(latency_ms=0)
        noise = np.random.default_rng(1).normal(0, 0.01, 10 * RATE_HZ).astype(np.float32)
        errors: list[Error] = []
        taken = [0]
        together = threading.Barrier(2)

        def push_once() -> None:
            try:
                stream.push(noise)
                taken[0] += 1
            except Error as error:
                errors.append(error)

        def push() -> None:
            for _ in range(3):
                together.wait()
                push_once()

        threads = [threading.Thread(target=push) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors
        assert all("thread" in str(error) for error in errors)
        assert stream.pushed_s == taken[0] * 10
        stream.finish()

    def test_options(self, recognizer: fastctc.Recognizer) -> None:
        base = StreamOptions(latency_ms=480, endpoint=EndpointOptions(silence_after_speech_s=0.5))
        stream = recognizer.stream(base, sample_rate=8000, vad="energy")
        assert stream.options == StreamOptions(
            latency_ms=480, sample_rate_hz=8000, endpoint=base.endpoint, vad=VadOptions(kind="energy")
        )
        assert recognizer.stream(endpoint=False).options.endpoint == EndpointOptions.off()

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            ({"latency_ms": 100}, "0, 80, 480"),
            ({"latency_ms": 0.5}, "whole number"),
            ({"sample_rate": True}, "whole number"),
            ({"sample_rate": 10}, "10"),
            ({"start": "exact"}, "start"),
            ({"vad": "loud"}, "energy"),
        ],
    )
    def test_options_that_can_not_be(self, recognizer: fastctc.Recognizer, options: dict[str, Any], says: str) -> None:
        with pytest.raises(OptionError, match=says):
            recognizer.stream(**options)

    def test_thousand_streams_opened_used_and_dropped(self, recognizer: fastctc.Recognizer) -> None:
        first = weakref.ref(recognizer.stream(latency_ms=80))
        for number in range(1000):
            stream = recognizer.stream(latency_ms=80)
            stream.push(np.zeros(number % 7 * 400, np.float32))
        del stream
        gc.collect()
        assert first() is None


class TestCallbackAndIterator:
    def test_the_callback_has_every_result_in_order(
        self, recognizer: fastctc.Recognizer, speech: NDArray[np.int16]
    ) -> None:
        seen: list[tuple[StreamResult, str]] = []
        stream = recognizer.stream(
            latency_ms=80, on_result=lambda result: seen.append((result, threading.current_thread().name))
        )
        results = [result for piece in pieces(speech) for result in stream.push(piece)] + stream.finish()
        assert [result for result, _ in seen] == results
        assert {name for _, name in seen} == {threading.current_thread().name}

    def test_a_callback_that_raises_loses_nothing(
        self, recognizer: fastctc.Recognizer, speech: NDArray[np.int16]
    ) -> None:
        seen: list[StreamResult] = []

        def fail_first(result: StreamResult) -> None:
            seen.append(result)
            if len(seen) == 1:
                raise KeyError("mine")

        stream = recognizer.stream(latency_ms=80, on_result=fail_first)
        with pytest.raises(KeyError, match="mine"):
            stream.push(speech)
        stream.finish()
        assert final_text(seen) == SAID
        plain = recognizer.stream(latency_ms=80)
        assert seen == plain.push(speech) + plain.finish()

    def test_the_iterator_gives_results_while_audio_comes(
        self, recognizer: fastctc.Recognizer, speech: NDArray[np.int16]
    ) -> None:
        n_asked = 0

        def source() -> Iterator[NDArray[np.int16]]:
            nonlocal n_asked
            for piece in pieces(speech):
                n_asked += 1
                yield piece

        results = recognizer.transcribe_stream(source(), latency_ms=80)
        first = next(results)
        assert not first.is_final
        assert 0 < n_asked < len(speech) // CHUNK
        assert final_text([first, *results]) == SAID

    def test_an_iterator_that_is_left_early(self, recognizer: fastctc.Recognizer, speech: NDArray[np.int16]) -> None:
        closed = []

        def source() -> Iterator[NDArray[np.int16]]:
            try:
                yield from pieces(speech)
            finally:
                closed.append(True)

        chunks = source()
        for _ in recognizer.transcribe_stream(chunks, latency_ms=80):
            break
        del chunks
        gc.collect()
        assert closed


class TestPool:
    def test_each_stream_equals_itself_alone(self, recognizer: fastctc.Recognizer, speech: NDArray[np.int16]) -> None:
        """By hand: streams that begin, end and are dropped at different times."""
        other = soundfile.read(DATA / "speech" / "five-five.wav", dtype="int16")[0]
        audio = [speech, other, speech[4000:], other[: len(other) // 2], speech[::-1]]
        alone = []
        for samples in audio:
            stream = recognizer.stream(latency_ms=80)
            alone.append(stream.push(samples) + stream.finish())
        pool = fastctc.StreamPool(recognizer, max_batch=3, latency_ms=80)
        streams = [pool.open() for _ in audio]
        dropped = pool.open()
        dropped.push(speech)
        assert pool.n_streams == len(audio) + 1
        for stream, samples in zip(streams, audio, strict=True):
            for piece in pieces(samples):
                assert stream.push(piece) == []
            assert stream.finish() == []
        assert pool.step() > 1
        dropped.close()
        del dropped
        while pool.step():
            pass
        assert [stream.done for stream in streams] == [True] * len(audio)
        for stream, expected in zip(streams, alone, strict=True):
            results = stream.results()
            assert final_text(results) == final_text(expected)
            assert [result.end_s for result in results] == [result.end_s for result in expected]
        assert pool.n_streams == len(audio)
        assert pool.step() == 0
        assert not pool.wait(0.0)

    def test_a_thread_of_its_own(self, recognizer: fastctc.Recognizer, speech: NDArray[np.int16]) -> None:
        """Threads that push, one that steps; callbacks come from the latter, in order."""
        seen: dict[int, list[StreamResult]] = {number: [] for number in range(4)}
        names = set()

        def keep(number: int, result: StreamResult) -> None:
            names.add(threading.current_thread().name)
            seen[number].append(result)

        with fastctc.StreamPool(recognizer, latency_ms=80) as pool:
            streams = [pool.open(on_result=lambda result, n=number: keep(n, result)) for number in seen]  # type: ignore[misc]

            def speak(stream: fastctc.Stream) -> None:
                for piece in pieces(speech):
                    stream.push(piece)
                stream.finish()

            threads = [threading.Thread(target=speak, args=(stream,)) for stream in streams]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            deadline_s = time.monotonic() + 30
            while not all(results and results[-1].cause == "finish" for results in seen.values()):
                assert time.monotonic() < deadline_s
                time.sleep(0.01)
        assert [final_text(results) for results in seen.values()] == [SAID] * 4
        assert "fastctc-pool" in names
        pool.stop()  # again: fine

    def test_stopping_recognises_what_is_ready(self, recognizer: fastctc.Recognizer, speech: NDArray[np.int16]) -> None:
        with fastctc.StreamPool(recognizer, latency_ms=80) as pool:
            stream = pool.open()
            stream.push(speech)
            stream.finish()
        assert stream.done
        assert final_text(stream.results()) == SAID

    def test_one_that_fails_does_not_touch_the_others(
        self, recognizer: fastctc.Recognizer, speech: NDArray[np.int16]
    ) -> None:
        pool = fastctc.StreamPool(recognizer, latency_ms=80)
        good, bad = pool.open(), pool.open()
        good.push(speech[:8000])
        with pytest.raises(AudioError, match="finite"):
            bad.push(np.full(8000, np.nan, np.float32))
        good.push(speech[8000:])
        good.finish()
        while pool.step():
            pass
        assert final_text(good.results()) == SAID

    def test_a_callback_that_raises_in_the_pools_thread_is_told(
        self, recognizer: fastctc.Recognizer, speech: NDArray[np.int16]
    ) -> None:
        def fail(_: StreamResult) -> None:
            raise KeyError("mine")

        with fastctc.StreamPool(recognizer, latency_ms=80) as pool:
            pool.open(on_result=fail).push(speech)
            stream = pool.open(on_result=fail)
            stream.push(speech)
            assert pool._thread is not None
            pool._thread.join(30)
            with pytest.raises(KeyError, match="mine"):
                pool.check()

    @pytest.mark.parametrize("max_batch", [0, -1, 1.5, True])
    def test_batches_that_can_not_be(self, recognizer: fastctc.Recognizer, max_batch: Any) -> None:
        with pytest.raises(OptionError, match="max_batch"):
            fastctc.StreamPool(recognizer, max_batch=max_batch)
