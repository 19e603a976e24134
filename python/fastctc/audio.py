"""Sound from wherever a user has it, as mono float32 samples at the rate that the model needs."""

from __future__ import annotations

import array
import io
import operator
import os
from typing import Any, BinaryIO, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from fastctc import _core
from fastctc.encoded import can_probe, open_encoded, read_blocks
from fastctc.errors import AudioError, OptionError
from fastctc.types import Audio

__all__ = ["AudioSource", "Channel", "load_audio", "probe_duration_s"]

_File: TypeAlias = "BinaryIO | io.RawIOBase | io.BufferedIOBase"
AudioSource: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview | _File | npt.NDArray[Any]"
Channel: TypeAlias = "int | Literal['mean']"
_Floats: TypeAlias = npt.NDArray[np.float32]

MIN_RATE_HZ, MAX_RATE_HZ = 1000, 768000
MAX_CHANNELS = 32
"""Of a 2-D array: its shorter axis is the channels, and must not be longer."""
MAX_MAGNITUDE = 32.0
"""Float samples should be in [-1, 1]. A mix may pass that a little; beyond this they are surely 16-bit values."""
_BLOCK_VALUES = 1 << 18  # samples of all channels that are read at once
_BLOCK_VALUES = 1 << 18  # samples of all channels that are converted at once


