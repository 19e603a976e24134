"""How far two texts are from each other."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["count_edits"]


def count_edits(found: Sequence[str], said: Sequence[str]) -> int:
    """The fewest substitutions, insertions and deletions of items that make one the other (Levenshtein)."""
    row = list(range(len(said) + 1))
    for i, word in enumerate(found, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(said, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
    return row[-1]
