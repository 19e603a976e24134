"""Forced alignment as users ask for it, and the formats of words with times."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastctc
from conftest import DATA, ROOT
from fastctc import Conversation, Transcript, Word, _core
from fastctc.alignment import spell
from fastctc.cli import main
from fastctc.errors import AlignmentError
from fastctc.word_formats import to_ctm, to_textgrid, to_tsv

RECORDING = DATA / "speech" / "two-nine-three-four-zero.wav"
TEXT = "two nine three four zero"


@pytest.fixture(scope="module")
def model() -> fastctc.Recognizer:
    return fastctc.load(ROOT / "models" / "digits")


@pytest.mark.parametrize("text", [TEXT, TEXT.upper(), f"  {TEXT}\n"])
def test_the_text_that_was_found_is_found_there(model: fastctc.Recognizer, text: str) -> None:
    found, aligned = model.transcribe(RECORDING), model.align(RECORDING, text)
    assert aligned.text == TEXT
    assert [(word.text, word.start_s, word.end_s) for word in aligned.words] == [
        (word.text, word.start_s, word.end_s) for word in found.words
    ]
    assert aligned.duration_s == found.duration_s


def test_a_wrong_word_fits_worse(model: fastctc.Recognizer) -> None:
    right, wrong = model.align(RECORDING, TEXT), model.align(RECORDING, "two nine three eight zero")
    assert sum(token.log_prob for token in right.tokens) > sum(token.log_prob for token in wrong.tokens)


def test_what_can_not_be_aligned_is_named(model: fastctc.Recognizer) -> None:
    with pytest.raises(AlignmentError, match="caf\u00e9"):
        model.align(RECORDING, "two caf\u00e9")
    with pytest.raises(AlignmentError, match=r"needs \d+ frames .* has \d+"):
        model.align(RECORDING, TEXT * 20)


def test_the_fewest_pieces_spell_a_text() -> None:
    vocabulary = _core.Vocabulary(["\u2581a", "\u2581ab", "b", "c", "bc", "\u2581", "<blk>"])
    assert spell("abc a", vocabulary) == [1, 3, 0]  # of equals the longer piece first: "ab c", not "a bc"
    assert spell("c", vocabulary) == [5, 3]
    assert vocabulary.text(spell("abcbc ab", vocabulary)) == "abcbc ab"
    characters = _core.Vocabulary(["a", "b", " ", "<blk>"])
    assert spell("ab A", characters) == [0, 1, 2, 0]


def words(texts: list[str]) -> tuple[Word, ...]:
    return tuple(Word(text, 0.5 * i, 0.5 * i + 0.24, 0.9) for i, text in enumerate(texts))


WORDS = st.lists(st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1, max_size=9), max_size=6)


@given(texts=WORDS)
def test_formats_are_read_back(texts: list[str]) -> None:
    """By the published grammars: NIST's CTM, and Praat's TextGrid."""
    result = Transcript(" ".join(texts), words(texts), duration_s=4.0)
    ctm = [line.split(" ") for line in to_ctm(result, file="a b").splitlines()]
    assert [fields[4] for fields in ctm] == texts
    for fields, word in zip(ctm, result.words, strict=True):
        assert fields[:2] == ["a_b", "1"]
        assert float(fields[2]) == pytest.approx(word.start_s)
        assert float(fields[3]) == pytest.approx(0.24)
    header, *rows = to_tsv(result).splitlines()
    assert header.split("\t") == ["start_s", "end_s", "word", "confidence"]
    assert [row.split("\t")[2] for row in rows] == texts

    grid = to_textgrid(result)
    intervals = re.findall(r'xmin = ([\d.]+)\n\s+xmax = ([\d.]+)\n\s+text = "((?:[^"]|"")*)"\n', grid)
    assert len(intervals) == int(re.findall(r"intervals: size = (\d+)", grid)[0])
    assert [text.replace('""', '"') for _, _, text in intervals if text] == texts
    # From 0 to the end, each where the one before ended.
    assert [start for start, _, _ in intervals] == ["0.000", *(end for _, end, _ in intervals[:-1])] if texts else True
    assert intervals[-1][1] == "4.000"


def test_a_conversation_has_its_channels() -> None:
    channels = Transcript("a", words(["a"]), duration_s=1.0), Transcript("b c", words(["b", "c"]), duration_s=1.0)
    result = Conversation((), channels, ("agent", "caller"), 1.0)
    assert [line.split(" ")[1] for line in to_ctm(result).splitlines()] == ["1", "2", "2"]
    assert [row.split("\t")[0] for row in to_tsv(result).splitlines()] == ["channel", "agent", "caller", "caller"]
    assert re.findall(r"name = (.*)", to_textgrid(result)) == ['"agent"', '"caller"']


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "text.txt"
    text.write_text(TEXT + "\n", encoding="utf-8")
    for argument in (TEXT, str(text)):
        assert main(["align", str(RECORDING), argument]) == 0
        _, *rows = capsys.readouterr().out.splitlines()
        assert [row.split("\t")[2] for row in rows] == TEXT.split()
    assert main(["align", str(RECORDING), TEXT, "--format", "ctm"]) == 0
    assert capsys.readouterr().out.startswith(f"{RECORDING.stem} 1 ")
    assert main(["align", str(RECORDING), "two caf\u00e9"]) == 1
    assert "caf\u00e9" in capsys.readouterr().err
    assert main(["transcribe", str(RECORDING), "--format", "textgrid", "--output-dir", str(tmp_path), "--quiet"]) == 0
    assert "ooTextFile" in (tmp_path / f"{RECORDING.stem}.TextGrid").read_text(encoding="utf-8")
