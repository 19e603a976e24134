"""Calls: the transcripts of a recording's channels as one conversation."""

from __future__ import annotations

import numbers
from collections.abc import Sequence

from fastctc import _core
from fastctc.errors import OptionError
from fastctc.types import Conversation, ConversationOptions, ConversationSegment, Transcript, Word

__all__ = ["make_conversation"]


def make_conversation(transcripts: Sequence[Transcript], options: ConversationOptions | None = None) -> Conversation:
    """One conversation of the transcripts of a recording's channels, in order of channels.

    `Recognizer.transcribe(..., channels="split")` does the same; this is for transcripts from elsewhere, such as
    streams. Times must count from the start of the recording, and never decrease within a transcript.

    Raises:
        OptionError: an impossible pause, or a different number of names and channels.
    """
    options = options or ConversationOptions()
    names = options.channel_names or tuple(f"channel {channel}" for channel in range(len(transcripts)))
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise OptionError(f'channel_names is {names!r}; give a tuple of texts, as ("agent", "caller").')
    if len(names) != len(transcripts):
        raise OptionError(
            f"channel_names has {len(names)} name{'' if len(names) == 1 else 's'}, but the recording has "
            f"{len(transcripts)} channel{'' if len(transcripts) == 1 else 's'}. Give a name for each, or none."
        )
    pause_s = options.pause_s
    if isinstance(pause_s, bool) or not isinstance(pause_s, numbers.Real):
        raise OptionError(f"pause_s must be a number of seconds, not {pause_s!r}.")
    segments = _core.conversation_segments(
        [
            (
                transcript.text,
                [(word.text, word.start_s, word.end_s, word.confidence, word.score) for word in transcript.words],
                transcript.duration_s,
            )
            for transcript in transcripts
        ],
        float(pause_s),
    )
    return Conversation(
        tuple(
            ConversationSegment(channel, start_s, end_s, text, tuple(Word(*word) for word in words), confidence)
            for channel, start_s, end_s, text, words, confidence in segments
        ),
        tuple(transcripts),
        tuple(names),
        max((transcript.duration_s for transcript in transcripts), default=0.0),
    )
