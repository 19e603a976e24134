"""Many recordings: sorted by length into batches, spread over threads, answered in any order with their index."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

__all__ = ["default_threads", "plan_batches", "run_batches"]

Result = TypeVar("Result")

MAX_BATCH_ITEMS = 16


def default_threads() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


def plan_batches(durations_s: Sequence[float | None], max_padded_s: float) -> list[tuple[int, ...]]:
    """Groups items of like length; returns the groups' indices, longest items first.

    A group's cost is its longest item times its size (shorter items are padded to the longest), at most
    `max_padded_s` unless it is one item. An item of unknown length (None) is alone, and first, because it may
    be the longest.
    """
    unknown = [(index,) for index, duration in enumerate(durations_s) if duration is None]
    known = [(duration, index) for index, duration in enumerate(durations_s) if duration is not None]
    batches: list[tuple[int, ...]] = list(unknown)
    group: list[int] = []
    longest_s = 0.0
    for duration, index in sorted(known, key=lambda item: (-item[0], item[1])):
        full = len(group) == MAX_BATCH_ITEMS or longest_s * (len(group) + 1) > max_padded_s
        if group and full:
            batches.append(tuple(group))
            group = []
        if not group:
            longest_s = duration
        group.append(index)
    if group:
        batches.append(tuple(group))
    return batches


def run_batches(
    batches: Sequence[tuple[int, ...]],
    work: Callable[[tuple[int, ...]], list[Result]],
    threads: int,
    *,
    stop: threading.Event | None = None,
) -> Generator[tuple[int, Result], None, None]:
    """Runs `work` on every batch, at most `threads` at a time; yields (index, result) as batches finish.

    Only running batches hold audio. Closing the iterator, or an interrupt, drops what has not started, sets `stop`, by
    which a long `work` knows that nobody waits for it, and waits for what runs.
    """
    queue = iter(batches)
    with ThreadPoolExecutor(max_workers=threads, thread_name_prefix="fastctc") as pool:
        running: dict[Future[list[Result]], tuple[int, ...]] = {}
        exhausted = False
        try:
            while running or not exhausted:
                while not exhausted and len(running) < threads:
                    batch = next(queue, None)
                    if batch is None:
                        exhausted = True
                    else:
                        running[pool.submit(work, batch)] = batch
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    batch = running.pop(future)
                    yield from zip(batch, future.result(), strict=True)
        finally:
            if stop is not None:
                stop.set()
            for future in running:
                future.cancel()
