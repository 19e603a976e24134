"""Transcripts as files: plain text, JSON, SubRip (.srt) and WebVTT (.vtt).

A conversation is written as a transcript is: its text line by line with times and channels, its subtitles with the
channel's name before each cue (WebVTT: as a voice, `<v NAME>`); cues of channels that speak at once overlap.

Subtitles are made from the words. A cue ends at a pause of 0.8 s, before the word that would not fit into two lines
of 42 characters, and before the word that would end more than 7 s after the cue's start.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from fastctc.types import Conversation, StreamResult, Transcript, Word
from fastctc.word_formats import to_ctm, to_textgrid, to_tsv

__all__ = ["FORMATS", "Result", "result_to_json", "to_json", "to_srt", "to_text", "to_vtt"]

Result: TypeAlias = Transcript | Conversation

PAUSE_MS = 800
LONGEST_CUE_MS = 7000
LINE_LENGTH = 42
"""Characters; two lines a cue. The usual figures of broadcasters' subtitle guides."""
PUNCTUATION = (".", ",", ";", ":", "!", "?", "\u3002", "\uff0c", "\uff01", "\uff1f")
PUNCTUATION_BONUS = 10
"""Characters of imbalance that a line break after punctuation is worth."""


class Cue(NamedTuple):
    """A subtitle: whole milliseconds, one or two lines."""

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]
    name: str | None = None
    """Who speaks, of a conversation."""


def to_text(result: Result) -> str:
    """The text and a newline; of a conversation one line a segment."""
    return result.text + "\n"


def to_json(result: Result, *, file: str | None = None, ascii_only: bool = False) -> str:
    """One JSON object on one line, as `to_dict`, with the name of the file first where it is given.

    Times are rounded to milliseconds, confidences and log-probs to 4 decimals; a log-prob of minus infinity is null.
    """
    return _json_line({} if file is None else {"file": file}, result, ascii_only)


def result_to_json(result: StreamResult, *, channel: int | None = None, ascii_only: bool = False) -> str:
    """A stream's result as `to_json` writes transcripts, with the channel first where it is given."""
    return _json_line({} if channel is None else {"channel": channel}, result, ascii_only)


def to_srt(result: Result) -> str:
    """SubRip; empty where nothing was said."""
    cues = enumerate(_cues(result), 1)
    return "\n".join(
        f"{number}\n{_times(cue, ',')}\n"
        + ("" if cue.name is None else f"{_one_line(cue.name)}: ")
        + "".join(f"{line}\n" for line in cue.lines)
        for number, cue in cues
    )


def to_vtt(result: Result) -> str:
    """WebVTT; the header alone where nothing was said."""
    cues = (
        f"\n{_times(cue, '.')}\n"
        + ("" if cue.name is None else f"<v {_escape(_one_line(cue.name))}>")
        + "".join(f"{_escape(line)}\n" for line in cue.lines)
        for cue in _cues(result)
    )
    return "WEBVTT\n" + "".join(cues)


FORMATS: Mapping[str, Callable[[Result], str]] = {
    "text": to_text,
    "json": to_json,
    "srt": to_srt,
    "vtt": to_vtt,
    "ctm": to_ctm,
    "tsv": to_tsv,
    "textgrid": to_textgrid,
}
"""Writers by the name of the format; each gives the whole content of a file."""


def _json_line(first: dict[str, Any], result: Result | StreamResult, ascii_only: bool) -> str:
    content = {**first, **_rounded(result.to_dict())}
    return json.dumps(content, ensure_ascii=ascii_only, allow_nan=False) + "\n"


