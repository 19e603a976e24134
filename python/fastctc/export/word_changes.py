"""How another form of a graph changes the words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fastctc.edits import count_edits

__all__ = ["WordChanges", "count_changes"]


@dataclass(frozen=True)
class WordChanges:
    """Words over the calibration audio."""

    n_words: int
    """Words that are said, if known; otherwise found by the float graph."""
    n_changed: int
    """Edits between what the two graphs find."""
    n_errors: tuple[int, int] | None
    """Edits to the words said, by the float graph and by the other; None if the words are unknown."""

    @property
    def word_error_rates(self) -> tuple[float, float] | None:
        """Of the float graph and of the other."""
        if self.n_errors is None:
            return None
        before, after = self.n_errors
        return before / self.n_words, after / self.n_words

    @property
    def increase(self) -> float:
        """Rise of the word error rate; if that is unknown, the share of words that changed."""
        rates = self.word_error_rates
        return self.n_changed / max(self.n_words, 1) if rates is None else rates[1] - rates[0]


def count_changes(found: Sequence[str], expected: Sequence[str], said: Sequence[str] | None) -> WordChanges:
    """Counts over several recordings.

    Args:
        found: Texts of the new graph.
        expected: Those of the float graph.
        said: What was said, at least one word; None: unknown.
    """

    def edits(some: Sequence[str], others: Sequence[str]) -> int:
        return sum(count_edits(a.split(), b.split()) for a, b in zip(some, others, strict=True))

    n_words = sum(len(text.split()) for text in (said or expected))
    errors = None if said is None else (edits(expected, said), edits(found, said))
    return WordChanges(n_words, edits(found, expected), errors)
