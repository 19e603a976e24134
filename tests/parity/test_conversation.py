"""Channels as one conversation: C++ and reference give the same segments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastctc
import fastctc.reference
import tolerances
from conftest import DATA
from fastctc.errors import OptionError
from fastctc.reference.conversation import make_conversation as make_reference
from fastctc.types import Conversation, ConversationOptions, Transcript, Word

IMPLEMENTATIONS: dict[str, Callable[..., Conversation]] = {
    "core": fastctc.make_conversation,
    "reference": make_reference,
}


@pytest.fixture(params=sorted(IMPLEMENTATIONS))
def make(request: pytest.FixtureRequest) -> Callable[..., Conversation]:
    return IMPLEMENTATIONS[request.param]


def channel(*spans: tuple[str, float, float], duration_s: float = 10.0) -> Transcript:
    words = tuple(Word(text, start_s, end_s, 0.5) for text, start_s, end_s in spans)
    return Transcript(" ".join(word.text for word in words), words, duration_s=duration_s)


@st.composite
def transcripts(draw: st.DrawFn) -> Transcript:
    """Words on the frames of a model, some of no length, some that touch; the text sometimes spells them otherwise."""
    steps = draw(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 5)), max_size=12))
    words = []
    frame = 0
    for gap, length in steps:
        start = frame + gap
        frame = start + length
        text = draw(st.sampled_from(["a", "aa", "b", "ä", "数"]))
        words.append(Word(text, start * 0.08, frame * 0.08, draw(st.floats(0, 1, width=32))))
    separator = draw(st.sampled_from([" ", "  ", ""]))
    text = separator.join(word.text for word in words)
    if draw(st.integers(0, 4)) == 0:
        text = text.upper()
    return Transcript(text, tuple(words), duration_s=frame * 0.08)


@given(st.lists(transcripts(), max_size=4), st.sampled_from([0.0, 0.08, 0.4, 0.8, 1.6, 3600.0]))
def test_both_implementations_agree(channels: list[Transcript], pause_s: float) -> None:
    options = ConversationOptions(pause_s=pause_s)
    core, reference = (implementation(channels, options) for implementation in IMPLEMENTATIONS.values())
    assert [replace(segment, confidence=0.0) for segment in core.segments] == [
        replace(segment, confidence=0.0) for segment in reference.segments
    ]
    for a, b in zip(core.segments, reference.segments, strict=True):
        assert a.confidence == pytest.approx(b.confidence, abs=tolerances.CONFIDENCE)
    assert (core.channels, core.channel_names, core.duration_s) == (
        reference.channels,
        reference.channel_names,
        reference.duration_s,
    )
    # Nothing is lost or doubled, and the order is that of time.
    for number, transcript in enumerate(channels):
        mine = [segment for segment in core.segments if segment.channel == number]
        assert [word for segment in mine for word in segment.words] == list(transcript.words)
        for before, after in pairwise(mine):
            assert after.start_s - before.end_s >= pause_s - 0.001
    assert [(s.start_s, s.channel) for s in core.segments] == sorted((s.start_s, s.channel) for s in core.segments)


def test_segments_stand_by_start_then_by_channel_and_may_overlap(make: Callable[..., Conversation]) -> None:
    conversation = make(
        [
            channel(("x", 1, 5), ("y", 6, 7)),
            channel(("u", 0, 0.1), ("v", 2, 3), ("w", 6, 6.5)),
        ]
    )
    assert [(segment.text, segment.channel) for segment in conversation.segments] == [
        ("u", 1),
        ("x", 0),
        ("v", 1),
        ("y", 0),
        ("w", 1),
    ]


def test_ten_frames_of_silence_are_a_pause_of_800_ms(make: Callable[..., Conversation]) -> None:
    # 23 * 0.08 - 13 * 0.08 is a little less than 0.8.
    [first, second] = make([channel(("a", 0, 13 * 0.08), ("b", 23 * 0.08, 2))]).segments
    assert (first.text, second.text) == ("a", "b")
    assert len(make([channel(("a", 0, 13 * 0.08), ("b", 22 * 0.08, 2))]).segments) == 1


@pytest.mark.parametrize("pause_s", [-0.1, 3601, float("nan")])
def test_pauses_that_can_not_be(make: Callable[..., Conversation], pause_s: float) -> None:
    with pytest.raises(OptionError, match="pause_s must be a number from 0 to 3600"):
        make([], ConversationOptions(pause_s=pause_s))


@pytest.mark.parametrize("names", [("agent",), ("agent", "caller", "guest")])
def test_another_number_of_names_than_of_channels(make: Callable[..., Conversation], names: tuple[str, ...]) -> None:
    with pytest.raises(OptionError, match="name"):
        make([channel(), channel()], ConversationOptions(channel_names=names))


@pytest.mark.parametrize("module", [fastctc, fastctc.reference], ids=["core", "reference"])
def test_a_call(module: Any) -> None:
    call = module.load().transcribe(DATA / "speech" / "call-two-channels.wav", channels="split")
    assert [(s.channel, s.text) for s in call.segments] == [(0, "two nine three four zero"), (1, "five five")]
    assert [t.text for t in call.channels] == ["two nine three four zero", "five five"]
    assert call.segments[0].start_s < 1 < 3 < call.segments[1].start_s < call.duration_s
