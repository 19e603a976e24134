"""Runs one recording through every program, and finds the differences and their causes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastctc.checking.feature_mistakes import Mistake, explain_features
from fastctc.checking.log_prob_mistakes import explain_by_features, explain_log_probs, find_blank_mistake
from fastctc.checking.stages import STAGES, Comparison, Stages, compare_stages, run_stages
from fastctc.errors import Error, OptionError
from fastctc.types import FrontendOptions

__all__ = ["Original", "Report", "check_recording"]

Floats = NDArray[np.float32]


class Original(NamedTuple):
    """Stages of the model that the directory was exported from, over one recording."""

    stages: Mapping[int, Stages]
    """By look-ahead in ms, -1: the whole recording."""
    frontend: FrontendOptions
    pieces: list[str]
    """Tokens, the blank last."""


@dataclass(frozen=True)
class Report:
    """The result of `check`."""

    comparisons: tuple[Comparison, ...]
    mistakes: tuple[tuple[str, Mistake], ...]
    """The program that makes each mistake, and the mistake."""
    found: tuple[Stages, ...]
    expected: tuple[Stages, ...]
    """The program that each is compared with."""

    @property
    def passed(self) -> bool:
        """Whether everything is the same, and no mistake was recognised."""
        return all(comparison.is_same for comparison in self.comparisons) and not self.mistakes

    @property
    def first_difference(self) -> Comparison | None:
        """Of the earliest stage."""
        different = [comparison for comparison in self.comparisons if not comparison.is_same]
        return min(different, key=lambda comparison: STAGES.index(comparison.stage), default=None)


def check_recording(
    core: Any,
    reference: Any,
    samples: Floats,
    *,
    original: Original | None = None,
    features: Floats | None = None,
    log_probs: Floats | None = None,
    outside_name: str = "yours",
) -> Report:
    """Compares the stages of all programs with those of the original, or of the reference if there is no original.

    The stages are those of the offline graph, if there is one. Every other graph is run step by step, and the core's
    log-probs are compared with those of the reference, and with the original's of the same look-ahead.

    Args:
        core: `fastctc.Recognizer` of the directory.
        reference: `fastctc.reference.Recognizer` of the directory.
        samples: [n], at the model's rate.
        original: What the model gave before it was exported.
        features: Of another program, [n_features, n_frames] or the other way round.
        log_probs: Of another program, [n_frames, n_tokens].
        outside_name: What that program is called.

    Raises:
        ModelError: A graph can't be used.
        OptionError: The values of the other program aren't matrices of finite numbers.
    """
    own = [run_stages("reference", reference, samples), run_stages("core", core, samples)]
    own[1] = replace(own[1], samples=np.asarray(samples))
    outside = _outside(outside_name, features, log_probs, reference)
    if original is None:
        expected, found, frontend = own[0], own[1:], reference.frontend
    else:
        expected = _of_nearest_look_ahead(original, own[0].log_probs)
        found, frontend = own, original.frontend
    found = found + ([outside] if outside is not None else [])
    comparisons = [entry for stages in found for entry in compare_stages(stages, expected)]
    pairs = [(stages, expected) for stages in found] + _other_graphs(core, reference, own[0], original)
    comparisons += [entry for pair in pairs[len(found) :] for entry in compare_stages(*pair)]
    mistakes: list[tuple[str, Mistake]] = []
    for stages in found:
        of_stages = [entry for entry in comparisons if entry.name == stages.name]
        mistakes += [(stages.name, entry) for entry in _explain(stages, of_stages, expected, frontend, reference)]
    blank = find_blank_mistake([own[0].log_probs], core.blank_id) if own[0].log_probs is not None else None
    if blank is not None:
        mistakes.append(("the directory", blank))
    if original is not None:
        mistakes += [("the directory", entry) for entry in _vocabulary_mistakes(core, original)]
    found_stages, expected_stages = zip(*pairs, strict=True)
    return Report(tuple(comparisons), tuple(dict.fromkeys(mistakes)), found_stages, expected_stages)


def _other_graphs(core: Any, reference: Any, own: Stages, original: Original | None) -> list[tuple[Stages, Stages]]:
    """Log-probs of every graph except the first, from the reference's features, beside the right ones."""
    pairs = []
    for graph in reference.graphs[1:]:
        found, twin = (
            Stages(f"{name}, {graph}", log_probs=recognizer.log_probs(own.features, graph=graph))
            for name, recognizer in (("core", core), ("reference", reference))
        )
        pairs.append((found, twin))
        if original is not None and (right := _of_graph(original, graph, found)) is not None:
            pairs.append((found, Stages(right.name, log_probs=right.log_probs)))
    return pairs


