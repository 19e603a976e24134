"""Twin of `cpp/src/assemble.cpp`: a hypothesis in frames to a transcript in seconds."""

from __future__ import annotations

from fastctc.reference.greedy import Hypothesis
from fastctc.reference.vocabulary import Vocabulary
from fastctc.types import Token, Transcript, Word

__all__ = ["assemble"]


def assemble(hypothesis: Hypothesis, vocabulary: Vocabulary, frame_s: float, duration_s: float) -> Transcript:
    """Tokens and words with their times.

    Args:
        hypothesis: What a decoder found.
        vocabulary: The tokens of the model.
        frame_s: Seconds an output frame; frame t starts at t * frame_s.
        duration_s: Of the audio; no time lies past it, though the last frames may.

    Raises:
        OptionError: A token is not in the vocabulary.
    """
    tokens = []
    for token in hypothesis.tokens:
        start_s = min(token.start_frame * frame_s, duration_s)
        end_s = min(token.end_frame * frame_s, duration_s)
        piece = vocabulary.piece(token.id)
        tokens.append(Token(token.id, piece, start_s, end_s, token.log_prob, token.confidence))

    ids = [token.id for token in tokens]
    words = []
    for span in vocabulary.words(ids):
        its_tokens = tokens[span.begin : span.end]
        confidence = min(token.confidence for token in its_tokens)
        words.append(Word(span.text, its_tokens[0].start_s, its_tokens[-1].end_s, confidence))
    confidence = sum(word.confidence for word in words) / len(words) if words else 1.0
    return Transcript(vocabulary.text(ids), tuple(words), tuple(tokens), confidence, duration_s)
