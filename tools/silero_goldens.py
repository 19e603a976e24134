"""Makes tests/data/golden/silero.npz: what Silero's own Python code finds. Needs: pip install silero-vad torch."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import silero_vad
import soundfile
import torch

ROOT = Path(__file__).resolve().parent.parent
RECORDING = ROOT / "tests" / "data" / "speech" / "two-nine-three-four-zero.wav"
RATE_HZ = 16000
WINDOW = 512
# In milliseconds, as get_speech_timestamps_from_probs takes them. min_speech is no multiple of a window, so that "more
# than" and "at least" are one.
MIN_SPEECH, MIN_SILENCE, PADDING = 100, 320, 150


def random_probabilities(random: np.random.Generator, n: int) -> npt.NDArray[np.float64]:
    """A path that lingers and jumps, below the close threshold at both ends."""
    levels = np.repeat(random.uniform(0, 1, n), random.integers(1, 20, n))[: n - 40]
    values = np.clip(levels + 0.15 * random.standard_normal(len(levels)), 0, 1)
    return np.concatenate([np.zeros(20), values, np.zeros(20)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "tests" / "data" / "golden" / "silero.npz")
    output = parser.parse_args().output
    file = Path(silero_vad.__file__).parent / "data" / "silero_vad.onnx"
    model = silero_vad.load_silero_vad(onnx=True)
    samples, _ = soundfile.read(RECORDING, dtype="float32")
    arrays: dict[str, Any] = {"sha256": np.array(hashlib.sha256(file.read_bytes()).hexdigest())}
    for rate_hz in (8000, 16000):
        at_rate = samples[:: RATE_HZ // rate_hz]  # aliased, which is no matter here
        model.reset_states()
        arrays[f"probabilities_{rate_hz}"] = model.audio_forward(torch.from_numpy(at_rate), rate_hz).numpy()[0]
    random = np.random.default_rng(0)
    paths = np.stack([random_probabilities(random, 440) for _ in range(40)])
    arrays["paths"] = paths.astype(np.float32)
    segments = []
    for index, path in enumerate(arrays["paths"]):
        found = silero_vad.utils_vad.get_speech_timestamps_from_probs(
            path.tolist(),
            sampling_rate=RATE_HZ,
            min_speech_duration_ms=MIN_SPEECH,
            min_silence_duration_ms=MIN_SILENCE,
            speech_pad_ms=PADDING,
            audio_length_samples=WINDOW * len(path),
        )
        segments += [(index, segment["start"], segment["end"]) for segment in found]
    arrays["segments"] = np.array(segments, dtype=np.int32)
    arrays["options_ms"] = np.array([MIN_SPEECH, MIN_SILENCE, PADDING])
    np.savez_compressed(output, **arrays)
    print(f"{output}: {len(segments)} segments")


if __name__ == "__main__":
    main()
