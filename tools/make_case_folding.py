"""Writes the table of cpp/src/base/case_folding.cpp: `python tools/make_case_folding.py FILE`.

Simple case folding (Unicode, CaseFolding.txt, statuses C and S) as far as Python's own tables tell it: a character's
fold where that is one character, else its lower case where that is one, else itself. Neighbours with one distance
share a line. tests/parity/test_hot_words.py compares the table with Python's.
"""

from __future__ import annotations

import sys
from pathlib import Path

HEADER = "// Written by tools/make_case_folding.py: {first, last, step between them, distance to the fold}.\n"


def fold(character: str) -> str:
    for folded in (character.casefold(), character.lower()):
        if len(folded) == 1:
            return folded
    return character


def ranges() -> list[tuple[int, int, int, int]]:
    found: list[tuple[int, int, int, int]] = []
    for code in range(0x110000):
        distance = ord(fold(chr(code))) - code
        if distance == 0:
            continue
        first, last, step, shared = found[-1] if found else (0, 0, 0, 0)
        gap = code - last
        if found and shared == distance and (gap == step or (first == last and gap <= 2)):
            found[-1] = (first, code, gap, distance)
        else:
            found.append((code, code, 1, distance))
    return found


def main(target: str) -> None:
    lines = [f"{{0x{first:X}, 0x{last:X}, {step}, {distance}}},\n" for first, last, step, distance in ranges()]
    Path(target).write_text(HEADER + "".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
