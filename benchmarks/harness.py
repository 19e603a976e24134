"""Peers side by side: each in its own process, rounds interleaved, CPU and wall time, medians.

A benchmark lists its systems, each a function that prepares and gives back the work to be timed. Every system gets a
process of its own, told one round at a time in turn, so that a slow minute of the machine falls on all of them.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing as mp
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeAlias

Work: TypeAlias = Callable[[], object]

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True)
class System:
    """One peer on one case."""

    name: str
    case: str
    prepare: Callable[..., Work]
    """Called in the system's own process; raises ImportError if the peer is not installed."""
    arguments: tuple[Any, ...] = ()


@dataclass
class Timing:
    """Seconds of each round, or why there are none."""

    system: System
    cpu_s: list[float] = field(default_factory=list)
    wall_s: list[float] = field(default_factory=list)
    peak_memory_bytes: int = 0
    missing: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quick", action="store_true", help="3 rounds instead of 7")
    parser.add_argument("--rounds", type=int, default=0, help="rounds of each system (default 7)")
    parser.add_argument("--threads", type=int, default=1, help="threads of each system")


def external(relative: str) -> Path | None:
    """A file of the external data (tests/data/README.md); where it is absent None, and a line says what to set."""
    folder = os.environ.get("FASTCTC_EXTERNAL_DATA")
    if folder and Path(folder, relative).exists():
        return Path(folder, relative)
    advice = "Set FASTCTC_EXTERNAL_DATA to the directory of the external data (tests/data/README.md)."
    print(f"What needs {relative} is skipped: the file is not there. {advice}", file=sys.stderr)
    return None


def make_full_size(graphs: Mapping[str, str], folder: Path) -> bool:
    """Makes full-size graphs with random weights, {skeleton: file}, and tokens.txt. False where data is absent."""
    for name, target in graphs.items():
        skeleton = external(f"models/large/{name}.onnx")
        if skeleton is None:
            return False
        script = skeleton.with_name("materialise.py")
        subprocess.run([sys.executable, str(script), str(skeleton), str(folder / target)], check=True)
        shutil.copy(skeleton.parents[1] / "user" / "tokens.txt", folder)
    return True


def n_rounds(arguments: argparse.Namespace) -> int:
    return int(arguments.rounds) or (3 if arguments.quick else 7)


def limit_threads(threads: int) -> None:
    """Before any process starts, so that the peers' libraries read it when they load."""
    for variable in THREAD_VARIABLES:
        os.environ[variable] = str(threads)


def run(systems: Sequence[System], rounds: int, repeats: int = 1) -> list[Timing]:
    """Times `rounds` rounds of each system, one after the other; a round is `repeats` calls, its time that of one."""
    context = mp.get_context("spawn")
    timings = [Timing(system) for system in systems]
    workers: list[tuple[Timing, Any, Connection]] = []
    for timing in timings:
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, timing.system, repeats), daemon=True)
        process.start()
        theirs.close()
        workers.append((timing, process, ours))
        timing.missing = _receive(ours)["missing"]
    for _ in range(rounds):
        for timing, _process, pipe in workers:
            if not timing.missing:
                _time_round(timing, pipe)
    for timing, process, pipe in workers:
        if not timing.missing:
            pipe.send("stop")
            timing.peak_memory_bytes = _receive(pipe)["peak_memory_bytes"]
        process.join()
    return timings


def _time_round(timing: Timing, pipe: Connection) -> None:
    pipe.send("round")
    answer = _receive(pipe)
    if "missing" in answer:
        timing.missing = answer["missing"]
        return
    timing.cpu_s.append(answer["cpu_s"])
    timing.wall_s.append(answer["wall_s"])


def _receive(pipe: Connection) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = pipe.recv()
    except EOFError:
        return {"missing": "its process ended"}
    return answer


def _serve(pipe: Connection, system: System, repeats: int) -> None:
    try:
        work = system.prepare(*system.arguments)
        work()  # not timed: lazy imports, just-in-time compilation, caches
    except Exception as error:  # a peer may fail in any way; the others still run
        pipe.send({"missing": f"{type(error).__name__}: {error}"})
        return
    pipe.send({"missing": ""})
    while pipe.recv() == "round":
        cpu_s, wall_s = time.process_time(), time.perf_counter()
        for _ in range(repeats):
            work()
        cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
        pipe.send({"cpu_s": cpu_s / repeats, "wall_s": wall_s / repeats})
    pipe.send({"peak_memory_bytes": peak_memory_bytes()})


def call_apart(module: str, function: str, *arguments: Any) -> dict[str, Any]:
    """What a benchmark's function returns in a process of its own; {"missing": why} where that fails.

    Arguments and result are what JSON can hold.
    """
    code = (
        "import importlib, json, sys; sys.path.insert(0, sys.argv[1])\n"
        "module, function, arguments = json.loads(sys.argv[2])\n"
        "print(json.dumps(getattr(importlib.import_module(module), function)(*arguments)))"
    )
    command = [sys.executable, "-c", code, str(Path(__file__).parent), json.dumps([module, function, arguments])]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return {"missing": done.stderr.splitlines()[-1] if done.stderr else f"exit status {done.returncode}"}
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def peak_memory_bytes() -> int:
    """Of this process; 0 where the system does not tell."""
    try:  # Linux: what getrusage tells there starts with what the parent process had
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def emit(benchmark: str, system: str, case: str, metric: str, value: float, unit: str) -> None:
    """One JSON object per line on standard output."""
    row = {"benchmark": benchmark, "system": system, "case": case, "metric": metric, "value": value, "unit": unit}
    print(json.dumps(row), flush=True)


def report(benchmark: str, timings: Sequence[Timing], baseline: str = "") -> None:
    """Medians as JSON on standard output and as a table on standard error; `baseline` is the system of ratio 1."""
    medians = {(t.system.name, t.system.case): statistics.median(t.cpu_s) for t in timings if t.cpu_s}
    print(f"{'system':34s} {'case':22s} {'CPU ms':>9s} {'min':>9s} {'wall ms':>9s} {'ratio':>7s}", file=sys.stderr)
    for timing in timings:
        name, case = timing.system.name, timing.system.case
        if timing.missing:
            print(f"{name:34s} {case:22s} missing: {timing.missing}", file=sys.stderr)
            continue
        cpu_s, wall_s = statistics.median(timing.cpu_s), statistics.median(timing.wall_s)
        emit(benchmark, name, case, "cpu", round(cpu_s, 6), "s")
        emit(benchmark, name, case, "wall", round(wall_s, 6), "s")
        one = medians.get((baseline, case))
        ratio = f"{cpu_s / one:7.1f}" if one else ""
        line = f"{name:34s} {case:22s} {1e3 * cpu_s:9.2f} {1e3 * min(timing.cpu_s):9.2f} {1e3 * wall_s:9.2f} {ratio}"
        print(line, file=sys.stderr)
