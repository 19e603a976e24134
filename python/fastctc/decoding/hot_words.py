"""Phrases that beam search prefers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fastctc import _core
from fastctc.decoding.lexicon import Lexicon
from fastctc.errors import OptionError
from fastctc.loaded_model import LoadedModel

__all__ = ["DEFAULT_BONUS", "HotWords", "resolve_hot_words"]

DEFAULT_BONUS = 5.0
"""Of a hot phrase, natural logarithm: e^5, 150 times as likely."""


class HotWords:
    """Phrases that recognition prefers, for one model. Immutable, shared between threads."""

    def __init__(
        self,
        recognizer: LoadedModel,
        phrases: Iterable[str] | Mapping[str, float],
        *,
        bonus: float = DEFAULT_BONUS,
        ignore_case: bool = True,
        lexicon: Lexicon | None = None,
    ) -> None:
        """Every way to spell the phrases with the model's pieces counts.

        Args:
            recognizer: the model.
            phrases: phrases with the same bonus, or each with its own.
            bonus: natural logarithm, added once an occurrence of a phrase; negative: it is disfavoured.
            ignore_case: upper and lower case are the same, as far as the model can spell them.
            lexicon: a closed one: phrases of its words count as it spells them (homophones gain alike).

        Raises:
            OptionError: a phrase is empty or can't be spelled, or words are not in the lexicon; the message names all.
        """
        self._core = _hot_words(recognizer._core.vocabulary, phrases, bonus, ignore_case, lexicon)

    def __repr__(self) -> str:
        return f"HotWords({self._core.n_phrases} phrases)"


def resolve_hot_words(value: Any, vocabulary: _core.Vocabulary, lexicon: Lexicon | None) -> _core.HotWords | None:
    """The core's, of what `DecoderOptions.hot_words` may be. Raises OptionError on anything else."""
    if value is None:
        return None
    if isinstance(value, HotWords):
        return value._core
    if isinstance(value, str) or not isinstance(value, (Mapping, Sequence, set, frozenset)):
        raise OptionError(f"decoder.hot_words must be HotWords, a list of phrases or a mapping, not {value!r}.")
    return _hot_words(vocabulary, value, DEFAULT_BONUS, True, lexicon) if value else None


def _hot_words(
    vocabulary: _core.Vocabulary, phrases: Any, bonus: float, ignore_case: bool, lexicon: Lexicon | None
) -> _core.HotWords:
    pairs = phrases.items() if isinstance(phrases, Mapping) else ((phrase, bonus) for phrase in phrases)
    entries = []
    for phrase, its_bonus in pairs:
        if not isinstance(phrase, str) or isinstance(its_bonus, bool) or not isinstance(its_bonus, (int, float)):
            raise OptionError(f"A hot phrase is a string with a number as bonus, not {phrase!r}: {its_bonus!r}.")
        entries.append((phrase, float(its_bonus)))
    return _core.HotWords(vocabulary, entries, ignore_case, None if lexicon is None else lexicon._core)
