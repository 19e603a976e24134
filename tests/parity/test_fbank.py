"""Log-mel front end: C++ = NumPy reference = NeMo = kaldi-native-fbank; any split gives the same frames."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

import tolerances
from conftest import external
from fastctc import AudioError, Error, FrontendOptions, OptionError, _core
from fastctc.reference import fbank as reference

Float32: TypeAlias = npt.NDArray[np.float32]
Compute: TypeAlias = Callable[[Float32, FrontendOptions], tuple[Float32, int]]

INSTRUCTION_SETS = ("baseline", "avx2", "avx512")


def fast(samples: Float32, options: FrontendOptions) -> tuple[Float32, int]:
    return _core.Frontend(options.to_pairs()).compute(samples)


IMPLEMENTATIONS = pytest.mark.parametrize(
    "compute", [pytest.param(fast, id="cpp"), pytest.param(reference.compute_features, id="reference")]
)


def max_difference(a: Float32, b: Float32) -> float:
    assert a.shape == b.shape
    return float(np.max(np.abs(a.astype(np.float64) - b), initial=0.0))


# NeMo


@functools.cache
def load_goldens(path: Path) -> dict[str, npt.NDArray[Any]]:
    with np.load(path) as file:
        return {key: file[key] for key in file.files}


def golden_options(key: str) -> FrontendOptions:
    style, _signal, norm, n_mels, pad_to = key.split("/")
    normalize = "none" if norm == "NA" else norm
    preset: Any = "nemo" if style == "2.5+" else "nemo_legacy"
    return FrontendOptions.preset(preset, normalize=normalize, n_mels=int(n_mels), pad_to=int(pad_to))


def nemo_tolerance(signal: str, norm: str, n_valid: int) -> float:
    if signal == "silence_1s" and norm != "NA":
        return tolerances.LOG_MEL_CONSTANT_NORMALIZED
    if signal == "sweep_3s":
        return tolerances.LOG_MEL_SWEEP
    if norm == "per_feature" and n_valid <= 3:
        return tolerances.LOG_MEL_FEW_FRAMES
    return tolerances.LOG_MEL


def check_goldens(compute: Compute, path: Path, styles: tuple[str, ...], norm: str) -> int:
    goldens = load_goldens(path)
    keys = [key for key in goldens if key.split("/")[0] in styles and not key.endswith("/len")]
    keys = [key for key in keys if key.split("/")[2] == norm]
    for key in keys:
        signal = key.split("/")[1]
        features, n_valid = compute(goldens[f"x/{signal}"], golden_options(key))
        assert n_valid == goldens[f"{key}/len"], key
        # NeMo keeps a masked last column where there is no padding; the model must not see it.
        expected = goldens[key][:, :n_valid] if key.endswith("/0") else goldens[key]
        assert np.isfinite(features).all(), key
        assert max_difference(features, expected) <= nemo_tolerance(signal, norm, n_valid), key
    return len(keys)


@IMPLEMENTATIONS
@pytest.mark.parametrize("norm", ["NA", "per_feature", "all_features"])
@pytest.mark.parametrize("style", ["2.5+", "legacy"])
def test_equals_nemo(compute: Compute, style: str, norm: str, data: Path) -> None:
    assert check_goldens(compute, data / "golden" / "frontend.npz", (style,), norm) >= 50


@IMPLEMENTATIONS
@pytest.mark.parametrize("norm", ["NA", "per_feature", "all_features"])
def test_equals_nemo_on_everything(compute: Compute, norm: str) -> None:
    assert check_goldens(compute, external("golden/frontend_full.npz"), ("2.5+", "legacy"), norm) == 252


# Kaldi

KALDI = FrontendOptions.preset("kaldi")


def kaldi_cases() -> list[Any]:
    cases: dict[str, dict[str, Any]] = {
        "defaults": {},
        "80-mels": {"n_mels": 80},
        "int16-scale": {"n_mels": 80, "input_scale": 32768.0},
        "low-high-hz": {"n_mels": 40, "low_hz": 60.0, "high_hz": -400.0},
        "keep-edges": {"framing": "kaldi_round", "n_mels": 80},
        "keep-edges-int16": {"framing": "kaldi_round", "n_mels": 80, "input_scale": 32768.0},
        "energy": {"use_energy": True, "input_scale": 32768.0},
        "energy-windowed": {"use_energy": True, "raw_energy": False, "input_scale": 32768.0},
        "energy-floor": {"use_energy": True, "energy_floor": 1.0},
        "no-log": {"use_log": False},
        "no-log-energy": {"use_log": False, "use_energy": True},
        "magnitude": {"mag_power": 1.0, "input_scale": 32768.0},
        "keep-dc": {"remove_dc_offset": False},
        "no-preemphasis": {"preemphasis": 0.0},
        "8-khz": {"sample_rate_hz": 8000, "n_fft": 256, "win_length_samples": 200, "hop_length_samples": 80},
        "odd-lengths": {"n_fft": 512, "win_length_samples": 320, "hop_length_samples": 240, "framing": "kaldi_round"},
        "no-power-of-two": {"n_fft": 400},
        "slaney": {"mel_scale": "slaney", "mel_norm": "slaney", "mel_shape": "linear_hz", "low_hz": 0.0, "n_mels": 80},
        "blackman-coeff": {"window": "blackman", "blackman_coeff": 0.3, "n_mels": 64},
    }
    cases |= {window: {"window": window} for window in ("hamming", "hann", "blackman", "sine", "rectangular")}
    return [pytest.param(replace(KALDI, **changes), id=name) for name, changes in cases.items()]


def kaldi_native_fbank(samples: Float32, options: FrontendOptions) -> Float32:
    """The same options in kaldi-native-fbank's terms, [n_features, n_frames]."""
    knf = pytest.importorskip("kaldi_native_fbank")
    peer = knf.FbankOptions()
    frame, mel = peer.frame_opts, peer.mel_opts
    frame.samp_freq = options.sample_rate_hz
    frame.frame_length_ms = options.win_length_samples / options.sample_rate_hz * 1000
    frame.frame_shift_ms = options.hop_length_samples / options.sample_rate_hz * 1000
    frame.dither = 0.0
    frame.preemph_coeff = options.preemphasis
    frame.remove_dc_offset = options.remove_dc_offset
    frame.window_type = "hanning" if options.window == "hann" else options.window
    frame.blackman_coeff = options.blackman_coeff
    frame.snip_edges = options.framing == "snip_edges"
    frame.round_to_power_of_two = options.n_fft & (options.n_fft - 1) == 0
    mel.num_bins, mel.low_freq, mel.high_freq = options.n_mels, options.low_hz, options.high_hz
    if options.mel_scale == "slaney":
        mel.is_librosa, mel.use_slaney_mel_scale, mel.norm = True, True, "slaney"
    peer.use_energy, peer.raw_energy, peer.energy_floor = options.use_energy, options.raw_energy, options.energy_floor
    peer.htk_compat = False
    peer.use_log_fbank, peer.use_power = options.use_log, options.mag_power == 2.0
    online = knf.OnlineFbank(peer)
    online.accept_waveform(options.sample_rate_hz, (samples * np.float32(options.input_scale)).tolist())
    online.input_finished()
    frames = [online.get_frame(i) for i in range(online.num_frames_ready)]
    features: Float32 = np.array(frames, dtype=np.float32).reshape(len(frames), online.dim).T
    return features


