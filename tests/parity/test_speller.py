"""Text to tokens: C++ = reference = the sentencepiece package itself."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import ROOT
from fastctc import _core
from fastctc.errors import AlignmentError, ModelError, VocabularyError
from fastctc.reference.speller import spell
from fastctc.reference.vocabulary import Vocabulary

MODELS: dict[str, dict[str, Any]] = {
    "bpe": {"model_type": "bpe"},
    "unigram": {"model_type": "unigram"},
    "characters": {"model_type": "char", "vocab_size": 60},
    "bpe, bytes": {"model_type": "bpe", "byte_fallback": True, "vocab_size": 500},
    "unigram, bytes": {"model_type": "unigram", "byte_fallback": True, "vocab_size": 500},
    "bpe, no normalisation": {"model_type": "bpe", "normalization_rule_name": "identity"},
    "unigram, folded": {"model_type": "unigram", "normalization_rule_name": "nmt_nfkc_cf"},
    "bpe, own symbols": {"model_type": "bpe", "user_defined_symbols": ["fast", "<x>"]},
    "unigram, own symbols": {"model_type": "unigram", "user_defined_symbols": ["fast", "<x>"]},
    "bpe, all spaces": {"model_type": "bpe", "remove_extra_whitespaces": False},
    "unigram, no prefix": {"model_type": "unigram", "add_dummy_prefix": False},
    "bpe, suffix": {"model_type": "bpe", "treat_whitespace_as_suffix": True},
}
# Letters, what NFKC changes (ligature, full width, circled), what no model here has, spaces of several kinds.
CHARACTERS = (
    "abcdefghijklmnopqrstuvwxyz      ABCFast<x>.,0129\u00e9\u00bd\ufb01\u2460\uff21\u3000\u00a0\u00df\u6f22\t\n"
)
TEXTS = st.one_of(
    st.text(st.sampled_from(CHARACTERS), max_size=30),
    st.lists(st.sampled_from((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split()), max_size=8).map(" ".join),
    st.text(max_size=10),
)


@pytest.fixture(scope="module")
def train() -> Callable[[str], bytes]:
    """Models of a small text, as their trainer writes them."""
    models: dict[str, bytes] = {}
    lines = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()

    def make(name: str) -> bytes:
        if name not in models:
            file = io.BytesIO()
            options = {"vocab_size": 300, "hard_vocab_limit": False, "minloglevel": 2, **MODELS[name]}
            sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(lines), model_writer=file, **options)
            models[name] = file.getvalue()
        return models[name]

    return make


def open_model(content: bytes) -> tuple[Any, Any]:
    return sentencepiece.SentencePieceProcessor(model_proto=content), _core.SentencePieceModel(content, "m")


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    """Opened once."""
    return {}


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=150, deadline=None)
@given(text=TEXTS)
def test_pieces_are_those_of_the_package(
    train: Callable[[str], bytes], models: dict[str, Any], name: str, text: str
) -> None:
    package, model = models[name] = models.get(name) or open_model(train(name))
    assert len(model) == package.get_piece_size()
    expected: list[int] = []
    for token in package.encode(text):
        unknown = token == package.unk_id()
        if not (unknown and expected and expected[-1] == -1):
            expected.append(-1 if unknown else token)
    assert model.encode(text) == expected


def test_a_long_text_takes_no_longer_a_word(train: Callable[[str], bytes]) -> None:
    """All in one piece, as an hour's text comes."""
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split()) * 10
    for name in ("bpe", "unigram"):
        package = sentencepiece.SentencePieceProcessor(model_proto=train(name))
        ids = [token for token in _core.SentencePieceModel(train(name), name).encode(text) if token != -1]
        expected = [token for token in package.encode(text) if token != package.unk_id()]
        if name == "unigram" and ids != expected:
            # The package's sums are rounded after some 30,000 pieces: where they can't tell, ours must be the better.
            assert sum(map(package.get_score, ids)) > sum(map(package.get_score, expected))
            assert abs(len(ids) - len(expected)) < len(ids) / 1000
        else:
            assert ids == expected


