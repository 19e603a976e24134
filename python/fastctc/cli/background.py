"""Work in a thread of its own, so that an interrupt is answered at once and never in the middle of a write."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any, TypeVar

__all__ = ["InterruptedBySignal", "in_background"]

Item = TypeVar("Item")

# Windows delivers no signal to a thread that waits for ever.
_POLL_S = 0.2
# Items that may wait to be taken: an interrupt is answered after these.
_AHEAD = 64


class InterruptedBySignal(Exception):  # noqa: N818 like KeyboardInterrupt, not an error
    """SIGINT or SIGTERM came; all items done before it have been handed over."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal.Signals(signal_number).name)
        self.status = 128 + signal_number
        """Exit status, as shells tell it."""


class _End:
    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


@contextmanager
def in_background(make: Callable[[], Generator[Item, None, None]]) -> Iterator[Iterator[list[Item]]]:
    """Runs `make()`'s iteration in a thread and hands over, in the block, all items that are there at a time.

    Leaving the block early asks the iteration to stop after its current item and does not wait for it.

    Raises:
        InterruptedBySignal: by the next items, after the first SIGINT or SIGTERM. A second one acts as usual.
        BaseException: by the next items, what the iteration raised.
    """
    # SimpleQueue, because a signal handler may put into it while the same thread takes from it.
    queue: SimpleQueue[Any] = SimpleQueue()
    room = threading.Semaphore(_AHEAD)
    unwanted = threading.Event()

    def work() -> None:
        try:
            with closing(make()) as items:
                for item in items:
                    while not room.acquire(timeout=_POLL_S):
                        if unwanted.is_set():
                            return
                    queue.put((item,))
                    if unwanted.is_set():
                        return
            queue.put(_End())
        except BaseException as error:  # raised again where the items are taken
            queue.put(_End(error))

    thread = threading.Thread(target=work, name="fastctc-cli", daemon=True)
    with _signals_put_into(queue):
        thread.start()
        try:
            yield _take(queue, room)
        finally:
            unwanted.set()


def _take(queue: SimpleQueue[Any], room: threading.Semaphore) -> Iterator[list[Any]]:
    while True:
        entries = []
        with suppress(Empty):
            entries.append(queue.get(timeout=_POLL_S))
            while True:
                entries.append(queue.get_nowait())
        items = [entry[0] for entry in entries if isinstance(entry, tuple)]
        if items:
            yield items
            room.release(len(items))
        for entry in entries:
            if isinstance(entry, InterruptedBySignal):
                raise entry
            if isinstance(entry, _End):
                if entry.error is not None:
                    raise entry.error
                return


@contextmanager
def _signals_put_into(queue: SimpleQueue[Any]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # handlers belong to the main thread
        return
    replaced: dict[int, Any] = {}

    def restore() -> None:
        while replaced:
            signal.signal(*replaced.popitem())

    def handle(number: int, _frame: FrameType | None) -> None:
        restore()
        queue.put(InterruptedBySignal(number))

    for number in (signal.SIGINT, signal.SIGTERM):
        # A signal that the shell told this process to ignore stays ignored; a handler not set from Python is None.
        if signal.getsignal(number) not in (signal.SIG_IGN, None):
            replaced[number] = signal.signal(number, handle)
    try:
        yield
    finally:
        restore()
