"""Sound from a file or an array, in a few plain lines; the twin of `fastctc.audio`."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
import numpy.typing as npt
import soundfile

from fastctc.errors import AudioError, AudioNotFoundError, OptionError
from fastctc.reference.resampler import MAX_RATE_HZ, MIN_RATE_HZ, resample
from fastctc.types import Audio

__all__ = ["count_channels", "load_audio"]

MAX_CHANNELS = 32
OFFSET_AND_SCALE = {
    "float32": (0, 1.0),
    "float64": (0, 1.0),
    "int16": (0, 2.0**-15),
    "int32": (0, 2.0**-31),
    "uint8": (128, 2.0**-7),
}


def load_audio(
    source: str | os.PathLike[str] | bytes | BinaryIO | npt.NDArray[Any],
    *,
    target_rate_hz: int,
    sample_rate: int | None = None,
    channel: int | Literal["mean"] = "mean",
) -> Audio:
    """Reads the whole source, takes one channel or the mean of all, resamples.

    Arguments and errors are those of `fastctc.audio`, except that a truncated file is read to its end: only
    `fastctc.audio` compares it with its header.
    """
    for name, given_hz in (("target_rate_hz", target_rate_hz), ("sample_rate", sample_rate)):
        if given_hz is None:
            continue
        if isinstance(given_hz, bool) or given_hz % 1 or not MIN_RATE_HZ <= given_hz <= MAX_RATE_HZ:
            raise OptionError(f"Option {name} is {given_hz}. Give {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz.")
    if isinstance(source, np.ndarray):
        frames = _frames_of_array(source)
        rate_hz = target_rate_hz if sample_rate is None else sample_rate
    else:
        frames, rate_hz = _frames_of_file(source)
        if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
            raise AudioError(f"The file is at {rate_hz} Hz, but the rate must be {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz.")
        if sample_rate is not None and sample_rate != rate_hz:
            raise OptionError(f"The file is at {rate_hz} Hz, but option sample_rate is {sample_rate}. Leave it out.")

    if channel == "mean":
        with np.errstate(invalid="ignore"):  # +Inf and -Inf at once: NaN, refused by resample
            mono = frames.mean(axis=1)
    elif isinstance(channel, int) and not isinstance(channel, bool) and 0 <= channel < frames.shape[1]:
        mono = frames[:, channel]
    else:
        raise OptionError(f'Option channel is {channel}. Give 0 to {frames.shape[1] - 1}, or "mean".')

    samples = resample(mono, rate_hz, target_rate_hz).astype(np.float32)
    return Audio(samples, target_rate_hz, len(mono) / rate_hz)


def count_channels(source: Any) -> int:
    """Duration of a source as `load_audio` takes it. Raises as that does."""
    frames = _frames_of_array(source) if isinstance(source, np.ndarray) else _frames_of_file(source)[0]
    return frames.shape[1]


def _frames_of_array(samples: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    if samples.dtype.name not in OFFSET_AND_SCALE:
        raise AudioError(f"The array has dtype {samples.dtype}. Give one of {', '.join(OFFSET_AND_SCALE)}.")
    offset, scale = OFFSET_AND_SCALE[samples.dtype.name]
    if samples.ndim == 1:
        samples = samples[:, None]
    elif samples.ndim != 2:
        raise AudioError(f"The array has shape {samples.shape}. Give [n], [n, channels] or [channels, n].")
    else:
        rows, columns = samples.shape
        rows_are_channels = columns > MAX_CHANNELS >= rows or (columns == 0 < rows <= MAX_CHANNELS)
        columns_are_channels = rows > MAX_CHANNELS >= columns or (rows == 0 < columns <= MAX_CHANNELS)
        if rows_are_channels == columns_are_channels:
            raise AudioError(f"The array has shape {samples.shape}: either axis could be the channels. Give one, 1-D.")
        if rows_are_channels:
            samples = samples.T
        if samples.shape[1] == 0:
            raise AudioError("The array has no channels. Give at least one.")
    return (samples.astype(np.float64) - offset) * scale


def _frames_of_file(source: Any) -> tuple[npt.NDArray[np.float64], int]:
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        if not path.exists():
            raise AudioNotFoundError(f"The file {path} is not there. Check the path.")
        if path.is_dir():
            raise AudioError(f"{path} is a directory. Give the files in it.")
        encoded = path.read_bytes()
    elif isinstance(source, bytes):
        encoded = source
    elif hasattr(source, "read"):
        source.seek(0)
        encoded = source.read()
    else:
        raise AudioError(
            f"The audio can't be a {type(source).__name__}. Give a path, bytes, a binary file or a NumPy array."
        )
    if not encoded:
        raise AudioError("The file is empty. Get it again.")
    try:
        frames, rate_hz = soundfile.read(io.BytesIO(encoded), dtype="float64", always_2d=True)
    except (soundfile.SoundFileError, ValueError, TypeError) as error:
        raise AudioError(f"The file can't be read as audio: {error}. Convert it: ffmpeg -i INPUT OUT.wav.") from error
    return frames, rate_hz