@functools.cache
def kaldi_signals(data: Path) -> dict[str, Float32]:
    human, _rate_hz = soundfile.read(data / "speech" / "two-nine-three-four-zero.wav", dtype="float32")
    goldens = load_goldens(data / "golden" / "frontend.npz")
    short = {f"noise_{n}": goldens["x/noise_2s"][:n] for n in (80, 81, 201, 399, 400, 401, 1601)}
    return {"human": human, "synthetic": goldens["x/speech"][:40000], "noise": goldens["x/noise_2s"][:8000], **short}


@IMPLEMENTATIONS
@pytest.mark.parametrize("options", kaldi_cases())
def test_equals_kaldi(compute: Compute, options: FrontendOptions, data: Path) -> None:
    for signal, samples in kaldi_signals(data).items():
        features, n_valid = compute(samples, options)
        expected = kaldi_native_fbank(samples, options)
        assert n_valid == expected.shape[1]
        assert features.shape == expected.shape
        if n_valid == 0:
            continue
        difference = np.abs(features - expected)
        if not options.use_log:
            assert difference.max() <= tolerances.LOG_MEL_KALDI * max(1.0, float(expected.max())), signal
            continue
        is_deep = expected.max(axis=0) - expected > tolerances.KALDI_DEEP
        assert difference[~is_deep].max() <= tolerances.LOG_MEL_KALDI, signal
        assert difference[is_deep].max(initial=0.0) <= tolerances.LOG_MEL_KALDI_DEEP, signal
        assert signal == "synthetic" or difference.max() <= tolerances.LOG_MEL_KALDI, signal


