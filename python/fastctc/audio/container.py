"""Compares what the header of an audio file promises with what the file holds.

libsndfile reads a file that was cut off as if the recording ended there, and a WAV stream whose writer never knew its
length (size 0) as if it were empty. Both would lose speech without a word.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import Protocol

__all__ = ["BinaryFile", "DataChunk", "find_data_chunk", "is_ogg", "ogg_is_complete"]

_MAX_CHUNKS = 4096
# A writer that could not know the length leaves 0, all ones, or a signed maximum (SoX and arecord round it down).
_UNKNOWN_SIZE = 0x7FFFF000


class BinaryFile(Protocol):
    """The methods of a binary file that are needed here."""

    def read(self, size: int = -1, /) -> bytes:
        """As of io.RawIOBase."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """As of io.RawIOBase."""


@dataclass(frozen=True)
class DataChunk:
    """Where a WAV, AIFF or AU file holds its audio. Sizes and offsets in bytes."""

    promised: int | None
    """None: the header doesn't tell, the audio goes on to the end of the file."""
    available: int
    block: int
    """One frame, or one block of a compressed format."""
    rate: int
    """Bytes of a second of audio; 0: unknown."""
    size_offset: int | None = None
    """Offset of a little-endian size of 0 that means unknown; libsndfile must read all ones there."""

    @property
    def is_truncated(self) -> bool:
        """Whether at least a block is missing; some writers count a byte of padding."""
        return self.promised is not None and self.promised - self.available >= max(self.block, 2)

    def describe_missing(self) -> str:
        """What is there of what was promised, in bytes and seconds."""
        sizes = self.available, self.promised or 0
        there, promised = (f" ({size / self.rate:.2f} s)" if self.rate else "" for size in sizes)
        return f"{self.available} bytes of audio{there} are there, the header promises {self.promised}{promised}"


def find_data_chunk(file: BinaryFile) -> DataChunk | None:
    """Finds the audio of a RIFF/RIFX/RF64 WAV, AIFF or AU file; None for other and for unknown files."""
    file.seek(0)
    head = file.read(24)
    if head[8:12] == b"WAVE" and head[:4] in (b"RIFF", b"RIFX", b"RF64"):
        return _find_in_chunks(file, ">" if head[:4] == b"RIFX" else "<", b"data")
    if head[8:12] in (b"AIFF", b"AIFC") and head[:4] == b"FORM":
        return _find_in_chunks(file, ">", b"SSND")
    if head[:4] == b".snd" and len(head) == 24:
        start, size = struct.unpack(">II", head[4:12])
        return DataChunk(None if size >= _UNKNOWN_SIZE else size, max(0, _size_of(file) - start), 1, 0)
    return None


def _find_in_chunks(file: BinaryFile, order: str, wanted: bytes) -> DataChunk | None:
    end = _size_of(file)
    position, block, rate, size_64 = 12, 1, 0, None
    for _ in range(_MAX_CHUNKS):
        file.seek(position)
        header = file.read(8)
        if len(header) < 8 or not _is_chunk_id(header[:4]):
            return None
        size = struct.unpack(order + "I", header[4:])[0]
        start = position + 8
        if header[:4] == wanted:
            promised = size_64 if size == 0xFFFFFFFF and size_64 is not None else size
            if order == "<" and size == 0 and end > start and not _is_chunk_chain(file, start, end):
                return DataChunk(None, end - start, block, rate, size_offset=position + 4)
            unknown = size_64 is None and promised >= _UNKNOWN_SIZE
            return DataChunk(None if unknown else promised, end - start, block, rate)
        if header[:4] == b"fmt ":
            fields = file.read(14)
            if len(fields) == 14:
                rate, block = struct.unpack(order + "8xIH", fields)
        if header[:4] == b"ds64":
            fields = file.read(16)
            if len(fields) == 16:
                size_64 = struct.unpack("<8xQ", fields)[0]
        position = start + size + size % 2
    return None


def _is_chunk_id(text: bytes) -> bool:
    return all(0x20 <= character < 0x7F for character in text)


def _is_chunk_chain(file: BinaryFile, position: int, end: int) -> bool:
    """Whether only further chunks follow, so that an empty data chunk is what it says."""
    for _ in range(_MAX_CHUNKS):
        if position >= end:
            return True
        file.seek(position)
        header = file.read(8)
        if len(header) < 8 or not _is_chunk_id(header[:4]):
            return False
        size = struct.unpack("<I", header[4:])[0]
        position += 8 + size + size % 2
    return False


def is_ogg(file: BinaryFile) -> bool:
    """Whether it is an Ogg file."""
    file.seek(0)
    return file.read(4) == b"OggS"


def ogg_is_complete(file: BinaryFile) -> bool:
    """Whether the last page carries the end-of-stream mark (RFC 3533, section 6)."""
    file.seek(max(0, _size_of(file) - 65307))  # the largest page
    tail = file.read()
    page = tail.rfind(b"OggS")
    return 0 <= page < len(tail) - 5 and bool(tail[page + 5] & 4)


def _size_of(file: BinaryFile) -> int:
    return file.seek(0, os.SEEK_END)
