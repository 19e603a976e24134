"""Output formats: what is written is read back by strict parsers."""

from __future__ import annotations

import html
import json
import math
import re
from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastctc.output.formats import FORMATS, to_json, to_srt, to_text, to_vtt
from fastctc.output.word_formats import to_ctm, to_textgrid, to_tsv
from fastctc.types import Token, Transcript, Word


class Cue(NamedTuple):
    start_ms: int
    end_ms: int
    lines: list[str]


def parse_time(text: str, point: str) -> int:
    match = re.fullmatch(rf"(\d{{2,}}):([0-5]\d):([0-5]\d){re.escape(point)}(\d{{3}})", text)
    assert match, text
    hours, minutes, seconds, ms = (int(part) for part in match.groups())
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms


def parse_block(lines: list[str], point: str) -> Cue:
    start, arrow, end = lines[0].split(" ")
    assert arrow == "-->"
    assert lines[1:]
    assert all(line.strip() == line != "" for line in lines[1:])
    return Cue(parse_time(start, point), parse_time(end, point), lines[1:])


def blocks(content: str) -> list[list[str]]:
    """Blocks between single empty lines; lines end with a newline, and with nothing else."""
    if not content:
        return []
    assert content.endswith("\n")
    assert not content.endswith("\n\n")
    return [block.split("\n") for block in content[:-1].split("\n\n")]


def parse_srt(content: str) -> list[Cue]:
    cues = []
    for number, lines in enumerate(blocks(content), 1):
        assert lines[0] == str(number)
        cues.append(parse_block(lines[1:], ","))
    return cues


def parse_vtt(content: str) -> list[Cue]:
    header, *rest = blocks(content)
    assert header == ["WEBVTT"]
    cues = []
    for lines in rest:
        text = "\n".join(lines[1:])
        assert "-->" not in text
        assert not re.search(r"[<>]|&(?!(amp|lt|gt);)", text)
        cue = parse_block(lines, ".")
        cues.append(Cue(cue.start_ms, cue.end_ms, [html.unescape(line) for line in cue.lines]))
    return cues


def transcript_of(*words: tuple[str, float, float]) -> Transcript:
    made = tuple(Word(text, start_s, end_s, 0.5) for text, start_s, end_s in words)
    return Transcript(" ".join(word.text for word in made), made, duration_s=made[-1].end_s if made else 0.0)


def spoken(text: str, word_s: float = 0.2) -> Transcript:
    return transcript_of(*((word, index * word_s, (index + 1) * word_s) for index, word in enumerate(text.split())))


def check_cues(transcript: Transcript, cues: list[Cue]) -> None:
    """What holds for every transcript whose words are in order."""
    said = "".join("".join(word.text.split()) for word in transcript.words)
    assert "".join("".join(cue.lines) for cue in cues).replace(" ", "") == said.replace("\0", "\ufffd")
    for cue in cues:
        assert 0 <= cue.start_ms < cue.end_ms
        assert len(cue.lines) <= 2
        assert all(len(line) <= 42 for line in cue.lines)
    for one, following in pairwise(cues):
        assert one.end_ms <= following.start_ms


# Characters that a parser could trip over, and all others.
word_texts = st.one_of(
    st.text(st.sampled_from("ab<>&-;,.1\u2028\x85\u3000\0 \n\r\t中"), max_size=60),
    st.text(max_size=12),
    st.sampled_from(["-->", "&amp;", "<i>", "1", "WEBVTT", "NOTE", "00:00:01.000 --> 00:00:02.000"]),
)
durations_s = st.one_of(st.just(0.0), st.floats(0, 0.4), st.sampled_from([0.8, 7.0]), st.floats(0, 4000))
timed_words = st.lists(st.tuples(word_texts, durations_s, durations_s), max_size=30)


@st.composite
def transcripts(draw: st.DrawFn) -> Transcript:
    now_s = 0.0
    words = []
    for text, pause_s, word_s in draw(timed_words):
        words.append((text, now_s + pause_s, now_s + pause_s + word_s))
        now_s += pause_s + word_s
    return transcript_of(*words)


@settings(max_examples=400, deadline=None)
@given(transcripts())
def test_subtitles_read_back(transcript: Transcript) -> None:
    srt, vtt = parse_srt(to_srt(transcript)), parse_vtt(to_vtt(transcript))
    assert srt == vtt
    check_cues(transcript, srt)


