"""Twin of `cpp/src/decoding/lexicon.cpp`: words by their spellings."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from fastctc.errors import ModelError, OptionError
from fastctc.reference.model_files import read_packed
from fastctc.reference.vocabulary import Vocabulary

__all__ = ["Lexicon"]

Node = tuple[int, ...]


class Lexicon:
    """Words and how tokens spell them; a node is the token ids that lead to it.

    Args:
        entries: (word, token ids) each; a word may have several spellings.
        n_tokens: Of the vocabulary.
        out_of_lexicon: "forbid" or "allow": what becomes of other words.

    Raises:
        OptionError: No entries, an entry without word or tokens, ids out of range.
    """

    def __init__(
        self, entries: Sequence[tuple[str, Sequence[int]]], n_tokens: int, out_of_lexicon: str = "forbid"
    ) -> None:
        if out_of_lexicon not in ("forbid", "allow"):
            raise OptionError(f"Option out_of_lexicon must be forbid or allow, not '{out_of_lexicon}'.")
        if not entries:
            raise OptionError("The lexicon is empty. Give it one word at least.")
        for index, (word, ids) in enumerate(entries, 1):
            if not word or not ids or not all(0 <= token < n_tokens for token in ids):
                raise OptionError(
                    f"Entry {index} of the lexicon, '{word}', has no word, no tokens or ids out of range."
                )
        self.words = tuple(dict.fromkeys(word for word, _ in entries))
        self.n_tokens = n_tokens
        self.out_of_lexicon = out_of_lexicon
        self.root: Node = ()
        positions = {word: position for position, word in enumerate(self.words)}
        self._words_at: dict[Node, set[int]] = {(): set()}
        for word, ids in entries:
            for n in range(1, len(ids) + 1):
                self._words_at.setdefault(tuple(ids[:n]), set())
            self._words_at[tuple(ids)].add(positions[word])
        self._followed = {node[:-1] for node in self._words_at if node}

    @classmethod
    def read(
        cls,
        path: str | os.PathLike[str],
        vocabulary: Vocabulary,
        word_end: str = "",
        out_of_lexicon: str = "forbid",
    ) -> Lexicon:
        """Reads `word piece piece ...` per line, plain or gzip.

        Args:
            path: A UTF-8 file.
            vocabulary: Names the pieces.
            word_end: A piece put after every spelling; empty: none.
            out_of_lexicon: As the class's.

        Raises:
            ModelNotFoundError: The file is not there.
            ModelError: With the line number.
            OptionError: word_end is no piece.
        """
        entries = read_entries(path, vocabulary.pieces, vocabulary.blank_id, word_end)
        return cls(entries, len(vocabulary), out_of_lexicon)

    def child(self, node: Node, token_id: int) -> Node | None:
        """The node after one more token, or None."""
        after = (*node, token_id)
        return after if after in self._words_at else None

    def is_prefix(self, token_ids: Node) -> bool:
        """Whether some spelling starts with the tokens and goes on."""
        return token_ids in self._followed

    def words_spelled(self, token_ids: Node) -> list[str]:
        """Words that the tokens spell, in the order of their positions."""
        return [self.words[position] for position in sorted(self._words_at.get(token_ids, ()))]

    def spellings(self) -> dict[str, list[Node]]:
        """All spellings of each word."""
        found: dict[str, list[Node]] = {}
        for node, positions in self._words_at.items():
            for position in positions:
                found.setdefault(self.words[position], []).append(node)
        return found

    def is_leaf(self, node: Node) -> bool:
        """Whether no spelling goes on from the node."""
        return node not in self._followed

    def words_at(self, node: Node) -> list[int]:
        """Positions of the words that end at the node, ascending."""
        return sorted(self._words_at[node])

    def word(self, position: int) -> str:
        """The word at a position. Raises OptionError on one out of range."""
        if not 0 <= position < len(self.words):
            raise OptionError(f"The lexicon has no word {position}.")
        return self.words[position]

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes."""
        return tuple(self._words_at)

    @property
    def n_words(self) -> int:
        """Different words."""
        return len(self.words)

    @property
    def n_nodes(self) -> int:
        """Different beginnings of spellings, the empty one among them."""
        return len(self._words_at)


def read_entries(
    path: str | os.PathLike[str], pieces: Sequence[str], blank_id: int, word_end: str
) -> list[tuple[str, list[int]]]:
    """(word, token ids) of each line. Raises as `Lexicon.read`."""
    what = f"Lexicon '{os.fspath(path)}'"
    data = read_packed(path, what)
    ids = {piece: token for token, piece in enumerate(pieces) if token != blank_id}
    if word_end and word_end not in ids:
        raise OptionError(f"Option word_end is '{word_end}', which is no piece of the vocabulary.")
    return parse(data, ids, word_end, what)


def parse(data: bytes, ids: dict[str, int], word_end: str, what: str) -> list[tuple[str, list[int]]]:
    """Entries of a file's bytes."""
    entries = []
    unknown = ""
    for number, line in enumerate(data.split(b"\n"), 1):
        where = f"{what}, line {number}"
        try:
            fields = [field for field in re.split("[ \t]+", line.removesuffix(b"\r").decode()) if field]
        except UnicodeDecodeError as error:
            raise ModelError(f"{where}: not UTF-8.") from error
        if b"\0" in line:
            raise ModelError(f"{where}: a NUL byte.")
        if not fields:
            continue
        word, *pieces = fields
        if not pieces:
            raise ModelError(f"{where}: no spelling after the word '{word}'.")
        if pieces[0] not in ids and re.fullmatch(
            r"[+-]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", pieces[0], re.ASCII
        ):
            raise ModelError(f"{where}: '{pieces[0]}' after the word looks like a probability.")
        lacking = [piece for piece in pieces if piece not in ids]
        unknown = unknown or (f"{where}: the vocabulary lacks {lacking}." if lacking else "")
        token_ids = [ids.get(piece, -1) for piece in pieces]
        if word_end and token_ids[-1] != ids[word_end]:
            token_ids.append(ids[word_end])
        entries.append((word, token_ids))
    if unknown:
        raise ModelError(unknown)
    if not entries:
        raise ModelError(f"{what} is empty.")
    return entries
