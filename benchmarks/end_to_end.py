"""Whole recordings to text: fastctc beside sherpa-onnx and onnx-asr, on the same ONNX file.

    python benchmarks/end_to_end.py [--quick] [--threads N] [--model demo|large|all]

Real-time factor (wall seconds per second of audio), CPU seconds per second of audio, load time and peak memory, on the
demo model and on the full-size graph with random weights (made in a temporary directory from the skeleton in the
external data, FASTCTC_EXTERNAL_DATA; skipped where that is absent). Then, with the demo model, what each system reads
on recordings whose words are known: features decide that. Peers run as they come: sherpa-onnx computes its own
features, onnx-asr normalises every NeMo model.
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import soundfile

import harness
from fastctc.edits import count_edits

ROOT = Path(__file__).resolve().parent.parent
SPEECH = ROOT / "tests" / "data" / "speech"
KNOWN_TEXTS = {
    "two-nine-three-four-zero.wav": "two nine three four zero",
    "five-five.wav": "five five",
    "kokoro_bf_emma_000.wav": "seven five four",
    "kokoro_bf_emma_008.wav": "two seven",
}
RATE_HZ = 16000
# Longer ones: long_form.py.
DURATIONS_S = {"demo": (2.4, 10, 30), "large": (10, 30)}
BATCH_FILES = 32


def make_audio(model: str, duration_s: float, seed: int = 0) -> npt.NDArray[np.float32]:
    """Speech, repeated to the length; seeded noise for the model that has no words."""
    n_samples = round(duration_s * RATE_HZ)
    if model == "large":
        return (np.random.default_rng(seed).standard_normal(n_samples) * 0.05).astype(np.float32)
    parts = [soundfile.read(SPEECH / name, dtype="float32")[0] for name in sorted(KNOWN_TEXTS)]
    return np.resize(np.concatenate(parts), n_samples).astype(np.float32)


def make_batch(model: str) -> list[npt.NDArray[np.float32]]:
    """Recordings of 2 to 8 seconds."""
    durations = np.random.default_rng(1).uniform(2, 8, BATCH_FILES)
    return [make_audio(model, duration, seed) for seed, duration in enumerate(durations)]


class System(Protocol):
    """One system with a model loaded."""

    def one(self, samples: npt.NDArray[np.float32]) -> str: ...
    def many(self, batch: list[npt.NDArray[np.float32]]) -> list[str]: ...


class Fastctc:
    """This project."""

    def __init__(self, folder: str, threads: int) -> None:
        import fastctc

        logging.disable(logging.WARNING)
        session = fastctc.SessionOptions(intra_op_threads=threads)
        self._one = fastctc.load(folder, session=session)
        # Many recordings: a thread each instead of many threads inside one.
        self._many = self._one if threads == 1 else fastctc.load(folder)
        self._threads = threads

    def one(self, samples: npt.NDArray[np.float32]) -> str:
        return str(self._one.transcribe(samples))

    def many(self, batch: list[npt.NDArray[np.float32]]) -> list[str]:
        return [str(result) for result in self._many.transcribe(batch, threads=self._threads)]


class SherpaOnnx:
    """sherpa-onnx's offline recogniser for NeMo CTC."""

    def __init__(self, folder: str, threads: int) -> None:
        import sherpa_onnx

        self._recognizer = sherpa_onnx.OfflineRecognizer.from_nemo_ctc(
            model=f"{folder}/model.onnx", tokens=f"{folder}/tokens.txt", num_threads=threads
        )

    def one(self, samples: npt.NDArray[np.float32]) -> str:
        return self.many([samples])[0]

    def many(self, batch: list[npt.NDArray[np.float32]]) -> list[str]:
        streams = [self._recognizer.create_stream() for _ in batch]
        for stream, samples in zip(streams, batch, strict=True):
            stream.accept_waveform(RATE_HZ, samples)
        self._recognizer.decode_streams(streams)
        return [str(stream.result.text).strip() for stream in streams]


class OnnxAsr:
    """onnx-asr's NeMo Conformer CTC."""

    def __init__(self, folder: str, threads: int) -> None:
        import onnx_asr
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._model = onnx_asr.load_model(
            "nemo-conformer-ctc", folder, sess_options=options, providers=["CPUExecutionProvider"]
        )

    def one(self, samples: npt.NDArray[np.float32]) -> str:
        return str(self._model.recognize(samples, sample_rate=16000)).strip()

    def many(self, batch: list[npt.NDArray[np.float32]]) -> list[str]:
        return [str(text).strip() for text in self._model.recognize([*batch], sample_rate=16000)]


PEERS: dict[str, Callable[[str, int], System]] = {"fastctc": Fastctc, "sherpa-onnx": SherpaOnnx, "onnx-asr": OnnxAsr}


def prepare_one(peer: str, folder: str, model: str, duration_s: float, threads: int) -> harness.Work:
    system, samples = PEERS[peer](folder, threads), make_audio(model, duration_s)
    return lambda: system.one(samples)


def prepare_many(peer: str, folder: str, model: str, threads: int) -> harness.Work:
    system, batch = PEERS[peer](folder, threads), make_batch(model)
    return lambda: system.many(batch)


def make_folder(model: str, folder: Path) -> bool:
    """A directory that all three load: model.onnx, tokens.txt, vocab.txt, config.json. False where data is absent."""
    if model == "demo":
        shutil.copy(ROOT / "models" / "digits" / "offline.onnx", folder / "model.onnx")
        shutil.copy(ROOT / "models" / "digits" / "weights.bin", folder)
        shutil.copy(ROOT / "models" / "digits" / "tokens.txt", folder)
    elif not harness.make_full_size({"skeleton_offline": "model.onnx"}, folder):
        return False
    shutil.copy(folder / "tokens.txt", folder / "vocab.txt")
    config = {"model_type": "nemo-conformer-ctc", "features_size": 80, "subsampling_factor": 8}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return True


