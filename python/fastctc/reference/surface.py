"""What each token adds to the text: the twin of `decoding/surface.cpp`."""

from __future__ import annotations

import re

from fastctc.reference.vocabulary import Vocabulary

__all__ = ["surfaces"]

CONTROLS = {"<s>", "</s>", "<pad>", "[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"}
SPACES = {" ", "<space>", "\u2581"}


def surfaces(vocabulary: Vocabulary) -> list[str]:
    """Of every token; joined, the text of a token sequence with single spaces where words meet."""
    bar_is_space = not any(piece in SPACES for piece in vocabulary.pieces)
    return [_surface(vocabulary, i, piece, bar_is_space) for i, piece in enumerate(vocabulary.pieces)]


def _surface(vocabulary: Vocabulary, index: int, piece: str, bar_is_space: bool) -> str:
    if index == vocabulary.blank_id or piece in CONTROLS:
        return ""
    if vocabulary.style != "wordpiece" and (byte := re.fullmatch("<0x([0-9A-F]{2})>", piece)):
        return chr(int(byte[1], 16))
    if vocabulary.style == "sentencepiece":
        return " \u2047 " if piece == "<unk>" else piece.replace("\u2581", " ")
    if vocabulary.style == "wordpiece":
        return piece[2:] if piece.startswith("##") else " " + piece.replace("\u2581", "")
    return " " if piece in SPACES or (bar_is_space and piece == "|") else piece
