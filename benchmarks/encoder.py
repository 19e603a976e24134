"""The encoder: what a model's graph costs as exported and as `fastctc optimize` makes it, beside its peers.

    python benchmarks/encoder.py [--quick] [--rounds N] [--threads N ...] [--model demo|large|all] [--seconds N ...]
                                 [--systems NAME ...] [--precisions fp32|int8|int8-u8 ...]

The same recordings of 10, 30, 60 and 300 s, one thread and two, through

- fastctc, on the directory as `fastctc optimize` makes it,
- fastctc, on the directory as exported,
- ONNX Runtime alone (Python), on the offline file: from features to log-probs, what else is to do left out,
- sherpa-onnx and onnx-asr, on the offline file.

fastctc takes recordings of over 20 s in steps of several attention chunks, where the peers run full attention over all
of it. CPU and wall time and peak memory of the process, in each its model and what it loaded on the way; fastctc's
and the peers' results are texts, from samples. The full-size graphs have random weights; they are made in a temporary
directory from the skeletons in the external data (FASTCTC_EXTERNAL_DATA), and skipped where these are absent.

A precision is a row of `PRECISIONS`: how the peers' file and fastctc's directory are made from the exported one.
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

import harness
from end_to_end import PEERS, ROOT, make_audio
from fastctc.export.optimize import optimize_directory
from fastctc.export.quantize import Calibration, quantize_directory

SECONDS = (10, 30, 60, 300)
LONG_S = 300
"""From here each system runs alone, once after its first run: three of them take gigabytes, and most of a minute."""
FRAMES_A_SECOND = 100
OURS, EXPORTED, PLAIN = "fastctc", "fastctc, as exported", "onnxruntime"
FULL_SIZE = {"skeleton_offline": "model.onnx", "skeleton_stream_exact_x8": "long.onnx"}
SYSTEMS = (OURS, EXPORTED, PLAIN, "sherpa-onnx", "onnx-asr")


def make_exported(model: str, folder: Path) -> bool:
    """A directory for every system: graphs, tokens, manifest, config.json. False where data is absent."""
    if model == "demo":
        source = ROOT / "models" / "digits"
        for name, target in (("offline.onnx", "model.onnx"), ("exact-1040ms-x8.onnx", "long.onnx")):
            shutil.copy(source / name, folder / target)
        for name in ("weights.bin", "tokens.txt"):
            shutil.copy(source / name, folder)
    elif not harness.make_full_size(FULL_SIZE, folder):
        return False
    shutil.copy(folder / "tokens.txt", folder / "vocab.txt")
    manifest = {
        "fastctc": 1,
        "graphs": {"offline": "model.onnx", "long_form": "long.onnx"},
        "frontend": {"preset": "nemo", "normalize": "none"},
    }
    (folder / "fastctc.json").write_text(json.dumps(manifest), encoding="utf-8")
    config = {"model_type": "nemo-conformer-ctc", "features_size": 80, "subsampling_factor": 8}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return True


def quantize(exported: str, folder: str) -> dict[str, float]:
    """Our int8 of the optimized graphs, calibrated on noise, whatever it does to the words: for speed only."""
    noise = np.random.default_rng(0).standard_normal((80, 1000)) * 3 - 5
    calibration = Calibration([noise.astype(np.float32)], lambda _: "")
    with tempfile.TemporaryDirectory() as name:
        optimized = Path(name, "optimized")
        optimize_directory(exported, optimized)
        graphs = quantize_directory(
            optimized, folder, kind="int8", calibration=calibration, max_drift=float("inf"), max_wer_increase=1
        )
    return {graph.name: graph.largest_drift for graph in graphs}


def quantize_as_peers(exported: str, folder: str, weights: str, operators: list[str]) -> dict[str, float]:
    """ONNX Runtime's dynamic quantisation of the offline graph."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    target = Path(folder)
    target.mkdir()
    quantize_dynamic(
        Path(exported, "model.onnx"),
        target / "model.onnx",
        weight_type=QuantType[weights],
        op_types_to_quantize=operators or None,
    )
    for name in ("tokens.txt", "vocab.txt", "config.json"):
        shutil.copy(Path(exported, name), target)
    manifest = json.loads(Path(exported, "fastctc.json").read_text(encoding="utf-8"))
    manifest["graphs"] = {"offline": "model.onnx"}
    (target / "fastctc.json").write_text(json.dumps(manifest), encoding="utf-8")
    return {}


def optimize(exported: str, folder: str) -> dict[str, float]:
    """The largest difference of each graph's log-probs to those of the original."""
    return {graph.name: graph.largest_difference for graph in optimize_directory(exported, folder)}


def make_float32(exported: Path, folder: Path) -> dict[str, Path]:
    """The directory of each system."""
    # Apart: a process that has done it is larger than some of those that are measured.
    answer = harness.call_apart("encoder", "optimize", str(exported), str(folder))
    if "missing" in answer:
        raise RuntimeError(answer["missing"])
    return {OURS: folder} | dict.fromkeys(SYSTEMS[1:], exported)


