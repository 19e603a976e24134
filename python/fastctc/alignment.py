"""Forced alignment: when each word of a known text is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastctc.errors import AlignmentError

if TYPE_CHECKING:
    from fastctc import _core

__all__ = ["spell"]


def spell(text: str, vocabulary: _core.Vocabulary) -> list[int]:
    """Token ids of a text: as few pieces as can be, of equals the longer first.

    Upper or lower case is taken where the text's own can't be spelled.

    Raises:
        AlignmentError: there is a word that the model's pieces can't spell; the message names it.
    """
    pieces: dict[str, int] = {}
    for token in range(len(vocabulary)):
        surface, byte = vocabulary.token_text(token)
        if token != vocabulary.blank_id and surface and byte is None:
            pieces.setdefault(surface, token)
    ids: list[int] = []
    starts_marked = any(surface.startswith(" ") and len(surface) > 1 for surface in pieces)
    for position, word in enumerate(text.split()):
        # A vocabulary of characters puts a space between words; one of word pieces marks where each starts.
        gap = " " if starts_marked or position else ""
        spellings = (_fewest(gap + form, pieces) for form in (word, word.lower(), word.upper()))
        found = next(filter(None, spellings), None)
        if found is None:
            raise AlignmentError(f"The model's pieces can't spell {word!r}. Write it as it is said, in its characters.")
        ids += found
    return ids


def _fewest(text: str, pieces: dict[str, int]) -> list[int] | None:
    longest = max(map(len, pieces), default=0)
    best: list[list[int] | None] = [None] * len(text) + [[]]
    for begin in reversed(range(len(text))):
        for end in range(min(len(text), begin + longest), begin, -1):
            rest, token = best[end], pieces.get(text[begin:end])
            here: Any = best[begin]
            if rest is not None and token is not None and (here is None or len(rest) + 1 < len(here)):
                best[begin] = [token, *rest]
    return best[0]
