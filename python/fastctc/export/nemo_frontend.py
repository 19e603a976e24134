"""The front end of a NeMo model, from its own configuration to `FrontendOptions`.

Source: NeMo 3.0.0, nemo/collections/asr/modules/audio_preprocessing.py (AudioToMelSpectrogramPreprocessor, whose
defaults stand below) and parts/preprocessing/features.py (FilterbankFeatures, normalize_batch).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from fastctc.errors import ModelError

__all__ = ["frontend_fields"]

PREPROCESSOR = "AudioToMelSpectrogramPreprocessor"

DEFAULTS: dict[str, Any] = {
    "sample_rate": 16000,
    "window_size": 0.02,
    "window_stride": 0.01,
    "n_window_size": None,
    "n_window_stride": None,
    "window": "hann",
    "normalize": "per_feature",
    "n_fft": None,
    "preemph": 0.97,
    "features": 64,
    "lowfreq": 0,
    "highfreq": None,
    "log": True,
    "log_zero_guard_type": "add",
    "log_zero_guard_value": 2**-24,
    "dither": 1e-5,
    "pad_to": 16,
    "frame_splicing": 1,
    "exact_pad": False,
    "pad_value": 0,
    "mag_power": 2.0,
    "mel_norm": "slaney",
    "use_torchaudio": False,
}
WITHOUT_EFFECT = {"_target_", "rng", "nb_augmentation_prob", "nb_max_freq", "max_duration", "use_grads"} | {
    "stft_conv",
    "stft_exact_pad",
}
"""Keys for training or memory alone, and deprecated keys."""

FLOAT32_TINY = 2.0**-126
FLOAT32_EPSILON = 2.0**-23


def frontend_fields(preprocessor: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of FrontendOptions over the preset "nemo", every one that the configuration sets.

    Args:
        preprocessor: The model's `cfg.preprocessor` as plain values.

    Raises:
        ModelError: It asks for something that this front end can't compute; the message names the key.
    """
    target = str(preprocessor.get("_target_", PREPROCESSOR)).rpartition(".")[2]
    if target != PREPROCESSOR:
        raise _refused("_target_", target, f"only {PREPROCESSOR} can be computed")
    unknown = sorted(set(preprocessor) - set(DEFAULTS) - WITHOUT_EFFECT)
    if unknown:
        raise _refused(unknown[0], preprocessor[unknown[0]], "it is not known here")
    values = {**DEFAULTS, **preprocessor}
    _check_fixed(values)
    rate_hz = int(values["sample_rate"])
    window, hop = (_samples(values, preprocessor, name, rate_hz) for name in ("window_size", "window_stride"))
    return {
        "sample_rate_hz": rate_hz,
        "n_mels": int(values["features"]),
        "n_fft": int(values["n_fft"] or 2 ** math.ceil(math.log2(window))),
        "win_length_samples": window,
        "hop_length_samples": hop,
        "window": _window(values["window"]),
        "preemphasis": float(values["preemph"] or 0.0),
        "mag_power": float(values["mag_power"]),
        "mel_norm": _mel_norm(values["mel_norm"]),
        "low_hz": float(values["lowfreq"] or 0.0),
        # This front end's value for the Nyquist frequency.
        "high_hz": 0.0 if values["highfreq"] in (None, 0, rate_hz / 2) else float(values["highfreq"]),
        "use_log": bool(values["log"]),
        "log_guard": values["log_zero_guard_type"],
        "log_guard_value": _guard(values["log_zero_guard_value"]),
        **_normalize(values["normalize"]),
        # Dither is off in inference. NeMo pads to `pad_to` and then masks what it padded, so nothing is padded here.
        "dither": 0.0,
        "pad_to": 0,
    }


def _check_fixed(values: Mapping[str, Any]) -> None:
    """Checks a key that has only one computable value."""
    for key, wanted in (("frame_splicing", 1), ("exact_pad", False), ("use_torchaudio", False)):
        if values[key] != wanted:
            raise _refused(key, values[key], f"only {wanted} can be computed")
    if values["log_zero_guard_type"] not in ("add", "clamp"):
        raise _refused("log_zero_guard_type", values["log_zero_guard_type"], "it must be add or clamp")


def _samples(values: Mapping[str, Any], stated: Mapping[str, Any], key: str, rate_hz: int) -> int:
    """A length in samples; NeMo drops the fraction."""
    in_samples = values[f"n_{key}"]
    if not in_samples:
        return int(values[key] * rate_hz)
    if stated.get(key):
        raise _refused(f"n_{key}", in_samples, f"{key} is given too")
    return int(in_samples)


def _window(name: Any) -> str:
    if name in ("hann", "hamming", "blackman", "bartlett"):
        return str(name)
    # NeMo has only these, and uses no window for any other name.
    if name in ("none", None):
        return "rectangular"
    raise _refused("window", name, "it must be hann, hamming, blackman, bartlett or none")


def _mel_norm(name: Any) -> str:
    if name in ("slaney", None):
        return "slaney" if name else "none"
    raise _refused("mel_norm", name, "it must be slaney or null")


def _guard(value: Any) -> float:
    if isinstance(value, str):
        if value not in ("tiny", "eps"):
            raise _refused("log_zero_guard_value", value, "it must be a number, tiny or eps")
        return FLOAT32_TINY if value == "tiny" else FLOAT32_EPSILON
    return float(value)


def _normalize(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        if {"fixed_mean", "fixed_std"} <= set(value):
            means, deviations = ([float(v) for v in value[key]] for key in ("fixed_mean", "fixed_std"))
            return {"normalize": "fixed", "fixed_mean": means, "fixed_std": deviations}
    elif value in ("per_feature", "all_features"):
        return {"normalize": value}
    elif value in (None, False, "", "NA", "None", "none"):
        return {"normalize": "none"}
    raise _refused(
        "normalize", value, "it must be per_feature, all_features, NA, or an object with fixed_mean and fixed_std"
    )


def _refused(key: str, value: Any, why: str) -> ModelError:
    return ModelError(f"The model can't be exported: its preprocessor has {key} = {value!r}, and {why}.")