@settings(max_examples=100, deadline=None)
@given(transcripts())
def test_json_reads_back(transcript: Transcript) -> None:
    content = to_json(transcript)
    assert content.count("\n") == 1
    value = json.loads(content)
    assert list(value) == ["text", "words", "tokens", "confidence", "duration_s", "method", "speech"]
    assert [word["text"] for word in value["words"]] == [word.text for word in transcript.words]
    for word, made in zip(value["words"], transcript.words, strict=True):
        assert word["start_s"] == round(made.start_s, 3)


def test_formats_by_name() -> None:
    assert dict(FORMATS) == {"text": to_text, "json": to_json, "srt": to_srt, "vtt": to_vtt} | {
        "ctm": to_ctm,
        "tsv": to_tsv,
        "textgrid": to_textgrid,
    }


def test_nothing_said() -> None:
    silence = Transcript("", duration_s=2.5)
    assert to_text(silence) == "\n"
    assert to_srt(silence) == ""
    assert to_vtt(silence) == "WEBVTT\n"
    expected = {"text": "", "words": [], "tokens": [], "confidence": 1.0, "duration_s": 2.5, "method": "", "speech": []}
    assert json.loads(to_json(silence)) == expected
    assert to_srt(transcript_of(("", 0, 1), (" \n", 1, 2))) == ""


def test_whole_files() -> None:
    transcript = transcript_of(("two", 0.56, 0.64), ("nine", 0.64, 0.72), ("R&D", 3661.5, 3662.0))
    srt = "1\n00:00:00,560 --> 00:00:01,560\ntwo nine\n\n2\n01:01:01,500 --> 01:01:02,000\nR&D\n"
    assert to_srt(transcript) == srt
    assert to_vtt(transcript) == (
        "WEBVTT\n\n00:00:00.560 --> 00:00:01.560\ntwo nine\n\n01:01:01.500 --> 01:01:02.000\nR&amp;D\n"
    )
    assert to_text(transcript) == "two nine R&D\n"


def test_json_is_rounded_and_not_escaped() -> None:
    tokens = (Token(3, "▁zwölf", 0.1 + 0.2, 0.3456789, -0.123456789, 2 / 3), Token(4, "x", 1, 2, -math.inf, 0.0))
    content = to_json(Transcript("zwölf", (Word("zwölf", 0.1 + 0.2, 0.3456789, 1 / 3),), tokens, 1 / 3, 1.23456))
    assert content == (
        '{"text": "zwölf", "words": [{"text": "zwölf", "start_s": 0.3, "end_s": 0.346, "confidence": 0.3333, '
        '"score": 0.0}], '
        '"tokens": [{"id": 3, "piece": "▁zwölf", "start_s": 0.3, "end_s": 0.346, "log_prob": -0.1235, '
        '"confidence": 0.6667}, {"id": 4, "piece": "x", "start_s": 1, "end_s": 2, "log_prob": null, '
        '"confidence": 0.0}], "confidence": 0.3333, "duration_s": 1.235, "method": "", "speech": []}\n'
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (59.9994, "00:00:59,999"),
        (59.9996, "00:01:00,000"),
        (3599.9996, "01:00:00,000"),
        (0.0005, "00:00:00,001"),
        (359999.9999, "100:00:00,000"),
    ],
)
def test_times_are_rounded_once(seconds: float, text: str) -> None:
    content = to_srt(transcript_of(("a", seconds, seconds + 1)))
    assert content.splitlines()[1].startswith(text + " --> ")


def test_a_word_longer_than_a_line_is_cut_and_shares_its_time() -> None:
    cues = parse_srt(to_srt(transcript_of(("字" * 100, 0.0, 5.0), ("end", 5.0, 5.5))))
    assert [cue.lines for cue in cues] == [["字" * 42, "字" * 42], ["字" * 16 + " end"]]
    assert [(cue.start_ms, cue.end_ms) for cue in cues] == [(0, 4200), (4200, 5500)]


def test_words_without_length_and_out_of_place() -> None:
    cues = parse_srt(to_srt(transcript_of(("a", 1.0, 1.0), ("b", 0.5, 0.4), ("c", 3.0, 3.0))))
    assert [(cue.start_ms, cue.end_ms) for cue in cues] == [(1000, 2000), (3000, 3001)]
