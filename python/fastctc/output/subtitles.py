"""Words to subtitles: which words share a cue, where its line breaks, how long it stays.

A cue has one line of at most 42 characters, or two. A cue longer than 7 s has one word only, and no cue spans a silence
of 2 s. Of all ways to cut the words like this, the one with the least cost is taken (`Costs`, points):

    for each cue     10
                   + 20 (1 - q)             q of the gap after it, except the last's
                   + 20 sum (gap / 0.8 s)^2 over the gaps in it
                   + 30                     if it is one short word
                   + 20 missing seconds     to the one second that it should stay
                   + 1 per character per second over 20
    of two lines   + 5 (1 - q)              q of the gap between them
                   + imbalance / 4          characters
                   + 15                     if one of them is one short word
                   +  1                     if the upper line is longer

q tells how good a place to break is: 1 after the end of a sentence, 0.6 after other punctuation, otherwise better the
longer the pause is, and 1 from 0.8 s on. A cue stays for at least a second, and a second per 20 characters, if the next
cue leaves time.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from fastctc.types import Conversation, Transcript, Word

__all__ = ["LINE_LENGTH", "Costs", "Cue", "Part", "cues_of", "cut_into_cues"]

LINE_LENGTH = 42
"""Characters; two lines per cue. This and the next ones are usual figures of broadcasters' subtitle guides."""
LONGEST_CUE_MS = 7000
SHORTEST_CUE_MS = 1000
CHARACTERS_A_SECOND = 20
PAUSE_MS = 800
"""A pause as good as the end of a sentence."""
SILENCE_MS = 2000
SHORT_WORD = 10
"""Characters; a shorter word isn't left alone."""
LONGEST_NAME = 20

SENTENCE_ENDS = (".", "!", "?", "\u3002", "\uff01", "\uff1f")
PUNCTUATION = (",", ";", ":", "\uff0c", "\u3001", "\uff1b", "\uff1a")

CUE_COST = 10.0
BREAK_COST = 20.0
PAUSE_COST = 20.0
LONE_WORD_COST = 30.0
HURRY_COST = 20.0
LINE_BREAK_COST = 5.0
IMBALANCE_COST = 0.25
LONE_WORD_LINE_COST = 15.0
LONG_UPPER_COST = 1.0


class Cue(NamedTuple):
    """A subtitle: whole milliseconds, one or two lines."""

    start_ms: int
    end_ms: int
    lines: tuple[str, ...]
    name: str | None = None
    """Who speaks, of a conversation."""


class Part(NamedTuple):
    """A word, or the part of it that a line holds. Parts never overlap."""

    text: str
    start_ms: int
    end_ms: int


def cues_of(result: Transcript | Conversation, *, names_are_text: bool = False) -> list[Cue]:
    """The cues in order of time; none begins before the one before it ends.

    Args:
        result: a transcript, or a conversation: each channel has cues of its own, which stand one after the other.
        names_are_text: a channel's name and ": " stand in the first line of its cues, and count.
    """
    if isinstance(result, Transcript):
        return _cues_of_words(result.words, _milliseconds(result.duration_s), None, 0)
    cues: list[Cue] = []
    for channel, name in enumerate(result.channel_names):
        words = [word for segment in result.segments if segment.channel == channel for word in segment.words]
        name = _short(name) if names_are_text else " ".join(name.split())
        indent = len(name) + 2 if names_are_text else 0
        cues += _cues_of_words(words, _milliseconds(result.duration_s), name, indent)
    return _one_after_the_other(sorted(cues, key=lambda cue: cue.start_ms))  # at equal times the lower channel first


