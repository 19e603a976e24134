"""Long recordings: time per second of audio and memory, fastctc beside sherpa-onnx and onnx-asr, full-size graph.

    python benchmarks/long_form.py [--quick] [--threads N] [--model demo|large|all]

fastctc reads a WAV file of 30 s to 2 h and works in steps of several attention chunks (graphs.long_form, as fastctc
optimize makes it); the peers run
full attention over the whole recording, here up to 300 s, with the samples in memory already. Memory is what the
process needs above what it held when the model was loaded and had run once (Linux; elsewhere it is left out). The
full-size graphs have random weights; they are made in a temporary directory from the skeletons in the external data
(FASTCTC_EXTERNAL_DATA), and skipped where these are absent.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

import harness
from encoder import make_exported
from end_to_end import PEERS, RATE_HZ
from fastctc.export.optimize import optimize_directory

DURATIONS_S = (30, 60, 120, 300, 600, 1800, 7200)
PEER_DURATIONS_S = (30, 60, 120, 300)
WARM_UP_S = (5, 30)  # every graph that a recording needs has run before memory is looked at
FLAT_FROM_S = 30


def make_recording(path: Path, duration_s: int) -> None:
    """Seeded noise that comes and goes, written block by block."""
    random = np.random.default_rng(duration_s)
    with soundfile.SoundFile(path, "w", samplerate=RATE_HZ, channels=1, subtype="PCM_16") as file:
        for second in range(duration_s):
            level = 0.05 if second % 5 else 0.001
            file.write((random.standard_normal(RATE_HZ) * level).astype(np.float32))


def make_folder(model: str, folder: Path) -> bool:
    """The directory of encoder.py's systems, with optimized graphs for fastctc. False where data is absent."""
    if not make_exported(model, folder):
        return False
    optimize_directory(folder)
    return True


def resident_bytes(field: str) -> int:
    """VmRSS (now) or VmHWM (peak) of this process; 0 where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(field + ":")), 0)


def forget_peak() -> None:
    if Path("/proc/self/clear_refs").exists():
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def measure(peer: str, folder: str, recording: str, threads: int, rounds: int) -> dict[str, Any]:
    """Seconds of each round and bytes above the loaded model; runs in a process of its own."""
    try:
        system: Any = PEERS[peer](folder, threads)
        audio: str | npt.NDArray[np.float32] = recording
        if peer != "fastctc":
            audio, _ = soundfile.read(recording, dtype="float32")
        for duration_s in WARM_UP_S if peer == "fastctc" else WARM_UP_S[:1]:
            noise = np.random.default_rng(0).standard_normal(duration_s * RATE_HZ) * 0.05
            system.one(noise.astype(np.float32))
        base = resident_bytes("VmRSS")
        forget_peak()
        wall_s, cpu_s = [], []
        for _ in range(rounds):
            wall, cpu = time.perf_counter(), time.process_time()
            system.one(audio)
            wall_s.append(time.perf_counter() - wall)
            cpu_s.append(time.process_time() - cpu)
        peak = resident_bytes("VmHWM")
    except Exception as error:  # a peer may fail in any way; the others still run
        return {"missing": f"{type(error).__name__}: {error}"}
    return {"wall_s": wall_s, "cpu_s": cpu_s, "extra_bytes": max(0, peak - base), "base_bytes": base}


def rounds_of(duration_s: int, quick: bool) -> int:
    """Long recordings are their own repetition."""
    return 1 if duration_s >= 300 else 3 if quick else 5


def compare(model: str, folder: Path, arguments: argparse.Namespace) -> None:
    costs: dict[str, dict[int, float]] = {peer: {} for peer in PEERS}
    memory: dict[int, int] = {}
    for duration_s in DURATIONS_S[:4] if arguments.quick else DURATIONS_S:
        recording = folder / f"{duration_s}.wav"
        make_recording(recording, duration_s)
        for peer in PEERS if duration_s in PEER_DURATIONS_S else ["fastctc"]:
            rounds = rounds_of(duration_s, arguments.quick)
            answer = harness.call_apart(
                "long_form", "measure", peer, str(folder), str(recording), arguments.threads, rounds
            )
            case = f"{model}, {duration_s} s"
            if "missing" in answer:
                print(f"{peer:12s} {case:18s} missing: {answer['missing']}", file=sys.stderr)
                continue
            wall, cpu = (statistics.median(answer[key]) / duration_s for key in ("wall_s", "cpu_s"))
            costs[peer][duration_s] = cpu
            if peer == "fastctc":
                memory[duration_s] = answer["extra_bytes"]
            harness.emit("long_form", peer, case, "real-time factor", round(wall, 6), "s/s")
            harness.emit("long_form", peer, case, "cpu", round(cpu, 6), "s/s")
            harness.emit("long_form", peer, case, "memory above the model", round(answer["extra_bytes"] / 1e6, 1), "MB")
            ours = costs["fastctc"].get(duration_s)
            ratio = f"{cpu / ours:5.2f} x fastctc" if ours else ""
            print(
                f"{peer:12s} {case:18s} wall {1e3 * wall:7.2f} CPU {1e3 * cpu:7.2f} ms per second of audio, "
                f"{answer['extra_bytes'] / 1e6:6.0f} MB above the model's {answer['base_bytes'] / 1e6:.0f}  {ratio}",
                file=sys.stderr,
            )
        recording.unlink()
    report_flatness(model, costs["fastctc"], memory)


def report_flatness(model: str, costs: dict[int, float], memory: dict[int, int]) -> None:
    values = [cost for duration_s, cost in costs.items() if duration_s >= FLAT_FROM_S]
    if len(values) < 2:
        return
    spread = max(values) / min(values) - 1
    growth_mb = (max(memory.values()) - min(memory.values())) / 1e6
    harness.emit("long_form", "fastctc", model, "spread of the cost per second", round(100 * spread, 1), "%")
    harness.emit("long_form", "fastctc", model, "spread of the memory above the model", round(growth_mb, 1), "MB")
    print(
        f"fastctc {model}: cost per second within {100 * spread:.0f} %, memory within {growth_mb:.0f} MB",
        file=sys.stderr,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=["demo", "large", "all"], default="large")
    harness.add_arguments(parser)
    arguments = parser.parse_args()
    harness.limit_threads(arguments.threads)
    for model in ["demo", "large"] if arguments.model == "all" else [arguments.model]:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            if not make_folder(model, folder):
                continue
            compare(model, folder, arguments)


if __name__ == "__main__":
    main()