# Any options, any signal, any split


@st.composite
def frontend_options(draw: st.DrawFn) -> FrontendOptions:
    if draw(st.integers(0, 9)) == 0:
        return FrontendOptions.preset("waveform", normalize=draw(st.sampled_from(["none", "utterance"])))
    n_fft = 2 * draw(st.integers(1, 150) | st.sampled_from([200, 256, 510]))
    n_mels = draw(st.integers(1, 90))
    use_energy = draw(st.booleans())
    normalize: Any = draw(st.sampled_from(["none", "per_feature", "all_features", "fixed", "utterance"]))
    n_features = n_mels + use_energy if normalize == "fixed" else 0
    choices: dict[str, list[Any]] = {
        "window": ["hann", "hamming", "blackman", "bartlett", "povey", "sine", "rectangular"],
        "window_periodic": [False, True],
        "framing": ["centered", "snip_edges", "kaldi_round"],
        "pad_mode": ["constant", "reflect"],
        "frame_count": ["floor", "floor_plus_one"],
        "input_scale": [1.0, 32768.0],
        "remove_dc_offset": [False, True],
        "preemphasis": [0.0, 0.97, 1.0],
        "preemphasis_scope": ["signal", "frame"],
        "dither": [0.0, 1e-3],
        "dither_seed": [0, 2**62],
        "mag_power": [2.0, 1.0, 1.5],
        "mel_scale": ["slaney", "htk"],
        "mel_norm": ["slaney", "none"],
        "mel_shape": ["linear_hz", "linear_mel"],
        "low_hz": [0.0, 20.0],
        "high_hz": [0.0, -400.0, 7600.0],
        "log_guard": ["add", "clamp"],
        "log_guard_value": [2.0**-24, 1e-5],
        "raw_energy": [False, True],
        "energy_floor": [0.0, 1.0],
        "pad_to": [0, 0, 16],
        "pad_value": [0.0, -1.5],
    }
    return FrontendOptions(
        n_fft=n_fft,
        win_length_samples=draw(st.integers(1, n_fft)),
        hop_length_samples=draw(st.integers(1, 400)),
        n_mels=n_mels,
        use_energy=use_energy,
        normalize=normalize,
        fixed_mean=tuple(0.25 * i for i in range(n_features)),
        fixed_std=tuple(1.0 + 0.25 * i for i in range(n_features)),
        **{name: draw(st.sampled_from(values)) for name, values in choices.items()},
    )


@st.composite
def signals(draw: st.DrawFn) -> Float32:
    n_samples = draw(st.integers(0, 30) | st.integers(0, 3000))
    generator = np.random.default_rng(draw(st.integers(0, 1000)))
    kind = draw(st.sampled_from(["noise", "tone", "silence", "clipped", "constant"]))
    made = {
        "noise": 0.1 * generator.standard_normal(n_samples),
        "tone": 0.3 * np.sin(np.arange(n_samples) * generator.uniform(0, 3)),
        "silence": np.zeros(n_samples),
        "clipped": np.sign(generator.standard_normal(n_samples)),
        "constant": np.full(n_samples, 0.25),
    }
    signal: Float32 = made[kind].astype(np.float32)
    return signal


def stream_in_pieces(frontend: _core.Frontend, samples: Float32, seed: int) -> Float32:
    generator = np.random.default_rng(seed)
    stream = _core.FrontendStream(frontend)
    parts = [np.zeros((frontend.n_features, 0), np.float32)]
    cuts = np.sort(generator.integers(0, len(samples) + 1, size=generator.integers(0, 12)))
    for piece in np.split(samples, cuts):
        stream.push(np.ascontiguousarray(piece))
        if generator.random() < 0.7:
            parts.append(stream.take(int(generator.integers(0, stream.n_ready_frames + 1))))
    stream.finish()
    parts.append(stream.take(stream.n_ready_frames))
    return np.concatenate(parts, axis=1)


