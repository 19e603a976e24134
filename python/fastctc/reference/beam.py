"""CTC prefix beam search with shallow fusion, as a reader would write it: `fastctc::BeamDecoder` (decoder.h).

decoder.h has the objective. A prefix is a tuple of (token, word) pairs: word is the word of a lexicon that the token
ends, or None. Every prefix that one token adds to the beam is scored; then the best are kept.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fastctc.errors import ModelError, OptionError
from fastctc.reference.hot_words import HotWords
from fastctc.reference.language_model import LanguageModel
from fastctc.reference.vocabulary import Vocabulary
from fastctc.types import DecoderOptions

__all__ = ["BeamDecoder", "BeamHypothesis", "beam_options"]

Prefix: TypeAlias = tuple[tuple[int, str | None], ...]
NEVER = -np.inf
DEFAULT_BONUS = 5.0


def beam_options(options: DecoderOptions, vocabulary: Vocabulary) -> DecoderOptions:
    """The options with twins of the objects that a path or phrases name."""
    if options.language_model is None and options.hot_words is None:
        return options
    changes: dict[str, Any] = {}
    if isinstance(options.language_model, (str, os.PathLike)):
        changes["language_model"] = LanguageModel.read(options.language_model)
    if isinstance(options.hot_words, (Mapping, Sequence)):
        words = options.hot_words
        pairs = words.items() if isinstance(words, Mapping) else [(phrase, DEFAULT_BONUS) for phrase in words]
        changes["hot_words"] = HotWords(vocabulary, list(pairs), lexicon=options.lexicon)
    return replace(options, **changes)


@dataclass(frozen=True)
class BeamHypothesis:
    """A reading and its scores, natural logarithms."""

    token_ids: tuple[int, ...]
    score: float
    acoustic_score: float
    lm_score: float
    bonus_score: float
    words: tuple[tuple[str, int, int], ...] = ()
    """Of a lexicon: text, first token, one past the last."""


class Fusion(NamedTuple):
    """What a prefix knows beside the audio."""

    lm: float
    bonus: float
    lm_state: Any
    hot_state: Any
    text: bytes
    """Text of the open word."""
    ahead: float = 0.0
    """Cost of the open word when it ends, because no word of the model starts like it."""

    @property
    def score(self) -> float:
        """Added to the log-prob, for the order in the beam."""
        return self.lm + self.bonus + self.ahead


@dataclass
class Entry:
    """A prefix in the beam: ln P with the last frame blank, and with it the last token."""

    blank: float = NEVER
    label: float = NEVER
    total: float = field(init=False, default=NEVER)
    score: float = field(init=False, default=NEVER)


class BeamDecoder:
    """One utterance's search. Raises OptionError on options out of range."""

    def __init__(self, vocabulary: Vocabulary, options: DecoderOptions) -> None:
        self.vocabulary = vocabulary
        self.options = options
        if options.beam_size < 1 or not 1 <= options.n_best <= options.beam_size or options.beam_threshold <= 0:
            raise OptionError("beam_size, n_best and beam_threshold are above 0, n_best at most beam_size.")
        self._surfaces = [_surface(vocabulary, token) for token in range(len(vocabulary))]
        model, lexicon = self.options.language_model, self.options.lexicon
        words = [] if model is None else [word.encode() for word in model.words if word != "<unk>"]
        self._word_starts = {b"", *(word[:n] for word in words for n in range(1, len(word) + 1))}
        self._is_spelled = lexicon is not None and lexicon.out_of_lexicon == "forbid"
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._open: tuple[int, ...] = ()  # tokens before the first prefix, of the word that was open there
        self._begin(self._start())

    def carry_on(self) -> None:
        """Forget tokens, frames and scores, but continue after partial() with its context."""
        prefix = min(self._beam, key=self._order)
        self._open = () if self._is_spelled else self._last_word_tokens(prefix)
        self._begin(self._fusion(prefix)._replace(lm=0.0, bonus=0.0))

    def _begin(self, fusion: Fusion) -> None:
        self._n_frames = 0
        self._beam: dict[Prefix, Entry] = {(): Entry(blank=0.0)}
        self._fusions: dict[Prefix, Fusion] = {(): fusion}
        self._beam[()].total = 0.0
        self._beam[()].score = self._fusions[()].score

    def step(self, log_probs: NDArray[np.float32]) -> None:
        """Takes more frames, [n_frames, n_tokens]. Raises ModelError on NaN, +infinity and impossible frames."""
        for frame in np.asarray(log_probs, np.float64):
            if not (frame <= np.finfo(np.float32).max).all():
                raise ModelError(f"The log-probs of frame {self._n_frames} hold NaN or +infinity.")
            self._beam = self._advance(frame)
            if not self._beam:
                raise ModelError(f"Frame {self._n_frames} makes every hypothesis impossible.")
            self._fusions = {prefix: self._fusion(prefix) for prefix in self._ancestors()}
            self._n_frames += 1

    def n_best(self, n: int) -> list[BeamHypothesis]:
        """The best hypotheses if the utterance ended here, best first."""
        finished = [self._hypothesis(prefix, self._finish(prefix)) for prefix in self._beam]
        return sorted(finished, key=lambda entry: (-entry.score, -entry.acoustic_score, entry.token_ids))[:n]

    def best(self) -> BeamHypothesis:
        """The first of n_best."""
        return self.n_best(1)[0]

    def partial(self) -> BeamHypothesis:
        """The best prefix if the utterance goes on."""
        prefix = min(self._beam, key=self._order)
        return self._hypothesis(prefix, self._fusion(prefix))

    @property
    def n_stable_tokens(self) -> int:
        """Leading tokens that all prefixes share."""
        prefixes = list(self._beam)
        n = min(map(len, prefixes))
        return next((i for i in range(n) if len({prefix[i] for prefix in prefixes}) > 1), n)

    def _advance(self, frame: NDArray[np.float64]) -> dict[Prefix, Entry]:
        blank_id, options = self.vocabulary.blank_id, self.options
        is_skipped = options.blank_skip_prob < 1 and frame[blank_id] >= np.log(options.blank_skip_prob)
        tokens = [] if is_skipped else self._tried(frame)
        beam: dict[Prefix, Entry] = {}
        for prefix, entry in self._beam.items():
            stay = beam.setdefault(prefix, Entry())
            stay.blank = np.logaddexp(stay.blank, entry.total + frame[blank_id])
            if prefix and not is_skipped:
                stay.label = np.logaddexp(stay.label, entry.label + frame[prefix[-1][0]])
            for token in tokens:
                # The same token again needs a blank between.
                before = entry.blank if prefix and prefix[-1][0] == token else entry.total
                for word in self._words(prefix, token):
                    longer = beam.setdefault((*prefix, (token, word)), Entry())
                    longer.label = np.logaddexp(longer.label, before + frame[token])
        for prefix, entry in beam.items():
            entry.total = float(np.logaddexp(entry.blank, entry.label))
            entry.score = entry.total + self._fusion(prefix).score if entry.total > NEVER else NEVER
        beam = {prefix: entry for prefix, entry in beam.items() if entry.total > NEVER}
        kept = sorted(beam, key=lambda prefix: self._order(prefix, beam))[: options.beam_size]
        return {
            prefix: beam[prefix]
            for prefix in kept
            if beam[prefix].score >= beam[kept[0]].score - options.beam_threshold
        }

    def _order(self, prefix: Prefix, beam: dict[Prefix, Entry] | None = None) -> Any:
        entry = (beam or self._beam)[prefix]
        return -entry.score, -entry.total, [token for token, _ in prefix], [word or "" for _, word in prefix]

    def _tried(self, frame: NDArray[np.float64]) -> list[int]:
        """The frame's tokens that max_tokens and min_token_log_prob allow."""
        ids = [i for i in np.argsort(-frame, kind="stable") if i != self.vocabulary.blank_id]
        ids = ids[: self.options.max_tokens] if self.options.max_tokens else ids
        return [int(i) for i in ids if frame[i] >= np.float32(self.options.min_token_log_prob)]

    def _words(self, prefix: Prefix, token: int) -> list[str | None]:
        """Words that a token may end; None: no word."""
        if not self._is_spelled:
            return [None]
        lexicon = self.options.lexicon
        node = lexicon.child(self._spelled(prefix), token)
        if node is None:
            return []
        goes_on = any(lexicon.child(node, other) is not None for other in range(lexicon.n_tokens))
        return [*([None] if goes_on else []), *(lexicon.word(position) for position in lexicon.words_at(node))]

    def _spelled(self, prefix: Prefix) -> tuple[int, ...]:
        """Tokens of the open word of a lexicon."""
        begin = max((i + 1 for i, (_, word) in enumerate(prefix) if word is not None), default=0)
        return tuple(token for token, _ in prefix[begin:])

    def _ancestors(self) -> Iterator[Prefix]:
        return (prefix[:n] for prefix in self._beam for n in range(len(prefix) + 1))

    def _start(self) -> Fusion:
        lm, hot_words = self.options.language_model, self.options.hot_words
        return Fusion(0.0, 0.0, lm and lm.start, hot_words and hot_words.start, b"")

    def _fusion(self, prefix: Prefix) -> Fusion:
        if prefix not in self._fusions:
            self._fusions[prefix] = self._extend(self._fusion(prefix[:-1]), prefix)
        return self._fusions[prefix]

    def _extend(self, before: Fusion, prefix: Prefix) -> Fusion:
        token, word = prefix[-1]
        now = before
        if self._is_spelled:
            if self.options.lm_unit == "word" and word is not None:
                now = self._add_word(now, word, True)
        else:
            *ended, open_text = (now.text + self._surfaces[token]).split(b" ")
            for text in filter(None, ended):
                now = self._close(now._replace(text=text), prefix[:-1])
            now = self._look_ahead(now._replace(text=open_text))
        options = self.options
        if options.language_model is not None and options.lm_unit == "token":
            now = self._add_word(now, self.vocabulary.pieces[token], True)
        if options.hot_words is not None:
            state, delta = options.hot_words.step(now.hot_state, token)
            now = now._replace(hot_state=state, bonus=now.bonus + delta)
        return now

    def _look_ahead(self, now: Fusion) -> Fusion:
        """Charges the open word at once if no word of the model starts like it, because its cost is known then."""
        options = self.options
        if options.language_model is None or options.lm_unit == "token" or now.text in self._word_starts:
            return now
        closed = self._add_word(now._replace(ahead=0.0), "<unk>", False)
        return now._replace(ahead=closed.score - now.lm - now.bonus)

    def _close(self, now: Fusion, prefix: Prefix) -> Fusion:
        """Ends the open word."""
        now = now._replace(ahead=0.0)
        lexicon = self.options.lexicon
        is_known = lexicon is None or self._is_spelled_by(lexicon, self._last_word_tokens(prefix))
        if self.options.language_model is not None and self.options.lm_unit == "token":
            return now if is_known else now._replace(lm=now.lm + self.options.unknown_word_score)
        return self._add_word(now, now.text.decode("utf-8", "replace"), is_known)

    @staticmethod
    def _is_spelled_by(lexicon: Any, tokens: tuple[int, ...]) -> bool:
        node = lexicon.root
        for token in tokens:
            node = lexicon.child(node, token)
            if node is None:
                return False
        return bool(lexicon.words_at(node))

    def _last_word_tokens(self, prefix: Prefix) -> tuple[int, ...]:
        tokens = [*self._open, *(token for token, _ in prefix)]
        starts = [i for i, token in enumerate(tokens) if self._surfaces[token].startswith(b" ")]
        return tuple(tokens[starts[-1] if starts else 0 :])

    def _add_word(self, now: Fusion, word: str, is_known: bool) -> Fusion:
        options, lm, lm_state = self.options, now.lm, now.lm_state
        if options.language_model is not None:
            is_known = is_known and options.language_model.is_known(word)
            log_prob, lm_state = options.language_model.score(lm_state, word)
            lm += options.lm_weight * log_prob
        if not is_known:
            lm += options.unknown_word_score
        return now._replace(lm=lm, bonus=now.bonus + options.word_bonus, lm_state=lm_state)

    def _finish(self, prefix: Prefix) -> Fusion:
        now, options = self._fusion(prefix), self.options
        if self._is_spelled:
            if self._spelled(prefix):
                now = now._replace(lm=now.lm + options.unknown_word_score)
        elif now.text:
            now = self._close(now, prefix)
        if options.language_model is not None and options.score_sentence_end:
            now = now._replace(lm=now.lm + options.lm_weight * options.language_model.score_end(now.lm_state))
        if options.hot_words is not None:
            now = now._replace(bonus=now.bonus + options.hot_words.finish(now.hot_state))
        return now

    def _hypothesis(self, prefix: Prefix, fusion: Fusion) -> BeamHypothesis:
        total = self._beam[prefix].total
        ends = [i + 1 for i, (_, word) in enumerate(prefix) if word is not None]
        spans = zip([0, *ends], ends, strict=False)
        words = tuple((prefix[end - 1][1] or "", begin, end) for begin, end in spans)
        ids = tuple(token for token, _ in prefix)
        return BeamHypothesis(ids, total + fusion.score, total, fusion.lm, fusion.bonus, words)


def _surface(vocabulary: Vocabulary, token: int) -> bytes:
    """The text that a token adds; a space ends a word."""
    text, byte = vocabulary.token_text(token)
    return text.encode() if byte is None else bytes([byte])
