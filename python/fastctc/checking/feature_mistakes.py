"""Finds the mistakes that explain other features, by making them.

Each mistake changes the recipe of the right features. The search begins with the right recipe. It makes the change that
brings the result nearest to the features found, and repeats until they are equal or no change helps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastctc.reference.fbank import compute_features
from fastctc.types import FrontendOptions

__all__ = ["FeatureMistakes", "Mistake", "Recipe", "explain_features", "feature_changes"]

Floats = NDArray[np.float32]

LEAST_GAIN = 0.15
"""Share of the remaining mean difference. A change that explains less is chance."""
MOST_CHANGES = 8
EXPLAINED_SHARE = 0.9
"""Share of the frames. Frames at the ends may differ if paddings differ."""
EXPLAINED_DIFFERENCE = 2e-3
"""Difference in such a frame. NeMo's float32 STFT and others differ in speech by at most a tenth of it."""
DECIBEL = 10 / np.log(10.0)


class Mistake(NamedTuple):
    """Something recognised by its signature."""

    name: str
    text: str


@dataclass(frozen=True)
class Recipe:
    """How features are made."""

    options: FrontendOptions
    late_samples: int = 0
    """Frames are this much later in the signal; negative: earlier."""
    log_scale: float = 1.0
    """Times the natural logarithm."""

    def compute(self, samples: Floats) -> Floats:
        """Features [n_features, n_frames], valid frames only."""
        if self.late_samples > 0:
            samples = samples[self.late_samples :]
        elif self.late_samples < 0:
            samples = np.concatenate([np.zeros(-self.late_samples, np.float32), samples])
        options = self.options
        scaled = self.log_scale != 1.0 and options.normalize == "none"
        features, n_frames = compute_features(samples, options)
        features = features[:, :n_frames]
        return features * np.float32(self.log_scale) if scaled else features


class FeatureMistakes(NamedTuple):
    """The mistakes that explain a difference."""

    mistakes: tuple[Mistake, ...]
    is_explained: bool
    """Whether they explain all of it, except in frames at the ends."""
    mean_before: float
    mean_after: float


def explain_features(samples: Floats, found: Floats, options: FrontendOptions) -> FeatureMistakes:
    """The mistakes that turn the right features into the features found.

    Args:
        samples: [n], at the model's rate.
        found: [n_features, n_frames].
        options: The right front end.
    """
    right = Recipe(options)
    if found.shape[0] != options.n_mels:
        text = f"there are {found.shape[0]} features per frame, and the model takes {options.n_mels}."
        return FeatureMistakes((Mistake("wrong_number_of_features", text),), True, np.inf, np.inf)
    recipe, mistakes = right, list[Mistake]()
    before = difference = _mean_difference(recipe.compute(samples), found)
    while not _matches(recipe, samples, found) and len(mistakes) < MOST_CHANGES:
        tried = [
            (_mean_difference(changed.compute(samples), found), mistake, changed)
            for mistake, changed in feature_changes(recipe, right)
            if mistake.name not in {made.name for made in mistakes}
        ]
        best, mistake, changed = min(tried, key=lambda entry: entry[0])
        if best > difference * (1 - LEAST_GAIN):
            break
        recipe, difference = changed, best
        mistakes.append(mistake)
    is_explained = _matches(recipe, samples, found)
    counted = _count_mistakes(found.shape[1], recipe.compute(samples).shape[1])
    return FeatureMistakes((*mistakes, *counted), is_explained, before, difference)


def _count_mistakes(found: int, expected: int) -> Iterator[Mistake]:
    missing = expected - found
    if missing > 0:
        text = f"{missing} of {expected} frames are missing at the end."
        yield Mistake("frames_dropped_at_the_end", text)
    elif missing < 0:
        text = (
            f"there are {found} frames, and n // hop = {expected} are right (NeMo 2.4.1 and older: one more). A padded "
            "frame counted as a valid one changes the last outputs."
        )
        yield Mistake("frames_too_many", text)


def feature_changes(recipe: Recipe, right: Recipe) -> Iterator[tuple[Mistake, Recipe]]:
    """Every single mistake, and the recipe that makes it."""
    options = recipe.options
    for kind in ("none", "per_feature", "all_features"):
        if kind != options.normalize and options.normalize == right.options.normalize != "fixed":
            yield _normalized(kind, right.options.normalize), _with(recipe, normalize=kind)
    half = options.hop_length_samples // 2
    half_ms = 1000 * half / options.sample_rate_hz
    for name, late, word in (("half_hop_late", half, "late"), ("half_hop_early", -half, "early")):
        text = f"frames stand {half_ms:g} ms too {word} (half a hop): their centres are at multiples of the hop."
        yield Mistake(name, text), replace(recipe, late_samples=recipe.late_samples + late)
    for name, text, changes in OPTION_MISTAKES:
        changed = {key: value(options) if callable(value) else value for key, value in changes.items()}
        if any(getattr(options, key) != value for key, value in changed.items()):
            yield Mistake(name, text), _with(recipe, **changed)
    if not options.remove_dc_offset:
        yield from _kaldi_frontends(recipe)
    for name, text, scale in (
        ("log10", "the logarithm is the decimal one; it must be the natural one.", 1 / np.log(10.0)),
        ("decibels", "values are in decibels (10 log10); they must be natural logarithms.", DECIBEL),
    ):
        if options.normalize == "none":
            yield Mistake(name, text), replace(recipe, log_scale=float(scale))


