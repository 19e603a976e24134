"""From the start of a process to its first result, and the memory that a second process on the same model adds.

    python benchmarks/startup.py [--quick] [--rounds N] [--threads N] [--model demo|large|all] [--directory DIR]

fastctc, with its cache of sessions filled and without, beside ONNX Runtime alone, sherpa-onnx and onnx-asr: the demo
model, and the full-size graph with random weights as it is exported and as `fastctc optimize` leaves it (made in a
temporary directory from the skeletons in the external data, FASTCTC_EXTERNAL_DATA; skipped where they are absent), or a
model directory of your own. Warm page cache: the first round is not counted. One process at a time, systems in turn.

Memory: what a process shares with no other (Private_* of /proc/self/smaps_rollup), after its first result; of two
processes on the same model, while both run.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import end_to_end
import harness

AUDIO_S = 2.0
METRICS = ("process to first result", "load to first result", "load")


def plain_session(folder: str, threads: int) -> Callable[[], object]:
    """ONNX Runtime alone on the graph, over features of the same length."""
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(graph_of(folder), options, providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    n_frames = int(metadata.get("window_size", 100 * AUDIO_S))
    inputs: dict[str, Any] = {}
    for entry in session.get_inputs():
        shape = [size if isinstance(size, int) else 1 for size in entry.shape]
        if entry.name == "audio_signal":
            inputs[entry.name] = np.zeros((1, shape[1], n_frames), np.float32)
        elif entry.name == "length":
            inputs[entry.name] = np.array([n_frames], np.int64)
        else:
            inputs[entry.name] = np.zeros(shape, np.int64 if "int64" in entry.type else np.float32)
    return lambda: session.run(None, inputs)


def graph_of(folder: str) -> str:
    """The graph that a recognizer of the folder opens first."""
    manifest = Path(folder, "fastctc.json")
    graphs = json.loads(manifest.read_text())["graphs"] if manifest.exists() else {}
    return str(Path(folder, graphs.get("offline") or graphs.get("long_form") or "model.onnx"))


def load(system: str, folder: str, threads: int) -> Callable[[], object]:
    """Loads the model; what is given back makes the first result."""
    import numpy as np

    if system == "ONNX Runtime":
        return plain_session(folder, threads)
    samples = (np.random.default_rng(0).standard_normal(round(AUDIO_S * 16000)) * 0.05).astype(np.float32)
    if system.startswith("fastctc"):
        import fastctc

        session = fastctc.SessionOptions(intra_op_threads=threads, cache=system == "fastctc")
        recognizer = fastctc.load(folder, session=session)
        return lambda: recognizer.transcribe(samples)
    peer = end_to_end.PEERS[system](folder, threads)
    return lambda: peer.one(samples)


SYSTEMS = ("fastctc", "fastctc, no cache", "ONNX Runtime", "sherpa-onnx", "onnx-asr")


def cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def private_bytes() -> int:
    """0 where the system doesn't tell."""
    try:
        lines = [line.split() for line in Path("/proc/self/smaps_rollup").read_text().splitlines()]
    except OSError:
        return 0
    return 1024 * sum(int(line[1]) for line in lines if line[0].startswith("Private_"))


def serve(system: str, folder: str, threads: int) -> None:
    """One process: loads, makes its first result, tells; then its memory, when asked."""
    before = time.perf_counter(), cpu_s()
    work = load(system, folder, threads)
    loaded = time.perf_counter(), cpu_s()
    work()
    done = time.perf_counter(), cpu_s()
    wall = {"load": loaded[0] - before[0], "load to first result": done[0] - before[0]}
    cpu = {
        "load": loaded[1] - before[1],
        "load to first result": done[1] - before[1],
        "process to first result": done[1],
    }
    print(json.dumps({"wall": wall, "cpu": cpu}), flush=True)
    input()
    print(private_bytes(), flush=True)
    input()


