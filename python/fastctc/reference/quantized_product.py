"""Products in small integers and in blocks, as the graphs that `fastctc quantize` writes compute them.

int8: y[i, n] = f(s[i] w[n] sum_k (q[i, k] - zero) W[k, n] + b[n]) + r[i, n], weights int8 with one scale w[n] per
column, activations uint8 with one fixed scale or one scale s[i] per row: no row depends on another, so a batch
changes nothing. It is the core's operator IntegerLinear (cpp/src/acoustic/operators/operator_kernels.h).

Blocks (ONNX Runtime's MatMulNBits): one scale per `size` weights of a column, weights of 4 or 8 bits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastctc.reference.operators import PANEL_COLUMNS

__all__ = [
    "LOWEST_SILU",
    "BlockWeights",
    "ColumnWeights",
    "FixedSteps",
    "RowSteps",
    "block_weights",
    "column_weights",
    "fixed_steps",
    "integer_linear",
    "pack_integers",
    "product_int8",
    "quantize",
    "row_scales",
    "row_steps",
    "unpack_blocks",
    "unpack_integers",
]

Floats = NDArray[np.float32]

LOWEST_SILU = -0.2785
"""The minimum of x sigmoid(x), rounded down."""
SYMMETRIC_ZERO = 128
LARGEST = 127  # of a symmetric int8: -128 is not used
SMALLEST_ROW = 1e-9  # a row whose largest value is this counts as zeros
GROUP = 4
INPUT_BLOCK = 64
SILU_ZERO = 64  # finer than symmetric steps in rows that reach 0.6, coarser in others


class ColumnWeights(NamedTuple):
    """int8 [n_inputs, n_outputs] and float32 [n_outputs]: weight = values * scales."""

    values: NDArray[np.int8]
    scales: Floats


class BlockWeights(NamedTuple):
    """MatMulNBits' operands: uint8 [n_outputs, n_blocks, bytes of a block] and float32 [n_outputs, n_blocks]."""

    values: NDArray[np.uint8]
    scales: Floats


def column_weights(weight: Floats) -> ColumnWeights:
    """The largest weight of a column becomes 127; a column of zeros keeps the scale 1."""
    scales = np.abs(weight).max(axis=0) / np.float32(LARGEST)
    scales[scales == 0] = 1
    return ColumnWeights(np.rint(weight / scales).astype(np.int8), scales.astype(np.float32))


class RowSteps(NamedTuple):
    """How a row is cut into steps."""

    n_steps: np.float32
    """From 0 to the row's largest magnitude."""
    least: np.float32
    """A smaller magnitude counts as this."""
    zero: int


def row_steps(is_silu: bool) -> RowSteps:
    """Symmetric; of rows that are x sigmoid(x), which is never below LOWEST_SILU, most steps lie above 0."""
    if not is_silu:
        return RowSteps(np.float32(LARGEST), np.float32(SMALLEST_ROW), SYMMETRIC_ZERO)
    n_steps = np.float32(255 - SILU_ZERO)
    return RowSteps(n_steps, np.float32(-LOWEST_SILU / SILU_ZERO) * n_steps, SILU_ZERO)


def row_scales(x: Floats, steps: RowSteps) -> tuple[Floats, Floats]:
    """The width of a step in each row, [..., 1], and its inverse, which the row is multiplied by."""
    largest = np.maximum(np.abs(x).max(axis=-1, keepdims=True), steps.least)
    return largest * (np.float32(1) / steps.n_steps), steps.n_steps / largest


class FixedSteps(NamedTuple):
    """How all rows are cut into the same steps."""

    scale: np.float32
    """The width of a step."""
    zero: int


def fixed_steps(lowest: float, largest: float) -> FixedSteps:
    """Steps for values in a range; symmetric if the range nearly is."""
    if -lowest >= largest / 2:
        return FixedSteps(np.float32(max(-lowest, largest, SMALLEST_ROW) / LARGEST), SYMMETRIC_ZERO)
    scale = np.float32(max(largest - min(lowest, 0.0), SMALLEST_ROW) / 255)
    return FixedSteps(scale, round(-min(lowest, 0.0) / float(scale)))


