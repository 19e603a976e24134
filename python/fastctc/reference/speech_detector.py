"""Where there is speech, in plain loops; the twin of `cpp/src/vad/speech_detector.cpp` and `cpp/src/vad/`."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fastctc.errors import EngineError, ModelError, OptionError
from fastctc.reference.acoustic_model import open_session
from fastctc.reference.samples import LOUDEST_RESAMPLED, check_samples
from fastctc.types import SessionOptions, SpeechSegment, VadOptions

__all__ = ["detect_speech", "energy_scores", "find_segments", "silero_scores"]

Samples = npt.NDArray[np.float32]
Scores = tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]
"""A score per frame, and one past each frame's last sample."""

CUTOFF_HZ = 200.0
LEAST_POWER = 1e-12
MEDIAN_REACH = 3
"""Frames on either side."""
FLOOR_PERCENT = 10
FLOOR_FRAMES = 500
START_FRAMES = 100
ENERGY_HYSTERESIS_DB = 3.0
SILERO_HYSTERESIS = 0.15
SILERO_LEAST_CLOSE = 0.01


def detect_speech(
    samples: Samples, options: VadOptions, sample_rate_hz: int, session: SessionOptions | None = None
) -> list[SpeechSegment]:
    """The segments of mono `samples` [n].

    Raises:
        OptionError: no kind is named, or the rate is none that it takes.
        AudioError: a sample is not finite, or far beyond [-1, 1].
        ModelError, EngineError: Silero's graph can't be used.
    """
    if not 8000 <= sample_rate_hz <= 768000:
        raise OptionError(f"Speech detection takes audio at 8000 to 768000 Hz, not at {sample_rate_hz} Hz.")
    check_samples(samples, loudest=LOUDEST_RESAMPLED)
    if options.kind == "energy":
        scores, ends = energy_scores(samples, options, sample_rate_hz)
        open_score, close_score = 0.0, -ENERGY_HYSTERESIS_DB
    elif options.kind == "silero":
        scores, ends = silero_scores(samples, options.model, sample_rate_hz, session)
        open_score, close_score = options.threshold, max(options.threshold - SILERO_HYSTERESIS, SILERO_LEAST_CLOSE)
    else:
        raise OptionError(f"Option vad.kind is {options.kind}: give energy or silero.")
    return find_segments(scores, ends, options, sample_rate_hz, open_score, close_score)


def find_segments(
    scores: npt.NDArray[np.float64],
    ends: npt.NDArray[np.int64],
    options: VadOptions,
    sample_rate_hz: int,
    open_score: float,
    close_score: float,
) -> list[SpeechSegment]:
    """Segments of the frames' scores; `cpp/src/vad/segmenter.h` says what opens and closes one."""
    min_speech, min_silence, padding = (
        math.floor(time_s * sample_rate_hz + 0.5)
        for time_s in (options.min_speech_s, options.min_silence_s, options.padding_s)
    )
    min_silence = max(min_silence, 2 * padding)
    n_samples = int(ends[-1]) if len(ends) else 0
    speech: list[tuple[int, int]] = []  # without padding
    opening: int | None = None
    pause: int | None = None
    begin = 0
    for score, end in zip(scores.tolist(), ends.tolist(), strict=True):
        if score >= open_score:
            opening = begin if opening is None else opening
            pause = None
        elif score < close_score and opening is not None:
            pause = begin if pause is None else pause
            if end - pause >= min_silence:
                speech.append((opening, pause))
                opening = pause = None
        begin = end
    if opening is not None:
        speech.append((opening, n_samples if pause is None else pause))
    return [
        SpeechSegment(max(first - padding, 0) / sample_rate_hz, min(last + padding, n_samples) / sample_rate_hz)
        for first, last in speech
        if last - first >= min_speech
    ]


# Energy


