"""The twin of the core's own operators (cpp/src/acoustic/operators)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "LOWEST_SCORE",
    "PANEL_COLUMNS",
    "linear",
    "normalize",
    "pack_encodings",
    "pack_panels",
    "relative_attention",
    "softmax",
    "unpack_panels",
]

PANEL_COLUMNS = 32
LOWEST_SCORE = -50.0
"""Lowest score, relative to the highest of its row. Its exponential is 2e-22, nothing beside 1. Scores of -10000 would
give denormal numbers, with which softmax and the product after it take six times as long on x86."""


def pack_panels(matrix: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Panels of 32 columns, [panels, n_inputs, 32], from [n_inputs, n_outputs]; missing columns are zeros."""
    n_inputs, n_outputs = matrix.shape
    n_panels = -(-n_outputs // PANEL_COLUMNS)
    padded = np.zeros((n_inputs, n_panels * PANEL_COLUMNS), np.float32)
    padded[:, :n_outputs] = matrix
    return np.ascontiguousarray(padded.reshape(n_inputs, n_panels, PANEL_COLUMNS).transpose(1, 0, 2))


def unpack_panels(panels: NDArray[np.float32], n_outputs: int) -> NDArray[np.float32]:
    """The matrix [n_inputs, n_outputs] of `pack_panels`."""
    n_inputs = panels.shape[1]
    return np.ascontiguousarray(panels.transpose(1, 0, 2).reshape(n_inputs, -1)[:, :n_outputs])


def pack_encodings(encodings: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Panels of 32 distances, [heads, panels, width, 32], of [distances, heads, width]; missing ones are zeros."""
    return np.stack([pack_panels(encodings[:, head].T) for head in range(encodings.shape[1])])


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


def normalize(
    x: NDArray[np.float32], weight: NDArray[np.float32], bias: NDArray[np.float32], epsilon: float
) -> NDArray[np.float32]:
    """Layer normalisation over the last axis, (x - mean) / sqrt(variance + epsilon) weight + bias, in float64."""
    values = x.astype(np.float64)
    centred = values - values.mean(-1, keepdims=True)
    scale = 1 / np.sqrt((centred**2).mean(-1, keepdims=True) + epsilon)
    return (centred * scale * weight + bias).astype(np.float32)


def softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Softmax over the last axis; some of the scores are hidden."""
    powers = np.exp(np.maximum(scores - scores.max(-1, keepdims=True), LOWEST_SCORE))
    total: NDArray[np.float64] = powers / powers.sum(-1, keepdims=True)
    return total


def relative_attention(
    by_content: NDArray[np.float32],
    by_position: NDArray[np.float32],
    keys: NDArray[np.float32],
    values: NDArray[np.float32],
    encodings: NDArray[np.float32],
    hidden: NDArray[np.float32],
    first: int,
) -> NDArray[np.float32]:
    """Attention with relative positions (Dai et al. 2019, arXiv:1901.02860), in float64, query by query.

        s[i, j] = by_content[i] keys[j] + by_position[i] encodings[first + j - i] + hidden[i, j]
        y[i] = softmax(s[i]) values

    Args:
        by_content: [queries, items, heads, width], queries scaled and with the bias by content.
        by_position: The same with the bias by position.
        keys: [keys, items, heads, width].
        values: The same.
        encodings: [distances, heads, width]; a distance that is outside adds 0.
        hidden: [items, 1, queries or 1, keys], added to the scores.
        first: The distance of query 0 to key 0, as a place in `encodings`.

    Returns:
        [queries, items, heads, width].
    """
    n_queries, n_items, n_heads, _ = by_content.shape
    result = np.empty(by_content.shape)
    masks = np.broadcast_to(hidden[:, 0], (n_items, n_queries, len(keys)))
    for i, item, head in np.ndindex(n_queries, n_items, n_heads):
        scores = keys[:, item, head].astype(np.float64) @ by_content[i, item, head] + masks[item, i]
        for j in range(len(keys)):
            if 0 <= (place := first + j - i) < len(encodings):
                scores[j] += encodings[place, head].astype(np.float64) @ by_position[i, item, head]
        result[i, item, head] = softmax(scores) @ values[:, item, head]
    return result.astype(np.float32)
