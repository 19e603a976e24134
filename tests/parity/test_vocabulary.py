"""Vocabulary: C++ = reference = SentencePiece."""

from __future__ import annotations

import io
import os
import re
import struct
from collections.abc import Iterable, Sequence
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import sentencepiece
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fastctc import _core
from fastctc.errors import ModelError, ModelNotFoundError, OptionError, VocabularyError
from fastctc.reference import vocabulary as reference

VOCABULARIES: tuple[Any, ...] = (_core.Vocabulary, reference.Vocabulary)
both = pytest.mark.parametrize("vocabulary_type", VOCABULARIES, ids=["core", "reference"])

WORD_START = "\u2581"
TEXT = """\
the quick brown fox jumps over the lazy dog while seven wizards box with five dozen liquor jugs
how much wood would a woodchuck chuck if a woodchuck could chuck wood, asked the miller's daughter
der schnelle braune Fuchs springt über den faulen Hund und läuft größtenteils weiter
portez ce vieux whisky au juge blond qui fume, dit l'élève à la fenêtre du château
съешь же ещё этих мягких французских булок да выпей чаю
one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
speech recognition on a processor is a matter of numbers, words, tokens, frames and patience
"""


class Model(NamedTuple):
    processor: Any
    pieces: list[str]
    special_ids: list[int]
    """Unknown, control and byte pieces, and a lone word start: what random ids would rarely hit."""
    byte_ids: dict[int, int]


def as_model(serialized: bytes) -> Model:
    processor = sentencepiece.SentencePieceProcessor(model_proto=serialized)
    ids = range(processor.get_piece_size())
    pieces = [processor.id_to_piece(index) for index in ids]
    bytes_ids = {int(pieces[index][1:-1], 16): index for index in ids if processor.is_byte(index)}
    special = [index for index in ids if processor.is_unknown(index) or processor.is_control(index)]
    special += [index for index in ids if set(pieces[index]) == {WORD_START}]
    return Model(processor, pieces, special, bytes_ids)


def trained(model_type: str, byte_fallback: bool, **options: Any) -> Model:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT.splitlines() * 20),
        model_writer=model,
        vocab_size=500 if byte_fallback else 200,
        model_type=model_type,
        byte_fallback=byte_fallback,
        hard_vocab_limit=False,
        minloglevel=2,
        **options,
    )
    return as_model(model.getvalue())


