"""Transcripts as tables of words with their times: CTM, TSV and Praat's TextGrid.

A conversation has the words of all its channels: CTM names the channel from 1, TSV by its name, TextGrid has a tier for
each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fastctc.types import Conversation, Transcript, Word

__all__ = ["to_ctm", "to_textgrid", "to_tsv"]


def to_ctm(result: Transcript | Conversation, *, file: str = "audio") -> str:
    """NIST's time-marked words: FILE CHANNEL START DURATION WORD CONFIDENCE a line, seconds, by channel and time.

    White space in the file's name becomes "_": it ends a field.
    """
    name = "_".join(file.split()) or "audio"
    return "".join(
        f"{name} {number} {word.start_s:.3f} {word.end_s - word.start_s:.3f} {word.text} {word.confidence:.4f}\n"
        for number, (_, words, _) in enumerate(_channels(result), 1)
        for word in words
    )


def to_tsv(result: Transcript | Conversation) -> str:
    """Columns start_s, end_s, word, confidence, score (`Word.score`) under a header, by start; of a conversation also
    channel, first.
    """
    rows = [
        ((word.start_s, number), ([name] if name else []) + _cells(word))
        for number, (name, words, _) in enumerate(_channels(result))
        for word in words
    ]
    header = [
        *(["channel"] if isinstance(result, Conversation) else []),
        "start_s",
        "end_s",
        "word",
        "confidence",
        "score",
    ]
    return "".join("\t".join(cells) + "\n" for cells in [header, *(cells for _, cells in sorted(rows))])


def to_textgrid(result: Transcript | Conversation) -> str:
    """Praat's long text format: an interval tier of words, or one for each channel; pauses are empty intervals."""
    tiers = list(_channels(result))
    end_s = max([result.duration_s, *(word.end_s for _, words, _ in tiers for word in words)])
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {_number(end_s)}"]
    lines += ["tiers? <exists>", f"size = {len(tiers)}", "item []:"]
    for number, (name, words, _) in enumerate(tiers, 1):
        intervals = list(_intervals(words, end_s))
        lines += [
            f"    item [{number}]:",
            '        class = "IntervalTier"',
            f"        name = {_quoted(name or 'words')}",
            "        xmin = 0",
            f"        xmax = {_number(end_s)}",
            f"        intervals: size = {len(intervals)}",
        ]
        for place, (start, end, text) in enumerate(intervals, 1):
            lines += [f"        intervals [{place}]:", f"            xmin = {_number(start)}"]
            lines += [f"            xmax = {_number(end)}", f"            text = {_quoted(text)}"]
    return "\n".join(lines) + "\n"


def _channels(result: Transcript | Conversation) -> Iterator[tuple[str, Sequence[Word], float]]:
    """(name, words, duration_s); a transcript has no name."""
    if isinstance(result, Transcript):
        yield "", result.words, result.duration_s
        return
    for name, transcript in zip(result.channel_names, result.channels, strict=True):
        yield " ".join(name.split()), transcript.words, transcript.duration_s


def _cells(word: Word) -> list[str]:
    return [f"{word.start_s:.3f}", f"{word.end_s:.3f}", word.text, f"{word.confidence:.4f}", f"{word.score:.4f}"]


def _intervals(words: Sequence[Word], end_s: float) -> Iterator[tuple[float, float, str]]:
    """Words and the pauses between them, without gaps or overlaps, as an interval tier has to be."""
    now = 0.0
    for word in words:
        start, end = max(word.start_s, now), max(word.end_s, now)
        if start > now:
            yield now, start, ""
        if end > start:
            yield start, end, word.text
        now = end
    if end_s > now or not words:
        yield now, max(end_s, now), ""


def _number(seconds: float) -> str:
    return f"{seconds:.3f}"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
