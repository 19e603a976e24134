"""NeMo's own stages of recognition, to compare an export with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastctc.export.nemo_files import BLANK
from fastctc.export.nemo_model import NemoModel
from fastctc.export.nemo_proof import frontend_options
from fastctc.reference.fbank import compute_features
from fastctc.types import FrontendOptions

__all__ = ["NemoRun", "nemo_frontend", "run_nemo"]

Floats = NDArray[np.float32]


class NemoRun(NamedTuple):
    """What NeMo gives for one recording."""

    features: Floats
    readings: dict[int, tuple[Floats, tuple[int, ...], str]]
    """Log-probs, tokens found greedily, and text by look-ahead in ms, the model's default first; -1: the whole
    recording."""
    pieces: list[str]
    """Tokens, the blank last."""


def run_nemo(nemo: NemoModel, samples: Floats) -> NemoRun:
    """NeMo's preprocessor, encoder and CTC decoder, and its tokenizer's text."""
    features = nemo.features(samples)
    contexts: Sequence[tuple[int, int] | None] = nemo.contexts or [None]
    readings = {}
    for context in contexts:
        look_ahead_ms = -1 if context is None or context[1] < 0 else nemo.look_ahead_ms(context)
        log_probs = nemo.log_probs(features, context)
        tokens = _greedy(log_probs)
        readings[look_ahead_ms] = (log_probs, tokens, _text(nemo, list(tokens)))
    return NemoRun(features, readings, [*nemo.vocabulary, BLANK])


def nemo_frontend(nemo: NemoModel, samples: Floats) -> FrontendOptions:
    """The options whose features are NeMo's, with the padding of the installed NeMo."""
    features = nemo.features(samples)

    def difference(options: FrontendOptions) -> float:
        found, n_frames = compute_features(samples, options)
        n_common = min(n_frames, features.shape[1])
        distance = float(np.abs(found[:, :n_common] - features[:, :n_common]).mean()) if n_common else 0.0
        return distance + abs(n_frames - features.shape[1])

    return min((frontend_options(preset, nemo.frontend) for preset in ("nemo", "nemo_legacy")), key=difference)


def _greedy(log_probs: Floats) -> tuple[int, ...]:
    """The best token of each frame, repeats merged, without the blank, which is the last."""
    blank = log_probs.shape[1] - 1
    best = log_probs.argmax(axis=1).tolist()
    return tuple(one for one, before in zip(best, [blank, *best], strict=False) if one not in (blank, before))


def _text(nemo: NemoModel, tokens: list[int]) -> str:
    if not hasattr(nemo.model, "tokenizer"):
        return "".join(nemo.vocabulary[token] for token in tokens).strip()
    return str(nemo.model.tokenizer.ids_to_text(tokens)).strip()
