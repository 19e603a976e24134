"""CTM, TSV and TextGrid, read back by strict parsers of their published grammars."""

from __future__ import annotations

import csv
import io
import re
from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastctc import Conversation, Transcript, Word
from fastctc.output.word_formats import to_ctm, to_textgrid, to_tsv


class Interval(NamedTuple):
    start_s: float
    end_s: float
    text: str


def read_ctm(content: str) -> list[tuple[str, str, float, float, str, float]]:
    """NIST: F C BT DUR WORD CONF, white space between, ";;" begins a comment, by file, channel and begin."""
    rows = []
    for line in content.splitlines():
        assert not line.startswith(";;")
        file, channel, begin, duration, word, confidence = line.split()
        rows.append((file, channel, float(begin), float(duration), word, float(confidence)))
        assert rows[-1][3] >= 0
        assert 0 <= rows[-1][5] <= 1
    assert [row[:3] for row in rows] == sorted(row[:3] for row in rows)
    return rows


def read_textgrid(content: str) -> dict[str, list[Interval]]:
    """Praat's long text format, by the manual's rule: only free-standing numbers, flags and quoted strings count."""
    tokens = re.findall(r'"(?:[^"]|"")*"|(?<![^\s\[\]])<[^>]*>|(?<!\S)-?\d+(?:\.\d+)?(?!\S)', content)
    stream = iter(tokens)

    def text() -> str:
        token = next(stream)
        assert token.startswith('"'), token
        return token[1:-1].replace('""', '"')

    assert [text(), text()] == ["ooTextFile", "TextGrid"]
    start, end = float(next(stream)), float(next(stream))
    assert start == 0 < end
    assert next(stream) == "<exists>"
    tiers: dict[str, list[Interval]] = {}
    for _ in range(int(next(stream))):
        assert text() == "IntervalTier"
        name = text()
        assert [float(next(stream)), float(next(stream))] == [start, end]
        intervals = [Interval(float(next(stream)), float(next(stream)), text()) for _ in range(int(next(stream)))]
        assert intervals[0].start_s == start
        assert intervals[-1].end_s == end
        assert all(interval.start_s < interval.end_s for interval in intervals)
        assert all(one.end_s == following.start_s for one, following in pairwise(intervals))
        tiers[name] = intervals
    assert next(stream, None) is None
    return tiers


TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=9), st.sampled_from(['"', '""', 'a"b', ";;"])
)
TIMES = st.sampled_from([0.0, 0.0002, 0.0004, 0.08, 0.5, 1.5, 3600.0])


@st.composite
def transcripts(draw: st.DrawFn) -> Transcript:
    now_s = 0.0
    words = []
    for text, pause_s, word_s in draw(st.lists(st.tuples(TEXTS, TIMES, TIMES), max_size=8)):
        words.append(Word(text, now_s + pause_s, now_s + pause_s + word_s, draw(st.floats(0, 1))))
        now_s += pause_s + word_s
    return Transcript(" ".join(word.text for word in words), tuple(words), duration_s=now_s + draw(TIMES))


@settings(max_examples=100, deadline=None)
@given(transcripts(), st.text(st.characters(exclude_categories=["Cs"]), max_size=5))
def test_ctm_is_read_back(transcript: Transcript, file: str) -> None:
    rows = read_ctm(to_ctm(transcript, file=file))
    words = [word for word in transcript.words if word.text.strip()]
    assert [row[4] for row in rows] == ["_".join(word.text.split()) for word in words]
    for row, word in zip(rows, words, strict=True):
        assert row[1] == "1"
        assert row[2] == pytest.approx(word.start_s, abs=6e-4)
        assert row[3] == pytest.approx(word.end_s - word.start_s, abs=6e-4)
        assert row[5] == pytest.approx(word.confidence, abs=6e-5)


@settings(max_examples=100, deadline=None)
@given(transcripts())
def test_tsv_is_read_back(transcript: Transcript) -> None:
    content = to_tsv(transcript)
    assert len(content.split("\n")) == len(transcript.words) + 2
    rows = list(
        csv.reader(io.StringIO(content, newline=""), delimiter="\t", quoting=csv.QUOTE_NONE, lineterminator="\n")
    )
    assert rows[0] == ["start_s", "end_s", "word", "confidence", "score"]
    assert [row[2] for row in rows[1:]] == [" ".join(word.text.split()) for word in transcript.words]
    assert all(float(row[0]) <= float(row[1]) for row in rows[1:])


@settings(max_examples=100, deadline=None)
@given(transcripts())
def test_textgrids_are_read_back(transcript: Transcript) -> None:
    [(name, intervals)] = read_textgrid(to_textgrid(transcript)).items()
    assert name == "words"
    texts = iter(intervals)
    for word in (
        word for word in transcript.words if word.text
    ):  # every word is there, in order, though it may be short
        found = next(interval for interval in texts if interval.text == word.text)
        assert found.start_s >= round(word.start_s, 3) - 1e-9
    assert intervals[-1].end_s >= round(transcript.duration_s, 3)


def test_nothing_said() -> None:
    for silence in (Transcript("", duration_s=2.5), Transcript("")):
        assert to_ctm(silence) == ""
        assert to_tsv(silence) == "start_s\tend_s\tword\tconfidence\tscore\n"
        [intervals] = read_textgrid(to_textgrid(silence)).values()
        assert [interval.text for interval in intervals] == [""]
        assert intervals[0].end_s == (silence.duration_s or 0.001)


def test_calls() -> None:
    words = [Word('z"w\u00f6lf', 0.5, 1.0, 0.5), Word("b", 1.0, 1.25, 1.0)]
    channels = Transcript("", (words[0],), duration_s=2.0), Transcript("", (words[1],), duration_s=2.0)
    call = Conversation((), channels, ('the "agent"', "call\ter"), 2.0)
    assert [row[1] for row in read_ctm(to_ctm(call, file=";;odd name"))] == ["1", "2"]
    assert to_ctm(call, file=";;odd name").startswith('__odd_name 1 0.500 0.500 z"w\u00f6lf 0.5000\n')
    assert read_textgrid(to_textgrid(call)) == {
        'the "agent"': [Interval(0, 0.5, ""), Interval(0.5, 1, 'z"w\u00f6lf'), Interval(1, 2, "")],
        "call er": [Interval(0, 1, ""), Interval(1, 1.25, "b"), Interval(1.25, 2, "")],
    }
    assert [row.split("\t")[0] for row in to_tsv(call).splitlines()] == ["channel", 'the "agent"', "call er"]