def load_audio(
    source: AudioSource, *, target_rate_hz: int, sample_rate: int | None = None, channel: Channel = "mean"
) -> Audio:
    """Reads, mixes to one channel and resamples. Files are read in blocks: memory is that of the result.

    Args:
        source: One of
            a path (str or os.PathLike) of a file that libsndfile reads: WAV, FLAC, OGG, Opus, MP3 and more;
            bytes, bytearray or a memoryview of bytes: such a file in memory;
            a binary file object of such a file: read from its start wherever it stands, left open and where it stood
            (one that can't seek is read from where it stands to its end);
            samples: a NumPy array, or what NumPy takes without a copy (array.array, a typed memoryview, `__array__`),
            of float32 or float64 in [-1, 1], int16, int32 or uint8 (silence at 128), in any byte order and layout.
            Samples are mono [n], or [n, channels] or [channels, n] where one axis is at most 32 and the other is longer
            than 32. No samples at all are valid audio of no length.
        target_rate_hz: Rate of the result.
        sample_rate: Rate of samples, in Hz; None: they are at the target rate already. A file's own rate always wins,
            one given beside it must be the same.
        channel: Which channel, from 0; "mean": all of them mixed.

    Returns:
        Samples float32 [ceil(n * target / rate)], contiguous, and the duration.

    Raises:
        AudioNotFoundError: There is no such file.
        AudioError: The source can't be used; the message says why.
        OptionError: A rate is no integer from 1000 to 768000, contradicts the file's, or there is no such channel.
    """
    target_rate_hz = _check_rate("target_rate_hz", target_rate_hz)
    if sample_rate is not None:
        sample_rate = _check_rate("sample_rate", sample_rate)
    channel = _check_channel(channel)
    samples = _as_array(source)
    if samples is not None:
        frames = _as_frames(samples)
        mixer = _Mixer(
            "the array", sample_rate or target_rate_hz, frames.shape[1], target_rate_hz, channel, len(frames)
        )
        block_frames = max(1, _BLOCK_VALUES // frames.shape[1])
        for start in range(0, len(frames), block_frames):
            mixer.push(_to_float(frames[start : start + block_frames]))
        return mixer.finish()
    with open_encoded(source) as (file, name):
        rate_hz = file.samplerate
        if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
            raise AudioError(f"{name}: its sample rate is {rate_hz} Hz; {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz can be used")
        if sample_rate is not None and sample_rate != rate_hz:
            raise OptionError(
                f"sample_rate is {sample_rate}, but {name} is at {rate_hz} Hz: leave sample_rate out, "
                "the file's own rate is used"
            )
        mixer = _Mixer(name, rate_hz, file.channels, target_rate_hz, channel, file.frames)
        for block in read_blocks(file, name):
            mixer.push(block)
        return mixer.finish()


def probe_duration_s(source: AudioSource, *, sample_rate: int | None = None) -> float | None:
    """Duration as the header tells it, to sort recordings by length; None where that can't be known without reading.

    Raises nothing: what is wrong with a source is for `load_audio` to say. Of samples, `sample_rate` is their rate.
    """
    try:
        samples = _as_array(source)
        if samples is not None:
            return len(_as_frames(samples)) / _check_rate("sample_rate", sample_rate) if sample_rate else None
        if not can_probe(source):
            return None
        with open_encoded(source) as (file, _):
            duration_s = file.frames / file.samplerate
            return duration_s if 0 <= file.frames < 1 << 48 else None
    except (AudioError, OptionError):
        return None


# Options


def _check_rate(name: str, rate_hz: object) -> int:
    value = _as_int(rate_hz)
    if value is None or not MIN_RATE_HZ <= value <= MAX_RATE_HZ:
        raise OptionError(f"{name} is {rate_hz!r}; give a whole number of Hz from {MIN_RATE_HZ} to {MAX_RATE_HZ}")
    return value


def _check_channel(channel: object) -> Channel:
    if channel == "mean" and isinstance(channel, str):
        return "mean"
    value = _as_int(channel)
    if value is None or value < 0:
        raise OptionError(f'channel is {channel!r}; give its number, from 0, or "mean"')
    return value


def _as_int(value: object) -> int | None:
    """16000, numpy.int64(16000) and 16000.0, but not True, 16000.5 or "16000"."""
    if isinstance(value, (bool, np.bool_)):
        return None
    if isinstance(value, (float, np.floating)):
        return int(value) if value.is_integer() else None
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return None


# Samples


def _as_array(source: object) -> npt.NDArray[Any] | None:
    """The samples of an array; None for what holds or names an encoded file."""
    if isinstance(source, np.ndarray):
        return source
    if isinstance(source, array.array) or (isinstance(source, memoryview) and source.itemsize > 1):
        return np.asarray(source)
    if isinstance(source, (str, bytes, bytearray, memoryview, os.PathLike)) or hasattr(source, "read"):
        return None
    if hasattr(source, "__array__"):
        return np.asarray(source)
    advice = ": make it an array first, numpy.asarray(samples, dtype=numpy.float32)" if _is_sequence(source) else ""
    raise AudioError(
        f"audio can't be a {type(source).__name__}{advice or '; give a path, bytes, a binary file or a NumPy array'}"
    )


def _is_sequence(source: object) -> bool:
    return isinstance(source, (list, tuple))


def _as_frames(samples: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A view [n, channels] of the samples."""
    if samples.dtype.newbyteorder("=") not in (np.float32, np.float64, np.int16, np.int32, np.uint8):
        raise AudioError(
            f"the array has dtype {samples.dtype}; give float32 or float64 in [-1, 1], int16, int32 or uint8: "
            "convert it, and scale it if its range is another"
        )
    if samples.ndim == 1:
        return samples[:, None]
    if samples.ndim != 2:
        raise AudioError(
            f"the array has shape {samples.shape}; give mono samples [n], or [n, channels], or [channels, n]: "
            "one recording at a time"
        )
    rows, columns = samples.shape
    if rows > MAX_CHANNELS >= columns:
        frames = samples
    elif columns > MAX_CHANNELS >= rows:
        frames = samples.T
    elif 0 in (rows, columns) and rows != columns:
        frames = samples if rows == 0 else samples.T
    else:
        raise AudioError(
            f"the array has shape {samples.shape}, and either axis could be the channels: of a 2-D array one axis must "
            f"be at most {MAX_CHANNELS} and the other longer; give one channel as a 1-D array, such as samples[:, 0]"
        )
    if frames.shape[1] == 0:
        raise AudioError(f"the array has shape {samples.shape}: no channels; give at least one")
    return frames


def _to_float(block: npt.NDArray[Any]) -> _Floats:
    with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinite, and is reported as such
        values = block.astype(np.float32, order="C")
    if block.dtype.kind == "f":
        return values
    if block.dtype.kind == "u":
        values -= np.float32(128)
    values *= np.float32(2.0 ** (1 - 8 * block.dtype.itemsize))
    return values


class _Mixer:
    """Takes blocks [n, channels] of a recording, checks them, and gives one channel at the target rate."""

    def __init__(
        self, name: str, rate_hz: int, n_channels: int, target_rate_hz: int, channel: Channel, n_frames: int
    ) -> None:
        if channel != "mean" and channel >= n_channels:
            last = "only channel 0" if n_channels == 1 else f"channels 0 to {n_channels - 1}"
            raise OptionError(f'channel is {channel}, but {name} has {last}; give one of these, or "mean"')
        self._name = name
        self._rate_hz = rate_hz
        self._target_rate_hz = target_rate_hz
        self._channel = channel
        self._n_frames = 0
        self._resampler = _core.Resampler(rate_hz, target_rate_hz)
        # A header may promise anything: at first no more than 64 MiB is taken for it.
        expected = -(-max(0, n_frames) * target_rate_hz // rate_hz)
        self._output = np.empty(min(expected, 1 << 24), dtype=np.float32)
        self._n_output = 0

    def push(self, block: _Floats) -> None:
        mono = self._mix(block)
        try:
            output = self._resampler.push(mono)
        except AudioError as error:
            raise AudioError(f"{self._name}: {error}") from None
        peak = int(np.argmax(np.abs(mono))) if mono.size else 0
        if mono.size and abs(mono[peak]) > MAX_MAGNITUDE:
            raise AudioError(
                f"{self._name}: sample {self._n_frames + peak} is {mono[peak]:g}; float samples must be in [-1, 1]: "
                "divide 16-bit values by 32768, or give them as int16"
            )
        self._n_frames += len(mono)
        self._append(output)

    def finish(self) -> Audio:
        self._append(self._resampler.finish())
        self._output.resize(self._n_output, refcheck=False)
        return Audio(self._output, self._target_rate_hz, self._n_frames / self._rate_hz)

    def _mix(self, block: _Floats) -> _Floats:
        n_channels = block.shape[1]
        if self._channel != "mean" or n_channels == 1:
            return np.ascontiguousarray(block[:, 0 if self._channel == "mean" else self._channel])
        # Channel by channel: a reduction over the short axis of [n, channels] is many times slower.
        with np.errstate(over="ignore", invalid="ignore"):
            total: _Floats = block[:, 0].copy()
            for index in range(1, n_channels):
                total += block[:, index]
            total /= np.float32(n_channels)
        return total

    def _append(self, values: _Floats) -> None:
        end = self._n_output + len(values)
        if end > len(self._output):
            self._output.resize(max(end, len(self._output) * 3 // 2), refcheck=False)
        self._output[self._n_output : end] = values
        self._n_output = end
