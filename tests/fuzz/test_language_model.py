"""ARPA files, binary forms and lexicons that were damaged: read alike by core and reference, or refused by both.

tests/fuzz/CMakeLists.txt builds fuzzers of the same readers that run for as long as one likes.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import DATA
from fastctc import _core
from fastctc.errors import ModelError
from fastctc.reference.language_model import LanguageModel
from fastctc.reference.lexicon import Lexicon
from fastctc.reference.vocabulary import Vocabulary
from tolerances import LM_SCORE_TWIN, LM_SCORE_TWIN_RELATIVE

ARPA = (DATA / "lm" / "letters.arpa").read_bytes()
LEXICON = "ab a b\nab b\nže a ɛ <wb>\nhalf 0.5 a\nx\ta  b a\n\nžž ɛ\n".encode()
PIECES = ["a", "b", "ɛ", "<wb>", "0.5", "<blk>"]
LETTERS = ["a", "b", "c", "é", "</s>", "unheard-of"]

pieces_of_files = st.sampled_from(
    [b"\\data\\", b"\\end\\", b"\\2-grams:\n", b"ngram 3=7\n", b"\n", b"\r\n", b"\t", b" ", b"-1", b"<s>", b"a", b"\0"]
)
edits = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 30), st.one_of(st.just(b""), pieces_of_files, st.binary(max_size=3))),
    min_size=1,
    max_size=4,
)


def edited(original: bytes, changes: list[tuple[float, int, bytes]]) -> bytes:
    """Each change replaces some bytes at a place by others."""
    for place, n_removed, inserted in changes:
        at = int(place * len(original))
        original = original[:at] + inserted + original[at + n_removed :]
    return original


def moved_lines(original: bytes, places: list[tuple[float, float]]) -> bytes:
    lines = original.split(b"\n")
    for source, target in places:
        line = lines.pop(int(source * (len(lines) - 1)))
        lines.insert(int(target * len(lines)), line)
    return b"\n".join(lines)


def line_of(error: ModelError) -> str:
    """Which line a message names; that of a file's end may be the one after the last."""
    return str(error).partition(", line ")[2].partition(":")[0]


def read_both(read_core: Any, read_reference: Any) -> tuple[Any, Any] | None:
    """Both readings, or None where both refuse the file, at one line."""
    core, twin = outcome(read_core), outcome(read_reference)
    if not isinstance(core, ModelError) and not isinstance(twin, ModelError):
        return core, twin
    assert isinstance(core, ModelError), (core, twin)
    assert isinstance(twin, ModelError), (core, twin)
    assert line_of(core) == line_of(twin), (str(core), str(twin))
    return None


def outcome(read: Any) -> Any:
    try:
        return read()
    except ModelError as error:
        return error


@settings(max_examples=600, deadline=None)
@given(changes=edits, moves=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=2))
def test_damaged_arpa(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[float, int, bytes]], moves: list[tuple[float, float]]
) -> None:
    file = tmp_path_factory.getbasetemp() / "damaged.arpa"
    file.write_bytes(edited(moved_lines(ARPA, moves), changes))
    models = read_both(lambda: _core.LanguageModel.read(file), lambda: LanguageModel.read(file))
    if models is None:
        return
    core, twin = models
    assert [core.n_grams(n) for n in range(1, 5)] == [twin.n_grams(n) for n in range(1, 5)]
    found = core.score_words([core.find(word) for word in LETTERS * 2])
    assert found == pytest.approx(twin.score_words(LETTERS * 2), abs=LM_SCORE_TWIN, rel=LM_SCORE_TWIN_RELATIVE)


@settings(max_examples=400, deadline=None)
@given(changes=edits, moves=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=2))
def test_damaged_lexicons(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[float, int, bytes]], moves: list[tuple[float, float]]
) -> None:
    file = tmp_path_factory.getbasetemp() / "damaged.txt"
    file.write_bytes(edited(moved_lines(LEXICON, moves), changes))
    lexicons = read_both(
        lambda: _core.Lexicon.read(file, _core.Vocabulary(PIECES)), lambda: Lexicon.read(file, Vocabulary(PIECES))
    )
    if lexicons is None:
        return
    core, twin = lexicons
    assert [core.word(position) for position in range(core.n_words)] == list(twin.words)
    assert core.n_nodes == twin.n_nodes


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    file: Path = tmp_path_factory.mktemp("image") / "letters.lm"
    _core.LanguageModel.read(DATA / "lm" / "letters.arpa").write(file)
    return file.read_bytes()


@settings(max_examples=600, deadline=None)
@given(
    words=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 2**32 - 1) | st.integers(0, 60)), min_size=1, max_size=4),
    length=st.floats(0, 1) | st.just(1.0),
)
def test_damaged_binary_forms(
    tmp_path_factory: pytest.TempPathFactory, image: bytes, words: list[tuple[float, int]], length: float
) -> None:
    """They are refused, or every state is sound: no read out of bounds, which AddressSanitizer would see."""
    damaged = bytearray(image)
    for place, value in words:
        at = int(place * (len(damaged) // 4 - 1)) * 4
        damaged[at : at + 4] = value.to_bytes(4, sys.byteorder)
    file = tmp_path_factory.getbasetemp() / "damaged.lm"
    file.write_bytes(damaged[: round(length * len(damaged))])
    try:
        model = _core.LanguageModel.read(file)
    except ModelError:
        return
    for state in range(model.n_states):
        for word in LETTERS:
            score, after = model.score(state, model.find(word))
            assert math.isfinite(score)
            assert after < model.n_states
    assert len({model.word(word) for word in range(model.n_words)}) > 0