def test_damaged_models_are_named(train: Callable[[str], bytes]) -> None:
    good = train("bpe")
    for bad in (b"", b"\x08", good[:1000], good[: len(good) // 2], b"\xff" * 40, b"<unk>\n\xe2\x96\x81a\n", good[5:]):
        with pytest.raises(VocabularyError, match=r"named.model"):
            _core.SentencePieceModel(bad, "'named.model'")
    file = io.BytesIO()
    lines = iter(["a b c a b"] * 10)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=lines, model_writer=file, model_type="word", vocab_size=6, minloglevel=2
    )
    with pytest.raises(VocabularyError, match="whole words"):
        _core.SentencePieceModel(file.getvalue(), "m")


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_damage_is_an_error_or_a_model(train: Callable[[str], bytes], data: st.DataObject) -> None:
    bytes_ = bytearray(train(data.draw(st.sampled_from(["bpe", "unigram"]))))
    # The pieces at the front, or the normaliser at the end.
    for _ in range(data.draw(st.integers(1, 4))):
        near = data.draw(st.integers(0, 400))
        bytes_[near if data.draw(st.booleans()) else len(bytes_) - 1 - near] = data.draw(st.integers(0, 255))
    try:
        model = _core.SentencePieceModel(bytes(bytes_), "m")
    except ModelError:
        return
    assert all(-1 <= token < len(model) for token in model.encode("a few words to be cut \u2460"))


def vocabularies(tmp_path: Path, pieces: list[str]) -> tuple[Any, Vocabulary]:
    path = tmp_path / "tokens.txt"
    path.write_text("".join(f"{piece} {i}\n" for i, piece in enumerate([*pieces, "<blk>"])), encoding="utf-8")
    return _core.Vocabulary.read(path), Vocabulary.read(path)


LISTS = {
    "sentencepiece": ["<unk>", "\u2581a", "\u2581ab", "b", "c", "bc", "\u2581", "\u00e9", "\u2581A", "\u2581B", "C"],
    "bytes": ["\u2581a", "b", "\u2581", *(f"<0x{byte:02X}>" for byte in (0x20, 0x61, 0xC3, 0xA9, 0xC9))],
    "characters": ["a", "b", "c", " ", "\u00c9"],
    "wordpiece": ["a", "ab", "##b", "##bc", "c", "##a"],
}


@pytest.mark.parametrize("name", LISTS)
@settings(max_examples=150, deadline=None)
@given(text=st.text(st.sampled_from("aabbccAC\u00e9\u00c9 \t"), max_size=12))
def test_core_is_the_reference(tmp_path_factory: pytest.TempPathFactory, name: str, text: str) -> None:
    core, twin = vocabularies(tmp_path_factory.mktemp("speller"), LISTS[name])
    refused = None
    try:
        expected = spell(text, twin)
    except AlignmentError as error:
        refused = str(error)
    if refused is not None:
        with pytest.raises(AlignmentError) as caught:
            core.spell(text)
        assert str(caught.value).startswith(refused[:-1])
        return
    assert core.spell(text) == expected
    folded = "".join(text.split()).lower()
    assert core.text(expected).replace(" ", "").lower() == folded


def test_fewest_pieces(tmp_path: Path) -> None:
    core, twin = vocabularies(tmp_path, ["\u2581a", "\u2581ab", "b", "c", "bc", "\u2581"])
    for implementation in (core.spell, lambda text: spell(text, twin)):
        assert implementation("abc a") == [1, 3, 0]  # of equals the longer piece first: "ab c", not "a bc"
        assert implementation("c") == [5, 3]
        assert implementation("AB c") == [1, 5, 3]
        with pytest.raises(AlignmentError, match=r"'ab\u00e9': none goes on with '\u00e9', character 8 of the text"):
            implementation("abc  ab\u00e9")


def test_the_models_own_pieces_come_first(train: Callable[[str], bytes], tmp_path: Path) -> None:
    """Its segmentation, in the ids of the token list; the fewest pieces where it lacks a character."""
    package = sentencepiece.SentencePieceProcessor(model_proto=train("unigram"))
    pieces = [package.id_to_piece(token) for token in range(package.get_piece_size())]
    order = [*reversed(pieces), "\u6f22"]
    core, twin = vocabularies(tmp_path, order)
    model = _core.SentencePieceModel(train("unigram"), "m")
    path = tmp_path / "tokenizer.model"
    path.write_bytes(train("unigram"))
    for text in ("the tests of the core", "  continuous   tests\nof the core "):
        expected = [order.index(piece) for piece in package.encode(" ".join(text.split()), out_type=str)]
        assert core.spell(text, model) == spell(text, twin, path) == expected
    text = "the tests \u6f22"
    assert core.spell(text, model) == spell(text, twin, path) == core.spell(text) == spell(text, twin)
    other, _ = vocabularies(tmp_path, pieces[:-1])
    with pytest.raises(VocabularyError, match="another model"):
        other.spell("the", model)
