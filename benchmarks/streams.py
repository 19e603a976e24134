"""How many live streams one core carries: fastctc beside sherpa-onnx on the same cache-aware ONNX files.

fastctc runs what `fastctc optimize` makes of a file, in a form of its own; "fastctc, as exported" and sherpa-onnx run
the file itself.

    python benchmarks/streams.py [--quick] [--model demo|large|all] [--latency-ms 0 80 480 1040]

N streams start at seeded random times; each gets its next chunk of audio every chunk period, as a call would. A chunk
must be answered before the next one is due: N holds if the 99th percentile of (answered - arrived) is at most one
period. The largest N is found by bisection. The clock is virtual: what a system computes (process CPU time of taking
the audio, running the model, fetching the results) moves it on, waiting costs nothing, and other load on the machine
changes nothing. One thread. Both systems are driven by the same loop, take the longest waiting streams first and batch
as many as wait, at most MAX_BATCH.

The full-size graph has random weights; it is made in a temporary directory from the skeleton in the external data
(FASTCTC_EXTERNAL_DATA), which has a look-ahead of 1040 ms, and is skipped where that is absent.
"""

from __future__ import annotations

import argparse
import heapq
import logging
import shutil
import sys
import tempfile
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

import harness

ROOT = Path(__file__).resolve().parent.parent
RATE_HZ = 16000
MAX_BATCH = 32
LATENCIES_MS = (0, 80, 480, 1040)
FRAME_MS = 80
MIN_AUDIO_S = 3.0
MIN_PERIODS = 8
PERCENTILE = 99


@dataclass(frozen=True)
class Case:
    """One graph."""

    name: str
    folder: Path  # optimized, tokens.txt in it
    graph: str  # the file as exported
    latency_ms: int

    @property
    def period_s(self) -> float:
        return (self.latency_ms + FRAME_MS) / 1000


class System(Protocol):
    """Streams of one model, opened anew for every probe."""

    def open(self, n_streams: int) -> None: ...
    def push(self, stream: int, samples: npt.NDArray[np.float32]) -> bool:
        """Takes audio; whether the stream has a chunk ready."""

    def step(self, waiting: list[int]) -> int:
        """Runs one chunk of the first so many of `waiting`, which is in order of arrival; returns how many."""


class Fastctc:
    """A StreamPool of this project."""

    is_optimized = True

    def __init__(self, case: Case) -> None:
        import fastctc

        logging.disable(logging.WARNING)
        options = fastctc.ModelOptions(graph=None if self.is_optimized else case.graph)
        self._recognizer = fastctc.load(case.folder, options=options, normalize="none")

    def open(self, n_streams: int) -> None:
        import fastctc

        self._pool = fastctc.StreamPool(self._recognizer, max_batch=MAX_BATCH)
        self._streams = [self._pool.open() for _ in range(n_streams)]

    def push(self, stream: int, samples: npt.NDArray[np.float32]) -> bool:
        self._streams[stream].push(samples)
        return bool(self._streams[stream].ready)

    def step(self, waiting: list[int]) -> int:
        n = self._pool.step()
        for stream in waiting[:n]:
            self._streams[stream].results()
        return n


class FastctcAsExported(Fastctc):
    """The same on the file that sherpa-onnx runs."""

    is_optimized = False


class SherpaOnnx:
    """sherpa-onnx's OnlineRecognizer for NeMo CTC, batched by decode_streams."""

    def __init__(self, case: Case) -> None:
        import sherpa_onnx

        self._recognizer = sherpa_onnx.OnlineRecognizer.from_nemo_ctc(
            model=str(case.folder / case.graph), tokens=str(case.folder / "tokens.txt"), num_threads=1
        )

    def open(self, n_streams: int) -> None:
        self._streams = [self._recognizer.create_stream() for _ in range(n_streams)]

    def push(self, stream: int, samples: npt.NDArray[np.float32]) -> bool:
        self._streams[stream].accept_waveform(RATE_HZ, samples)
        return bool(self._recognizer.is_ready(self._streams[stream]))

    def step(self, waiting: list[int]) -> int:
        batch = [self._streams[stream] for stream in waiting[:MAX_BATCH]]
        self._recognizer.decode_streams(batch)
        for stream in batch:
            self._recognizer.get_result(stream)
        return len(batch)


SYSTEMS: dict[str, Any] = {
    "fastctc": Fastctc,
    "fastctc, as exported": FastctcAsExported,
    "sherpa-onnx": SherpaOnnx,
}


