"""Twin of `cpp/src/decoding/assemble.cpp`: a hypothesis in frames to a transcript in seconds."""

from __future__ import annotations

from collections.abc import Sequence

from fastctc.reference.confidence import aggregate
from fastctc.reference.greedy import Hypothesis
from fastctc.reference.vocabulary import Vocabulary
from fastctc.types import Token, Transcript, Word

__all__ = ["assemble"]


def assemble(
    hypothesis: Hypothesis,
    vocabulary: Vocabulary,
    frame_s: float,
    duration_s: float,
    aggregation: str = "min",
    lexicon_words: Sequence[tuple[str, int, int]] = (),
) -> Transcript:
    """Tokens and words with their times.

    Args:
        hypothesis: What a decoder found.
        vocabulary: The tokens of the model.
        frame_s: Seconds per output frame; frame t starts at t * frame_s.
        duration_s: Of the audio; no time lies past it, though the last frames may.
        aggregation: Of the tokens' confidences to the word's.
        lexicon_words: (text, first token, one past the last) of each word, where tokens don't spell them.

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
    spans = lexicon_words or [(span.text, span.begin, span.end) for span in vocabulary.words(ids)]
    for text, begin, end in spans:
        its_tokens = tokens[begin:end]
        confidence = aggregate([token.confidence for token in its_tokens], aggregation)
        n_frames = sum(token.end_frame - token.start_frame for token in hypothesis.tokens[begin:end])
        score = sum(token.log_prob for token in its_tokens) / n_frames if n_frames else 0.0
        words.append(Word(text, its_tokens[0].start_s, its_tokens[-1].end_s, confidence, score))
    text = " ".join(word.text for word in words) if lexicon_words else vocabulary.text(ids)
    confidence = sum(word.confidence for word in words) / len(words) if words else 1.0
    return Transcript(text, tuple(words), tuple(tokens), confidence, duration_s)
