"""Sound from wherever a user has it, as mono float32 samples at the rate that the model needs."""

from __future__ import annotations

import array
import contextlib
import io
import operator
import os
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from fastctc import _core
from fastctc.audio.encoded import can_probe, open_encoded, read_blocks
from fastctc.errors import AudioError, OptionError
from fastctc.types import Audio

__all__ = [
    "AudioSource",
    "Channel",
    "Channels",
    "Recording",
    "as_samples",
    "load_audio",
    "open_audio",
    "probe_duration_s",
    "read_audio",
]

_File: TypeAlias = "BinaryIO | io.RawIOBase | io.BufferedIOBase"
AudioSource: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview | _File | npt.NDArray[Any]"
Channel: TypeAlias = "int | Literal['mean']"
Channels: TypeAlias = "int | Literal['mean', 'split']"
_Floats: TypeAlias = npt.NDArray[np.float32]

MIN_RATE_HZ, MAX_RATE_HZ = 1000, 768000
MAX_CHANNELS = 32
"""Most channels of a 2-D array; they are its shorter axis."""
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
    target_rate_hz, channel = _check_rate("target_rate_hz", target_rate_hz), _check_channel(channel)
    with open_audio(source, default_rate_hz=target_rate_hz, sample_rate=sample_rate, channel=channel) as recording:
        samples = recording.read(target_rate_hz)
        return Audio(samples, target_rate_hz, recording.n_read / recording.rate_hz)


def read_audio(
    source: AudioSource, *, target_rate_hz: int, sample_rate: int | None = None, channel: Channels = "mean"
) -> Generator[_Floats, None, None]:
    """Reads as `load_audio` does, block by block: a recording of any length is never in memory whole.

    Args:
        source: As of `load_audio`.
        target_rate_hz: Rate of the result.
        sample_rate: Rate of samples, in Hz; None: they are at the target rate already.
        channel: Which channel, from 0; "mean": all of them mixed; "split": each on its own.

    Returns:
        Blocks of samples float32 [n], of "split" [n, channels], contiguous, some seconds each; together they are what
        `load_audio` gives, bit for bit. There is at least one, though it may be empty. A file stays open until the last
        one was taken or the iterator is closed.

    Raises:
        AudioNotFoundError, AudioError: As `load_audio`; the iterator raises them when it comes to the fault.
        OptionError: As `load_audio`; one that concerns the file is raised by the iterator.
    """
    target_rate_hz = _check_rate("target_rate_hz", target_rate_hz)
    sample_rate, channel = _check_source(sample_rate, channel)
    return _read(source, target_rate_hz, sample_rate, channel)


def _read(
    source: AudioSource, target_rate_hz: int, sample_rate: int | None, channel: Channels
) -> Generator[_Floats, None, None]:
    with open_audio(source, default_rate_hz=target_rate_hz, sample_rate=sample_rate, channel=channel) as recording:
        for pieces in recording.resampled(target_rate_hz):
            yield np.stack(pieces, axis=1) if channel == "split" else pieces[0]


@contextlib.contextmanager
def open_audio(
    source: AudioSource, *, default_rate_hz: int, sample_rate: int | None = None, channel: Channels = "mean"
) -> Iterator[Recording]:
    """Opens a recording to be read at its own rate, for the core to resample.

    An AudioError of the `with` block, as the core raises it on samples that can't be used, is told with the recording's
    name.

    Args:
        source: As of `load_audio`.
        default_rate_hz: Of samples whose `sample_rate` is not given.
        sample_rate: Rate of samples, in Hz.
        channel: Which channel, from 0; "mean": all of them mixed; "split": each on its own.

    Raises:
        AudioNotFoundError, AudioError, OptionError: As `load_audio`.
    """
    sample_rate, channel = _check_source(sample_rate, channel)
    with _open_source(source, default_rate_hz, sample_rate, channel) as recording:
        name, n_channels = recording.name, recording.n_channels
        if isinstance(channel, int) and channel >= n_channels:
            last = "only channel 0" if n_channels == 1 else f"channels 0 to {n_channels - 1}"
            raise OptionError(f'channel is {channel}, but {name} has {last}; give one of these, or "mean"')
        try:
            yield recording
        except AudioError as error:
            if str(error).startswith(name):
                raise
            raise AudioError(f"{name}: {error}") from None