@settings(deadline=None, max_examples=300)
@given(options=frontend_options(), samples=signals(), seed=st.integers(0, 2**32 - 1))
def test_any_split_equals_one_shot(options: FrontendOptions, samples: Float32, seed: int) -> None:
    frontend = _core.Frontend(options.to_pairs())
    features, n_valid = frontend.compute(samples)
    np.testing.assert_array_equal(stream_in_pieces(frontend, samples, seed), features[:, :n_valid])
    assert n_valid == frontend.n_frames(len(samples))
    np.testing.assert_array_equal(features[:, n_valid:], np.float32(options.pad_value))


def is_ill_conditioned(features: Float32, options: FrontendOptions) -> bool:
    """Whether a deviation is so small that dividing by it shows the last bits of float32."""
    if options.normalize not in ("per_feature", "all_features", "utterance") or features.size == 0:
        return False
    deviation = features.std(axis=1 if options.normalize == "per_feature" else None, dtype=np.float64)
    return bool(np.min(deviation) < 1e-3 * max(1.0, float(np.abs(features).max())))


@settings(deadline=None, max_examples=300)
@given(options=frontend_options(), samples=signals(), use_log=st.booleans())
def test_fast_equals_reference(options: FrontendOptions, samples: Float32, use_log: bool) -> None:
    options = replace(options, use_log=use_log)
    features, n_valid = fast(samples, options)
    expected, n_expected = reference.compute_features(samples, options)
    assert n_valid == n_expected
    assert features.shape == expected.shape
    assert np.isfinite(features).all()
    plain, _ = reference.compute_features(samples, replace(options, normalize="none", pad_to=0))
    if is_ill_conditioned(plain, options):
        return
    is_normalized = options.normalize not in ("none", "fixed")
    bound = tolerances.LOG_MEL_TWIN_NORMALIZED if is_normalized else tolerances.LOG_MEL_TWIN
    scale = max(1.0, float(np.abs(expected).max(initial=0.0)))
    assert max_difference(features, expected) <= bound * scale


@settings(deadline=None, max_examples=100)
@given(options=frontend_options(), samples=signals())
def test_instruction_sets_give_the_same_bits(options: FrontendOptions, samples: Float32) -> None:
    expected, _ = fast(samples, replace(options, instruction_set="baseline"))
    for instruction_set in INSTRUCTION_SETS[1:]:
        chosen: Any = instruction_set
        try:
            frontend = _core.Frontend(replace(options, instruction_set=chosen).to_pairs())
        except OptionError:
            continue  # not on this processor
        assert frontend.instruction_set == instruction_set
        np.testing.assert_array_equal(frontend.compute(samples)[0], expected)


# Bindings


@pytest.mark.parametrize("name", ["nemo", "nemo_legacy", "kaldi", "waveform"])
def test_presets_and_options_are_the_same_in_both(name: Any) -> None:
    options = FrontendOptions.preset(name)
    assert [key for key, _ in _core.frontend_preset(name)] == [key for key, _ in options.to_pairs()]
    assert _core.Frontend(options.to_pairs()).options() == _core.frontend_preset(name)


@IMPLEMENTATIONS
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_not_finite_is_named(compute: Compute, value: float) -> None:
    samples = np.zeros(5000, np.float32)
    samples[[1234, 4000]] = value
    with pytest.raises(AudioError, match="Sample 1234 "):
        compute(samples, FrontendOptions())


@IMPLEMENTATIONS
def test_two_dimensions_are_named(compute: Compute) -> None:
    with pytest.raises(AudioError, match="one-dimensional"):
        compute(np.zeros((2, 100), np.float32), FrontendOptions())


def test_wrong_dtype_and_layout_are_type_errors() -> None:
    frontend = _core.Frontend()
    wrong: list[Any] = [np.zeros(100), np.zeros(100, np.int16), np.zeros(200, np.float32)[::2], None, "text"]
    for samples in wrong:
        with pytest.raises(TypeError):
            frontend.compute(samples)


