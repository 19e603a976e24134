"""Twin of `cpp/src/decoding/spelled_phrases.cpp`: hot phrases of a lexicon's words, in tokens as it spells them.

Every token becomes one character of a vocabulary made for the purpose, a phrase the characters of its words' tokens,
and hot words work as they do elsewhere.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from fastctc.errors import OptionError
from fastctc.reference.case_folding import fold_case
from fastctc.reference.lexicon import Lexicon
from fastctc.reference.vocabulary import Vocabulary

__all__ = ["MOST_SPELLINGS", "spell_phrases"]

Phrases = Sequence[tuple[str, float]]
Spellings = dict[str, list[tuple[int, ...]]]

FIRST_CHARACTER = 0xF0000
"""Characters of a private-use plane of 65,534: none is folded, and no text has them."""
MOST_SPELLINGS = 64
"""Of a phrase, ascending by token ids, the last word's first."""
WORD_START = "\u2581"


def spell_phrases(
    vocabulary: Vocabulary, phrases: Phrases, ignore_case: bool, lexicon: Lexicon
) -> tuple[Vocabulary, list[tuple[str, float]]]:
    """A vocabulary of one character a token, and the phrases in it, once for each way to spell their words.

    Words are taken as they stand, else (ignore_case) in whatever case the lexicon has them. Of phrases with the same
    tokens the larger bonus counts.

    Raises:
        OptionError: Words are not in the lexicon (the message names all of them), or it spells them with spaces alone.
    """
    if lexicon.n_tokens != len(vocabulary):
        raise OptionError(f"The lexicon was made for a vocabulary of {lexicon.n_tokens} tokens, not {len(vocabulary)}.")
    blank_id = vocabulary.blank_id
    spellings: Spellings = {}
    for word, some in lexicon.spellings().items():
        if can_be_said := [ids for ids in some if blank_id not in ids]:
            spellings[word] = can_be_said
    characters = token_characters(vocabulary, spellings)
    spelled: dict[str, float] = {}
    for phrase, bonus, choices in _choices(phrases, spellings, ignore_case):
        for tokens in itertools.islice(itertools.product(*choices), MOST_SPELLINGS):
            text = " ".join("".join(characters[i] for ids in tokens for i in ids).replace(WORD_START, " ").split())
            if not text:
                raise OptionError(f"The lexicon spells hot phrase '{phrase}' with spaces alone.")
            spelled[text] = max(spelled.get(text, bonus), bonus)
    return Vocabulary(characters, blank_id), list(spelled.items())


def token_characters(vocabulary: Vocabulary, spellings: Spellings) -> list[str]:
    """Pieces of one character, after U+2581 where the token starts a word; spaces and the end of words are U+2581."""
    texts = [vocabulary.token_text(token)[0] for token in range(len(vocabulary))]
    every = [ids for some in spellings.values() for ids in some]
    ends = {ids[-1] for ids in every}
    inner = [{token for token in ids[:-1] if texts[token] != " "} for ids in every]
    has_word_end = len(ends) == 1 and all(tokens and not ends & tokens for tokens in inner)
    characters = []
    n_spaces = 0
    for token, text in enumerate(texts):
        start = WORD_START if text.startswith(" ") else ""
        is_space = text == " " or (has_word_end and token in ends)
        n_spaces += is_space  # no piece is there twice
        characters.append(WORD_START * n_spaces if is_space else start + chr(FIRST_CHARACTER + token))
    characters[vocabulary.blank_id] = "<blk>"
    return characters


def _choices(
    phrases: Phrases, spellings: Spellings, ignore_case: bool
) -> list[tuple[str, float, list[list[tuple[int, ...]]]]]:
    """The phrases with the spellings of each word."""
    folded: Spellings = {}
    for word, some in spellings.items() if ignore_case else ():
        folded.setdefault(fold_case(word), []).extend(some)
    missing: dict[str, None] = {}
    chosen = []
    for phrase, bonus in phrases:
        words = phrase.split()
        choices = [sorted({*(spellings.get(word) or folded.get(fold_case(word), []))}) for word in words]
        missing |= {word: None for word, some in zip(words, choices, strict=True) if not some}
        chosen.append((phrase, bonus, choices))
    if missing:
        named = ", ".join(f"'{word}'" for word in missing)
        raise OptionError(f"The lexicon doesn't have these words of hot phrases: {named}. Add them, or leave them out.")
    return chosen