def _kaldi_frontends(recipe: Recipe) -> Iterator[tuple[Mistake, Recipe]]:
    """All of Kaldi's fbank at once: a search one by one would not find its differences."""
    text = (
        "features are Kaldi's fbank (povey window, HTK mel, pre-emphasis in each frame, frames where Kaldi puts them); "
        "they must be NeMo's."
    )
    kept = ("sample_rate_hz", "n_mels", "win_length_samples", "hop_length_samples", "normalize", "input_scale")
    same = {key: getattr(recipe.options, key) for key in kept}
    for framing in ("snip_edges", "kaldi_round"):
        options = FrontendOptions.preset("kaldi", framing=framing, **same)
        yield Mistake("kaldi_frontend", text), replace(recipe, options=options)


def _normalized(kind: str, right: str) -> Mistake:
    words = {"none": "not normalised", "per_feature": "normalised per feature", "all_features": "normalised as a whole"}
    name = "not_normalized" if kind == "none" else "normalized" if right == "none" else "normalized_otherwise"
    text = f"features are {words[kind]}; this model was trained with features {words.get(right, right)}."
    return Mistake(name, text)


GUARD_TEXT = "the logarithm is guarded by 1e-10, added or as the least; it must be of x + 2^-24."
OPTION_MISTAKES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("periodic_window", "the window is periodic; it must be symmetric.", {"window_periodic": True}),
    ("no_preemphasis", "there is no pre-emphasis; it must be y[n] = x[n] - 0.97 x[n-1].", {"preemphasis": 0.0}),
    (
        "preemphasis_per_frame",
        "pre-emphasis is done in each frame, as Kaldi does; it must run over the whole signal.",
        {"preemphasis_scope": "frame"},
    ),
    (
        "kaldi_mel",
        "the mel bank is Kaldi's (HTK scale, triangles over mel, not normalised); it must be Slaney's.",
        {"mel_scale": "htk", "mel_norm": "none", "mel_shape": "linear_mel"},
    ),
    ("htk_mel", "the mel scale is HTK's; it must be Slaney's.", {"mel_scale": "htk"}),
    ("mel_not_normalized", "the mel triangles have height 1; Slaney's have area 1.", {"mel_norm": "none"}),
    ("low_cut", "the mel bank starts at 20 Hz, Kaldi's default; it must start at 0.", {"low_hz": 20.0}),
    ("high_cut", "the mel bank ends at 7600 Hz; it must end at the Nyquist frequency.", {"high_hz": -400.0}),
    ("povey_window", "the window is Kaldi's (povey); it must be Hann's.", {"window": "povey"}),
    ("hamming_window", "the window is Hamming's; it must be Hann's.", {"window": "hamming"}),
    (
        "long_window",
        "the window is as long as the FFT; it must be 25 ms, in the middle of it.",
        {"win_length_samples": lambda options: options.n_fft},
    ),
    ("offset_removed", "each frame's mean is removed, as Kaldi does; it must stay.", {"remove_dc_offset": True}),
    ("magnitude", "the spectrum is |X|; it must be the power |X|^2.", {"mag_power": 1.0}),
    ("guard_small", GUARD_TEXT, {"log_guard": "clamp", "log_guard_value": 1e-10}),
    ("guard_small", GUARD_TEXT, {"log_guard": "add", "log_guard_value": 1e-10}),
    ("guard_large", "1e-5 is added before the logarithm; it must be 2^-24.", {"log_guard_value": 1e-5}),
    ("no_log", "there is no logarithm.", {"use_log": False}),
    (
        "integer_samples",
        "samples are 16-bit integers; they must be floats in [-1, 1].",
        {"input_scale": 32768.0},
    ),
)


def _with(recipe: Recipe, **changes: Any) -> Recipe:
    return replace(recipe, options=replace(recipe.options, **changes))


def _mean_difference(features: Floats, found: Floats) -> float:
    n_frames = min(features.shape[1], found.shape[1])
    if n_frames == 0 or len(features) != len(found):
        return float("inf")
    return float(np.abs(features[:, :n_frames].astype(np.float64) - found[:, :n_frames]).mean())


def _matches(recipe: Recipe, samples: Floats, found: Floats) -> bool:
    features = recipe.compute(samples)
    n_frames = min(features.shape[1], found.shape[1])
    if n_frames == 0:
        return False
    worst = np.abs(features[:, :n_frames] - found[:, :n_frames]).max(axis=0)
    return bool(np.quantile(worst, EXPLAINED_SHARE) <= EXPLAINED_DIFFERENCE * max(recipe.log_scale, 1.0))
