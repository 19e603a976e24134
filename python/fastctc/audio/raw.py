"""Audio without a header, as pipes carry it: bytes to samples."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from fastctc.errors import OptionError

__all__ = ["RAW_FORMATS", "RawDecoder", "RawFormat"]

RawFormat: TypeAlias = Literal["s16le", "f32le", "mulaw", "alaw"]
RAW_FORMATS: tuple[RawFormat, ...] = get_args(RawFormat)

_Floats: TypeAlias = npt.NDArray[np.float32]
_DTYPES: dict[str, np.dtype[Any]] = {
    "s16le": np.dtype("<i2"),
    "f32le": np.dtype("<f4"),
    "mulaw": np.dtype("u1"),
    "alaw": np.dtype("u1"),
}


class RawDecoder:
    """Turns bytes, in pieces of any size, into float32 samples in [-1, 1]; a sample cut in two waits for its rest.

    s16le and f32le are little-endian; mulaw and alaw are the telephone's (ITU-T G.711). Channels are interleaved.
    """

    def __init__(self, raw_format: RawFormat, *, n_channels: int = 1) -> None:
        """Raises OptionError on an unknown format, or a number of channels below 1."""
        if raw_format not in RAW_FORMATS:
            raise OptionError(f"Option format is {raw_format!r}. Give one of {', '.join(RAW_FORMATS)}.")
        if n_channels < 1:
            raise OptionError(f"There must be at least one channel, not {n_channels}.")
        self._dtype = _DTYPES[raw_format]
        self._table = _mulaw_table() if raw_format == "mulaw" else _alaw_table() if raw_format == "alaw" else None
        self._n_channels = n_channels
        self._rest = b""

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of all channels."""
        return self._dtype.itemsize * self._n_channels

    @property
    def n_rest_bytes(self) -> int:
        """Bytes of a sample that has not come whole."""
        return len(self._rest)

    def push(self, data: bytes) -> _Floats:
        """The samples [n, channels] that are complete."""
        if self._rest:
            data = self._rest + data
        n_whole = len(data) - len(data) % self.frame_bytes
        self._rest = data[n_whole:]
        values = np.frombuffer(data, self._dtype, count=n_whole // self._dtype.itemsize)
        if self._table is not None:
            samples: _Floats = self._table[values]
        elif self._dtype.kind == "i":
            samples = values.astype(np.float32) / np.float32(32768)
        else:
            samples = values.astype(np.float32)
        return samples.reshape(-1, self._n_channels)


def _mulaw_table() -> _Floats:
    """G.711, table 2a: a code's complement is sign, 3 bits of exponent, 4 of mantissa; 14 bits, here in 16."""
    code = ~np.arange(256, dtype=np.uint8)
    exponent, mantissa = (code >> 4) & 7, (code & 15).astype(np.int32)
    magnitude = ((mantissa * 2 + 33) << exponent) - 33
    return _signed(magnitude * 4, code & 0x80 != 0)


def _alaw_table() -> _Floats:
    """G.711, table 1a: even bits are inverted; sign (1 is positive), 3 bits of exponent, 4 of mantissa; 13 bits."""
    code = np.arange(256, dtype=np.uint8) ^ np.uint8(0x55)
    exponent, mantissa = ((code >> 4) & 7).astype(np.int32), (code & 15).astype(np.int32)
    magnitude = np.where(exponent == 0, mantissa * 2 + 1, (mantissa * 2 + 33) << np.maximum(exponent - 1, 0))
    return _signed(magnitude * 8, code & 0x80 == 0)


def _signed(magnitude: npt.NDArray[np.int32], negative: npt.NDArray[np.bool_]) -> _Floats:
    return (np.where(negative, -magnitude, magnitude) / 32768).astype(np.float32)