def start(system: str, folder: str, threads: int) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    """The process, waiting after its first result, and its times. Raises RuntimeError with the reason it failed."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import startup; startup.serve(*sys.argv[2:4], int(sys.argv[4]))"
    )
    command = [sys.executable, "-c", code, str(Path(__file__).parent), system, folder, str(threads)]
    started = time.perf_counter()
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    line = process.stdout.readline()
    wall_s = time.perf_counter() - started
    if not line.startswith("{"):
        process.kill()
        raise RuntimeError((process.communicate()[1].splitlines() or ["its process ended"])[-1])
    times: dict[str, Any] = json.loads(line)
    times["wall"]["process to first result"] = wall_s
    return process, times


def ask_memory(process: subprocess.Popen[str]) -> int:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return int(process.stdout.readline())


def time_starts(case: str, folder: str, rounds: int, threads: int) -> None:
    times: dict[str, list[dict[str, Any]]] = {system: [] for system in SYSTEMS}
    failed: set[str] = set()
    for _ in range(rounds + 1):
        for system in SYSTEMS:
            if system in failed:
                continue
            try:
                process, entry = start(system, folder, threads)
            except RuntimeError as error:
                failed.add(system)
                print(f"{system:18s} {case:18s} missing: {error}", file=sys.stderr)
                continue
            process.communicate("\n\n")
            times[system].append(entry)
    for system, entries in times.items():
        line = f"{system:18s} {case:18s}"
        for metric in METRICS if entries[1:] else ():
            wall_s, used_s = (
                statistics.median(entry[kind][metric] for entry in entries[1:]) for kind in ("wall", "cpu")
            )
            harness.emit("startup", system, case, metric, round(wall_s, 4), "s")
            harness.emit("startup", system, case, f"{metric}, CPU", round(used_s, 4), "s")
            line += f"  {metric} {wall_s:.3f} s (CPU {used_s:.3f})"
        if entries[1:]:
            print(line, file=sys.stderr)


def measure_memory(case: str, folder: str, threads: int) -> None:
    for system in SYSTEMS:
        processes: list[subprocess.Popen[str]] = []
        try:
            processes.append(start(system, folder, threads)[0])
            processes.append(start(system, folder, threads)[0])
        except RuntimeError:  # named already
            continue
        else:
            for which, process in zip(("first", "second"), processes, strict=True):
                value = ask_memory(process)
                metric = f"private memory of the {which} process"
                harness.emit("startup", system, case, metric, round(value / 1e6, 1), "MB")
                print(f"{system:18s} {case:18s} {metric} {value / 1e6:.0f} MB", file=sys.stderr)
        finally:
            for process in processes:
                process.communicate("\n\n")


def make_optimized(folder: Path) -> bool:
    """The full-size model's graph for long recordings as `fastctc optimize` leaves it."""
    if not harness.make_full_size({"skeleton_stream_exact_x8": "long.onnx"}, folder):
        return False
    (folder / "fastctc.json").write_text('{"fastctc": 1, "graphs": {"long_form": "long.onnx"}}')
    subprocess.run([sys.executable, "-m", "fastctc", "optimize", str(folder)], check=True, stdout=subprocess.DEVNULL)
    (folder / "long.onnx").unlink()
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=["demo", "large", "all"], default="all")
    parser.add_argument("--directory", help="a model directory to be measured instead")
    harness.add_arguments(parser)
    arguments = parser.parse_args()
    harness.limit_threads(arguments.threads)
    cases: list[tuple[str, Callable[[Path], bool]]] = []
    if arguments.model in ("demo", "all"):
        cases.append(("demo", lambda folder: end_to_end.make_folder("demo", folder)))
    if arguments.model in ("large", "all"):
        cases.append(("large", lambda folder: end_to_end.make_folder("large", folder)))
        cases.append(("large, optimized", make_optimized))
    if arguments.directory:
        cases = [(Path(arguments.directory).name, lambda _: True)]
    for case, make in cases:
        with tempfile.TemporaryDirectory() as name:
            os.environ["FASTCTC_HOME"] = str(Path(name, "home"))
            folder = Path(arguments.directory) if arguments.directory else Path(name, "model")
            folder.mkdir(exist_ok=True)
            if not make(folder):
                continue
            time_starts(case, str(folder), harness.n_rounds(arguments), arguments.threads)
            measure_memory(case, str(folder), arguments.threads)


if __name__ == "__main__":
    main()
