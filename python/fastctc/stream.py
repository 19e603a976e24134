"""Live recognition: audio in as it comes, partial and final results out. For asyncio see `fastctc.stream_async`."""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy.typing as npt

from fastctc import _core
from fastctc.audio.reading import as_samples
from fastctc.core_options import core_fields
from fastctc.errors import AudioError, OptionError
from fastctc.keywords import OnResult, PoolKeywords, resolve_stream_options, takes
from fastctc.loaded_model import LoadedModel
from fastctc.second_pass import rescored
from fastctc.types import StreamOptions, StreamResult

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["Stream", "StreamPool", "stream_results"]

Samples: TypeAlias = "npt.NDArray[Any] | memoryview"

IDLE_S = 0.1
"""How often a pool's thread looks whether it is to stop; new audio wakes it at once."""


class Stream:
    """One live signal; made by `Recognizer.stream` or `StreamPool.open`. One thread at a time feeds it.

    Whatever the sizes of the pieces pushed, the final results are the same. A `with` block closes the stream.
    """

    def __init__(self, core: _core.Stream, options: StreamOptions, on_result: OnResult | None = None) -> None:
        self._core: _core.Stream | None = core
        self._options = options
        self._on_result = on_result
        self._taken: deque[StreamResult] = deque()
        self._undelivered: deque[StreamResult] = deque()
        # Of a pool's stream, the pool's thread and the pushing one may both come for results; order is kept.
        self._delivery = threading.RLock()

    def __repr__(self) -> str:
        if self._core is None:
            return "Stream(closed)"
        return f"Stream({self.pushed_s:.2f} s pushed, {self.decoded_s:.2f} s recognised)"

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def options(self) -> StreamOptions:
        """What it was opened with."""
        return self._options

    @property
    def pushed_s(self) -> float:
        """Seconds of audio pushed."""
        return self._open().pushed_s

    @property
    def decoded_s(self) -> float:
        """Seconds of audio recognised."""
        return self._open().decoded_s

    @property
    def ready(self) -> bool:
        """Of a pool's stream: a chunk waits to be recognised."""
        return self._open().ready

    @property
    def done(self) -> bool:
        """`finish` was called and everything has been recognised."""
        return self._open().done

    def push(self, samples: Samples, *, sample_rate: int | None = None) -> list[StreamResult]:
        """Takes audio of any length and recognises every chunk that is whole.

        Args:
            samples: mono [n]: float32 or float64 in [-1, 1], int16, int32 or uint8.
            sample_rate: in Hz; None: the stream's. It can't change in the middle.

        Returns:
            The results that are new. A pool's stream leaves the work to its pool: what its steps found meanwhile.

        Raises:
            AudioError: samples that are not finite or far beyond [-1, 1] (none of this piece is taken, and the stream
                goes on), another rate than before, or a stream that is finished.
            EngineError: ONNX Runtime failed; the stream is over.
            Error: another thread is using the stream.
        """
        core = self._open()
        core.push(as_samples(samples), sample_rate or 0)
        return self.results()

    def finish(self) -> list[StreamResult]:
        """No more audio: every frame is recognised, and the last result is final.

        Of a pool's stream the rest comes with the pool's next steps; then `done` is true. Raises as `push`.
        """
        self._open().finish()
        return self.results()

    def results(self) -> list[StreamResult]:
        """What is new since the last call, for a stream that a pool drives.

        Raises what stopped the stream there, and RescoringError; the result that can't be rescored then waits, and is
        tried again by the next call.
        """
        with self._delivery:
            self._taken.extend(StreamResult.from_tuple(parts) for parts in self._open().take())
            new = [self._rescored(result) for result in self._taken]
            self._taken.clear()
            if self._on_result is not None:
                # A callback that raises has had its result; the others wait for the next call.
                self._undelivered.extend(new)
                while self._undelivered:
                    self._on_result(self._undelivered.popleft())
            return new

    def _rescored(self, result: StreamResult) -> StreamResult:
        if not result.is_final:
            return result
        transcript = rescored(result.transcript, self._options.decoder)
        return replace(result, transcript=transcript, n_stable_words=len(transcript.words))

    def reset(self) -> None:
        """Forgets everything but the options: the next sample stands at 0 s."""
        self._open().reset()
        self._taken.clear()
        self._undelivered.clear()

    def close(self) -> None:
        """Gives the memory back; what was not recognised is dropped. Closing twice is fine."""
        self._core = None

    def _open(self) -> _core.Stream:
        if self._core is None:
            raise AudioError("The stream is closed. Open another one.")
        return self._core


