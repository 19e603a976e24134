"""A NeMo model's preprocessor configuration as options of the front end: every key taken, or refused by its name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fastctc.errors import ModelError
from fastctc.export.nemo_frontend import frontend_fields
from fastctc.export.nemo_proof import frontend_options
from fastctc.reference.fbank import compute_features
from fastctc.types import FrontendOptions

STREAMING = {
    "_target_": "nemo.collections.asr.modules.AudioToMelSpectrogramPreprocessor",
    "sample_rate": 16000,
    "normalize": "NA",
    "window_size": 0.025,
    "window_stride": 0.01,
    "window": "hann",
    "features": 80,
    "n_fft": 512,
    "log": True,
    "frame_splicing": 1,
    "dither": 1e-5,
    "pad_to": 0,
    "pad_value": 0.0,
}
"""Of stt_en_fastconformer_hybrid_large_streaming_multi."""


def options(**changes: Any) -> FrontendOptions:
    return frontend_options("nemo", frontend_fields({**STREAMING, **changes}))


def test_the_streaming_models_are_the_default() -> None:
    assert options() == FrontendOptions()
    assert options(normalize="per_feature", features=128) == FrontendOptions(normalize="per_feature", n_mels=128)


def test_what_a_configuration_leaves_out_is_as_nemo_has_it() -> None:
    found = frontend_options("nemo", frontend_fields({}))
    assert found == FrontendOptions(n_mels=64, win_length_samples=320, normalize="per_feature")


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"sample_rate": 8000, "n_fft": 256}, "win_length_samples", 200),
        ({"sample_rate": 8000, "n_fft": 256}, "hop_length_samples", 80),
        ({"n_fft": None}, "n_fft", 512),
        ({"window_size": None, "n_window_size": 320, "window_stride": None, "n_window_stride": 200}, "n_fft", 512),
        ({"window_stride": None, "n_window_stride": 200}, "hop_length_samples", 200),
        ({"window_size": 0.064}, "win_length_samples", 1024),
        ({"window": "hamming"}, "window", "hamming"),
        ({"window": "none"}, "window", "rectangular"),
        ({"preemph": None}, "preemphasis", 0.0),
        ({"preemph": 0.9}, "preemphasis", 0.9),
        ({"lowfreq": 20}, "low_hz", 20.0),
        ({"highfreq": 7600}, "high_hz", 7600.0),
        ({"highfreq": 8000}, "high_hz", 0.0),
        ({"log_zero_guard_type": "clamp", "log_zero_guard_value": "eps"}, "log_guard_value", 2.0**-23),
        ({"log_zero_guard_type": "clamp"}, "log_guard", "clamp"),
        ({"log_zero_guard_value": "tiny"}, "log_guard_value", 2.0**-126),
        ({"mag_power": 1.0}, "mag_power", 1.0),
        ({"mel_norm": None}, "mel_norm", "none"),
        ({"log": False}, "use_log", False),
        ({"normalize": None}, "normalize", "none"),
        ({"normalize": "all_features"}, "normalize", "all_features"),
        ({"normalize": {"fixed_mean": [1.0] * 80, "fixed_std": [2.0] * 80}}, "fixed_std", (2.0,) * 80),
        ({"dither": 1.0}, "dither", 0.0),
        ({"pad_to": 16}, "pad_to", 0),
    ],
)
def test_a_key_becomes_an_option(changes: dict[str, Any], field: str, value: Any) -> None:
    assert getattr(options(**changes), field) == value


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("_target_", "nemo.collections.asr.modules.AudioToMFCCPreprocessor"),
        ("frame_splicing", 3),
        ("exact_pad", True),
        ("use_torchaudio", True),
        ("window", "kaiser"),
        ("mel_norm", 2),
        ("log_zero_guard_type", "max"),
        ("log_zero_guard_value", "small"),
        ("normalize", "per_speaker"),
        ("normalize", {"fixed_mean": [0.0]}),
        ("cepstral_lifter", 22),
        ("n_window_size", 400),
    ],
)
def test_what_can_not_be_computed_is_refused_by_name(key: str, value: Any) -> None:
    with pytest.raises(ModelError, match=key):
        options(**{key: value})


def test_the_options_run() -> None:
    noise = np.random.default_rng(0).standard_normal(8000).astype(np.float32) * 0.1
    features, n_frames = compute_features(noise, options(highfreq=7600, log_zero_guard_value="tiny"))
    assert features.shape == (80, n_frames)
    assert np.isfinite(features).all()
