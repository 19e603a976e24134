"""Work in a thread of its own: order, errors, how far it runs ahead, and that it ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator

import pytest

from fastctc.cli.background import in_background


def test_everything_arrives_in_order() -> None:
    def numbers() -> Generator[int, None, None]:
        yield from range(1000)

    with in_background(numbers) as groups:
        assert [number for group in groups for number in group] == list(range(1000))


def test_an_error_arrives_after_what_came_before_it() -> None:
    def breaks() -> Generator[int, None, None]:
        yield 1
        yield 2
        raise ZeroDivisionError

    taken: list[int] = []

    def take() -> None:
        with in_background(breaks) as groups:
            for group in groups:
                taken.extend(group)

    with pytest.raises(ZeroDivisionError):
        take()
    assert taken == [1, 2]


def test_the_work_stays_close_and_ends_when_nobody_takes_any_more() -> None:
    made: list[int] = []
    ended = threading.Event()

    def endless() -> Generator[int, None, None]:
        try:
            while True:
                made.append(len(made))
                yield made[-1]
        finally:
            ended.set()

    with in_background(endless) as groups:
        first = next(groups)
        time.sleep(0.3)
        # 64 that nobody has taken, and the one that waits for room.
        assert len(first) <= len(made) <= len(first) + 65
    assert ended.wait(timeout=10)


def test_it_runs_in_any_thread() -> None:
    """Signal handlers belong to the main thread: elsewhere there are none, and the work is done all the same."""
    results: list[list[int]] = []

    def numbers() -> Generator[int, None, None]:
        yield 1

    def run() -> None:
        with in_background(numbers) as groups:
            results.extend(groups)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(timeout=10)
    assert results == [[1]]
