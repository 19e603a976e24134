"""Log-mel front end in plain NumPy: NeMo's AudioToMelSpectrogramPreprocessor and Kaldi's fbank.

One function per step, the whole signal at once, float64 throughout; only the result is float32. Sources: NeMo
`nemo/collections/asr/parts/preprocessing/features.py` (FilterbankFeatures, normalize_batch), librosa `filters.mel`,
Kaldi `feat/feature-window.cc`, `feat/mel-computations.cc`, `feat/feature-fbank.cc`, Hugging Face
`Wav2Vec2FeatureExtractor.zero_mean_unit_var_norm`.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from fastctc.errors import AudioError
from fastctc.reference.samples import LOUDEST_RESAMPLED, check_samples
from fastctc.types import FrontendOptions

__all__ = ["compute_features", "gaussian_noise", "make_mel_bank", "make_window", "n_frames"]

Float64: TypeAlias = npt.NDArray[np.float64]
Float32: TypeAlias = npt.NDArray[np.float32]

KALDI_ENERGY_FLOOR = 2.0**-23
"""Kaldi's own floor under a frame's energy (FLT_EPSILON)."""


def compute_features(samples: npt.ArrayLike, options: FrontendOptions | None = None) -> tuple[Float32, int]:
    """Features of one utterance.

    Args:
        samples: [n_samples], mono, at `options.sample_rate_hz`.
        options: NeMo's (>= 2.5) if not given.

    Returns:
        Features [n_features, n_columns] float32 and the number of valid columns; the rest is padding (`pad_to`).

    Raises:
        AudioError: Samples that are not finite, far beyond [-1, 1], or not one-dimensional.
    """
    options = options or FrontendOptions()
    signal = np.asarray(samples, dtype=np.float32).astype(np.float64)
    if signal.ndim != 1:
        raise AudioError(
            f"The samples must be one-dimensional, not of {signal.ndim} dimensions; choose a channel first."
        )
    check_samples(signal, loudest=LOUDEST_RESAMPLED)
    signal = signal * options.input_scale
    features = signal[np.newaxis] if options.kind == "waveform" else _log_mel(signal, options)
    features = _normalize(features, options)
    padded = _pad(features, _n_columns(len(signal), options), options.pad_value)
    return padded.astype(np.float32), features.shape[1]


def n_frames(n_samples: int, options: FrontendOptions) -> int:
    """Valid frames of a signal of that many samples."""
    hop = options.hop_length_samples
    if options.kind == "waveform":
        return n_samples
    if options.framing == "snip_edges":
        return max(0, 1 + (n_samples - options.win_length_samples) // hop)
    if options.framing == "kaldi_round":
        return (n_samples + hop // 2) // hop
    if n_samples == 0:
        return 0
    return n_samples // hop + (options.frame_count == "floor_plus_one")


def _n_columns(n_samples: int, options: FrontendOptions) -> int:
    """Columns of the result: the valid frames, or what NeMo's `pad_to` makes of its n // hop + 1 STFT columns."""
    n_valid = n_frames(n_samples, options)
    if options.pad_to == 0:
        return n_valid
    is_centered = options.kind == "log_mel" and options.framing == "centered"
    n = n_samples // options.hop_length_samples + 1 if is_centered else n_valid
    return -(-n // options.pad_to) * options.pad_to


def _log_mel(signal: Float64, options: FrontendOptions) -> Float64:
    """[n_features, n_frames], not normalised."""
    if options.framing == "centered":
        signal = _dither_signal(signal, options)
    if options.preemphasis_scope == "signal":
        signal = _preemphasize_signal(signal, options.preemphasis)
    frames = _cut_frames(signal, options)
    if options.framing != "centered":
        frames = _dither_frames(frames, options)
    if options.remove_dc_offset:
        frames = frames - frames.mean(axis=1, keepdims=True)
    raw_frames = frames
    if options.preemphasis_scope == "frame":
        frames = _preemphasize_frames(frames, options.preemphasis)
    frames = frames * make_window(options)
    magnitude = np.abs(np.fft.rfft(frames, options.n_fft, axis=1))
    mel = make_mel_bank(options) @ (magnitude**options.mag_power).T
    features: Float64 = _guarded_log(mel, options) if options.use_log else np.minimum(mel, np.finfo(np.float32).max)
    if options.use_energy:
        energy = _log_energy(raw_frames if options.raw_energy else frames, options.energy_floor)
        features = np.concatenate([energy[np.newaxis], features])
    return features


def gaussian_noise(seed: int, counters: npt.NDArray[np.uint64]) -> Float64:
    """Standard normal noise as a function of (seed, counter): SplitMix64 (Steele, Lea & Flood 2014), Box & Muller."""
    mixed_seed = _split_mix(np.array([seed], dtype=np.uint64))
    bits = _split_mix(mixed_seed + counters)
    radius = ((bits >> np.uint64(32)).astype(np.float64) + 0.5) * 2.0**-32
    turn = (bits & np.uint64(0xFFFFFFFF)).astype(np.float64) * 2.0**-32
    noise: Float64 = np.sqrt(-2.0 * np.log(radius)) * np.cos(2.0 * np.pi * turn)
    return noise


def _split_mix(state: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """One step of SplitMix64; unsigned arrays wrap around."""
    state = state + np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: npt.NDArray[np.uint64] = state ^ (state >> np.uint64(31))
    return mixed


def _dither_signal(signal: Float64, options: FrontendOptions) -> Float64:
    """NeMo: noise on the signal, a function of the sample's index."""
    if options.dither == 0:
        return signal
    return signal + options.dither * gaussian_noise(options.dither_seed, np.arange(len(signal), dtype=np.uint64))


def _dither_frames(frames: Float64, options: FrontendOptions) -> Float64:
    """Kaldi: each frame gets noise of its own, a function of the frame's index and the sample's place in it."""
    if options.dither == 0:
        return frames
    frame = np.arange(frames.shape[0], dtype=np.uint64)[:, np.newaxis] << np.uint64(32)
    place = np.arange(frames.shape[1], dtype=np.uint64)
    return frames + options.dither * gaussian_noise(options.dither_seed, frame + place)


def _preemphasize_signal(signal: Float64, coefficient: float) -> Float64:
    """NeMo: y[0] = x[0], y[n] = x[n] - c x[n - 1]."""
    return np.concatenate([signal[:1], signal[1:] - coefficient * signal[:-1]])


def _preemphasize_frames(frames: Float64, coefficient: float) -> Float64:
    """Kaldi: the same inside each frame, the first sample being its own predecessor."""
    return frames - coefficient * np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)


def _cut_frames(signal: Float64, options: FrontendOptions) -> Float64:
    """Frames [n_frames, win_length_samples] of the signal, extended at both ends as the framing says."""
    win, hop, n = options.win_length_samples, options.hop_length_samples, len(signal)
    if options.framing == "centered":
        # torch.stft: frame t is n_fft samples around t * hop, the window in their middle.
        first = -(options.n_fft // 2) + (options.n_fft - win) // 2
    elif options.framing == "kaldi_round":
        first = hop // 2 - win // 2
    else:
        first = 0
    starts = first + hop * np.arange(n_frames(n, options))
    index = starts[:, np.newaxis] + np.arange(win)
    if n == 0:
        return np.zeros(index.shape)
    if options.framing == "centered" and options.pad_mode == "constant":
        return np.where((index >= 0) & (index < n), signal[np.clip(index, 0, n - 1)], 0.0)
    return signal[_reflect(index, n) if options.framing == "centered" else _mirror(index, n)]


def _reflect(index: npt.NDArray[np.int64], n: int) -> npt.NDArray[np.int64]:
    """... 2 1 [0 1 2 ... n-1] n-2 ..., repeated if the signal is shorter than its extension."""
    if n == 1:
        return np.zeros_like(index)
    period = 2 * (n - 1)
    index = index % period
    return np.where(index < n, index, period - index)


def _mirror(index: npt.NDArray[np.int64], n: int) -> npt.NDArray[np.int64]:
    """Kaldi's ... 1 0 [0 1 2 ... n-1] n-1 ..."""
    index = index % (2 * n)
    return np.where(index < n, index, 2 * n - 1 - index)


def make_window(options: FrontendOptions) -> Float64:
    """Window [win_length_samples]."""
    length = options.win_length_samples
    if length == 1:
        return np.ones(1)
    x = np.arange(length) / (length if options.window_periodic else length - 1)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * x)
    a = options.blackman_coeff
    windows = {
        "hann": hann,
        "hamming": 0.54 - 0.46 * np.cos(2 * np.pi * x),
        "blackman": a - 0.5 * np.cos(2 * np.pi * x) + (0.5 - a) * np.cos(4 * np.pi * x),
        "bartlett": 1.0 - np.abs(2.0 * x - 1.0),
        "povey": hann**0.85,
        "sine": np.sin(np.pi * x),
        "rectangular": np.ones(length),
    }
    return windows[options.window]


def _to_mel(hz: Float64, scale: str) -> Float64:
    """HTK: 1127 ln(1 + f / 700). Slaney's Auditory Toolbox: linear below 1 kHz, logarithmic above."""
    if scale == "htk":
        return 1127.0 * np.log1p(hz / 700.0)
    return np.where(hz < 1000.0, hz * 3 / 200, 15.0 + 27.0 * np.log(np.maximum(hz, 1e-9) / 1000.0) / np.log(6.4))


def _to_hz(mel: Float64, scale: str) -> Float64:
    if scale == "htk":
        return 700.0 * np.expm1(mel / 1127.0)
    return np.where(mel < 15.0, mel * 200 / 3, 1000.0 * 6.4 ** ((mel - 15.0) / 27.0))


def make_mel_bank(options: FrontendOptions) -> Float64:
    """Triangles [n_mels, n_fft // 2 + 1] between edges equally spaced on the mel scale."""
    scale = options.mel_scale
    high_hz = options.high_hz if options.high_hz > 0 else options.sample_rate_hz / 2 + options.high_hz
    low_mel, high_mel = _to_mel(np.array([options.low_hz, high_hz]), scale)
    edges_mel: Float64 = low_mel + (high_mel - low_mel) / (options.n_mels + 1) * np.arange(options.n_mels + 2.0)
    edges_hz = _to_hz(edges_mel, scale)
    bins_hz: Float64 = np.arange(options.n_fft // 2 + 1.0) * (options.sample_rate_hz / options.n_fft)
    if options.mel_shape == "linear_mel":
        edges, bins = edges_mel, _to_mel(bins_hz, scale)
    else:
        edges, bins = edges_hz, bins_hz
    left, centre, right = edges[:-2, np.newaxis], edges[1:-1, np.newaxis], edges[2:, np.newaxis]
    bank: Float64 = np.maximum(0.0, np.minimum((bins - left) / (centre - left), (right - bins) / (right - centre)))
    if options.mel_norm == "slaney":
        bank = bank * (2.0 / (edges_hz[2:] - edges_hz[:-2]))[:, np.newaxis]
    return bank


def _guarded_log(mel: Float64, options: FrontendOptions) -> Float64:
    guard = options.log_guard_value
    log: Float64 = np.log(mel + guard if options.log_guard == "add" else np.maximum(mel, guard))
    return log


def _log_energy(frames: Float64, floor: float) -> Float64:
    energy: Float64 = np.log(np.maximum(np.sum(frames**2, axis=1), max(floor, KALDI_ENERGY_FLOOR)))
    return energy


def _normalize(features: Float64, options: FrontendOptions) -> Float64:
    kind = options.normalize
    if kind == "none" or features.size == 0:
        return features
    if kind == "fixed":
        mean = np.asarray(options.fixed_mean, dtype=np.float32).astype(np.float64)[:, np.newaxis]
        deviation = np.asarray(options.fixed_std, dtype=np.float32).astype(np.float64)[:, np.newaxis]
        return (features - mean) / deviation
    axis = 1 if kind == "per_feature" else None
    n = features.shape[1] if kind == "per_feature" else features.size
    centred: Float64 = features - features.mean(axis=axis, keepdims=True)
    squares: Float64 = np.sum(centred**2, axis=axis, keepdims=True)
    if kind == "utterance":
        return centred / np.sqrt(squares / n + 1e-7)
    # NeMo: the unbiased deviation, 0 where there is one value only (whose square is 0).
    return centred / (np.sqrt(squares / max(n - 1, 1)) + 1e-5)


def _pad(features: Float64, n_columns: int, value: float) -> Float64:
    return np.pad(features, ((0, 0), (0, n_columns - features.shape[1])), constant_values=value)
