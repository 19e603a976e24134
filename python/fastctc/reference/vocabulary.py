"""Twin of `cpp/src/text/vocabulary.cpp`: the tokens of a CTC model and how they become text."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, cast, get_args

from fastctc.errors import ModelError, ModelNotFoundError, OptionError, VocabularyError

__all__ = ["TextStyle", "Vocabulary", "WordSpan"]

TextStyle = Literal["sentencepiece", "characters", "wordpiece"]

WORD_START = "\u2581"
SPACE_PIECES = (" ", "<space>", WORD_START)
CONTROL_PIECES = ("<s>", "</s>", "<pad>")
BERT_SPECIALS = ("[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]")
CERTAIN_BLANKS = ("<blk>", "<blank>", "<b>", "[blank]")
POSSIBLE_BLANKS = ("<eps>", "<pad>", "[PAD]")
LARGEST_FILE_BYTES = 64 << 20

# `piece id`: all up to the last blank, an integer, trailing blanks.
PIECE_AND_ID = re.compile(r"(?P<piece>.*)[ \t](?P<id>[+-]?[0-9]+)[ \t]*", re.DOTALL)
BYTE_PIECE = re.compile("<0x([0-9A-F]{2})>")


class WordSpan(NamedTuple):
    """A word and its tokens: `ids[begin:end]`."""

    text: str
    begin: int
    end: int


class Character(NamedTuple):
    """A character of the text and the tokens that gave it."""

    text: str
    first_token: int
    last_token: int


class Vocabulary:
    """The pieces of a CTC model in the order of their ids, blank included.

    Args:
        pieces: All pieces.
        blank_id: None finds it by name, else it is the last.
        style: None finds it from the pieces.

    Raises:
        VocabularyError: An empty list, a piece that is empty or there twice, two names of a blank, a
            blank_id against <blk>, <blank>, <b>, [blank].
        OptionError: blank_id is past the list, or style is unknown.
    """

    def __init__(self, pieces: Sequence[str], blank_id: int | None = None, style: str | None = None) -> None:
        check_pieces(pieces)
        self.pieces = tuple(pieces)
        self.blank_id = resolve_blank(self.pieces, blank_id)
        self.style = style_from_text(style, pieces)
        has_spaces = any(space in pieces for space in SPACE_PIECES)
        self._bar_is_space = self.style == "characters" and "|" in pieces and not has_spaces

    @classmethod
    def read(
        cls,
        path: str | os.PathLike[str],
        n_tokens: int = 0,
        blank_id: int | None = None,
        style: str | None = None,
    ) -> Vocabulary:
        """Reads `piece id` per line or one piece per line, as `fastctc/vocabulary.h` says.

        Args:
            path: A UTF-8 file.
            n_tokens: Width of the model's output, 0 when unknown; a list one short of it gets its blank appended.
            blank_id: None finds it.
            style: None finds it.

        Raises:
            ModelNotFoundError: The file is not there.
            ModelError: It is a directory, larger than 64 MiB, or can't be read.
            VocabularyError: The list can't be used; with the line number.
            OptionError: style is unknown, or blank_id is past the list.
        """
        name = f"Token list '{os.fspath(path)}'"
        pieces = parse(read_bytes(path, name), name)
        named = [piece for piece in pieces if piece in CERTAIN_BLANKS]
        if len(pieces) + 1 == n_tokens and blank_id in (None, len(pieces)) and not named:
            pieces.append("<blk>")
        if n_tokens and len(pieces) != n_tokens:
            raise VocabularyError(f"{name} has {len(pieces)} pieces, but the model's output is {n_tokens} wide.")
        if (
            n_tokens == 0
            and blank_id is None
            and not any(blank in pieces for blank in CERTAIN_BLANKS + POSSIBLE_BLANKS)
        ):
            raise VocabularyError(f"{name}: nothing tells the blank. Say which id it is with the option blank_id.")
        return cls(pieces, blank_id, style)

    def __len__(self) -> int:
        return len(self.pieces)

    def piece(self, token_id: int) -> str:
        """The piece of an id. Raises OptionError on an id that is out of range."""
        if not 0 <= token_id < len(self.pieces):
            raise OptionError(f"Token id {token_id} is not in the vocabulary, whose ids run from 0 to {len(self) - 1}.")
        return self.pieces[token_id]

    def text(self, ids: Sequence[int]) -> str:
        """Text of a token sequence, equal to NeMo's ids_to_text. Raises OptionError on blanks and unknown ids."""
        return "".join(character.text for character in self._characters(ids))

    def words(self, ids: Sequence[int]) -> tuple[WordSpan, ...]:
        """Words of `text(ids)`, each with the tokens from its first character to its last."""
        characters = self._characters(ids)
        spans = []
        for match in re.finditer(r"\S+", "".join(character.text for character in characters)):
            first, last = characters[match.start()], characters[match.end() - 1]
            spans.append(WordSpan(match.group(), first.first_token, last.last_token + 1))
        return tuple(spans)

    def token_text(self, token_id: int) -> tuple[str, int | None]:
        """What a token adds to a text that others began, and the value of a byte piece, whose text is empty."""
        piece = self.piece(token_id)
        if token_id == self.blank_id:
            return "", None
        if self.style != "wordpiece" and (match := BYTE_PIECE.fullmatch(piece)):
            return "", int(match[1], 16)
        if self.style == "wordpiece":
            # Decodes "x" and the piece, because "##" at the start of a text stays.
            text = "".join(character.text for character in wordpiece_characters(["x", piece]))
            return text.removeprefix("x"), None
        if self.style == "sentencepiece":
            return "".join(character.text for character in sentencepiece_characters(["x", piece])).removeprefix(
                "x"
            ), None
        return "".join(character.text for character in plain_characters([piece], self.space_pieces)), None

    @property
    def space_pieces(self) -> tuple[str, ...]:
        """Pieces of a list of characters that are a space."""
        return ("|",) if self._bar_is_space else SPACE_PIECES

    def _characters(self, ids: Sequence[int]) -> list[Character]:
        pieces = [self.piece(token_id) for token_id in ids]
        if self.blank_id in ids:
            raise OptionError(f"Token id {self.blank_id} is the blank, which has no text. Drop blanks first.")
        if self.style == "wordpiece":
            return strip(wordpiece_characters(pieces))
        if self.style == "sentencepiece":
            return sentencepiece_characters(pieces)
        characters = plain_characters(pieces, self.space_pieces)
        return strip(characters) if self._bar_is_space else characters