def probe(system: System, case: Case, n_streams: int, audio_s: float) -> float:
    """The 99th percentile of answer times, in chunk periods, of so many streams."""
    random = np.random.default_rng(n_streams)
    period_s = case.period_s
    samples = (random.standard_normal(round(period_s * RATE_HZ)) * 0.05).astype(np.float32)
    system.open(n_streams)
    arrivals = [(start, stream) for stream, start in enumerate(random.uniform(0, period_s, n_streams))]
    heapq.heapify(arrivals)
    now, answer_s = 0.0, []
    waiting: deque[tuple[float, int]] = deque()
    while arrivals or waiting:
        if not waiting and arrivals[0][0] > now:
            now = arrivals[0][0]
        started = time.process_time()
        while arrivals and arrivals[0][0] <= now:
            arrived, stream = heapq.heappop(arrivals)
            if arrived + period_s < audio_s:
                heapq.heappush(arrivals, (arrived + period_s, stream))
            if system.push(stream, samples):
                waiting.append((arrived, stream))
        n = system.step([stream for _, stream in waiting]) if waiting else 0
        now += time.process_time() - started
        answer_s += [now - waiting.popleft()[0] for _ in range(n)]
    return float(np.percentile(answer_s, PERCENTILE)) / period_s


def carried(system: System, case: Case, quick: bool) -> int:
    """The largest number of streams that holds, to 3 % (quick: 8 %)."""
    audio_s = max(MIN_AUDIO_S, MIN_PERIODS * case.period_s) / (2 if quick else 1)
    probe(system, case, 2, audio_s)
    low, high = 0, 8
    while probe(system, case, high, audio_s) <= 1:
        low, high = high, 2 * high
    while high - low > max(1, round((0.08 if quick else 0.03) * high)):
        middle = (low + high) // 2
        if probe(system, case, middle, audio_s) <= 1:
            low = middle
        else:
            high = middle
    return low


def measure(name: str, folder: str, graph: str, latency_ms: int, quick: bool) -> dict[str, Any]:
    """The streams that a system carries, by several searches; runs in a process of its own."""
    try:
        case = Case("", Path(folder), graph, latency_ms)
        system = SYSTEMS[name](case)
        found = [carried(system, case, quick) for _ in range(1 if quick else 3)]
    except Exception as error:  # a peer may fail in any way; the others still run
        return {"missing": f"{type(error).__name__}: {error}"}
    return {"found": found}


def compare(case: Case, quick: bool) -> None:
    counts: dict[str, float] = {}
    for name in SYSTEMS:
        answer = harness.call_apart("streams", "measure", name, str(case.folder), case.graph, case.latency_ms, quick)
        if "missing" in answer:
            print(f"{name:20s} {case.name:20s} missing: {answer['missing']}", file=sys.stderr)
            continue
        counts[name] = float(np.median(answer["found"]))
        harness.emit("streams", name, case.name, "streams on one core", counts[name], "streams")
        ratio = f"{counts['fastctc'] / counts[name]:5.2f} x as many in fastctc" if "fastctc" in counts else ""
        print(f"{name:20s} {case.name:20s} {counts[name]:6.0f} streams {answer['found']}  {ratio}", file=sys.stderr)


def demo_case(latency_ms: int, folder: Path) -> Case:
    graph = f"exact-{latency_ms}ms.onnx"
    for name in (graph, "weights.bin", "tokens.txt"):
        shutil.copy(ROOT / "models" / "digits" / name, folder)
    return Case(f"demo, {latency_ms} ms", folder, graph, latency_ms)


def large_case(folder: Path) -> Case | None:
    made = harness.make_full_size({"skeleton_stream": "stream.onnx"}, folder)
    return Case("full size, 1040 ms", folder, "stream.onnx", 1040) if made else None


def run(case: Case | None, quick: bool) -> None:
    from fastctc.export.optimize import optimize_directory

    if case is None:
        return
    optimize_directory(case.folder)
    compare(case, quick)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=["demo", "large", "all"], default="all")
    parser.add_argument("--latency-ms", type=int, nargs="+", choices=LATENCIES_MS, default=list(LATENCIES_MS))
    parser.add_argument("--quick", action="store_true", help="one short search each")
    arguments = parser.parse_args()
    harness.limit_threads(1)
    if arguments.model in ("demo", "all"):
        for latency_ms in arguments.latency_ms:
            with tempfile.TemporaryDirectory() as name:
                run(demo_case(latency_ms, Path(name)), arguments.quick)
    if arguments.model in ("large", "all") and 1040 in arguments.latency_ms:
        with tempfile.TemporaryDirectory() as name:
            run(large_case(Path(name)), arguments.quick)


if __name__ == "__main__":
    main()
