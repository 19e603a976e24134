"""Transcripts as files: plain text, JSON, SubRip (.srt) and WebVTT (.vtt).

A conversation is written like a transcript: its text line by line with times and channels, its subtitles with the
channel's name before each cue (WebVTT: as a voice, `<v NAME>`). If channels speak at once, their cues take turns.

Subtitles are made from the words: `fastctc.output.subtitles` says how they are cut.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from fastctc.output.subtitles import Cue, cues_of
from fastctc.output.word_formats import to_ctm, to_textgrid, to_tsv
from fastctc.types import Conversation, StreamResult, Transcript

__all__ = ["FORMATS", "Result", "result_to_json", "to_json", "to_srt", "to_text", "to_vtt"]

Result: TypeAlias = Transcript | Conversation


def to_text(result: Result) -> str:
    """The text and a newline; for a conversation one line per segment."""
    return result.text + "\n"


def to_json(result: Result, *, file: str | None = None, ascii_only: bool = False) -> str:
    """One JSON object on one line, as `to_dict`; the name of the file comes first if it is given.

    Times are rounded to milliseconds, confidences and log-probs to 4 decimals; a log-prob of minus infinity is null.
    """
    return _json_line({} if file is None else {"file": file}, result, ascii_only)


def result_to_json(result: StreamResult, *, channel: int | None = None, ascii_only: bool = False) -> str:
    """A stream's result as `to_json` writes transcripts; the channel comes first if it is given."""
    return _json_line({} if channel is None else {"channel": channel}, result, ascii_only)


def to_srt(result: Result) -> str:
    """SubRip; empty if nothing was said."""
    cues = enumerate(cues_of(result, names_are_text=True), 1)
    return "\n".join(
        f"{number}\n{_times(cue, ',')}\n"
        + ("" if cue.name is None else f"{cue.name}: ")
        + "".join(f"{line}\n" for line in cue.lines)
        for number, cue in cues
    )


def to_vtt(result: Result) -> str:
    """WebVTT; the header alone if nothing was said."""
    cues = (
        f"\n{_times(cue, '.')}\n"
        + ("" if cue.name is None else f"<v {_escape(cue.name)}>")
        + "".join(f"{_escape(line)}\n" for line in cue.lines)
        for cue in cues_of(result)
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
    """WebVTT cue text. `>` is escaped too, because the arrow `-->` must not be in it."""
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _times(cue: Cue, point: str) -> str:
    return f"{_time(cue.start_ms, point)} --> {_time(cue.end_ms, point)}"


def _time(ms: int, point: str) -> str:
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{point}{ms:03d}"