def test_empty_signal_has_no_frames() -> None:
    features, n_valid = fast(np.zeros(0, np.float32), FrontendOptions())
    assert features.shape == (80, 0)
    assert n_valid == 0


def test_unavailable_frames_are_named() -> None:
    stream = _core.FrontendStream(_core.Frontend())
    with pytest.raises(OptionError, match="0 are ready"):
        stream.take(2**40)


def test_a_stream_in_two_threads_raises_or_works() -> None:
    stream = _core.FrontendStream(_core.Frontend([("normalize", "per_feature")]))
    samples = np.zeros(16000, np.float32)
    messages: list[str] = []
    pushed = [0, 0]

    def push(index: int) -> None:
        try:
            stream.push(samples)
            pushed[index] += 1
        except Error as error:
            messages.append(str(error))

    def work(index: int) -> None:
        for _ in range(50):
            push(index)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all("another thread" in message for message in messages)
    assert sum(pushed) + len(messages) == 100
    stream.finish()
    assert stream.n_ready_frames == sum(pushed) * 100


# The reference itself


@pytest.mark.parametrize("n_mels", [64, 80, 128])
def test_mel_bank_is_librosas(n_mels: int, data: Path) -> None:
    published = np.load(data / "frontend" / f"melfb_{n_mels}.npy")
    assert max_difference(published, reference.make_mel_bank(FrontendOptions(n_mels=n_mels)).astype(np.float32)) < 1e-8


def test_window_is_torchs(data: Path) -> None:
    published = np.load(data / "frontend" / "window_400_symmetric_hann.npy").reshape(-1)
    assert max_difference(published, reference.make_window(FrontendOptions()).astype(np.float32)) < 1e-6


def test_htk_mel_scale_by_its_formula() -> None:
    """The edges are equally spaced in 2595 log10(1 + f / 700): O'Shaughnessy 1987."""
    options = FrontendOptions.preset("kaldi", n_mels=20, n_fft=4096)
    peaks_hz = reference.make_mel_bank(options).argmax(axis=1) * 16000 / 4096
    mel = 2595 * np.log10(1 + np.array([20.0, *peaks_hz, 8000.0]) / 700)
    assert np.ptp(np.diff(mel)) < 10  # bins of 4 Hz are up to 5 mel wide


def test_noise_is_standard_normal_and_depends_on_its_counter_only() -> None:
    counters = np.arange(200000, dtype=np.uint64)
    noise = reference.gaussian_noise(3, counters)
    assert abs(noise.mean()) < 0.01
    assert abs(noise.std() - 1) < 0.01
    assert abs((np.abs(noise) < 1.0).mean() - 0.6827) < 0.005
    assert abs(np.mean(noise[1:] * noise[:-1])) < 0.01
    np.testing.assert_array_equal(noise[777:800], reference.gaussian_noise(3, counters[777:800]))
    assert abs(np.mean(noise * reference.gaussian_noise(4, counters))) < 0.01


@pytest.mark.parametrize("n_samples", [2, 3, 5, 50, 300])
def test_short_signals_reflect_again_and_again(n_samples: int) -> None:
    """By hand: a frame around sample 0 sees ... x[2] x[1] x[0] x[1] x[2] ..., turning at both ends."""
    options = FrontendOptions.preset("nemo_legacy", preemphasis=0.0, use_log=False, n_mels=8)
    samples = np.random.default_rng(n_samples).standard_normal(n_samples).astype(np.float32)
    place, step, right = 0, 1, []
    for _ in range(257):
        right.append(samples[place])
        if not 0 <= place + step < n_samples:
            step = -step
        place += step
    block = np.concatenate([right[:0:-1], right[:256]])
    window = np.zeros(512)
    window[56:456] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 399)
    k = np.arange(257)[:, np.newaxis]
    spectrum = np.exp(-2j * np.pi * k * np.arange(512) / 512) @ (block * window)
    expected = reference.make_mel_bank(options) @ np.abs(spectrum) ** 2
    features, _ = reference.compute_features(samples, options)
    np.testing.assert_allclose(features[:, 0], expected, rtol=1e-6)