def time_speed(model: str, folder: Path, arguments: argparse.Namespace) -> None:
    cases: list[tuple[str, float]] = [(f"{model}, {duration:g} s", duration) for duration in DURATIONS_S[model]]
    batch_s = sum(len(samples) for samples in make_batch(model)) / RATE_HZ
    for case, duration_s in [*cases, (f"{model}, {BATCH_FILES} files", batch_s)]:
        if "files" in case:
            systems = [
                harness.System(peer, case, prepare_many, (peer, str(folder), model, arguments.threads))
                for peer in PEERS
            ]
        else:
            systems = [
                harness.System(peer, case, prepare_one, (peer, str(folder), model, duration_s, arguments.threads))
                for peer in PEERS
            ]
        report(harness.run(systems, harness.n_rounds(arguments)), duration_s, arguments.threads)


def report(timings: list[harness.Timing], duration_s: float, threads: int) -> None:
    ours = statistics.median(timings[0].wall_s) if timings[0].wall_s else 0.0
    for timing in timings:
        name, case = timing.system.name, f"{timing.system.case}, {threads} thread{'s' if threads > 1 else ''}"
        if timing.missing:
            print(f"{name:12s} {case:28s} missing: {timing.missing}", file=sys.stderr)
            continue
        wall_s, cpu_s = statistics.median(timing.wall_s), statistics.median(timing.cpu_s)
        memory_mb = timing.peak_memory_bytes / 1e6
        harness.emit("end_to_end", name, case, "real-time factor", round(wall_s / duration_s, 6), "s/s")
        harness.emit("end_to_end", name, case, "cpu", round(cpu_s / duration_s, 6), "s/s")
        harness.emit("end_to_end", name, case, "peak memory", round(memory_mb, 1), "MB")
        print(
            f"{name:12s} {case:28s} RTF {wall_s / duration_s:.5f}  CPU {cpu_s / duration_s:.5f}  "
            f"{memory_mb:6.0f} MB  {wall_s / ours if ours else 0:5.2f} x fastctc",
            file=sys.stderr,
        )


def load_once(peer: str, folder: str, threads: int) -> float:
    """Seconds from the import of the package to the first result, in a process of its own."""
    code = (
        "import sys, time; sys.path.insert(0, sys.argv[1]); import end_to_end as e; import numpy as np\n"
        "start = time.perf_counter(); e.PEERS[sys.argv[2]](sys.argv[3], int(sys.argv[4]))"
        ".one(np.zeros(16000, np.float32)); print(time.perf_counter() - start)"
    )
    command = [sys.executable, "-c", code, str(Path(__file__).parent), peer, folder, str(threads)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def time_loading(model: str, folder: Path, arguments: argparse.Namespace) -> None:
    seconds: dict[str, list[float]] = {peer: [] for peer in PEERS}
    for _ in range(harness.n_rounds(arguments)):
        for peer in PEERS:  # a peer that is missing must not stop the others
            try:
                seconds[peer].append(load_once(peer, str(folder), arguments.threads))
            except subprocess.CalledProcessError as error:
                reason = error.stderr.splitlines()[-1] if error.stderr else error
                print(f"{peer:12s} {model}: {reason}", file=sys.stderr)
    for peer, values in seconds.items():
        if values:
            median_s = statistics.median(values)
            harness.emit("end_to_end", peer, model, "load and first result", round(median_s, 4), "s")
            print(f"{peer:12s} {model + ', load and first result':28s} {median_s:.3f} s", file=sys.stderr)


def compare_texts(folder: Path) -> None:
    recordings = {SPEECH / name: text for name, text in KNOWN_TEXTS.items()}
    manifest = harness.external("speech/digits/manifest.json")
    if manifest:
        for entry in json.loads(manifest.read_text(encoding="utf-8")):
            if entry["channels"] == 1 and entry["sample_rate"] == RATE_HZ and entry["text"]:
                recordings[manifest.parent / entry["audio"]] = entry["text"]
    words = sum(len(text.split()) for text in recordings.values())
    for peer, make in PEERS.items():
        try:
            system = make(str(folder), 1)
        except Exception as error:  # a peer may fail in any way; the others still run
            print(f"{peer:12s} missing: {error}", file=sys.stderr)
            continue
        wrong = 0
        for path, text in recordings.items():
            samples, _ = soundfile.read(path, dtype="float32")
            wrong += count_edits(text.split(), system.one(samples).split())
        harness.emit("end_to_end", peer, f"demo, {words} words", "word error rate", round(100 * wrong / words, 2), "%")
        line = f"{wrong} of {words} words wrong ({100 * wrong / words:.1f} %)"
        print(f"{peer:12s} demo, {len(recordings)} recordings: {line}", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=["demo", "large", "all"], default="all")
    harness.add_arguments(parser)
    arguments = parser.parse_args()
    harness.limit_threads(arguments.threads)
    for model in DURATIONS_S if arguments.model == "all" else [arguments.model]:
        with tempfile.TemporaryDirectory() as name:
            folder, started = Path(name), time.monotonic()
            if not make_folder(model, folder):
                continue
            print(f"{model}: prepared in {time.monotonic() - started:.0f} s", file=sys.stderr)
            # fastctc reads the metadata (not normalised); config.json is for onnx-asr.
            time_speed(model, folder, arguments)
            time_loading(model, folder, arguments)
            if model == "demo":
                compare_texts(folder)


if __name__ == "__main__":
    main()