def _rounded(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    if isinstance(value, float):
        return round(value, 3 if name.endswith("_s") else 4) if math.isfinite(value) else None
    return value


def _escape(line: str) -> str:
    """WebVTT cue text; with `>` goes the arrow `-->`, which must not be in it."""
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _one_line(name: str) -> str:
    """A name can't break a cue."""
    return " ".join(name.split())


def _times(cue: Cue, point: str) -> str:
    return f"{_time(cue.start_ms, point)} --> {_time(cue.end_ms, point)}"


def _time(ms: int, point: str) -> str:
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{point}{ms:03d}"


def _cues(result: Result) -> list[Cue]:
    """Cues in order of time: of each channel one after the other."""
    if isinstance(result, Transcript):
        return list(_cues_of(result.words))
    cues = []
    for channel, name in enumerate(result.channel_names):
        segments = [segment for segment in result.segments if segment.channel == channel]
        words = [word for segment in segments for word in segment.words]
        cues += [cue._replace(name=name) for cue in _cues_of(words)]
    # Stable: cues that start at once stand in order of channels.
    return sorted(cues, key=lambda cue: cue.start_ms)


def _cues_of(words_of_a_channel: Sequence[Word]) -> Iterator[Cue]:
    """Cues in order: each lasts at least a millisecond and starts no earlier than the one before it ends."""
    free_ms = 0
    for words in _groups(words_of_a_channel):
        start_ms = max(_milliseconds(words[0].start_s), free_ms)
        free_ms = max(_milliseconds(words[-1].end_s), start_ms + 1)
        yield Cue(start_ms, free_ms, _lines([word.text for word in words]))


def _milliseconds(seconds: float) -> int:
    """Rounded once, before hours, minutes and seconds are cut: 59.9995 s is a minute."""
    return math.floor(seconds * 1000 + 0.5)


def _groups(words: Sequence[Word]) -> Iterator[list[Word]]:
    """The words of each cue."""
    group: list[Word] = []
    for word in (part for whole in words for part in _parts(whole)):
        if group:
            pause = _milliseconds(word.start_s) - _milliseconds(group[-1].end_s) >= PAUSE_MS
            long = _milliseconds(word.end_s) - _milliseconds(group[0].start_s) > LONGEST_CUE_MS
            if pause or long or not _fits([*(one.text for one in group), word.text]):
                yield group
                group = []
        group.append(word)
    if group:
        yield group


def _parts(word: Word) -> Iterator[Word]:
    """The word without white space, cut where it is longer than a line (languages without spaces).

    Parts share its time by their characters.
    """
    texts = [
        text[begin : begin + LINE_LENGTH]
        for text in word.text.replace("\0", "\ufffd").split()
        for begin in range(0, len(text), LINE_LENGTH)
    ]
    length = sum(map(len, texts))
    seconds_a_character = (word.end_s - word.start_s) / length if length else 0.0
    done = 0
    for text in texts:
        start_s = word.start_s + done * seconds_a_character
        done += len(text)
        end_s = word.end_s if done == length else word.start_s + done * seconds_a_character
        yield Word(text, start_s, end_s, word.confidence)


def _fits(texts: list[str]) -> bool:
    """Whether two lines hold the texts; the first is filled as far as it goes."""
    lengths = [-1, -1]
    line = 0
    for text in texts:
        if lengths[line] + 1 + len(text) > LINE_LENGTH:
            line += 1
            if line == len(lengths):
                return False
        lengths[line] += 1 + len(text)
    return True


def _lines(texts: list[str]) -> tuple[str, ...]:
    """One line, else two: of about the same length, better cut after punctuation, the upper one rather the shorter."""
    whole = " ".join(texts)
    if len(whole) <= LINE_LENGTH:
        return (whole,)
    pairs = [(" ".join(texts[:cut]), " ".join(texts[cut:])) for cut in range(1, len(texts))]
    pairs = [pair for pair in pairs if max(map(len, pair)) <= LINE_LENGTH]

    def imbalance(pair: tuple[str, str]) -> int:
        return abs(len(pair[0]) - len(pair[1])) - PUNCTUATION_BONUS * pair[0].endswith(PUNCTUATION)

    return min(pairs, key=imbalance)
