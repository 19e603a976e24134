"""The twin of the core's operators for products with a layer's weights (cpp/src/acoustic/linear)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["PANEL_COLUMNS", "linear", "pack_panels", "unpack_panels"]

PANEL_COLUMNS = 32


def pack_panels(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """Panels of 32 columns, [panels, n_inputs, 32], of [n_inputs, n_outputs]; columns that are missing are zeros."""
    n_inputs, n_outputs = matrix.shape
    n_panels = -(-n_outputs // PANEL_COLUMNS)
    padded = np.zeros((n_inputs, n_panels * PANEL_COLUMNS), np.float32)
    padded[:, :n_outputs] = matrix
    return np.ascontiguousarray(padded.reshape(n_inputs, n_panels, PANEL_COLUMNS).transpose(1, 0, 2))


def unpack_panels(panels: NDArray[np.float32], n_outputs: int) -> NDArray[np.float32]:
    """The matrix [n_inputs, n_outputs] of `pack_panels`."""
    n_inputs = panels.shape[1]
    return np.ascontiguousarray(panels.transpose(1, 0, 2).reshape(n_inputs, -1)[:, :n_outputs])


def linear(
    x: NDArray[np.float32],
    panels: NDArray[np.float32],
    bias: NDArray[np.float32],
    activation: str = "none",
    residual: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """f(x W + b) + residual, in float64.

    Args:
        x: [..., n_inputs].
        panels: W, as `pack_panels` gives it.
        bias: [n_outputs].
        activation: none, silu (v / (1 + exp(-v))) or sigmoid (1 / (1 + exp(-v))).
        residual: [..., n_outputs].

    Returns:
        [..., n_outputs].
    """
    total = x.astype(np.float64) @ unpack_panels(panels, len(bias)) + bias
    if activation != "none":
        gate = 1 / (1 + np.exp(-total))
        total = total * gate if activation == "silu" else gate
    return (total if residual is None else total + residual).astype(np.float32)
