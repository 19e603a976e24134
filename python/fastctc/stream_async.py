"""Live recognition under asyncio: the loop never waits for the model."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from types import TracebackType
from typing import Any, TypeVar

from fastctc.errors import OptionError
from fastctc.stream import Samples, Stream, StreamPool
from fastctc.types import StreamResult

__all__ = ["AsyncStream", "stream_results_async"]

Value = TypeVar("Value")

MAX_BACKLOG_S = 30.0
"""A pool's stream that is this far behind its audio makes `push` wait."""
_END: Any = object()


class AsyncStream:
    """A `Stream` under asyncio. One task at a time.

    The work runs in a thread. A cancelled call ends when its current piece of audio is done. Then nothing runs
    any more, and the stream can go on.
    """

    def __init__(self, stream: Stream, pool: StreamPool | None = None) -> None:
        """Wraps a stream.

        Args:
            stream: of `Recognizer.stream`, or of `pool`.
            pool: whose thread drives the stream (`StreamPool.start`).
        """
        self._stream = stream
        self._pool = pool
        self._stepped = asyncio.Event()
        self._end_listening: Callable[[], None] | None = None

    async def __aenter__(self) -> AsyncStream:
        if self._pool is not None and self._end_listening is None:
            loop = asyncio.get_running_loop()

            def tell() -> None:
                # The loop may be closed by a task that ended meanwhile.
                if not loop.is_closed():
                    loop.call_soon_threadsafe(self._stepped.set)

            self._end_listening = self._pool._listen(tell)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._end_listening is not None:
            self._end_listening()
            self._end_listening = None
        self._stream.close()

    async def push(self, samples: Samples, *, sample_rate: int | None = None) -> list[StreamResult]:
        """As `Stream.push`. A pool's stream that is far behind its audio waits until it has caught up."""
        results = await _in_thread(lambda: self._stream.push(samples, sample_rate=sample_rate))
        while self._pool is not None and self._stream.pushed_s - self._stream.decoded_s > MAX_BACKLOG_S:
            await self._next_step()
            results += self._stream.results()
        return results

    async def finish(self) -> list[StreamResult]:
        """As `Stream.finish`, but everything is recognised when it returns, also for a pool's stream."""
        results = await _in_thread(self._stream.finish)
        while self._pool is not None:
            # Asked before the results are taken, so that none comes between the last ones and the end.
            is_done = self._stream.done
            results += self._stream.results()
            if is_done:
                break
            await self._next_step()
        return results

    async def _next_step(self) -> None:
        assert self._pool is not None
        if self._end_listening is None:
            raise OptionError("A pool's AsyncStream is used in an `async with` block: it listens to its pool there.")
        self._pool.check()
        # The pool's thread may have ended by an error outside a step.
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._stepped.wait(), 1.0)
        self._stepped.clear()


async def stream_results_async(
    stream: AsyncStream, chunks: AsyncIterable[Samples] | Iterable[Samples]
) -> AsyncIterator[StreamResult]:
    """Yields the results of a stream as its audio comes; the next piece is asked for when the last one is done."""
    async with stream:
        async for chunk in _iterate(chunks):
            for result in await stream.push(chunk):
                yield result
        for result in await stream.finish():
            yield result


async def _iterate(chunks: AsyncIterable[Samples] | Iterable[Samples]) -> AsyncIterator[Samples]:
    if isinstance(chunks, AsyncIterable):
        async for chunk in chunks:
            yield chunk
        return
    # A plain iterator may wait for its audio, which must not stop the loop.
    iterator = iter(chunks)
    while (chunk := await _in_thread(lambda: next(iterator, _END))) is not _END:
        yield chunk


async def _in_thread(work: Callable[[], Value]) -> Value:
    """Runs it in a thread; a cancellation waits for its end, so that nothing goes on in the background."""
    future = asyncio.get_running_loop().run_in_executor(None, work)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await asyncio.wait([future])
        if not future.cancelled():
            future.exception()  # retrieves the exception, so that asyncio doesn't warn
        raise
