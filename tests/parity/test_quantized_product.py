"""Quantised products as ONNX Runtime computes them, against the NumPy twin; the core's are in test_operators.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import tolerances
from fastctc.reference import quantized_product as twin

onnx = pytest.importorskip("onnx")
from fastctc.export.blocks import BLOCK_SIZES, products_in_blocks  # noqa: E402
from fastctc.export.builder import GraphBuilder  # noqa: E402
from fastctc.export.graph import MICROSOFT, Graph  # noqa: E402
from fastctc.export.int8 import Range, products_in_int8  # noqa: E402
from fastctc.export.operators import DOMAIN  # noqa: E402
from fastctc.export.products import find_products  # noqa: E402

Floats = NDArray[np.float32]
N_INPUTS, N_OUTPUTS = 160, 96


def random(*shape: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


WEIGHT, BIAS = random(N_INPUTS, N_OUTPUTS, seed=1) * np.float32(0.1), random(N_OUTPUTS, seed=2)
# Rows of other magnitudes, one of zeros.
X = random(7, N_INPUTS, seed=3) * np.array([1, 1e-3, 100, 0, 5, 0.2, 1], np.float32)[:, None]


def graph_of(before: str, has_bias: bool, rank: int) -> Graph:
    """One product over x, which an operator makes."""
    b = GraphBuilder()
    x = "x"
    if before == "LayerNormalization":
        x = b.add(before, x, b.floats(np.ones(N_INPUTS)), b.floats(np.zeros(N_INPUTS)), axis=-1)
    elif before == "QuickGelu":
        x = b.add(before, x, domain=MICROSOFT, alpha=1.0)
    elif before == "silu":
        x = b.add("Mul", x, b.add("Sigmoid", x))
    if rank == 2:
        y = b.add("Gemm", x, b.floats(WEIGHT), *([b.floats(BIAS)] if has_bias else []))
    else:
        y = b.add("MatMul", x, b.floats(WEIGHT))
        y = b.add("Add", b.floats(BIAS), y) if has_bias else y
    b.rename(y, "y")
    value, kind = onnx.helper.make_tensor_value_info, onnx.TensorProto.FLOAT
    shape: list[Any] = ["batch", "rows", N_INPUTS] if rank == 3 else ["rows", N_INPUTS]
    model = b.model("product", [value("x", kind, shape)], [value("y", kind, [*shape[:-1], N_OUTPUTS])], {})
    return Graph(model, Path())


def run(model: Any, x: Floats) -> Floats:
    import onnxruntime

    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    # On CPUs without VNNI, sums of two products saturate at 16 bits otherwise.
    options.add_session_config_entry("session.x64quantprecision", "1")
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    result: Floats = session.run(["y"], {"x": x})[0]
    return result


def activated(before: str, x: Floats) -> Floats:
    if before == "LayerNormalization":
        mean = x.mean(axis=-1, keepdims=True, dtype=np.float64)
        deviation = np.sqrt(x.var(axis=-1, keepdims=True, dtype=np.float64) + 1e-5)
        return ((x - mean) / deviation).astype(np.float32)
    return x if before == "" else (x / (1 + np.exp(-x.astype(np.float64)))).astype(np.float32)


@pytest.mark.parametrize("rank", [2, 3])
@pytest.mark.parametrize("has_bias", [True, False])
@pytest.mark.parametrize("before", ["", "LayerNormalization", "QuickGelu", "silu"])
def test_int8_products(before: str, has_bias: bool, rank: int) -> None:
    graph = graph_of(before, has_bias, rank)
    [product] = find_products(graph)
    assert (product.bias is not None) == has_bias
    x = X if rank == 2 else np.stack([X, X[::-1]])
    inputs = activated(before, x)
    found = Range(float(inputs.min()), float(inputs.max()))
    rewriter = products_in_int8(graph, [product], {product.key: found})
    model = rewriter.model()
    own = [node.op_type for node in model.graph.node if node.domain == DOMAIN]
    assert own == ["FixedIntegerLinear" if before == "LayerNormalization" else "IntegerLinear"]
    assert all(node.op_type not in ("MatMul", "Gemm") for node in model.graph.node)
    weights = twin.column_weights(WEIGHT)
    bias = BIAS if has_bias else np.zeros_like(BIAS)
    is_silu = before in ("QuickGelu", "silu")
    steps = twin.fixed_steps(*found) if before == "LayerNormalization" else twin.row_steps(is_silu)
    expected = twin.product_int8(inputs, weights, steps, bias)
    result = run(model, x)
    assert result.dtype == np.float32
    if before == "":
        # Nothing but the product: the same steps, the same sums, the same factors in the same order.
        np.testing.assert_array_equal(result, expected)
    else:
        # An activation that differs in its last place may fall into the next step.
        step = np.abs(WEIGHT).max() * np.abs(inputs).max(axis=-1, keepdims=True) / 100
        assert np.all(np.abs(result - expected) <= 2 * step + 1e-6)
        assert np.mean(np.abs(result - expected) > 1e-5 * np.abs(expected).max()) < 0.05
    # And it is the product, to within its steps.
    exact = inputs @ WEIGHT + (BIAS if has_bias else 0)
    smallest = 0.5 if is_silu else 1e-3  # steps of a silu have a least size
    error = np.abs(result - exact) / np.maximum(np.abs(inputs).max(axis=-1, keepdims=True), smallest)
    assert error.max() < 0.05


def test_a_row_does_not_depend_on_others() -> None:
    graph = graph_of("", True, 2)
    products = find_products(graph)
    model = products_in_int8(graph, products, {products[0].key: Range(-1, 1)}).model()
    together = run(model, X)
    for i, row in enumerate(X):
        assert np.array_equal(run(model, row[None])[0], together[i])


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("n_inputs", [N_INPUTS, N_INPUTS - 12])
def test_blocks_of_weights(bits: int, n_inputs: int) -> None:
    weight = WEIGHT[:n_inputs]
    blocks = twin.block_weights(weight, bits, BLOCK_SIZES[bits])
    unpacked = twin.unpack_blocks(blocks, bits, n_inputs)
    assert unpacked.shape == weight.shape
    # Half a step, a whole one at the end that the largest weight hasn't taken.
    assert np.all(np.abs(unpacked - weight) <= np.abs(weight).max() / 2 ** (bits - 1) * 1.01)
    b = GraphBuilder()
    b.rename(b.add("Gemm", "x", b.floats(weight), b.floats(BIAS)), "y")
    value, kind = onnx.helper.make_tensor_value_info, onnx.TensorProto.FLOAT
    shapes = ([value("x", kind, ["rows", n_inputs])], [value("y", kind, ["rows", N_OUTPUTS])])
    graph = Graph(b.model("product", *shapes, {}), Path())
    model = products_in_blocks(graph, find_products(graph), bits).model()
    x = np.ascontiguousarray(X[:, :n_inputs])
    expected = x @ unpacked + BIAS
    # ONNX Runtime rounds the activations to int8 by blocks where it has a kernel for that.
    error = np.abs(run(model, x) - expected) / np.maximum(np.abs(x).max(axis=-1, keepdims=True), 1e-3)
    assert error.max() < tolerances.BLOCK_PRODUCT


def test_weights_of_zeros() -> None:
    weights = twin.column_weights(np.zeros((40, 33), np.float32))
    assert np.all(weights.scales == 1)
    assert not weights.values.any()
    blocks = twin.block_weights(np.zeros((40, 33), np.float32), 4, 32)
    assert not twin.unpack_blocks(blocks, 4, 40).any()


@pytest.mark.parametrize(
    ("lowest", "largest", "zero"), [(-2.0, 2.0, 128), (-0.2785, 9.0, 8), (0.0, 3.0, 0), (1.0, 3.0, 0), (-5.0, 1.0, 128)]
)
def test_fixed_ranges(lowest: float, largest: float, zero: int) -> None:
    scale, found = twin.fixed_steps(lowest, largest)
    assert found == zero
    values = np.array([lowest, largest, 0], np.float32)
    restored = (twin.quantize(values, np.float32(1) / scale, zero).astype(np.float32) - zero) * scale
    np.testing.assert_allclose(restored, values, atol=float(scale) * 0.51)
    assert restored[2] == 0