def read_bytes(path: str | os.PathLike[str], name: str) -> bytes:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 (Path("") is the current directory)
            data = file.read(LARGEST_FILE_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:  # ValueError: a NUL in the path
        raise ModelNotFoundError(f"{name} is not there.") from error
    except IsADirectoryError as error:
        raise ModelError(f"{name} is a directory.") from error
    except OSError as error:
        raise ModelError(f"{name} can't be read: {error}") from error
    if len(data) > LARGEST_FILE_BYTES:
        raise ModelError(f"{name} is larger than 64 MiB: this is no token list.")
    return data


def parse(data: bytes, name: str) -> list[str]:
    """Pieces in the order of their ids, from the bytes of a file."""
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if lines[-1] == b"":  # the end of the last line, not a line
        lines.pop()
    lines = [line.removesuffix(b"\r") for line in lines]
    if not lines:
        raise VocabularyError(f"{name} is empty.")
    texts = [decode_line(line, f"{name}, line {number}") for number, line in enumerate(lines, 1)]
    matches = [PIECE_AND_ID.fullmatch(text) for text in texts]
    if not any(matches):
        check_unique(texts, name)
        return texts
    pieces, ids = [], []
    for number, match in enumerate(matches, 1):
        if match is None:
            raise VocabularyError(f"{name}, line {number}: no id in '{texts[number - 1]}', but other lines have one.")
        pieces.append(match["piece"])
        ids.append(match["id"])
    check_unique(pieces, name)
    return order(pieces, ids, name)


def decode_line(line: bytes, where: str) -> str:
    if not line:
        raise VocabularyError(f"{where}: the line is empty.")
    if b"\0" in line:
        raise VocabularyError(f"{where}: a NUL byte.")
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise VocabularyError(f"{where}: byte {error.start + 1} is not UTF-8.") from error


def check_unique(pieces: Sequence[str], name: str) -> None:
    first: dict[str, int] = {}
    for number, piece in enumerate(pieces, 1):
        if not piece:
            raise VocabularyError(f"{name}, line {number}: no piece in front of the id.")
        if first.setdefault(piece, number) != number:
            raise VocabularyError(f"{name}, line {number}: piece '{piece}' is on line {first[piece]} too.")


def order(pieces: Sequence[str], ids: Sequence[str], name: str) -> list[str]:
    line_of_id: dict[int, int] = {}
    for number, text in enumerate(ids, 1):
        digits = text.lstrip("+-").lstrip("0") or "0"
        if text.startswith("-"):
            raise VocabularyError(f"{name}, line {number}: id {text} is negative.")
        # int() refuses thousands of digits.
        if len(digits) > 9 or int(digits) >= len(ids):
            raise VocabularyError(f"{name}, line {number}: id {text} is past the end of the list.")
        if line_of_id.setdefault(int(digits), number) != number:
            raise VocabularyError(f"{name}, line {number}: id {text} is on line {line_of_id[int(digits)]} too.")
    return [pieces[line_of_id[token_id] - 1] for token_id in range(len(ids))]


def check_pieces(pieces: Sequence[str]) -> None:
    if not pieces:
        raise VocabularyError("The token list is empty.")
    first: dict[str, int] = {}
    for token_id, piece in enumerate(pieces):
        if not piece:
            raise VocabularyError(f"The piece of id {token_id} is empty.")
        if first.setdefault(piece, token_id) != token_id:
            raise VocabularyError(f"The piece of id {token_id} ('{piece}') is that of id {first[piece]} too.")


def resolve_blank(pieces: Sequence[str], blank_id: int | None) -> int:
    if blank_id is not None and blank_id >= len(pieces):
        raise OptionError(f"Option blank_id is {blank_id}, but the ids of the token list end at {len(pieces) - 1}.")
    named = [pieces.index(name) for name in CERTAIN_BLANKS if name in pieces]
    if blank_id is not None:
        if named and blank_id not in named:
            raise VocabularyError(f"Option blank_id is {blank_id}, but the token list names the blank {named[0]}.")
        return blank_id
    named = named or [pieces.index(name) for name in POSSIBLE_BLANKS if name in pieces]
    if len(named) > 1:
        raise VocabularyError(f"The token list has two pieces that could be the blank, {named}. Give blank_id.")
    return named[0] if named else len(pieces) - 1


def style_from_text(style: str | None, pieces: Sequence[str]) -> TextStyle:
    for known in get_args(TextStyle):
        if style == known:
            return cast(TextStyle, known)
    if style:
        raise OptionError(f"Option text_style must be sentencepiece, characters or wordpiece, not '{style}'.")
    if any(WORD_START in piece and piece != WORD_START for piece in pieces):
        return "sentencepiece"
    if any(piece.startswith("##") and len(piece) > 2 for piece in pieces):
        return "wordpiece"
    return "sentencepiece" if WORD_START in pieces else "characters"


def as_characters(surface: str, token: int) -> list[Character]:
    return [Character(character, token, token) for character in surface]


def byte_characters(values: bytes, first_token: int) -> list[Character]:
    """Bytes as UTF-8, one token per byte; every byte that starts no valid character is U+FFFD."""
    characters = []
    offset = 0
    while offset < len(values):
        character, length = "\ufffd", 1
        for end in range(offset + 1, min(offset + 4, len(values)) + 1):
            try:
                character, length = values[offset:end].decode(), end - offset
                break
            except UnicodeDecodeError:
                continue
        characters.append(Character(character, first_token + offset, first_token + offset + length - 1))
        offset += length
    return characters


def byte_run(pieces: Sequence[str], position: int) -> bytes:
    values = bytearray()
    for piece in pieces[position:]:
        match = BYTE_PIECE.fullmatch(piece)
        if match is None:
            break
        values.append(int(match[1], 16))
    return bytes(values)


def sentencepiece_characters(pieces: Sequence[str]) -> list[Character]:
    """SentencePieceProcessor::Decode with add_dummy_prefix and remove_extra_whitespaces, SentencePiece's defaults."""

    def surface(piece: str, is_first: bool) -> str:
        if piece == "<unk>":
            return " \u2047 "
        return (piece.removeprefix(WORD_START) if is_first else piece).replace(WORD_START, " ")

    return characters_of(pieces, surface)


def plain_characters(pieces: Sequence[str], spaces: Sequence[str]) -> list[Character]:
    return characters_of(pieces, lambda piece, _: " " if piece in spaces else piece)


def characters_of(pieces: Sequence[str], surface: Callable[[str, bool], str]) -> list[Character]:
    """Runs of bytes as UTF-8, control pieces as nothing, others by their surface; the first may have another one."""
    characters: list[Character] = []
    position = 0
    while position < len(pieces):
        if run := byte_run(pieces, position):
            characters += byte_characters(run, position)
        elif pieces[position] not in CONTROL_PIECES:
            characters += as_characters(surface(pieces[position], not characters), position)
        position += len(run) or 1
    return characters


def wordpiece_characters(pieces: Sequence[str]) -> list[Character]:
    """Joins by spaces, drops " ##" and leaves specials out, as transformers' BERT tokenizer."""
    characters: list[Character] = []
    first = True
    for token, piece in enumerate(pieces):
        if piece in CONTROL_PIECES or piece in BERT_SPECIALS:
            continue
        continues = not first and piece.startswith("##")
        separator = "" if first or continues else " "
        surface = piece[2:] if continues else "" if piece == WORD_START else piece
        characters += as_characters(separator + surface, token)
        first = False
    return characters


def strip(characters: list[Character]) -> list[Character]:
    text = "".join(character.text for character in characters)
    begin = len(text) - len(text.lstrip())
    return characters[begin : begin + len(text.strip())]
