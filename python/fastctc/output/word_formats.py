"""Transcripts as tables of words with their times: CTM, TSV and Praat's TextGrid.

A conversation has the words of all its channels: CTM names the channel from 1, TSV by its name, TextGrid has a tier for
each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fastctc.types import Conversation, Transcript, Word

__all__ = ["to_ctm", "to_textgrid", "to_tsv"]


def to_ctm(result: Transcript | Conversation, *, file: str = "audio") -> str:
    """NIST's time-marked words: FILE CHANNEL START DURATION WORD CONFIDENCE per line, seconds, by channel and time.

    White space in a field becomes "_", and so does ";;" at the start of the file's name, which would make a comment.
    """
    name = "_".join(file.split()) or "audio"
    if name.startswith(";;"):
        name = "__" + name[2:]
    return "".join(
        f"{name} {number} {word.start_s:.3f} {word.end_s - word.start_s:.3f} {text} {word.confidence:.4f}\n"
        for number, (_, words, _) in enumerate(_channels(result), 1)
        for word in words
        if (text := "_".join(word.text.split()))
    )


def to_tsv(result: Transcript | Conversation) -> str:
    """Columns start_s, end_s, word, confidence, score (`Word.score`), by start; the channel first in conversations."""
    rows = [
        ((word.start_s, number), ([name] if name else []) + _cells(word))
        for number, (name, words, _) in enumerate(_channels(result))
        for word in words
    ]
    header = ["channel"] if isinstance(result, Conversation) else []
    header += ["start_s", "end_s", "word", "confidence", "score"]
    table = [header, *(cells for _, cells in sorted(rows, key=lambda row: row[0]))]
    return "".join("\t".join(cells) + "\n" for cells in table)


def to_textgrid(result: Transcript | Conversation) -> str:
    """Praat's long text format: an interval tier of words, or one for each channel; pauses are empty intervals."""
    tiers = list(_channels(result))
    tiers_ms = [(name, list(_intervals(words))) for name, words, _ in tiers]
    end_ms = max([1, _milliseconds(result.duration_s), *(intervals[-1][1] for _, intervals in tiers_ms if intervals)])
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {_seconds(end_ms)}"]
    lines += ["tiers? <exists>", f"size = {len(tiers)}", "item []:"]
    for number, (name, intervals) in enumerate(tiers_ms, 1):
        last_ms = intervals[-1][1] if intervals else 0
        if last_ms < end_ms:
            intervals.append((last_ms, end_ms, ""))
        lines += [
            f"    item [{number}]:",
            '        class = "IntervalTier"',
            f"        name = {_quoted(name or 'words')}",
            "        xmin = 0",
            f"        xmax = {_seconds(end_ms)}",
            f"        intervals: size = {len(intervals)}",
        ]
        for place, (start, end, text) in enumerate(intervals, 1):
            lines += [f"        intervals [{place}]:", f"            xmin = {_seconds(start)}"]
            lines += [f"            xmax = {_seconds(end)}", f"            text = {_quoted(text)}"]
    return "\n".join(lines) + "\n"


def _channels(result: Transcript | Conversation) -> Iterator[tuple[str, Sequence[Word], float]]:
    """(name, words, duration_s); a transcript has no name."""
    if isinstance(result, Transcript):
        yield "", result.words, result.duration_s
        return
    for name, transcript in zip(result.channel_names, result.channels, strict=True):
        yield " ".join(name.split()), transcript.words, transcript.duration_s


def _cells(word: Word) -> list[str]:
    text = " ".join(word.text.split())
    return [f"{word.start_s:.3f}", f"{word.end_s:.3f}", text, f"{word.confidence:.4f}", f"{word.score:.4f}"]


def _intervals(words: Sequence[Word]) -> Iterator[tuple[int, int, str]]:
    """Words and the pauses before them, in ms, without gaps, overlaps or empty intervals, as Praat requires."""
    now = 0
    for word in words:
        start = max(_milliseconds(word.start_s), now)
        if start > now:
            yield now, start, ""
        now = max(_milliseconds(word.end_s), start + 1)
        yield start, now, word.text


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _seconds(ms: int) -> str:
    return f"{ms // 1000}.{ms % 1000:03d}"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
