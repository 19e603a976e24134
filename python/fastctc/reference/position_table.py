"""The length of a graph's position table, read from the ONNX file without the onnx package.

NeMo exports the table as a constant float tensor [1, rows, width] that a Slice with computed bounds cuts to the
audio's length: both bounds are computed for relative positions (rows = 2 * frames - 1), the end alone for absolute
ones (rows = frames). The field numbers are those of onnx.proto3.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["find_position_table"]

FLOAT = 1
FEWEST_ROWS = 32  # a table of fewer frames is something else


def find_position_table(path: str | os.PathLike[str]) -> int:
    """Output frames that the table covers; 0 when the file shows none."""
    constants: set[str] = set()
    rows: dict[str, int] = {}
    slices: list[list[str]] = []
    alias: dict[str, str] = {}  # of Identity nodes, which exporters put between a shared constant and its users

    def add_constant(name: str, tensor: mmap.mmap, start: int, end: int) -> None:
        constants.add(name)
        dims, kind = _dims_and_type(tensor, start, end)
        if kind == FLOAT and len(dims) == 3 and dims[0] == 1 and dims[1] >= FEWEST_ROWS:
            rows[name] = dims[1]

    with Path(path).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for graph in (span for field, span in _fields(data, 0, len(data)) if field == 7):
            for field, (start, end) in _fields(data, *graph):
                if field == 5:
                    add_constant(_text(data, start, end, 8), data, start, end)
                elif field == 1 and _text(data, start, end, 4) == "Slice":
                    slices.append(_texts(data, start, end, 1))
                elif field == 1 and _text(data, start, end, 4) == "Identity":
                    alias[_text(data, start, end, 2)] = _text(data, start, end, 1)
                elif field == 1 and _text(data, start, end, 4) == "Constant":
                    for attribute in (span for inner, span in _fields(data, start, end) if inner == 5):
                        for tensor in (span for inner, span in _fields(data, *attribute) if inner == 5):
                            add_constant(_text(data, start, end, 2), data, *tensor)

    found = []
    for names in (names for names in slices if len(names) >= 3):
        table, first, last = (alias.get(name, name) for name in names[:3])
        if table in rows and last not in constants:
            found.append(rows[table] if first in constants else (rows[table] + 1) // 2)
    return min(found, default=0)


def _varint(data: mmap.mmap, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position


def _fields(data: mmap.mmap, position: int, end: int) -> Iterator[tuple[int, tuple[int, int]]]:
    """(field number, span of its bytes); a number has the span of its varint."""
    while position < end:
        tag, position = _varint(data, position)
        if tag & 7 == 2:
            length, position = _varint(data, position)
            stop = position + length
        elif tag & 7 == 0:
            stop = _varint(data, position)[1]
        else:
            stop = position + (8 if tag & 7 == 1 else 4)
        yield tag >> 3, (position, stop)
        position = stop


def _texts(data: mmap.mmap, start: int, end: int, wanted: int) -> list[str]:
    return [data[a:b].decode("utf-8", "replace") for field, (a, b) in _fields(data, start, end) if field == wanted]


def _text(data: mmap.mmap, start: int, end: int, wanted: int) -> str:
    return next(iter(_texts(data, start, end, wanted)), "")


def _dims_and_type(data: mmap.mmap, start: int, end: int) -> tuple[list[int], int]:
    dims: list[int] = []
    kind = 0
    for field, (position, stop) in _fields(data, start, end):
        if field == 1:  # one number, or packed ones: the same bytes
            while position < stop:
                value, position = _varint(data, position)
                dims.append(value)
        elif field == 2:
            kind = _varint(data, position)[0]
    return dims, kind
