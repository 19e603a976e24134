"""Hot phrases of a lexicon's words: matched in tokens, as the lexicon spells them, not in characters.

A model of phonemes can't spell "clubs" by its pieces' characters. So every token becomes one character of a vocabulary
made for the purpose, a phrase the characters of its words' tokens, and hot words work as they do elsewhere.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

from fastctc.errors import OptionError

__all__ = ["MOST_SPELLINGS", "spell_phrases", "token_characters"]

Spellings = Mapping[str, Sequence[tuple[int, ...]]]

FIRST_CHARACTER = 0xF0000
"""Of a private-use plane of 65,534: nothing is folded, and no text has them."""
MOST_SPELLINGS = 64
"""Of a phrase; of more the first count."""
WORD_START = "\u2581"


def token_characters(pieces: Sequence[str], blank_id: int, spellings: Spellings) -> list[str]:
    """The pieces of the vocabulary in which phrases are matched: one character a token.

    A piece that only ever ends spellings (`word_end`) is the space between words; one that starts a word starts one.
    """
    last = {spelling[-1] for some in spellings.values() for spelling in some}
    inner = {token for some in spellings.values() for spelling in some for token in spelling[:-1]}
    word_ends = last - inner if len(last) == 1 else set()
    characters = []
    for token, piece in enumerate(pieces):
        start = WORD_START if piece.startswith(WORD_START) else ""
        characters.append(
            WORD_START if token in word_ends or piece == WORD_START else start + chr(FIRST_CHARACTER + token)
        )
    characters[blank_id] = "<blk>"
    return characters


def spell_phrases(
    phrases: Sequence[tuple[str, float]], spellings: Spellings, characters: Sequence[str]
) -> list[tuple[str, float]]:
    """The phrases in these characters, once for each way to spell their words; of equal ones the larger bonus.

    Words are taken as they stand, else in whatever case the lexicon has them.

    Raises:
        OptionError: a phrase is empty, or words are not in the lexicon; the message names all of them.
    """
    folded: dict[str, list[tuple[int, ...]]] = {}
    if any(word not in spellings for phrase, _ in phrases for word in phrase.split()):
        for word, some in spellings.items():
            folded.setdefault(word.casefold(), []).extend(some)
    missing: list[str] = []
    spelled: dict[str, float] = {}
    for phrase, bonus in phrases:
        words = phrase.split()
        if not words:
            raise OptionError("A hot phrase is empty.")
        choices = [spellings.get(word) or folded.get(word.casefold(), []) for word in words]
        missing += [word for word, some in zip(words, choices, strict=True) if not some]
        for tokens in itertools.islice(itertools.product(*choices), MOST_SPELLINGS):
            text = (
                "".join(characters[token] for spelling in tokens for token in spelling).replace(WORD_START, " ").strip()
            )
            spelled[text] = max(spelled.get(text, -math.inf), bonus)
    if missing:
        words_named = ", ".join(repr(word) for word in dict.fromkeys(missing))
        raise OptionError(
            f"The lexicon doesn't have these words of hot phrases: {words_named}. Add them, or leave them out."
        )
    return list(spelled.items())