def stream_results(stream: Stream, chunks: Iterable[Samples]) -> Iterator[StreamResult]:
    """Yields the results of a stream as its audio comes; finishes it when the audio ends."""
    with stream:
        for chunk in chunks:
            yield from stream.push(chunk)
        yield from stream.finish()


class StreamPool:
    """Many streams of one model: their ready chunks run as one batch. Safe from any thread.

    `step()` by hand, or `start()` a thread of the pool's own that steps whenever a stream is ready. A slow, dead or
    failing stream does not touch the others.
    """

    @takes(resolve_stream_options)
    def __init__(self, recognizer: LoadedModel, *, max_batch: int = 16, **keywords: Unpack[PoolKeywords]) -> None:
        """Opens the model's graph for streams.

        Args:
            recognizer: the model.
            max_batch: streams in one run of the graph.
            keywords: options as `Recognizer.stream` takes them, the same for every stream of the pool.
        """
        if isinstance(max_batch, bool) or not isinstance(max_batch, int) or max_batch < 1:
            raise OptionError(f"max_batch must be a whole number from 1, not {max_batch!r}.")
        self._options = resolve_stream_options(**keywords)
        self._core = _core.StreamPool(
            recognizer._core, core_fields(self._options, recognizer._core.vocabulary), max_batch
        )
        self._streams: weakref.WeakSet[Stream] = weakref.WeakSet()
        self._listeners: list[Callable[[], object]] = []
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._failure: BaseException | None = None

    def __enter__(self) -> StreamPool:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def n_streams(self) -> int:
        """Streams that are open."""
        return self._core.n_streams

    def open(self, *, on_result: OnResult | None = None) -> Stream:
        """A stream of this pool. `on_result` is called by the thread that runs `step`."""
        self.check()
        stream = Stream(self._core.open(), self._options, on_result)
        with self._lock:
            self._streams.add(stream)
        return stream

    def step(self) -> int:
        """Runs one chunk of the streams that wait longest, `max_batch` of them; returns how many ran, 0: none waits."""
        self.check()
        n_streams = self._core.step()
        with self._lock:
            streams = [stream for stream in self._streams if stream._on_result is not None]
            listeners = list(self._listeners)
        for stream in streams:
            if stream._core is not None:
                stream.results()
        for listener in listeners:
            listener()
        return n_streams

    def wait(self, timeout_s: float) -> bool:
        """Waits until a stream has a chunk ready, `timeout_s` at most; whether one has."""
        return self._core.wait(timeout_s)

    def check(self) -> None:
        """Raises what a callback raised in the pool's thread, which ended it."""
        if self._failure is not None:
            raise self._failure

    def start(self) -> StreamPool:
        """Starts a thread that steps whenever a stream is ready; a `with` block does so. Starting twice is fine."""
        with self._lock:
            if self._thread is None:
                self._stopping.clear()
                self._thread = threading.Thread(target=self._work, name="fastctc-pool", daemon=True)
                self._thread.start()
        return self

    def stop(self) -> None:
        """Recognises what is ready, then stops the thread. Stopping twice is fine."""
        self._stopping.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        self._thread = None

    def _work(self) -> None:
        try:
            while True:
                stopping = self._stopping.is_set()
                if self.wait(0.0 if stopping else IDLE_S):
                    self.step()
                elif stopping:
                    return
        except BaseException as error:
            # A listener or a callback of the user's: whoever uses the pool next is told.
            self._failure = error

    def _listen(self, listener: Callable[[], object]) -> Callable[[], None]:
        """Has `listener` called after every step; returns what ends that."""
        with self._lock:
            self._listeners.append(listener)

        def end() -> None:
            with self._lock:
                self._listeners.remove(listener)

        return end
