"""Finding the weights of beam search on recordings whose texts are known."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fastctc.edits import count_edits
from fastctc.errors import OptionError
from fastctc.loaded_model import LoadedModel
from fastctc.types import DecoderOptions

__all__ = ["Trial", "tune"]


@dataclass(frozen=True)
class Trial:
    """One setting and what it gave."""

    lm_weight: float
    word_bonus: float
    n_edits: int
    """Words substituted, inserted and deleted."""
    n_words: int

    @property
    def word_error_rate(self) -> float:
        """Edits a word said."""
        return self.n_edits / self.n_words


def tune(
    recognizer: LoadedModel,
    log_probs: Sequence[npt.NDArray[np.float32]],
    texts: Sequence[str],
    decoder: DecoderOptions,
    *,
    lm_weights: Iterable[float] = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5),
    word_bonuses: Iterable[float] = (0.0, 0.5, 1.0, 2.0),
    n_random: int | None = None,
    seed: int = 0,
    on_trial: Callable[[Trial], None] | None = None,
) -> list[Trial]:
    """Decodes every recording with every pair of weights, or with random ones; best first, then the smaller weights.

    Args:
        recognizer: the model.
        log_probs: of each recording, [n_frames, n_tokens].
        texts: what is said in each.
        decoder: everything else; its kind must be "beam".
        lm_weights: tried for `lm_weight`.
        word_bonuses: tried for `word_bonus`.
        n_random: that many pairs drawn evenly from between the least and the greatest of those; None: all of them.
        seed: of what is drawn; the same seed draws the same.
        on_trial: called after each.

    Raises:
        OptionError: no recordings, no words, no weights, or greedy search.
    """
    words = [text.split() for text in texts]
    if len(log_probs) != len(texts) or not any(words):
        raise OptionError("Tuning takes recordings and as many texts, with one word at least.")
    if decoder.kind != "beam":
        raise OptionError("Greedy search has no weights to tune: give a decoder of kind 'beam'.")
    n_words = sum(map(len, words))
    trials = []
    for lm_weight, word_bonus in _pairs(list(lm_weights), list(word_bonuses), n_random, seed):
        options = replace(decoder, lm_weight=lm_weight, word_bonus=word_bonus)
        found = (recognizer.decode(values, options).text.split() for values in log_probs)
        n_edits = sum(count_edits(some, said) for some, said in zip(found, words, strict=True))
        trials.append(Trial(lm_weight, word_bonus, n_edits, n_words))
        if on_trial is not None:
            on_trial(trials[-1])
    return sorted(trials, key=lambda trial: (trial.n_edits, trial.lm_weight, abs(trial.word_bonus)))


def _pairs(
    lm_weights: list[float], word_bonuses: list[float], n_random: int | None, seed: int
) -> list[tuple[float, float]]:
    if not lm_weights or not word_bonuses or not np.isfinite([*lm_weights, *word_bonuses]).all():
        raise OptionError("Tuning tries finite weights: one lm_weight and one word_bonus at least.")
    if n_random is None:
        return list(itertools.product(lm_weights, word_bonuses))
    if n_random < 1:
        raise OptionError(f"n_random must be a whole number from 1, not {n_random!r}.")
    random = np.random.default_rng(seed)
    # Three decimals: what a user types is what was tried.
    drawn = [
        random.uniform(min(values), max(values), n_random).round(3).tolist() for values in (lm_weights, word_bonuses)
    ]
    return list(zip(*drawn, strict=True))