def probe_duration_s(source: AudioSource, *, sample_rate: int | None = None) -> float | None:
    """Duration as the header tells it, to sort recordings by length; None where that can't be known without reading.

    Raises nothing: `load_audio` reports what is wrong with a source. Of samples, `sample_rate` is their rate.
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


def _check_source(sample_rate: int | None, channel: Channels) -> tuple[int | None, Channels]:
    if not (channel == "split" and isinstance(channel, str)):
        channel = _check_channel(channel)
    return None if sample_rate is None else _check_rate("sample_rate", sample_rate), channel


def _check_rate(name: str, rate_hz: object) -> int:
    value = _as_int(rate_hz)
    if value is None or not MIN_RATE_HZ <= value <= MAX_RATE_HZ:
        raise OptionError(f"Option {name} is {rate_hz!r}. Give whole Hz from {MIN_RATE_HZ} to {MAX_RATE_HZ}.")
    return value


def _check_channel(channel: object) -> Channel:
    if channel == "mean" and isinstance(channel, str):
        return "mean"
    value = _as_int(channel)
    if value is None or value < 0:
        raise OptionError(f'Option channel is {channel!r}. Give its number, from 0, or "mean".')
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
    """The samples of an array; None for an encoded file or its name."""
    if isinstance(source, np.ndarray):
        return source
    if isinstance(source, array.array) or (isinstance(source, memoryview) and source.itemsize > 1):
        return np.asarray(source)
    if isinstance(source, (str, bytes, bytearray, memoryview, os.PathLike)) or hasattr(source, "read"):
        return None
    if hasattr(source, "__array__"):
        return np.asarray(source)
    advice = "Give a path, bytes, a binary file or a NumPy array."
    if isinstance(source, (list, tuple)):
        advice = "Make it an array first, numpy.asarray(samples, dtype=numpy.float32)."
    raise AudioError(f"The audio can't be a {type(source).__name__}. {advice}")


def _as_frames(samples: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A view [n, channels] of the samples."""
    if samples.dtype.newbyteorder("=") not in (np.float32, np.float64, np.int16, np.int32, np.uint8):
        raise AudioError(
            f"The array has dtype {samples.dtype}. Give float32 or float64 in [-1, 1], int16, int32 or uint8: "
            "convert it, and scale it if its range is another."
        )
    if samples.ndim == 1:
        return samples[:, None]
    if samples.ndim != 2:
        raise AudioError(
            f"The array has shape {samples.shape}. Give one recording at a time: mono samples [n], or [n, channels], "
            "or [channels, n]."
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
            f"The array has shape {samples.shape}, and either axis could be the channels: one axis of a 2-D array must "
            f"be at most {MAX_CHANNELS} and the other longer. Give one channel as a 1-D array, such as samples[:, 0]."
        )
    if frames.shape[1] == 0:
        raise AudioError(f"The array has shape {samples.shape}, so it has no channels. Give at least one.")
    return frames


def as_samples(samples: object) -> _Floats:
    """Mono samples [n] of any of the formats of `load_audio` as float32, contiguous.

    Raises:
        AudioError: No array, or an array of two dimensions or another dtype.
    """
    values = _as_array(samples)
    if values is None:
        raise AudioError(f"The samples must be an array, not {type(samples).__name__}: a stream takes no files.")
    if values.ndim != 1:
        raise AudioError(f"The samples have shape {values.shape}, not [n]. Open one stream per channel.")
    return np.ascontiguousarray(_to_float(_as_frames(values)[:, 0]))


