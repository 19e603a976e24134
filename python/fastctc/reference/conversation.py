"""Twin of `cpp/src/longform/conversation.cpp`: the transcripts of a recording's channels as one conversation."""

from __future__ import annotations

from collections.abc import Sequence

from fastctc.errors import OptionError
from fastctc.types import Conversation, ConversationOptions, ConversationSegment, Transcript, Word

__all__ = ["make_conversation"]

LONGEST_PAUSE_S = 3600
HALF_A_MILLISECOND_S = 0.0005


def make_conversation(transcripts: Sequence[Transcript], options: ConversationOptions | None = None) -> Conversation:
    """As `fastctc.make_conversation`."""
    options = options or ConversationOptions()
    if not 0 <= options.pause_s <= LONGEST_PAUSE_S:
        raise OptionError(
            f"Option conversation.pause_s must be a number from 0 to {LONGEST_PAUSE_S}, not {options.pause_s}."
        )
    names = options.channel_names or tuple(f"channel {channel}" for channel in range(len(transcripts)))
    if len(names) != len(transcripts):
        raise OptionError(f"There are {len(transcripts)} channels, but {len(names)} names.")
    segments = [
        segment
        for channel, transcript in enumerate(transcripts)
        for segment in _cut(transcript, channel, options.pause_s)
    ]
    # sorted() is stable: among segments that start at the same time the lower channel stays first.
    segments.sort(key=lambda segment: segment.start_s)
    duration_s = max((transcript.duration_s for transcript in transcripts), default=0.0)
    return Conversation(tuple(segments), tuple(transcripts), tuple(names), duration_s)


def _cut(transcript: Transcript, channel: int, pause_s: float) -> list[ConversationSegment]:
    groups: list[list[Word]] = []
    for word in transcript.words:
        if groups and word.start_s - groups[-1][-1].end_s <= pause_s - HALF_A_MILLISECOND_S:
            groups[-1].append(word)
        else:
            groups.append([word])
    segments = []
    position = 0
    for words in groups:
        text, position = _part(transcript.text, words, position)
        confidence = sum(word.confidence for word in words) / len(words)
        segments.append(ConversationSegment(channel, words[0].start_s, words[-1].end_s, text, tuple(words), confidence))
    return segments


def _part(text: str, words: list[Word], position: int) -> tuple[str, int]:
    """The text from the first word to the last, and its end; the joined words if the text lacks them."""
    begin, end = -1, position
    for word in words:
        at = text.find(word.text, end)
        if at < 0:
            return " ".join(word.text for word in words), position
        begin = at if begin < 0 else begin
        end = at + len(word.text)
    return text[begin:end], end
