"""Proves that an exported graph, and the front end of its manifest, give what NeMo gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastctc.errors import Error, ModelError
from fastctc.export.nemo_graphs import GraphPlan
from fastctc.export.nemo_model import NemoModel
from fastctc.export.rewrite import difference
from fastctc.reference.acoustic_model import AcousticModel
from fastctc.reference.fbank import compute_features
from fastctc.reference.streaming_model import AcousticStream, StreamingModel
from fastctc.types import FrontendOptions

__all__ = ["LARGEST_LOG_PROB_DIFFERENCE", "Baseline", "graph_difference", "match_frontend"]

Floats = NDArray[np.float32]

LARGEST_LOG_PROB_DIFFERENCE = 1e-4
"""Bound between ONNX Runtime and PyTorch (measured: 3e-5), which sum in other orders."""
LARGEST_FEATURE_DIFFERENCE = 3e-4
"""Between the NumPy front end in float64 and NeMo's in float32, on speech (docs/numerics.md: 1.6e-4)."""
LARGEST_NORMALIZED_DIFFERENCE = 3e-3
"""The bound after a division by a deviation."""
LENGTHS_FRAMES = (1, 2, 7, 8, 9, 10, 57, 113, 200)
"""Lengths beside whole recordings: the first windows' edges, and recordings shorter than a convolution's input."""
LONGEST_FRAMES = 6000  # a minute: PyTorch's attention over more takes long


class Baseline:
    """What PyTorch gives, computed before any export, because an export changes NeMo's modules."""

    def __init__(self, nemo: NemoModel, recordings: Sequence[Floats], contexts: set[Any]) -> None:
        whole = [nemo.features(samples)[:, :LONGEST_FRAMES] for samples in recordings]
        longest = max(whole, key=lambda features: features.shape[1])
        cut = [longest[:, :length] for length in LENGTHS_FRAMES if length < longest.shape[1]]
        self.features = [*whole, *cut]
        self.log_probs = {
            context: [nemo.log_probs(features, context) for features in self.features] for context in contexts
        }


def match_frontend(nemo: NemoModel, recordings: Sequence[Floats]) -> tuple[str, float]:
    """The preset with the padding of the installed NeMo, and the largest difference of its features.

    Raises:
        ModelError: With neither the features come out as NeMo's.
    """
    normalized = nemo.frontend["normalize"] in ("per_feature", "all_features")
    allowed = LARGEST_NORMALIZED_DIFFERENCE if normalized else LARGEST_FEATURE_DIFFERENCE
    found = {}
    for preset in ("nemo", "nemo_legacy"):
        options = frontend_options(preset, nemo.frontend)
        found[preset] = max(_feature_difference(nemo.features(samples), samples, options) for samples in recordings)
        if found[preset] <= allowed:
            return preset, found[preset]
    raise ModelError(
        "The model can't be exported: the features computed from its configuration aren't NeMo's "
        f"(largest difference {min(found.values()):.2g}, {allowed:g} allowed)."
    )


def frontend_options(preset: Any, fields: Mapping[str, Any]) -> FrontendOptions:
    """Of a manifest's `frontend`."""
    lists = {key: tuple(value) for key, value in fields.items() if isinstance(value, list)}
    return FrontendOptions.preset(preset, **{**fields, **lists})


def _feature_difference(expected: Floats, samples: Floats, options: FrontendOptions) -> float:
    features, n_frames = compute_features(samples, options)
    return difference(features[:, :n_frames], expected)


def graph_difference(plan: GraphPlan, path: Path, baseline: Baseline) -> float:
    """The largest difference of log-probs to PyTorch's in one run, over all of the baseline.

    Raises:
        ModelError: It is larger than 1e-4, or the graph fails.
    """
    expected = baseline.log_probs[plan.context]
    try:
        found = _run(path, baseline.features, in_steps=plan.chunks > 0)
    except Error as error:
        raise ModelError(f"The exported {plan.part} graph doesn't run: {error}") from error
    differences = [difference(one, other) for one, other in zip(found, expected, strict=True)]
    if max(differences) > LARGEST_LOG_PROB_DIFFERENCE:
        worst = int(np.argmax(differences))
        raise ModelError(
            f"The exported {plan.part} graph isn't equal to NeMo: log-probs differ by {max(differences):.2g} over "
            f"{baseline.features[worst].shape[1]} frames, and {LARGEST_LOG_PROB_DIFFERENCE:g} is allowed."
        )
    return max(differences)


def _run(path: Path, features: Sequence[Floats], *, in_steps: bool) -> list[Floats]:
    model = StreamingModel(path) if in_steps else AcousticModel(path)
    model.configure()
    if isinstance(model, AcousticModel):
        return [model.run([each])[0] for each in features]
    return [AcousticStream(model).run(each) for each in features]