def user_model(data: Path) -> Model:
    """A SentencePiece model with the user's pieces, written by hand (sentencepiece_model.proto)."""

    def varint(value: int) -> bytes:
        return bytes([value]) if value < 128 else bytes([value % 128 + 128]) + varint(value // 128)

    def field(number: int, payload: bytes) -> bytes:
        return varint(number << 3 | 2) + varint(len(payload)) + payload

    lines = (data / "user_tokens.txt").read_text(encoding="utf-8").splitlines()
    pieces = [line.rsplit(" ", 1)[0] for line in lines if not line.startswith("<blk> ")]
    assert len(pieces) == 1024
    serialized = b""
    for index, piece in enumerate(pieces):
        kind = 2 if piece == "<unk>" else 1
        body = field(1, piece.encode()) + varint(2 << 3 | 5) + struct.pack("<f", -index) + varint(3 << 3) + varint(kind)
        serialized += field(1, body)
    return as_model(serialized + field(2, varint(3 << 3) + varint(2)))


MODELS = ["bpe", "bpe-bytes", "unigram", "unigram-bytes", "bpe-spaces", "char", "user"]


@pytest.fixture(scope="module", params=MODELS)
def model(request: pytest.FixtureRequest, data: Path) -> Model:
    name: str = request.param
    if name == "user":
        return user_model(data)
    # Words that run into each other: pieces with a word start within.
    options = {"split_by_whitespace": False} if name == "bpe-spaces" else {"pad_id": 3}
    return trained(name.split("-")[0], name.endswith("bytes"), **options)


def check_words(vocabulary: Any, ids: Sequence[int]) -> None:
    text = vocabulary.text(ids)
    words = [tuple(word) for word in vocabulary.words(ids)]
    assert " ".join(word for word, _, _ in words) == " ".join(text.split())
    for word, begin, end in words:
        assert 0 <= begin < end <= len(ids)
        assert word in vocabulary.text(ids[begin:end])
    for (_, _, end), (_, begin, _) in pairwise(words):
        assert begin >= end - 1  # a piece with a word start within belongs to both


def check_against(model: Model, vocabularies: Iterable[Any], ids: list[int]) -> None:
    expected = model.processor.decode(ids)
    for vocabulary in vocabularies:
        assert vocabulary.text(ids) == expected
        check_words(vocabulary, ids)
    core, twin = vocabularies
    assert core.words(ids) == twin.words(ids)


def test_random_ids_give_the_text_of_sentencepiece(model: Model) -> None:
    vocabularies = [kind([*model.pieces, "<blk>"]) for kind in VOCABULARIES]
    generator = np.random.default_rng(11)
    for _ in range(1500):
        ids = generator.integers(0, len(model.pieces), generator.integers(0, 12))
        special = generator.random(ids.size) < generator.random()
        ids[special] = generator.choice([*model.special_ids, *model.byte_ids.values()], special.sum())
        check_against(model, vocabularies, ids.tolist())


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(choices=st.data())
def test_drawn_ids_give_the_text_of_sentencepiece(model: Model, choices: st.DataObject) -> None:
    pieces = st.lists(st.integers(0, len(model.pieces) - 1), max_size=6)
    specials = st.lists(st.sampled_from(model.special_ids), max_size=3)
    # Characters as bytes, whole and cut anywhere.
    broken = st.text(max_size=3).map(lambda text: text.encode("utf-8", "ignore"))
    cut = st.tuples(broken, st.integers(0, 3), st.integers(0, 3)).map(
        lambda parts: parts[0][parts[1] :][: -parts[2] or None]
    )
    byte_runs = cut.map(lambda values: [model.byte_ids[value] for value in values if value in model.byte_ids])
    parts = choices.draw(st.lists(st.one_of(pieces, specials, byte_runs), max_size=5))
    check_against(model, [kind([*model.pieces, "<blk>"]) for kind in VOCABULARIES], list(chain(*parts)))


def test_text_goes_through_tokens_and_back(model: Model) -> None:
    vocabularies = [kind([*model.pieces, "<blk>"]) for kind in VOCABULARIES]
    for line in TEXT.splitlines():
        ids = model.processor.encode(line)
        for vocabulary in vocabularies:
            assert vocabulary.text(ids) == model.processor.decode(ids)
            assert [word[0] for word in vocabulary.words(ids)] == model.processor.decode(ids).split()


@both
def test_without_remove_extra_whitespaces_leading_spaces_alone_differ(vocabulary_type: Any) -> None:
    """The one property of a SentencePiece model that changes its text and that its pieces do not tell."""
    model = trained("bpe", False, remove_extra_whitespaces=False)
    vocabulary = vocabulary_type([*model.pieces, "<blk>"])
    generator = np.random.default_rng(5)
    for _ in range(500):
        ids = generator.integers(0, len(model.pieces), 5)
        ids[generator.random(5) < 0.3] = model.pieces.index(WORD_START)
        assert vocabulary.text(ids.tolist()).lstrip(" ") == model.processor.decode(ids.tolist()).lstrip(" ")


@both
@pytest.mark.parametrize(
    ("pieces", "style", "ids", "text"),
    [
        (["a", "b", " ", "|", "'", "<blk>"], "characters", [2, 0, 2, 3, 1, 4, 2], " a |b' "),
        (["a", "b", "<space>", "<blk>"], "characters", [0, 2, 1], "a b"),
        (["<pad>", "<s>", "</s>", "<unk>", "|", "A", "B"], "characters", [4, 1, 5, 4, 6, 3, 2, 4], "A B<unk>"),
        (["日", "本", "<0xE8>", "<0xAA>", "<0x9E>", "<blk>"], "characters", [0, 1, 2, 3, 4], "日本語"),
        (["[UNK]", "one", "##s", "[CLS]", "two", "<blk>"], "wordpiece", [3, 1, 0, 2, 4, 3], "ones two"),
        (["a", "##b", "<blk>"], "wordpiece", [1, 0, 1], "##b ab"),  # as transformers
        (["one", "##e", WORD_START, "<blk>"], "wordpiece", [2, 0, 1, 2, 1, 2], "onee e"),  # NeMo's vocab.txt
        ([WORD_START, "a", "b", "<blk>"], "sentencepiece", [0, 1, 0, 2], "a b"),
        ([WORD_START + "a", "##b", "<blk>"], "sentencepiece", [0, 1], "a##b"),
    ],
)
def test_styles(vocabulary_type: Any, pieces: list[str], style: str, ids: list[int], text: str) -> None:
    vocabulary = vocabulary_type(pieces)
    assert vocabulary.style == style
    assert vocabulary.text(ids) == text
    check_words(vocabulary, ids)


@settings(max_examples=300, deadline=None)
@given(choices=st.data())
def test_other_styles_are_those_of_the_reference(choices: st.DataObject) -> None:
    parts = [
        "a",
        "b",
        "##c",
        "##",
        "|",
        " ",
        "<space>",
        WORD_START,
        "<s>",
        "[UNK]",
        "<unk>",
        "<0xC3>",
        "<0xA9>",
        "\u3000",
    ]
    pieces = [*choices.draw(st.lists(st.sampled_from(parts), min_size=1, unique=True)), "<blk>"]
    ids = choices.draw(st.lists(st.integers(0, len(pieces) - 2), max_size=8))
    core, twin = (kind(pieces) for kind in VOCABULARIES)
    assert (core.style, core.text(ids), core.words(ids)) == (twin.style, twin.text(ids), twin.words(ids))
    check_words(core, ids)


@both
def test_wordpiece_is_that_of_transformers(vocabulary_type: Any) -> None:
    """transformers' BertTokenizer.convert_tokens_to_string, which NeMo's ids_to_text calls, in its one line."""
    pieces = ["one", "##s", "##ing", "two", "#", "###", "x##y", "<blk>"]
    vocabulary = vocabulary_type(pieces)
    generator = np.random.default_rng(3)
    for _ in range(300):
        ids = generator.integers(0, len(pieces) - 1, 6).tolist()
        assert vocabulary.text(ids) == " ".join(pieces[index] for index in ids).replace(" ##", "").strip()


@both
def test_ids_that_have_no_text(vocabulary_type: Any) -> None:
    vocabulary = vocabulary_type(["a", "b", "<blk>"])
    assert vocabulary.text([]) == ""
    assert vocabulary.words([]) == ()
    for ids in ([2], [0, 3], [-1]):
        with pytest.raises(OptionError):
            vocabulary.text(ids)
        with pytest.raises(OptionError):
            vocabulary.words(ids)
    with pytest.raises(OptionError, match="from 0 to 2"):
        vocabulary.piece(3)


@both
@pytest.mark.parametrize(
    ("pieces", "blank_id", "expected"),
    [
        (["<blk>", "a"], None, 0),
        (["<pad>", "a", "<b>"], None, 2),
        (["a", "[blank]", "b"], None, 1),
        (["<eps>", "a"], None, 0),
        (["[PAD]", "a"], None, 0),
        (["a", "b"], None, 1),
        (["<pad>", "a"], 1, 1),
        (["<blk>", "<b>", "a"], 1, 1),
        (["<blk>", "a", "<blank>"], None, VocabularyError),
        (["<pad>", "a", "<eps>"], None, VocabularyError),
        (["<blk>", "a"], 1, VocabularyError),
        (["a", "b"], 2, OptionError),
        ([], None, VocabularyError),
        (["a", ""], None, VocabularyError),
        (["a", "b", "a"], None, VocabularyError),
    ],
)
def test_the_blank(vocabulary_type: Any, pieces: list[str], blank_id: int | None, expected: Any) -> None:
    options = {} if blank_id is None else {"blank_id": blank_id}
    if isinstance(expected, int):
        assert vocabulary_type(pieces, **options).blank_id == expected
    else:
        with pytest.raises(expected):
            vocabulary_type(pieces, **options)


@both
@pytest.mark.parametrize(
    ("content", "pieces"),
    [
        (b"a 1\nb 0\n", ["b", "a"]),
        (b"a\t1\nb\t0", ["b", "a"]),
        (b"a b 0\n  1\n", ["a b", " "]),
        (b"\xef\xbb\xbfa 0\r\n<blk> 1\r\n", ["a", "<blk>"]),
        (b"a 0 \nb +01\t\n", ["a", "b"]),
        ("▁ 0\n▁t 1\n".encode(), ["▁", "▁t"]),
        (b"b\na\n", ["b", "a"]),
        (b"1\n0\n2", ["1", "0", "2"]),
        (b" \na b\n", [" ", "a b"]),
    ],
)
def test_lists_on_disk(vocabulary_type: Any, tmp_path: Path, content: bytes, pieces: list[str]) -> None:
    path = tmp_path / "tokens.txt"
    path.write_bytes(content)
    for argument in (path, str(path), os.fsencode(path)):
        vocabulary = vocabulary_type.read(argument, n_tokens=len(pieces))
        assert list(vocabulary.pieces) == pieces
        assert len(vocabulary) == len(pieces)
    if "<blk>" not in pieces:
        vocabulary = vocabulary_type.read(path, n_tokens=len(pieces) + 1)
        assert list(vocabulary.pieces) == [*pieces, "<blk>"]
        assert vocabulary.blank_id == len(pieces)


@both
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"\n", "line 1: the line is empty"),
        (b"a 0\n\nb 1\n", "line 2: the line is empty"),
        (b"a 0\r\n\r\n", "line 2: the line is empty"),
        (b"a 0\nb\n", "line 2: no id in 'b'"),
        (b"a\nb 1\n", "line 1: no id in 'a'"),
        (b"a 0\nb 0\n", "line 2: id 0 is on line 1 too"),
        (b"a 0\nb 2\n", "line 2: id 2 is past the end"),
        (b"a 0\nb -1\n", "line 2: id -1 is negative"),
        (b"a 0\nb " + b"9" * 5000 + b"\n", "line 2: id 9{5000} is past the end"),
        (b"a 0\nb 1\na 2\n", "line 3: piece 'a' is on line 1 too"),
        (b"a\nb\na\n", "line 3: piece 'a' is on line 1 too"),
        (b"a 0\n 1\n", "line 2: no piece"),
        (b"a 0\n\xff 1\n", "line 2: byte 1 is not UTF-8"),
        (b"a 0\nb\xed\xa0\x80 1\n", "line 2: byte 2 is not UTF-8"),
        (b"a 0\nb\0 1\n", "line 2: a NUL byte"),
        ("a 0\nb 1\n".encode("utf-16"), "line 1: byte 1 is not UTF-8|NUL"),
    ],
)
def test_wrong_lists_are_named_with_the_line(
    vocabulary_type: Any, tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "tokens.txt"
    path.write_bytes(content)
    with pytest.raises(VocabularyError, match=message) as error:
        vocabulary_type.read(path)
    assert str(path) in str(error.value)


@both
def test_the_width_is_checked(vocabulary_type: Any, data: Path, tmp_path: Path) -> None:
    user = data / "user_tokens.txt"
    vocabulary = vocabulary_type.read(user, n_tokens=1025)
    assert (len(vocabulary), vocabulary.blank_id, vocabulary.style) == (1025, 1024, "sentencepiece")
    for n_tokens in (1024, 1026, 2):  # it has its blank: none is appended
        with pytest.raises(VocabularyError, match=f"has 1025 pieces, but the model's output is {n_tokens} wide"):
            vocabulary_type.read(user, n_tokens=n_tokens)

    path = tmp_path / "vocab.txt"
    path.write_text("<pad>\na\nb\n")
    assert vocabulary_type.read(path, n_tokens=4).blank_id == 3
    assert vocabulary_type.read(path, n_tokens=4, blank_id=3).blank_id == 3
    assert vocabulary_type.read(path, n_tokens=3).blank_id == 0
    with pytest.raises(VocabularyError, match="3 pieces, but the model's output is 4"):
        vocabulary_type.read(path, n_tokens=4, blank_id=0)
    assert vocabulary_type.read(path, n_tokens=3, style="wordpiece").text([1, 2]) == "a b"
    with pytest.raises(OptionError, match="sentencepiece, characters or wordpiece"):
        vocabulary_type.read(path, n_tokens=3, style="syllables")
    path.write_text("a\nb\n")
    with pytest.raises(VocabularyError, match="blank_id"):
        vocabulary_type.read(path)
    assert vocabulary_type.read(path, blank_id=0).blank_id == 0


@both
def test_files_that_can_not_be_read(vocabulary_type: Any, tmp_path: Path) -> None:
    for missing in (
        tmp_path / "tokens.txt",
        "",
        "tokens\0.txt",
        tmp_path / "a" / "b",
        os.fsencode(tmp_path) + b"/\xff",
    ):
        with pytest.raises(ModelNotFoundError, match="is not there"):
            vocabulary_type.read(missing)
    with pytest.raises(ModelError, match="is a directory"):
        vocabulary_type.read(tmp_path)
    with pytest.raises(TypeError):
        vocabulary_type.read(3.5)


@both
@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file whose reading fails, root or not")
def test_a_file_whose_reading_fails(vocabulary_type: Any) -> None:
    with pytest.raises(ModelError, match="can't be read"):
        vocabulary_type.read("/proc/self/mem")
    with pytest.raises(ModelError, match="larger than 64 MiB"):
        vocabulary_type.read("/dev/zero")


@both
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission(vocabulary_type: Any, tmp_path: Path) -> None:
    path = tmp_path / "tokens.txt"
    path.write_text("a 0\n")
    path.chmod(0)
    with pytest.raises(ModelError, match="can't be read"):
        vocabulary_type.read(path)


LINES = st.lists(
    st.one_of(
        st.sampled_from(
            [b"a", b"b 0", b"c 1", b"\xe2\x96\x81 2", b"<blk> 3", b" ", b"", b"x\r", b"-1", b"\xff", b"y -1"]
        ),
        st.binary(max_size=4),
        st.tuples(st.text(max_size=3), st.integers(-2, 6)).map(
            lambda pair: f"{pair[0]} {pair[1]}".encode("utf-8", "ignore")
        ),
    ),
    max_size=6,
).map(b"\n".join)


def outcome(vocabulary_type: Any, path: Path, n_tokens: int) -> object:
    try:
        vocabulary = vocabulary_type.read(path, n_tokens)
    except VocabularyError as error:
        line = re.search(r"line (\d+): ", str(error))
        return type(error), line and line[1]
    return tuple(vocabulary.pieces), vocabulary.blank_id, vocabulary.style


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("vocabulary") / "tokens.txt"


@settings(max_examples=1500, deadline=None)
@given(content=st.one_of(st.binary(max_size=64), LINES), n_tokens=st.integers(0, 6))
def test_any_bytes_load_or_are_a_named_error(path: Path, content: bytes, n_tokens: int) -> None:
    path.write_bytes(content)
    assert outcome(_core.Vocabulary, path, n_tokens) == outcome(reference.Vocabulary, path, n_tokens)
