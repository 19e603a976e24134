"""Log-mel of seeded audio on one thread: fastctc at each instruction set, kaldi-native-fbank, librosa, asrfront.

    python benchmarks/frontend.py [--quick] [--seconds 60]

The systems compute their own flavour of log-mel: fastctc, OnlineNemoFbank and librosa with NeMo's parameters, Kaldi's
fbank with its own, asrfront Whisper's and SenseVoice's. All get float32 samples in memory and give an array of frames.
"""

from __future__ import annotations

import argparse
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

import harness

Samples: TypeAlias = npt.NDArray[np.float32]

RATE_HZ = 16000


def make_audio(seconds: float) -> Samples:
    """Seeded noise with the rhythm of speech: loud and quiet every quarter of a second."""
    n = int(seconds * RATE_HZ)
    loudness = 0.02 + 0.1 * np.abs(np.sin(2 * np.pi * 2 * np.arange(n) / RATE_HZ))
    return (loudness * np.random.default_rng(20260922).standard_normal(n)).astype(np.float32)


def prepare_fastctc(seconds: float, instruction_set: str, normalize: str) -> harness.Work:
    from fastctc import _core

    samples = make_audio(seconds)
    frontend = _core.Frontend([("instruction_set", instruction_set), ("normalize", normalize)])
    return lambda: frontend.compute(samples)


def prepare_fastctc_stream(seconds: float) -> harness.Work:
    from fastctc import _core

    samples = make_audio(seconds)
    stream = _core.FrontendStream(_core.Frontend([]))

    def work() -> None:
        stream.reset()
        for start in range(0, len(samples), RATE_HZ // 10):
            stream.push(samples[start : start + RATE_HZ // 10])
            stream.take(stream.n_ready_frames)
        stream.finish()
        stream.take(stream.n_ready_frames)

    return work


def prepare_knf_nemo(seconds: float) -> harness.Work:
    import kaldi_native_fbank as knf

    samples = make_audio(seconds)
    options = knf.NemoFbankOptions()
    options.num_mel_bins = 80

    def work() -> Any:
        fbank = knf.OnlineNemoFbank(options)
        fbank.accept_waveform(RATE_HZ, samples)
        fbank.input_finished()
        return fbank.get_frames(0, fbank.num_frames_ready)

    return work


def prepare_knf_kaldi(seconds: float) -> harness.Work:
    import kaldi_native_fbank as knf

    samples = make_audio(seconds)
    options = knf.FbankOptions()
    options.frame_opts.dither = 0.0
    options.mel_opts.num_bins = 80

    def work() -> Any:
        fbank = knf.OnlineFbank(options)
        fbank.accept_waveform(RATE_HZ, samples)
        fbank.input_finished()
        return np.stack([fbank.get_frame(i) for i in range(fbank.num_frames_ready)])

    return work


def prepare_librosa(seconds: float) -> harness.Work:
    import librosa

    samples = make_audio(seconds)

    def work() -> Any:
        emphasized = np.concatenate([samples[:1], samples[1:] - np.float32(0.97) * samples[:-1]])
        mel = librosa.feature.melspectrogram(
            y=emphasized, sr=RATE_HZ, n_fft=512, hop_length=160, win_length=400, n_mels=80, pad_mode="constant"
        )
        return np.log(mel + 2.0**-24)

    return work


def prepare_asrfront(seconds: float, flavour: str) -> harness.Work:
    import importlib

    module = importlib.import_module(f"asrfront.{flavour}")
    samples = make_audio(seconds)
    if flavour == "whisper":
        return lambda: module.log_mel(samples, pad_or_trim=False)
    return lambda: module.fbank_raw(samples)


def list_systems(seconds: float) -> list[harness.System]:
    case = f"log-mel of {seconds:g} s"
    sets = ("automatic", "avx512", "avx2", "baseline")
    ours = [harness.System(f"fastctc ({name})", case, prepare_fastctc, (seconds, name, "none")) for name in sets]
    return [
        *ours,
        harness.System("fastctc (per_feature)", case, prepare_fastctc, (seconds, "automatic", "per_feature")),
        harness.System("fastctc (stream, 100 ms)", case, prepare_fastctc_stream, (seconds,)),
        harness.System("kaldi-native-fbank (NeMo)", case, prepare_knf_nemo, (seconds,)),
        harness.System("kaldi-native-fbank (Kaldi)", case, prepare_knf_kaldi, (seconds,)),
        harness.System("librosa", case, prepare_librosa, (seconds,)),
        harness.System("asrfront (whisper)", case, prepare_asrfront, (seconds, "whisper")),
        harness.System("asrfront (sensevoice)", case, prepare_asrfront, (seconds, "sensevoice")),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="of audio")
    harness.add_arguments(parser)
    arguments = parser.parse_args()
    harness.limit_threads(arguments.threads)
    timings = harness.run(list_systems(arguments.seconds), harness.n_rounds(arguments), repeats=3)
    harness.report("frontend", timings, baseline="fastctc (automatic)")


if __name__ == "__main__":
    main()
