"""Where subtitles are cut: the least cost of all ways, counted out; and what viewers see."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastctc import Conversation, ConversationOptions, Transcript, Word, make_conversation
from fastctc.output.formats import to_srt, to_vtt
from fastctc.output.subtitles import Costs, Cue, Part, cues_of, cut_into_cues

TEXT = (
    "the first great sorrow of his life was the loss of the cotton, and he never quite got over it. "
    "he said so, at times, to his wife"
)


def spoken(text: str, *, word_s: float = 0.25, pauses_s: dict[int, float] | None = None) -> Transcript:
    """A word every `word_s`, with pauses before the words of those numbers."""
    words = []
    now_s = 0.0
    for number, word in enumerate(text.split()):
        now_s += (pauses_s or {}).get(number, 0.0)
        words.append(Word(word, now_s, now_s + word_s, 0.9))
        now_s += word_s
    return Transcript(text, tuple(words), duration_s=now_s + 3.0)


def slow_cost(parts: Sequence[Part], cuts: Sequence[int], indent: int) -> float:
    """Of cues that begin at the cuts, term by term as the module says it; lines by trying all."""

    def quality(place: int) -> float:
        text, pause_s = parts[place - 1].text, (parts[place].start_ms - parts[place - 1].end_ms) / 1000
        return max(1.0 if text[-1] in ".!?" else 0.6 if text[-1] in ",;:" else 0.0, min(1.0, pause_s / 0.8))

    total = 0.0
    for begin, end in pairwise([*cuts, len(parts)]):
        some = parts[begin:end]
        gaps_s = [(after.start_ms - before.end_ms) / 1000 for before, after in pairwise(some)]
        too_long = some[-1].end_ms - some[0].start_ms > 7000 or any(gap_s >= 2 for gap_s in gaps_s)
        if too_long and len(some) > 1:
            return math.inf
        total += 10 + 20 * sum((gap_s / 0.8) ** 2 for gap_s in gaps_s)
        if end < len(parts):
            total += 20 * (1 - quality(end))
        if len(some) == 1 and len(some[0].text) < 10:
            total += 30
        n_characters = len(" ".join(part.text for part in some))
        shown_ms = max(1000, math.ceil(n_characters * 1000 / 20))
        shown_ms = min(shown_ms, 7000, (parts[end].start_ms if end < len(parts) else 10**9) - some[0].start_ms)
        shown_s = max(shown_ms, some[-1].end_ms - some[0].start_ms) / 1000
        total += 20 * max(0.0, 1 - shown_s) + max(0.0, n_characters / max(shown_s, 0.1) - 20)
        if indent + n_characters <= 42:
            continue
        of_lines = []
        for place in range(begin + 1, end):
            upper = indent + len(" ".join(part.text for part in parts[begin:place]))
            lower = len(" ".join(part.text for part in parts[place:end]))
            if max(upper, lower) <= 42:
                lone = [len(line) == 1 and len(line[0].text) < 10 for line in (parts[begin:place], parts[place:end])]
                cost = 5 * (1 - quality(place)) + abs(upper - lower) / 4 + 15 * sum(lone) + (upper > lower)
                of_lines.append(cost)
        total += min(of_lines, default=math.inf)
    return total


texts = st.text("ab", min_size=1, max_size=18).map(lambda text: text[:-1] + random.Random(text).choice("ab.,"))
times_ms = st.sampled_from([0, 0, 50, 200, 400, 900, 1999, 2000, 3000])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(texts, times_ms, times_ms), min_size=1, max_size=8), st.sampled_from([0, 9, 22]))
def test_no_other_cues_cost_less(entries: list[tuple[str, int, int]], indent: int) -> None:
    parts, now_ms = [], 0
    for text, pause_ms, word_ms in entries:
        parts.append(Part(text, now_ms + pause_ms, now_ms + pause_ms + word_ms))
        now_ms += pause_ms + word_ms
    costs = Costs(parts, indent)
    found = cut_into_cues(len(parts), costs)
    assert [begin for begin, _ in found] == [0, *(end for _, end in found[:-1])]
    assert found[-1][1] == len(parts)
    cost = sum(costs.of_cue(begin, end) for begin, end in found)
    assert cost == pytest.approx(slow_cost(parts, [begin for begin, _ in found], indent))
    best = min(
        slow_cost(parts, [0, *cuts], indent)
        for n in range(len(parts))
        for cuts in itertools.combinations(range(1, len(parts)), n)
    )
    assert cost == pytest.approx(best)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=2, max_size=60), st.floats(0.2, 0.4))
def test_fluent_speech_has_no_lone_words(lengths: list[int], word_s: float) -> None:
    for cue in cues_of(spoken(" ".join("x" * length for length in lengths), word_s=word_s)):
        assert all(" " in line for line in cue.lines), cue


def test_cues_break_after_sentences_and_at_pauses() -> None:
    assert [cue.lines for cue in cues_of(spoken(TEXT))] == [
        ("the first great sorrow of his", "life was the loss of the cotton,"),
        ("and he never quite got over it.", "he said so, at times, to his wife"),
    ]
    plain = TEXT.replace(",", "").replace(".", "")
    assert [cue.lines for cue in cues_of(spoken(plain, pauses_s={9: 0.7, 20: 0.7}))] == [
        ("the first great sorrow of his life was the",),
        ("loss of the cotton and", "he never quite got over it"),
        ("he said so at times to his wife",),
    ]


def test_a_lone_word_waits_for_the_next_ones_unless_they_are_far() -> None:
    near = cues_of(spoken("well I never said anything of the kind", pauses_s={1: 0.85}))
    assert [cue.lines for cue in near] == [("well I never said anything of the kind",)]
    far = cues_of(spoken("well I never said anything of the kind", pauses_s={1: 1.9}))
    assert [cue.lines for cue in far] == [("well",), ("I never said anything of the kind",)]
    assert (far[0].start_ms, far[0].end_ms) == (0, 1000)  # long enough to be read


def test_a_cue_stays_to_be_read_but_not_into_the_next() -> None:
    [cue] = cues_of(spoken("a quick short line of words", word_s=0.1))
    assert cue.end_ms == 27 * 1000 // 20  # 27 characters
    cues = cues_of(spoken("yes indeed. no never", word_s=0.1, pauses_s={2: 0.9}))
    assert [(cue.start_ms, cue.end_ms) for cue in cues] == [(0, 1000), (1100, 2100)]
    ending = Transcript("yes", (Word("yes", 0.0, 0.2, 1.0),), duration_s=0.5)
    assert cues_of(ending)[0].end_ms == 500  # with the recording


def test_slow_words_last_as_they_do() -> None:
    cues = cues_of(spoken("a b c d e f g h i j k l m n o", word_s=1.0))
    assert all(cue.end_ms - cue.start_ms <= 7000 for cue in cues)
    assert all(len(cue.lines[0].split()) > 1 for cue in cues)
    lasting = cues_of(Transcript("", (Word("looong", 0, 9, 1.0), Word("b", 9, 9.5, 1.0)), duration_s=9.5))
    assert lasting[0] == Cue(0, 9000, ("looong",))


def conversation(
    *channels: list[tuple[str, float, float]], names: tuple[str, ...] = ("agent", "caller")
) -> Conversation:
    transcripts = [
        Transcript(" ".join(text for text, _, _ in words), tuple(Word(*word, 1.0) for word in words), duration_s=30.0)
        for words in channels
    ]
    return make_conversation(transcripts, ConversationOptions(channel_names=names))


def test_speakers_take_turns() -> None:
    """The caller falls into the agent's word: the agent's cue makes room when the caller's begins."""
    agent = [
        (word.text, word.start_s, word.end_s) for word in spoken("could you tell me your number", word_s=0.4).words
    ]
    caller = [("one", 2.0, 2.3), ("moment", 2.3, 2.7)]
    cues = cues_of(conversation(agent, caller))
    assert [(cue.name, cue.start_ms, cue.end_ms) for cue in cues] == [("agent", 0, 2000), ("caller", 2000, 3000)]
    # Who starts at the same time has a second first.
    both = cues_of(conversation([("yes", 1.0, 1.4), ("sir", 1.4, 1.9)], [("no", 1.0, 1.3), ("sir", 1.3, 1.8)]))
    assert [(cue.name, cue.start_ms, cue.end_ms) for cue in both] == [("agent", 1000, 2000), ("caller", 2000, 3000)]


