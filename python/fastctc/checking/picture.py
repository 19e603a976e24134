"""A picture of the first stage in which two programs differ."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from fastctc.checking.check import Report
from fastctc.checking.stages import Stages
from fastctc.errors import OutputError

__all__ = ["draw_difference"]

DRAWN = ("samples", "features", "log_probs")
LEAST_LOG_PROB = -15.0  # lower values have one colour


def draw_difference(report: Report, path: str | os.PathLike[str]) -> str:
    """Writes a PNG of the values found, the right values, and the difference. Returns the stage; "": nothing to draw.

    Raises:
        OutputError: The file can't be written.
        ImportError: matplotlib isn't installed.
    """
    chosen = report.first_difference
    if chosen is None or chosen.stage not in DRAWN:
        return ""
    found, expected = next(
        (one, other)
        for one, other in zip(report.found, report.expected, strict=True)
        if (one.name, other.name) == (chosen.name, chosen.expected_name)
    )
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("A picture takes matplotlib: pip install 'fastctc[check]'.") from error
    figure = Figure(figsize=(11, 8), layout="constrained")
    panels = figure.subplots(3, 1, sharex=True)
    draw = _draw_curves if chosen.stage == "samples" else _draw_images
    draw(figure, panels, *(_values(stages, chosen.stage) for stages in (found, expected)))
    titles = (chosen.name, f"{chosen.expected_name}: as it should be", "difference")
    for panel, title in zip(panels, titles, strict=True):
        panel.set_title(f"{chosen.stage}, {title}", loc="left")
    panels[-1].set_xlabel("sample" if chosen.stage == "samples" else "frame")
    try:
        figure.savefig(path, dpi=110)
    except OSError as error:
        raise OutputError(f"The picture {os.fspath(path)} can't be written: {error.strerror or error}.") from error
    return chosen.stage


def _values(stages: Stages, stage: str) -> Any:
    values = np.asarray(getattr(stages, stage), np.float64)
    return np.maximum(values, LEAST_LOG_PROB).T if stage == "log_probs" else values


def _draw_curves(_figure: Any, panels: Any, found: Any, expected: Any) -> None:
    n = min(len(found), len(expected))
    for panel, values in zip(panels, (found, expected, found[:n] - expected[:n]), strict=True):
        panel.plot(values, linewidth=0.5)


def _draw_images(figure: Any, panels: Any, found: Any, expected: Any) -> None:
    rows, columns = (min(sizes) for sizes in zip(found.shape, expected.shape, strict=True))
    difference = found[:rows, :columns] - expected[:rows, :columns]
    reach = max(float(np.abs(difference).max(initial=0.0)), 1e-9)
    shared = {"aspect": "auto", "origin": "lower", "interpolation": "nearest"}
    low, high = float(min(found.min(), expected.min())), float(max(found.max(), expected.max()))
    for panel, values in zip(panels[:2], (found, expected), strict=True):
        figure.colorbar(panel.imshow(values, vmin=low, vmax=high, cmap="magma", **shared), ax=panel)
    figure.colorbar(panels[2].imshow(difference, vmin=-reach, vmax=reach, cmap="RdBu", **shared), ax=panels[2])
