"""Sample-rate conversion, the formula as it stands; the twin of `cpp/src/audio/resampler.cpp`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from fastctc.errors import OptionError
from fastctc.reference.samples import check_samples

__all__ = ["impulse_response", "resample"]

HALF_WIDTH = 64
"""The filter is zero beyond this many samples of the lower rate on either side."""
CUTOFF = 0.95
"""Cut-off in Nyquist frequencies of the lower rate: the middle of the transition from 0.9 to 1."""
BETA = 10.0
"""Beta of the Kaiser window: 100 dB for this width and transition."""
MIN_RATE_HZ, MAX_RATE_HZ = 1000, 768000


def impulse_response(t: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Kaiser-windowed sinc at `t`, in samples of the lower rate; gain 1 where that is the input's rate.

    Source: Oppenheim and Schafer, Discrete-Time Signal Processing, section 7.5.
    """
    times = np.asarray(t, dtype=np.float64)
    inside = np.abs(times) < HALF_WIDTH
    response = np.zeros(times.shape)
    window = np.i0(BETA * np.sqrt(1 - (times[inside] / HALF_WIDTH) ** 2)) / np.i0(BETA)
    response[inside] = CUTOFF * np.sinc(CUTOFF * times[inside]) * window
    return response


def resample(samples: npt.NDArray[Any], input_rate_hz: int, output_rate_hz: int) -> npt.NDArray[np.float64]:
    """Converts mono `samples` [n] to [ceil(n * output / input)]; equal rates give a copy.

    Output m stands at input time m * input / output and is a sum over the input weighted by `impulse_response`.

    Raises:
        OptionError: a rate is below 1000 or above 768000 Hz.
        AudioError: a sample is not finite, or far beyond [-1, 1].
    """
    for name, rate_hz in (("input", input_rate_hz), ("output", output_rate_hz)):
        if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
            raise OptionError(f"The {name} rate is {rate_hz}. Give {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz.")
    x: npt.NDArray[np.float64] = np.array(samples, dtype=np.float64)
    check_samples(x)
    if input_rate_hz == output_rate_hz or not x.size:
        return x

    divisor = math.gcd(input_rate_hz, output_rate_hz)
    step, n_phases = input_rate_hz // divisor, output_rate_hz // divisor
    scale = min(1.0, n_phases / step)  # lower rate / input rate
    reach = math.ceil(HALF_WIDTH / scale)
    n_outputs = -(-len(x) * n_phases // step)
    y = np.empty(n_outputs)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, reach), 2 * reach + 1)
    # Outputs p, p + n_phases, ... stand at the same place between two samples, so they share their weights.
    for p in range(min(n_phases, n_outputs)):
        sample, phase = divmod(p * step, n_phases)
        weights = impulse_response((np.arange(-reach, reach + 1) - phase / n_phases) * scale) * scale
        rows = windows[sample::step][: len(y[p::n_phases])]
        y[p::n_phases] = rows @ weights
    return y