def make_int8(exported: Path, folder: Path, weights: str, operators: list[str]) -> dict[str, Path]:
    """The directory of each system: fastctc's own int8, and the peers'."""
    folder.mkdir()
    ours, theirs = folder / "fastctc", folder / "peers"
    for answer in (
        harness.call_apart("encoder", "quantize", str(exported), str(ours)),
        harness.call_apart("encoder", "quantize_as_peers", str(exported), str(theirs), weights, operators),
    ):
        if "missing" in answer:
            raise RuntimeError(answer["missing"])
    return {OURS: ours} | dict.fromkeys(SYSTEMS[1:], theirs)


PRECISIONS: dict[str, Callable[[Path, Path], dict[str, Path]]] = {
    "fp32": make_float32,
    # The peers' file by two recipes: products only, with the weights that ONNX Runtime's fast kernels take, ...
    "int8": lambda exported, folder: make_int8(exported, folder, "QInt8", ["MatMul"]),
    # ... and that of sherpa-onnx's export scripts.
    "int8-u8": lambda exported, folder: make_int8(exported, folder, "QUInt8", []),
}


def prepare(system: str, folder: str, model: str, seconds: int, threads: int) -> harness.Work:
    if system == PLAIN:
        return prepare_plain(folder, seconds, threads)
    samples = make_audio(model, seconds)
    if system in (OURS, EXPORTED):
        import fastctc

        logging.disable(logging.WARNING)
        recognizer = fastctc.load(folder, session=fastctc.SessionOptions(intra_op_threads=threads))
        return lambda: recognizer.transcribe(samples)
    peer = PEERS[system](folder, threads)
    return lambda: peer.one(samples)


def prepare_plain(folder: str, seconds: int, threads: int) -> harness.Work:
    import onnxruntime

    features = np.random.default_rng(0).standard_normal((1, 80, FRAMES_A_SECOND * seconds)) * 3 - 5
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(f"{folder}/model.onnx", options, providers=["CPUExecutionProvider"])
    feeds = {"audio_signal": features.astype(np.float32), "length": np.array([features.shape[2]], np.int64)}
    return lambda: session.run(None, feeds)


def compare(name: str, model: str, folders: dict[str, Path], seconds: int, threads: int, rounds: int) -> None:
    case = f"{name}, {seconds} s, {threads} thread{'s' if threads > 1 else ''}"
    systems = [
        harness.System(system, case, prepare, (system, str(folder), model, seconds, threads))
        for system, folder in folders.items()
    ]
    if seconds < LONG_S:
        timings = harness.run(systems, rounds)
    else:
        timings = [timing for system in systems for timing in harness.run([system], 1)]
    ours = statistics.median(timings[0].cpu_s) if timings[0].cpu_s else 0.0
    for timing in timings:
        if timing.missing:
            print(f"{timing.system.name:22s} {case:34s} missing: {timing.missing}", file=sys.stderr)
            continue
        cpu_s, wall_s = statistics.median(timing.cpu_s), statistics.median(timing.wall_s)
        memory_mb = timing.peak_memory_bytes / 1e6
        harness.emit("encoder", timing.system.name, case, "cpu", round(cpu_s / seconds, 6), "s/s")
        harness.emit("encoder", timing.system.name, case, "least cpu", round(min(timing.cpu_s) / seconds, 6), "s/s")
        harness.emit("encoder", timing.system.name, case, "real-time factor", round(wall_s / seconds, 6), "s/s")
        harness.emit("encoder", timing.system.name, case, "peak memory", round(memory_mb, 1), "MB")
        print(
            f"{timing.system.name:22s} {case:34s} CPU {1e3 * cpu_s / seconds:7.2f} (least "
            f"{1e3 * min(timing.cpu_s) / seconds:7.2f}) wall {1e3 * wall_s / seconds:7.2f} ms per second of audio, "
            f"{memory_mb:6.0f} MB {cpu_s / ours if ours else 0:6.2f} x",
            file=sys.stderr,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=["demo", "large", "all"], default="all")
    parser.add_argument("--seconds", type=int, nargs="+", default=list(SECONDS))
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS), metavar="NAME")
    parser.add_argument("--precisions", nargs="+", choices=list(PRECISIONS), default=list(PRECISIONS), metavar="NAME")
    parser.add_argument("--quick", action="store_true", help="3 rounds instead of 7")
    parser.add_argument("--rounds", type=int, default=0, help="rounds of each system (default 7)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    arguments = parser.parse_args()
    for model in ["demo", "large"] if arguments.model == "all" else [arguments.model]:
        with tempfile.TemporaryDirectory() as name:
            exported = Path(name, "exported")
            exported.mkdir()
            if not make_exported(model, exported):
                continue
            for precision in arguments.precisions:
                made = PRECISIONS[precision](exported, Path(name, precision))
                folders = {system: made[system] for system in arguments.systems}
                for threads in arguments.threads:
                    harness.limit_threads(threads)
                    for seconds in arguments.seconds:
                        case, rounds = f"{model} {precision}", harness.n_rounds(arguments)
                        compare(case, model, folders, seconds, threads, rounds)


if __name__ == "__main__":
    main()