def energy_scores(samples: Samples, options: VadOptions, sample_rate_hz: int) -> Scores:
    """Level above the threshold, dB, in frames of 10 ms: the formulas of `cpp/src/vad/energy.cpp`, one per line."""
    h = sample_rate_hz // 100
    y = high_pass(samples, CUTOFF_HZ, sample_rate_hz)
    ends = np.minimum(np.arange(h, len(y) + h, h), len(y))
    e = [10 * math.log10(float(np.mean(y[end - 1 - (end - 1) % h : end] ** 2)) + LEAST_POWER) for end in ends]
    l = [lower_median(e[max(t - MEDIAN_REACH, 0) : t + MEDIAN_REACH + 1]) for t in range(len(e))]  # noqa: E741
    scores = []
    for t in range(len(l)):
        end = max(t, START_FRAMES - 1) + 1
        f = percentile(l[max(end - FLOOR_FRAMES, 0) : end], FLOOR_PERCENT)
        scores.append(l[t] - max(options.min_level_db, f + options.snr_db))
    return np.array(scores, dtype=np.float64), ends.astype(np.int64)


def high_pass(samples: Samples, cutoff_hz: float, sample_rate_hz: int) -> npt.NDArray[np.float64]:
    """Second-order Butterworth high-pass, the bilinear transform of s^2 / (s^2 + sqrt(2) s + 1)."""
    k = math.tan(math.pi * cutoff_hz / sample_rate_hz)
    gain = 1 / (1 + math.sqrt(2) * k + k * k)
    a1 = 2 * (k * k - 1) * gain
    a2 = (1 - math.sqrt(2) * k + k * k) * gain
    y = np.empty(len(samples))
    first = second = 0.0
    for n, x in enumerate(samples.tolist()):
        y[n] = out = gain * x + first
        first, second = -2 * gain * x - a1 * out + second, gain * x - a2 * out
    return y


def lower_median(values: list[float]) -> float:
    """The median; of two middle values the lower."""
    return sorted(values)[(len(values) - 1) // 2]


def percentile(values: list[float], percent: int) -> float:
    """The value below which `percent` of the others lie."""
    return sorted(values)[(len(values) - 1) * percent // 100]


# Silero


def silero_scores(
    samples: Samples, path: str | os.PathLike[str], sample_rate_hz: int, session: SessionOptions | None = None
) -> Scores:
    """Probability of speech per window, as `silero_vad.get_speech_timestamps` asks its ONNX graph for it.

    Raises:
        OptionError: the graph does not take that rate.
        ModelError, EngineError: the graph is not Silero's, or can't be run.
    """
    if sample_rate_hz not in (8000, 16000):
        raise OptionError(f"Silero takes audio at 8000 or 16000 Hz, not at {sample_rate_hz} Hz.")
    graph = open_session(Path(path), session or SessionOptions())
    inputs = {tensor.name: tensor for tensor in graph.get_inputs()}
    states = {"state": "stateN"} if "state" in inputs else {"h": "hn", "c": "cn"}
    expected = {"input", *states, *({"sr"} & set(inputs))}
    outputs = {tensor.name for tensor in graph.get_outputs()}
    if set(inputs) != expected or not outputs >= {"output", *states.values()}:
        raise ModelError(
            f"The graph {path} is not one of Silero's: inputs {sorted(inputs)}, outputs {sorted(outputs)}. Expected: "
            "input, state, sr and output, stateN (version 5), or input, sr, h, c and output, hn, cn (version 4)."
        )
    if sample_rate_hz == 8000 and ("16k" in Path(path).name or "sr" not in inputs):
        raise OptionError(f"The graph {path} takes audio at 16000 Hz only.")
    n_window = sample_rate_hz * 32 // 1000
    n_context = n_window // 8 if "state" in inputs else 0
    state: dict[str, Any] = {name: np.zeros((2, 1, inputs[name].shape[2]), np.float32) for name in states}
    rate = {"sr": np.full(inputs["sr"].shape, sample_rate_hz, np.int64)} if "sr" in inputs else {}
    context = np.zeros(n_context, np.float32)
    scores = []
    ends = np.minimum(np.arange(n_window, len(samples) + n_window, n_window), len(samples))
    for end in ends:
        new = samples[end - 1 - (end - 1) % n_window : end]
        window = np.concatenate([context, new, np.zeros(n_window - len(new), np.float32)])
        try:
            probability, *following = graph.run(["output", *states.values()], {"input": window[None], **state, **rate})
        except Exception as error:  # onnxruntime's exceptions have no common base
            raise EngineError(f"ONNX Runtime failed on {len(window)} samples of {path}: {error}") from error
        state = dict(zip(states, following, strict=True))
        context = window[len(window) - n_context :]
        scores.append(float(probability[0, 0]))
    return np.array(scores, dtype=np.float64), ends.astype(np.int64)
