"""The one check of samples; the twin of `cpp/src/audio/samples.cpp`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from fastctc.errors import AudioError

__all__ = ["LOUDEST_RESAMPLED", "check_samples"]

LOUDEST_SAMPLE = 32.0
LOUDEST_RESAMPLED = 3 * LOUDEST_SAMPLE


def check_samples(samples: npt.NDArray[Any], *, first: int = 0, loudest: float = LOUDEST_SAMPLE) -> None:
    """Raises AudioError on the first sample that is not finite or larger than `loudest`; it counts from `first`."""
    bad = np.flatnonzero(~(np.abs(samples) <= loudest))
    if not bad.size:
        return
    value = samples[bad[0]]
    what, advice = f"{value:g}", "float samples must be in [-1, 1]; divide 16-bit values by 32768"
    if not np.isfinite(value):
        what, advice = "NaN" if np.isnan(value) else f"{value:+}".title(), "samples must be finite"
    raise AudioError(f"Sample {first + bad[0]} is {what}; {advice}.")