class Costs:
    """The cost and the look of each possible cue of a sequence of parts."""

    def __init__(self, parts: Sequence[Part], indent: int = 0, end_ms: int | None = None) -> None:
        """Looks at each part once.

        Args:
            parts: in order, none longer than a line less `indent`.
            indent: characters of the first line of each cue that are taken.
            end_ms: of the audio, where that is known.
        """
        pauses = [after.start_ms - before.end_ms for before, after in pairwise(parts)]
        self._parts = parts
        self._indent = indent
        self._end_ms = math.inf if end_ms is None else end_ms
        self._lengths = [0, *accumulate(len(part.text) + 1 for part in parts)]
        self._is_short = [len(part.text) < SHORT_WORD for part in parts]
        # At place k: before parts[k]; sums from the first on.
        self._n_silences = [0, *accumulate(int(pause >= SILENCE_MS) for pause in pauses)]
        self._quality = [0.0, *(_break_quality(part.text, pause) for part, pause in zip(parts, pauses, strict=False))]
        self._pause_costs = [0.0, *accumulate(PAUSE_COST * (pause / PAUSE_MS) ** 2 for pause in pauses)]

    def is_cue(self, begin: int, end: int) -> bool:
        """Whether parts[begin:end], at least one, may be a cue."""
        return end - begin == 1 or not (
            self._n_characters(begin, end) + self._indent > 2 * LINE_LENGTH + 1
            or self._parts[end - 1].end_ms - self._parts[begin].start_ms > LONGEST_CUE_MS
            or self._n_silences[end - 1] > self._n_silences[begin]
        )

    def of_cue(self, begin: int, end: int) -> float:
        """Cost of a cue with its best lines; infinite if two lines don't hold it."""
        line = self.line_break(begin, end)
        if line is None:
            return math.inf
        cost = CUE_COST + line[1] + self._pause_costs[end - 1] - self._pause_costs[begin]
        if end < len(self._parts):
            cost += BREAK_COST * (1 - self._quality[end])
        if end - begin == 1 and self._is_short[begin]:
            cost += LONE_WORD_COST
        shown_s = (self.shown_until(begin, end) - self._parts[begin].start_ms) / 1000
        cost += HURRY_COST * max(0.0, SHORTEST_CUE_MS / 1000 - shown_s)
        return cost + max(0.0, self._n_characters(begin, end) / max(shown_s, 0.1) - CHARACTERS_A_SECOND)

    def line_break(self, begin: int, end: int) -> tuple[int, float] | None:
        """Where the second line begins (end: there is none), and its cost; None if two lines don't hold the parts."""
        whole = self._n_characters(begin, end) + self._indent
        if whole <= LINE_LENGTH:
            return end, 0.0
        best: tuple[int, float] | None = None
        # Places where both lines are short enough.
        before = self._lengths[begin] + 1 - self._indent
        first = bisect_left(self._lengths, before + whole - LINE_LENGTH - 1, begin + 1, end)
        for place in range(first, bisect_right(self._lengths, before + LINE_LENGTH, first, end)):
            upper = self._lengths[place] - before
            lower = whole - upper - 1
            cost = LINE_BREAK_COST * (1 - self._quality[place]) + IMBALANCE_COST * abs(upper - lower)
            n_lone = (place - begin == 1 and self._is_short[begin]) + (end - place == 1 and self._is_short[place])
            cost += LONE_WORD_LINE_COST * n_lone + LONG_UPPER_COST * (upper > lower)
            if best is None or cost < best[1]:
                best = place, cost
        return best

    def shown_until(self, begin: int, end: int) -> int:
        """When a cue ends: with its last word, or later if its reader needs time and no cue follows."""
        start_ms, spoken_ms = self._parts[begin].start_ms, self._parts[end - 1].end_ms
        needed_ms = max(SHORTEST_CUE_MS, -(-1000 * self._n_characters(begin, end) // CHARACTERS_A_SECOND))
        next_ms = self._parts[end].start_ms if end < len(self._parts) else self._end_ms
        return max(spoken_ms, int(min(start_ms + min(needed_ms, LONGEST_CUE_MS), next_ms)))

    def _n_characters(self, begin: int, end: int) -> int:
        """On one line."""
        return self._lengths[end] - self._lengths[begin] - 1


def cut_into_cues(n_parts: int, costs: Costs) -> list[tuple[int, int]]:
    """(begin, end) of each cue in the parts, at the least cost; among equals with longer last cues."""
    # least[end]: the cost of the best cues of the parts before end, and where the last of them begins.
    least: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, n_parts + 1):
        best = (math.inf, end - 1)
        for begin in range(end - 1, -1, -1):
            if not costs.is_cue(begin, end):
                break  # nor is any longer one
            cost = least[begin][0] + costs.of_cue(begin, end)
            if cost <= best[0]:
                best = cost, begin
        least.append(best)
    cuts = []
    end = n_parts
    while end:
        begin = least[end][1]
        cuts.append((begin, end))
        end = begin
    return cuts[::-1]


def _break_quality(text: str, pause_ms: int) -> float:
    """How good it is to break after this text and before this pause, 0 to 1."""
    return max(min(1.0, pause_ms / PAUSE_MS), 1.0 if text.endswith(SENTENCE_ENDS) else 0.6 * text.endswith(PUNCTUATION))


def _cues_of_words(words: Sequence[Word], end_ms: int, name: str | None, indent: int) -> list[Cue]:
    """Each lasts at least one millisecond and starts no earlier than the end of the one before."""
    parts = list(_parts(words, LINE_LENGTH - indent))
    costs = Costs(parts, indent, end_ms)
    cues: list[Cue] = []
    free_ms = 0
    for begin, end in cut_into_cues(len(parts), costs):
        line = costs.line_break(begin, end)
        assert line is not None
        start_ms = max(parts[begin].start_ms, free_ms)
        free_ms = max(costs.shown_until(begin, end), start_ms + 1)
        lines = (
            " ".join(part.text for part in some) for some in (parts[begin : line[0]], parts[line[0] : end]) if some
        )
        cues.append(Cue(start_ms, free_ms, tuple(lines), name))
    return cues


def _one_after_the_other(cues: Sequence[Cue]) -> list[Cue]:
    """Cues of channels that speak at once: each makes room for the next, but stays one second if it would alone."""
    placed: list[Cue] = []
    free_ms = 0
    for number, cue in enumerate(cues):
        start_ms = max(cue.start_ms, free_ms)
        least_ms = start_ms + min(cue.end_ms - cue.start_ms, SHORTEST_CUE_MS)
        end_ms = max(cue.end_ms, least_ms)
        if number + 1 < len(cues):
            end_ms = min(end_ms, max(cues[number + 1].start_ms, least_ms))
        placed.append(cue._replace(start_ms=start_ms, end_ms=end_ms))
        free_ms = end_ms
    return placed


def _parts(words: Sequence[Word], longest: int) -> Iterator[Part]:
    """Words without white space, cut if longer than this many characters (languages without spaces).

    Parts of a word share its time by their characters. No part starts before the end of the one before.
    """
    now_ms = 0
    for word in words:
        whole = word.text.replace("\0", "\ufffd").split()
        texts = [text[i : i + longest] for text in whole for i in range(0, len(text), longest)]
        length = sum(map(len, texts))
        done = 0
        for text in texts:
            start_s = word.start_s + (word.end_s - word.start_s) * done / length
            done += len(text)
            end_s = word.start_s + (word.end_s - word.start_s) * done / length
            start_ms = max(_milliseconds(start_s), now_ms)
            now_ms = max(_milliseconds(end_s), start_ms)
            yield Part(text, start_ms, now_ms)


def _milliseconds(seconds: float) -> int:
    """Rounded once, before hours, minutes and seconds are cut: 59.9995 s is a minute."""
    return math.floor(seconds * 1000 + 0.5)


def _short(name: str) -> str:
    """On one line, and not so long that no words fit beside it."""
    name = " ".join(name.split())
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "\u2026"