def _to_float(block: npt.NDArray[Any]) -> _Floats:
    with np.errstate(over="ignore"):  # a float64 beyond float32's range becomes infinite, and is reported as such
        values = block.astype(np.float32, order="C")
    if block.dtype.kind == "f":
        return values
    if block.dtype.kind == "u":
        values -= np.float32(128)
    values *= np.float32(2.0 ** (1 - 8 * block.dtype.itemsize))
    return values


# Recordings


@dataclass
class Recording:
    """An open source: the channel that was asked for, or each, at the source's own rate. Read once."""

    name: str
    rate_hz: int
    n_channels: int
    n_frames: int
    """As the header tells it."""
    _channel: Channels
    _frames: Iterator[_Floats]
    """Blocks [n, channels]."""
    n_read: int = 0
    """Frames read so far."""

    def blocks(self) -> Iterator[list[_Floats]]:
        """Samples [n] of each channel, some seconds each; at least one block, though it may be empty."""
        for block in self._frames:
            self.n_read += len(block)
            yield self._choose(block)

    def resampled(self, rate_hz: int) -> Iterator[list[_Floats]]:
        """The same at another rate."""
        n_resamplers = self.n_channels if self._channel == "split" else 1
        resamplers = [_core.Resampler(self.rate_hz, rate_hz) for _ in range(n_resamplers)]
        for channels in self.blocks():
            pieces = [resampler.push(samples) for resampler, samples in zip(resamplers, channels, strict=True)]
            if len(pieces[0]):
                yield pieces
        yield [resampler.finish() for resampler in resamplers]

    def read(self, rate_hz: int | None = None) -> _Floats:
        """All samples [n] of the one channel, at that rate; None: at the source's own."""
        # A header may promise anything: at first no more than 64 MiB is taken for it.
        expected = -(-max(0, self.n_frames) * (rate_hz or self.rate_hz) // self.rate_hz)
        output, n_output = np.empty(min(expected, 1 << 24), dtype=np.float32), 0
        for [block] in self.blocks() if rate_hz is None else self.resampled(rate_hz):
            end = n_output + len(block)
            if end > len(output):
                output.resize(max(end, len(output) * 3 // 2), refcheck=False)
            output[n_output:end] = block
            n_output = end
        output.resize(n_output, refcheck=False)
        return output

    def _choose(self, block: _Floats) -> list[_Floats]:
        n_channels = block.shape[1]
        if self._channel == "split":
            return [np.ascontiguousarray(block[:, index]) for index in range(n_channels)]
        if self._channel != "mean" or n_channels == 1:
            return [np.ascontiguousarray(block[:, 0 if self._channel == "mean" else self._channel])]
        # Channel by channel: a reduction over the short axis of [n, channels] is many times slower.
        with np.errstate(over="ignore", invalid="ignore"):
            total: _Floats = block[:, 0].copy()
            for index in range(1, n_channels):
                total += block[:, index]
            total /= np.float32(n_channels)
        return [total]


@contextlib.contextmanager
def _open_source(
    source: AudioSource, default_rate_hz: int, sample_rate: int | None, channel: Channels
) -> Iterator[Recording]:
    samples = _as_array(source)
    if samples is not None:
        frames = _as_frames(samples)
        n_frames, n_channels = frames.shape
        block_frames = max(1, _BLOCK_VALUES // n_channels)
        starts = range(0, max(1, n_frames), block_frames)
        blocks = (_to_float(frames[start : start + block_frames]) for start in starts)
        yield Recording("The array", sample_rate or default_rate_hz, n_channels, n_frames, channel, blocks)
        return
    with open_encoded(source) as (file, name):
        rate_hz = file.samplerate
        if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
            raise AudioError(f"{name} is at {rate_hz} Hz, but the rate must be {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz.")
        if sample_rate is not None and sample_rate != rate_hz:
            raise OptionError(
                f"{name} is at {rate_hz} Hz, but option sample_rate is {sample_rate}. Leave sample_rate out: the "
                "file's own rate is used."
            )
        yield Recording(name, rate_hz, file.channels, file.frames, channel, read_blocks(file, name))