def test_a_name_counts_as_text() -> None:
    words = [(word, 0.3 * i, 0.3 * i + 0.3) for i, word in enumerate(TEXT.split())]
    for name in ("agent", "a very long name\nthat would leave no room for a word"):
        result = conversation(words, [], names=(name, "caller"))
        lines = [line for line in to_srt(result).splitlines() if line and "-->" not in line and not line.isdigit()]
        assert max(map(len, lines)) <= 42
        shown = "agent" if name == "agent" else "a very long name th\u2026"
        assert lines[0].startswith(f"{shown}: the first")
        assert sum(line.startswith(f"{shown}: ") for line in lines) == to_srt(result).count("-->")
    assert f"<v {' '.join(name.split())}>the first" in to_vtt(result)


@st.composite
def calls(draw: st.DrawFn) -> Conversation:
    channels = []
    for _ in range(draw(st.integers(1, 3))):
        now_s = 0.0
        words = []
        for pause_s, word_s, text in draw(st.lists(st.tuples(times_ms, times_ms, texts), max_size=15)):
            now_s += pause_s / 1000
            words.append((text, now_s, now_s + word_s / 1000))
            now_s += word_s / 1000
        channels.append(words)
    return conversation(*channels, names=("agent", "caller", "a third of a long name")[: len(channels)])


@settings(max_examples=150, deadline=None)
@given(calls())
def test_cues_of_calls_never_overlap(call: Conversation) -> None:
    for names_are_text in (False, True):
        cues = cues_of(call, names_are_text=names_are_text)
        assert all(cue.start_ms < cue.end_ms for cue in cues)
        assert all(one.end_ms <= following.start_ms for one, following in pairwise(cues))
        for name, channel in zip(call.channel_names, call.channels, strict=True):
            own = [line for cue in cues if cue.name == name for line in cue.lines]
            if channel.text and not names_are_text:
                assert " ".join(own) == channel.text