def _of_graph(original: Original, graph: str, found: Stages) -> Stages | None:
    """The original's log-probs with the graph's look-ahead; None: it lacks this look-ahead."""
    if graph == "long_form":  # nothing tells its look-ahead
        return _of_nearest_look_ahead(original, found.log_probs)
    return original.stages.get(int(graph.removeprefix("streaming_").removesuffix("ms")))


def _outside(name: str, features: Floats | None, log_probs: Floats | None, reference: Any) -> Stages | None:
    if features is None and log_probs is None:
        return None
    for what, values in (("features", features), ("log-probs", log_probs)):
        if values is not None and (values.ndim != 2 or values.size == 0 or not np.isfinite(_but_zeros(values)).all()):
            raise OptionError(f"The {what} of {name} must be a matrix of finite numbers, not {values.shape}.")
    n_mels = reference.frontend.n_mels
    if features is not None and features.shape[0] != n_mels and features.shape[1] == n_mels:
        features = features.T
    tokens = text = None
    if log_probs is not None and log_probs.shape[1] == len(reference.vocabulary):
        transcript = reference.decode(log_probs)
        tokens, text = tuple(token.id for token in transcript.tokens), transcript.text
    return Stages(name, None, features, log_probs, tokens, text)


def _but_zeros(values: Floats) -> Floats:
    """Minus infinity is the logarithm of 0."""
    return np.where(values == -np.inf, np.float32(0), values)


def _of_nearest_look_ahead(original: Original, found: Floats | None) -> Stages:
    """The original's stages with the look-ahead that is fixed in a graph: the log-probs tell which."""

    def difference(stages: Stages) -> float:
        log_probs = stages.log_probs
        if log_probs is None or found is None or log_probs.shape != found.shape:
            return float("inf")
        return float(np.abs(log_probs - found).mean())

    return min(original.stages.values(), key=difference)


def _explain(
    found: Stages, comparisons: Sequence[Comparison], expected: Stages, frontend: FrontendOptions, reference: Any
) -> list[Mistake]:
    """Mistakes of the first stage that differs: differences of later stages follow from it."""
    different = {comparison.stage for comparison in comparisons if not comparison.is_same}
    if "features" in different and found.features is not None and expected.samples is not None:
        explained = explain_features(expected.samples, found.features, frontend)
        rest = [] if explained.is_explained else [_unexplained(explained.mean_before, explained.mean_after)]
        return [*explained.mistakes, *rest]
    if "log_probs" in different and found.log_probs is not None and expected.log_probs is not None:
        mistakes, is_explained = explain_log_probs(found.log_probs, expected.log_probs)
        if not is_explained and found.features is None and expected.samples is not None:
            of_features = explain_by_features(expected.samples, found.log_probs, frontend, _runner(reference))
            return of_features or mistakes
        return mistakes
    return []


def _runner(reference: Any) -> Any:
    def run(features: Floats) -> Floats:
        try:
            return np.asarray(reference.log_probs(features, graph=reference.graphs[0]))
        except Error:  # too short, or too large for the graph
            return np.zeros((0, len(reference.vocabulary)), np.float32)

    return run


def _unexplained(before: float, after: float) -> Mistake:
    rest = f" but for a mean of {after:.2g}" if after < before else ""
    return Mistake(
        "unknown", f"a difference of {before:.2g} on average is not explained{rest} by any mistake known here."
    )


def _vocabulary_mistakes(core: Any, original: Original) -> list[Mistake]:
    pieces, right = list(core.pieces), original.pieces
    if len(pieces) != len(right):
        text = f"there are {len(pieces)} tokens; the model has {len(right)}, its blank included."
        return [Mistake("wrong_number_of_tokens", text)]
    blank = len(right) - 1
    mistakes = []
    if core.blank_id != blank:
        text = f"the blank is said to be token {core.blank_id}; in this model it is the last, {blank}."
        mistakes.append(Mistake("blank_at_the_wrong_end", text))
    for index, (piece, expected) in enumerate(zip(pieces[:-1], right[:-1], strict=True)):
        if piece != expected:
            text = f"token {index} is {piece!r} in the directory's list and {expected!r} in the model: the list is off."
            mistakes.append(Mistake("tokens_off", text))
            break
    return mistakes
