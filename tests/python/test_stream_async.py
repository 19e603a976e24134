"""Live streams under asyncio: the loop never waits, cancellation leaves nothing behind, batches form by themselves."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

import fastctc
from conftest import DATA
from fastctc.errors import AudioError, OptionError
from fastctc.types import StreamResult

RATE_HZ = 16000
SAID = "two nine three four zero"
CHUNK = RATE_HZ // 10
LIMIT_S = 60.0


@pytest.fixture(scope="module")
def recognizer() -> fastctc.Recognizer:
    return fastctc.load()


@pytest.fixture(scope="module")
def speech() -> NDArray[np.int16]:
    return soundfile.read(DATA / "speech" / "two-nine-three-four-zero.wav", dtype="int16")[0]


def pieces(samples: NDArray[Any], n: int = CHUNK) -> Iterator[NDArray[Any]]:
    for start in range(0, len(samples), n):
        yield samples[start : start + n]


async def arriving(samples: NDArray[Any]) -> AsyncIterator[NDArray[Any]]:
    for piece in pieces(samples):
        await asyncio.sleep(0)
        yield piece


def final_text(results: list[StreamResult]) -> str:
    return " ".join(result.text for result in results if result.is_final and result.text)


def run(work: Awaitable[Any]) -> Any:
    async def limited() -> Any:
        return await asyncio.wait_for(work, LIMIT_S)

    return asyncio.run(limited())


@pytest.mark.parametrize("is_async", [False, True])
def test_results_while_audio_comes(recognizer: fastctc.Recognizer, speech: NDArray[np.int16], is_async: bool) -> None:
    async def work() -> list[StreamResult]:
        chunks = arriving(speech) if is_async else pieces(speech)
        return [result async for result in recognizer.transcribe_stream_async(chunks, latency_ms=80)]

    assert run(work()) == list(recognizer.transcribe_stream(pieces(speech), latency_ms=80))


def test_the_loop_keeps_ticking(recognizer: fastctc.Recognizer, speech: NDArray[np.int16]) -> None:
    """A piece that takes long to recognise, and a plain iterator that waits for its audio, stop nobody else."""
    slow = threading.Event()

    def waits() -> Iterator[NDArray[Any]]:
        yield np.tile(speech, 10)
        slow.wait(0.5)
        yield speech

    async def work() -> tuple[list[StreamResult], float, int]:
        gaps: list[float] = []

        async def tick() -> None:
            last_s = time.monotonic()
            while True:
                await asyncio.sleep(0.001)
                now_s = time.monotonic()
                gaps.append(now_s - last_s)
                last_s = now_s

        ticking = asyncio.create_task(tick())
        begun_s = time.monotonic()
        results = [result async for result in recognizer.transcribe_stream_async(waits(), latency_ms=0)]
        elapsed_s = time.monotonic() - begun_s
        ticking.cancel()
        return results, elapsed_s, len(gaps)

    results, elapsed_s, n_ticks = run(work())
    assert "zero" in final_text(results)
    assert elapsed_s > 0.5
    # A loop that waited for the work would tick a few times; a busy machine's ticks are late, not absent.
    assert n_ticks > 50


def test_push_and_finish(recognizer: fastctc.Recognizer, speech: NDArray[np.int16]) -> None:
    async def work() -> list[StreamResult]:
        async with fastctc.AsyncStream(recognizer.stream(latency_ms=80)) as stream:
            results = []
            for piece in pieces(speech):
                results += await stream.push(piece)
            results += await stream.finish()
            with pytest.raises(AudioError, match="finish"):
                await stream.push(speech)
            return results

    assert final_text(run(work())) == SAID


def test_a_cancelled_push_leaves_nothing_running(recognizer: fastctc.Recognizer, speech: NDArray[np.int16]) -> None:
    """The piece at work is taken whole, and the stream goes on as if nothing had happened."""
    long = np.tile(speech, 10)

    async def work() -> tuple[float, float, list[StreamResult]]:
        stream = recognizer.stream(latency_ms=0, partial_results=False, endpoint=False)
        live = fastctc.AsyncStream(stream)
        task = asyncio.create_task(live.push(long))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        decoded_s = stream.decoded_s
        await asyncio.sleep(0.1)
        # Nothing works on behind our back; and no error of two threads.
        return decoded_s, stream.decoded_s, await live.push(speech) + await live.finish()

    before_s, after_s, results = run(work())
    assert before_s == after_s > 10
    assert len(final_text(results).split()) >= 50


def test_a_cancelled_iteration_closes_its_stream(recognizer: fastctc.Recognizer, speech: NDArray[np.int16]) -> None:
    async def work() -> int:
        n_threads = threading.active_count()

        async def listen() -> None:
            async for _ in recognizer.transcribe_stream_async(arriving(np.tile(speech, 100)), latency_ms=80):
                pass

        task = asyncio.create_task(listen())
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        # asyncio keeps its executor's threads; they are idle.
        return threading.active_count() - n_threads

    assert run(work()) <= 32


def test_errors_of_the_audio_reach_the_caller(recognizer: fastctc.Recognizer, speech: NDArray[np.int16]) -> None:
    async def breaks() -> AsyncIterator[NDArray[Any]]:
        yield speech
        raise ConnectionError("the line is dead")

    async def work() -> list[StreamResult]:
        results = recognizer.transcribe_stream_async(breaks(), latency_ms=80)
        seen = [await anext(results)]
        with pytest.raises(ConnectionError, match="dead"):
            seen.extend([result async for result in results])
        return seen

    assert run(work())


class TestPool:
    def test_many_tasks_share_one_pool(
        self, recognizer: fastctc.Recognizer, speech: NDArray[np.int16], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sizes: list[int] = []
        whole = fastctc.StreamPool.step

        def count(pool: fastctc.StreamPool) -> int:
            sizes.append(whole(pool))
            return sizes[-1]

        monkeypatch.setattr(fastctc.StreamPool, "step", count)

        async def call(pool: fastctc.StreamPool) -> list[StreamResult]:
            async with fastctc.AsyncStream(pool.open(), pool) as stream:
                results: list[StreamResult] = []
                for piece in pieces(speech, 4000):
                    results += await stream.push(piece)
                return results + await stream.finish()

        async def work() -> list[list[StreamResult]]:
            with fastctc.StreamPool(recognizer, max_batch=8, latency_ms=80) as pool:
                return await asyncio.gather(*(call(pool) for _ in range(8)))

        calls = run(work())
        assert [final_text(results) for results in calls] == [SAID] * 8
        # Batches formed: fewer runs than chunks.
        assert max(sizes) > 1
        assert sum(sizes) > len([size for size in sizes if size])

    def test_a_stream_far_behind_makes_its_task_wait(
        self, recognizer: fastctc.Recognizer, speech: NDArray[np.int16], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("fastctc.stream_async.MAX_BACKLOG_S", 1.0)
        long = np.tile(speech, 10)

        async def work() -> tuple[float, list[StreamResult]]:
            with fastctc.StreamPool(recognizer, latency_ms=80) as pool:
                inner = pool.open()
                async with fastctc.AsyncStream(inner, pool) as stream:
                    results = await stream.push(long)
                    behind_s = inner.pushed_s - inner.decoded_s
                    return behind_s, results + await stream.finish()

        behind_s, results = run(work())
        assert behind_s <= 1.0
        assert len(final_text(results).split()) >= 45

    def test_outside_of_its_block_it_can_not_wait(
        self, recognizer: fastctc.Recognizer, speech: NDArray[np.int16]
    ) -> None:
        async def work() -> None:
            pool = fastctc.StreamPool(recognizer, latency_ms=80)
            stream = fastctc.AsyncStream(pool.open(), pool)
            await stream.push(speech)
            with pytest.raises(OptionError, match="async with"):
                await stream.finish()

        run(work())
