"""Twin of `cpp/src/decoding/hot_words.cpp`: occurrences counted in the text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from fastctc.errors import OptionError
from fastctc.reference.case_folding import fold_case
from fastctc.reference.lexicon import Lexicon
from fastctc.reference.spelled_phrases import spell_phrases
from fastctc.reference.vocabulary import (
    BYTE_PIECE,
    Vocabulary,
    plain_characters,
    sentencepiece_characters,
    wordpiece_characters,
)

__all__ = ["HotWords"]

ALONE = re.compile(
    '[!"(),.:;?\\[\\]{}\u00a1\u00ab\u00bb\u00bf\u037e\u060c\u061b\u061f\u06d4\u0964\u0965\u0e00-\u0eff\u1000-\u109f'
    "\u1780-\u17ff\u2013\u2014\u201a\u201c-\u201e\u2026\u2039\u203a\u2047\u2e80-\u2fdf\u3001-\u30ff\u3100-\u312f"
    "\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff01\uff02\uff08\uff09\uff0c\uff0e\uff1a\uff1b"
    "\uff1f\uff61-\uff9f\U00020000-\U0002ffff]"
)
"""Characters that are words of their own: punctuation of sentences, scripts written without spaces."""

PAYMENT_STEPS = 2**20
LARGEST_BONUS = 1e6


def separate(text: str, *, ignore_case: bool) -> str:
    """The text with every run of white space as one space, and spaces around characters that stand alone."""
    separated = ALONE.sub(r" \g<0> ", text)
    return re.sub(r"\s+", " ", fold_case(separated) if ignore_case else separated)


class HotWords:
    """Phrases and their bonuses (natural logarithms).

    A state is the tuple of token ids so far: what is paid depends on its text alone.

    Args:
        vocabulary: The model's.
        phrases: (text, bonus) each.
        ignore_case: Whether phrases and text are compared folded.
        lexicon: Of a closed one phrases are words, and count in tokens, as it spells them.

    Raises:
        OptionError: Phrases that no sequence of pieces spells, empty ones, bonuses that are not finite, words that the
            lexicon does not have.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        phrases: Sequence[tuple[str, float]],
        ignore_case: bool = True,
        lexicon: Lexicon | None = None,
    ) -> None:
        for text, bonus in phrases:
            if not text.strip():
                raise OptionError("A hot phrase is empty.")
            if "\ufffd" in text:
                raise OptionError(f"Hot phrase '{text}' holds U+FFFD, which stands for damaged text.")
            if not abs(bonus) <= LARGEST_BONUS:
                raise OptionError(f"The bonus of hot phrase '{text}' must be a number from -1e6 to 1e6.")
        if lexicon is not None and lexicon.out_of_lexicon == "forbid":
            vocabulary, phrases = spell_phrases(vocabulary, phrases, ignore_case, lexicon)
            ignore_case = False
        self._vocabulary = vocabulary
        self._ignore_case = ignore_case
        added = [vocabulary.token_text(token) for token in range(len(vocabulary))]
        self._bytes = {byte for _, byte in added if byte is not None}
        self._pieces = sorted({separate(text, ignore_case=ignore_case) for text, _ in added if text})
        self._has_words = vocabulary.style == "wordpiece" or bool(self._bytes) or any(" " in s for s in self._pieces)
        self.bonuses: dict[str, float] = {}
        """By phrase: its words with spaces between, before and after (unchanged if the vocabulary has no words)."""
        for text, bonus in phrases:
            phrase = self._as_whole(text)
            self.bonuses[phrase] = self.bonuses.get(phrase, 0.0) + bonus
        unspellable = [text for text, _ in phrases if not self._can_spell(self._as_whole(text))]
        if unspellable:
            raise OptionError(f"The model's vocabulary can't spell these hot phrases: {unspellable}.")
        self.start: tuple[int, ...] = ()

    def step(self, state: tuple[int, ...], token_id: int) -> tuple[tuple[int, ...], float]:
        """The state after one more token, and its payment."""
        after = (*state, token_id)
        return after, self._paid(after) - self._paid(state)

    def finish(self, state: tuple[int, ...]) -> float:
        """What is still paid, or withdrawn, when the text ends."""
        text = self._vocabulary.text([token for token in state if token != self._vocabulary.blank_id])
        return self.total(text) - self._paid(state)

    def total(self, text: str) -> float:
        """Bonuses of all occurrences in a text, by the definition."""
        return self._count(self._as_whole(text))

    def _as_whole(self, text: str) -> str:
        words = separate(text, ignore_case=self._ignore_case).strip()
        return f" {words} " if self._has_words else words

    def _count(self, text: str) -> float:
        return math.fsum(
            bonus
            for phrase, bonus in self.bonuses.items()
            for start in range(len(text))
            if text.startswith(phrase, start)
        )

    def _paid(self, state: tuple[int, ...]) -> float:
        """The sum paid so far for occurrences and for the phrase in progress."""
        text = separate((" " if self._has_words else "") + self._open_text(state), ignore_case=self._ignore_case)
        earned = 0.0
        for phrase, bonus in self.bonuses.items():
            for n in range(1, len(phrase)):
                if bonus > 0 and text.endswith(phrase[:n]):
                    part = (n - self._has_words) / len(phrase.strip())
                    earned = max(earned, math.floor(bonus * part * PAYMENT_STEPS) / PAYMENT_STEPS)
        return self._count(text) + earned

    def _open_text(self, state: tuple[int, ...]) -> str:
        """Text of a sequence that may go on: white space at its end stays, bytes that begin a character wait."""
        pieces = [self._vocabulary.pieces[token] for token in state if token != self._vocabulary.blank_id]
        if self._vocabulary.style == "wordpiece":
            return "".join(character.text for character in wordpiece_characters(pieces))
        values = b""
        for piece in reversed(pieces):
            match = BYTE_PIECE.fullmatch(piece)
            if match is None:
                break
            values = bytes([int(match[1], 16)]) + values
        for n in range(1, min(3, len(values)) + 1):
            if values[-n:] in beginnings("".join(self.bonuses), self._ignore_case):
                pieces = pieces[:-n]
                break
        if self._vocabulary.style == "sentencepiece":
            return "".join(character.text for character in sentencepiece_characters(pieces))
        return "".join(character.text for character in plain_characters(pieces, self._vocabulary.space_pieces))

    def _can_spell(self, phrase: str) -> bool:
        """Whether some text that the pieces spell holds the phrase: finds where pieces can end, from left to right."""
        # A space at its end may be the end of the utterance, one at its start the start (but no text of word pieces
        # starts with one that continues a word).
        goal = len(phrase.rstrip(" ")) if self._has_words else len(phrase)
        reached = {0, 1} if self._has_words and self._vocabulary.style != "wordpiece" else {0}
        for piece in self._pieces:
            for cut in range(1, len(piece)):
                if piece[cut:].startswith(phrase):
                    return True
                if phrase.startswith(piece[cut:]):
                    reached.add(len(piece) - cut)
        for position in range(goal):
            rest = phrase[position:]
            if position not in reached:
                continue
            for piece in self._pieces:
                # A space after a space changes nothing.
                for choice in {piece, piece.removeprefix(" ")} if phrase[:position].endswith(" ") else {piece}:
                    if choice and choice.startswith(rest):
                        return True
                    if choice and rest.startswith(choice):
                        reached.add(position + len(choice))
            if set(rest[0].encode()) <= self._bytes:
                reached.add(position + 1)
        return any(position >= goal for position in reached)


def beginnings(phrases: str, ignore_case: bool) -> frozenset[bytes]:
    """Beginnings of the UTF-8 forms of the characters that matter.

    Characters of phrases, white space, characters that stand alone.
    """
    characters = "".join(characters_of_fold().get(character, "") for character in phrases) if ignore_case else phrases
    return separator_beginnings() | proper_beginnings(characters)


def proper_beginnings(characters: str) -> frozenset[bytes]:
    forms = [character.encode() for character in characters]
    return frozenset(form[:n] for form in forms for n in range(1, len(form)))


def all_characters() -> Iterator[str]:
    return map(chr, (*range(0x80, 0xD800), *range(0xE000, 0x110000)))


@lru_cache(maxsize=1)
def separator_beginnings() -> frozenset[bytes]:
    separators = [character for character in all_characters() if character.isspace() or ALONE.match(character)]
    return proper_beginnings("".join(separators))


@lru_cache(maxsize=1)
def characters_of_fold() -> dict[str, str]:
    """All characters by their folded form."""
    found: dict[str, str] = {}
    for character in all_characters():
        folded = fold_case(character)
        found[folded] = found.get(folded, "") + character
    return found
