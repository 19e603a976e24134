"""Twin of `cpp/src/live/segment_decoder.cpp`: from the log-probs of a live utterance to its segments."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fastctc.reference.assemble import assemble
from fastctc.reference.endpoint import find_endpoint
from fastctc.reference.greedy import AlignedToken, GreedyDecoder, Hypothesis
from fastctc.reference.vocabulary import Vocabulary
from fastctc.types import SpeechSegment, StreamOptions, StreamResult

__all__ = ["SegmentDecoder"]

Cause = Literal["", "no_speech", "silence", "max_length", "finish"]

OPEN_WORD_S = 0.4
"""A word may go on until this much silence follows it."""


class SegmentDecoder:
    """Decodes frame by frame and tests the endpoint rules after each; frames count from the utterance's start.

    An endpoint resets the decoder, not the acoustic model, because the signal goes on.
    """

    def __init__(self, vocabulary: Vocabulary, frame_s: float, options: StreamOptions) -> None:
        self._vocabulary = vocabulary
        self._frame_s = frame_s
        self._options = options
        self._decoder = GreedyDecoder(len(vocabulary), vocabulary.blank_id)
        self._segment = 0
        self._emitted: list[int] = []  # tokens of the segment's last partial result
        self.begin(0.0)

    def begin(self, offset_s: float) -> None:
        """Begins an utterance whose first frame is at offset_s."""
        self._offset_s = offset_s
        self._duration_s = math.inf
        self._last_end_s = 0.0  # of the utterance's last final segment
        self._n_frames = 0
        self._start_frame = 0  # of the segment
        self._carry: list[AlignedToken] = []  # of a word that the last segment left open
        self._begin_decoder()

    @property
    def last_end_s(self) -> float:
        """Where the last final segment of this utterance ends, from the start of the stream."""
        return self._offset_s + self._last_end_s

    def end_at(self, duration_s: float) -> None:
        """Sets the end of the utterance: times are cut at duration_s."""
        self._duration_s = duration_s

    def step(self, log_probs: NDArray[np.float32]) -> list[StreamResult]:
        """The segments that end within one chunk, then what is known of the open one if its tokens changed."""
        results = []
        for frame in log_probs:
            self._decoder.step(frame[None])
            self._n_frames += 1
            tokens = self._tokens()
            end_frame = tokens[-1].end_frame if tokens else None
            cause = find_endpoint(self._options.endpoint, self._frame_s, self._n_frames, self._start_frame, end_frame)
            # The next frame may continue a token's run; a cut inside the run would read the token twice.
            if cause and end_frame != self._n_frames:
                results.append(self._end_segment(cause, tokens))
        ids = [token.id for token in self._tokens()]
        if self._options.partial_results and len(log_probs) and ids != self._emitted:
            results.append(self._result(self._tokens(), self._n_frames, ""))
            self._emitted = ids
        return results

    def finish(self, cause: Cause) -> StreamResult:
        """The last segment, after the utterance and end_at()."""
        result = self._result(self._tokens(), math.inf, cause)
        self._last_end_s = result.end_s - self._offset_s
        self._segment += 1
        return result

    def _begin_decoder(self) -> None:
        self._decoder.reset()
        self._decoder_frame = self._n_frames
        self._emitted = []

    def _tokens(self) -> list[AlignedToken]:
        return self._carry + [
            token._replace(
                start_frame=token.start_frame + self._decoder_frame, end_frame=token.end_frame + self._decoder_frame
            )
            for token in self._decoder.best().tokens
        ]

    def _end_segment(self, cause: Cause, tokens: list[AlignedToken]) -> StreamResult:
        end_frame, carry = self._n_frames, []
        if cause == "max_length" and tokens and (end_frame - tokens[-1].end_frame) * self._frame_s < OPEN_WORD_S:
            words = self._vocabulary.words([token.id for token in tokens])
            if len(words) > 1:  # the last one may go on: it is left to the next segment
                carry, tokens = tokens[words[-2].end :], tokens[: words[-2].end]
                end_frame = carry[0].start_frame
        result = self._result(tokens, end_frame, cause)
        self._last_end_s = result.end_s - self._offset_s
        self._segment += 1
        self._start_frame, self._carry = end_frame, carry
        self._begin_decoder()
        return result

    def _result(self, tokens: list[AlignedToken], end_frame: float, cause: Cause) -> StreamResult:
        offset_s = self._offset_s
        # A segment that was final before the audio's end was known may end a frame or two past it.
        start_s = offset_s + max(min(self._start_frame * self._frame_s, self._duration_s), self._last_end_s)
        end_s = max(start_s, offset_s + min(end_frame * self._frame_s, self._duration_s))
        transcript = assemble(Hypothesis(tuple(tokens), 0.0), self._vocabulary, self._frame_s, self._duration_s)
        is_speech = self._options.vad.kind != "none" and start_s < end_s
        transcript = replace(
            transcript,
            words=tuple(
                replace(word, start_s=max(offset_s + word.start_s, start_s), end_s=max(offset_s + word.end_s, start_s))
                for word in transcript.words
            ),
            tokens=tuple(
                replace(
                    token, start_s=max(offset_s + token.start_s, start_s), end_s=max(offset_s + token.end_s, start_s)
                )
                for token in transcript.tokens
            ),
            duration_s=end_s - start_s,
            method="stream",
            speech=(SpeechSegment(start_s, end_s),) if is_speech else (),
        )
        # Greedy tokens stay as they are, but the last word of a partial result may still grow.
        n_stable_words = len(transcript.words) if cause else max(len(transcript.words) - 1, 0)
        return StreamResult(bool(cause), cause, self._segment, start_s, end_s, transcript, n_stable_words)