def quantize(x: Floats, inverse: Floats | np.float32, zero: int) -> NDArray[np.uint8]:
    """Steps of a width whose inverse is given, halves to even; what lies outside is the first or last step."""
    return np.clip(np.rint(x * inverse) + zero, 0, 255).astype(np.uint8)


def product_int8(x: Floats, weights: ColumnWeights, steps: RowSteps | FixedSteps, bias: Floats) -> Floats:
    """Activations [..., n_inputs] times the weights, and bias [n_outputs], in the order of the formula."""
    scale, inverse = row_scales(x, steps) if isinstance(steps, RowSteps) else (steps.scale, np.float32(1) / steps.scale)
    sums = (quantize(x, inverse, steps.zero).astype(np.int32) - steps.zero) @ weights.values.astype(np.int32)
    return np.asarray(sums.astype(np.float32) * weights.scales * scale + bias, np.float32)


def integer_linear(
    x: Floats,
    weights: ColumnWeights,
    steps: RowSteps | FixedSteps,
    bias: Floats,
    activation: str = "none",
    residual: Floats | None = None,
) -> Floats:
    """f(x W + b) + residual, f as in `operators.linear`, from the sum with the bias on in float64."""
    total = product_int8(x, weights, steps, bias)
    if activation != "none":
        gate = 1 / (1 + np.exp(-total.astype(np.float64)))
        total = (total * gate if activation == "silu" else gate).astype(np.float32)
    return total if residual is None else total + residual


def pack_integers(values: NDArray[np.int8]) -> NDArray[np.int8]:
    """The core's order of weights [n_inputs, n_outputs]: [panels, groups of 4 inputs, 32 columns, 4].

    Zeros fill up the inputs, to a multiple of 64, and the outputs.
    """
    n_inputs, n_outputs = values.shape
    n_blocks, n_panels = -(-n_inputs // INPUT_BLOCK), -(-n_outputs // PANEL_COLUMNS)
    padded = np.zeros((n_blocks * INPUT_BLOCK, n_panels * PANEL_COLUMNS), np.int8)
    padded[:n_inputs, :n_outputs] = values
    groups = padded.reshape(-1, GROUP, n_panels, PANEL_COLUMNS)
    return np.ascontiguousarray(groups.transpose(2, 0, 3, 1))


def unpack_integers(panels: NDArray[np.int8], n_inputs: int, n_outputs: int) -> NDArray[np.int8]:
    """The weights [n_inputs, n_outputs] of `pack_integers`."""
    padded = panels.transpose(1, 3, 0, 2).reshape(-1, len(panels) * PANEL_COLUMNS)
    return np.ascontiguousarray(padded[:n_inputs, :n_outputs])


def block_weights(weight: Floats, bits: int, size: int) -> BlockWeights:
    """Blocks of `size` weights of a column [n_inputs, n_outputs], the last one filled up with zeros.

    The weight of largest magnitude becomes the lowest step, which has no counterpart above.
    """
    n_inputs, n_outputs = weight.shape
    n_blocks = -(-n_inputs // size)
    blocks = np.zeros((n_outputs, n_blocks * size), np.float32)
    blocks[:, :n_inputs] = weight.T
    blocks = blocks.reshape(n_outputs, n_blocks, size)
    half = 1 << (bits - 1)
    extreme = np.take_along_axis(blocks, np.abs(blocks).argmax(axis=-1)[..., None], axis=-1)
    scales = (extreme / np.float32(-half)).astype(np.float32)
    scales[scales == 0] = 1
    steps = np.clip(np.rint(blocks / scales) + half, 0, 2 * half - 1).astype(np.uint8)
    if bits == 4:
        steps = steps[..., ::2] | steps[..., 1::2] << 4
    return BlockWeights(steps, scales[..., 0])


def unpack_blocks(weights: BlockWeights, bits: int, n_inputs: int) -> Floats:
    """The weights [n_inputs, n_outputs] that blocks stand for."""
    steps = weights.values
    if bits == 4:
        steps = np.stack([steps & 15, steps >> 4], axis=-1).reshape(*steps.shape[:2], -1)
    values = (steps.astype(np.float32) - (1 << (bits - 1))) * weights.scales[..., None]
    return np.ascontiguousarray(values.reshape(len(values), -1)[:, :n_inputs].T)
