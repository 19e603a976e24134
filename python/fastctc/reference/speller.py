"""Twin of `cpp/src/text/speller.cpp`: the tokens that spell a text.

SentencePiece's own segmentation comes from the package `sentencepiece`, the fewest pieces are found here.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from fastctc.errors import AlignmentError
from fastctc.reference.case_folding import fold_case
from fastctc.reference.vocabulary import Vocabulary

__all__ = ["spell"]


def spell(text: str, vocabulary: Vocabulary, tokenizer: Path | None = None) -> list[int]:
    """Token ids of a text, cut by the SentencePiece model; without it the fewest pieces, longer ones first.

    A word that can't be spelled as written is spelled in another case.

    Args:
        text: words.
        vocabulary: the model's tokens.
        tokenizer: its SentencePiece model; None: there is none.

    Raises:
        AlignmentError: a character that no piece has; the message names it and its position.
    """
    if tokenizer is not None and (found := _cut(text.split(), vocabulary, tokenizer)) is not None:
        return found
    exact, any_case = _tokens(vocabulary)
    marks_starts = any(surface.startswith(b" ") and len(surface) > 1 for surface in exact)
    ids: list[int] = []
    at = 0
    for number, word in enumerate(text.split()):
        at = text.index(word, at)
        # A vocabulary of characters has a space between words; one of word pieces marks the start of each word.
        gap = " " if marks_starts or number else ""
        spelled = _fewest((gap + word).encode(), exact) or _fewest((gap + fold_case(word)).encode(), any_case)
        if not spelled:
            n_bytes = max(_reach((gap + fold_case(word)).encode(), any_case) - len(gap), 0)
            n = len(fold_case(word).encode()[:n_bytes].decode(errors="ignore"))
            raise AlignmentError(
                f"The model's pieces can't spell '{word}': none goes on with '{word[n]}', character {at + n + 1} of "
                "the text."
            )
        ids += spelled
        at += len(word)
    return ids


def _cut(words: list[str], vocabulary: Vocabulary, tokenizer: Path) -> list[int] | None:
    """None if a character is unknown."""
    package: Any = importlib.import_module("sentencepiece")
    model = package.SentencePieceProcessor(model_file=str(tokenizer))
    unknown = model.unk_id()
    text = " ".join(word if unknown not in model.encode(word) else fold_case(word) for word in words)
    ids = model.encode(text)
    if unknown in ids:
        return None
    pieces = {vocabulary.piece(token): token for token in range(len(vocabulary))}
    return [pieces[model.id_to_piece(token)] for token in ids]


def _tokens(vocabulary: Vocabulary) -> tuple[dict[bytes, int], dict[bytes, int]]:
    """Texts of tokens to their ids, unchanged and folded; byte pieces if no other piece has the text."""
    exact: dict[bytes, int] = {}
    folded: dict[bytes, int] = {}
    bytes_: dict[bytes, int] = {}
    for token in range(len(vocabulary)):
        surface, byte = vocabulary.token_text(token)
        if token == vocabulary.blank_id:
            continue
        if byte is not None:
            bytes_.setdefault(bytes([byte]), token)
        if surface:
            exact.setdefault(surface.encode(), token)
            folded.setdefault(fold_case(surface).encode(), token)
    return {**bytes_, **exact}, {**bytes_, **folded, **exact}


def _fewest(text: bytes, tokens: dict[bytes, int]) -> list[int] | None:
    longest = max(map(len, tokens), default=0)
    best: list[list[int] | None] = [None] * len(text) + [[]]
    for begin in reversed(range(len(text))):
        for end in range(min(len(text), begin + longest), begin, -1):
            rest, token = best[end], tokens.get(text[begin:end])
            here: Any = best[begin]
            if rest is not None and token is not None and (here is None or len(rest) + 1 < len(here)):
                best[begin] = [token, *rest]
    return best[0]


def _reach(text: bytes, tokens: dict[bytes, int]) -> int:
    """The last place that some spelling of the text before it reaches."""
    reached = {0}
    for begin in range(len(text)):
        if begin in reached:
            reached |= {end for end in range(begin + 1, len(text) + 1) if text[begin:end] in tokens}
    return max(reached)
