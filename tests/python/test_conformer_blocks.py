"""Each rewrite of the optimized graphs alone: what it computes is what the plain formula gives in NumPy."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray

from conftest import DATA
from fastctc.export.builder import GraphBuilder
from fastctc.export.conformer_blocks import HIDDEN_SCORE, ConformerBlocks
from fastctc.export.fastconformer import Convolution, FastConformer, Linear, read_fastconformer
from fastctc.export.graph import load_graph
from fastctc.export.offline_graph import _Blocks, _Graph

Floats = NDArray[np.float32]
FLOAT, INT64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
CHUNK, CONTEXT = 14, 70


@pytest.fixture(scope="module")
def model() -> FastConformer:
    return read_fastconformer(load_graph(DATA / "tiny" / "offline.onnx"))


@pytest.fixture(scope="module")
def full() -> FastConformer:
    return read_fastconformer(load_graph(DATA / "tiny" / "full_offline.onnx"))


def normal(*shape: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def run(b: GraphBuilder, result: str, **feeds: NDArray[Any]) -> Floats:
    """The value of a tensor of a graph whose inputs are what is fed."""
    kinds = {np.dtype(np.float32): FLOAT, np.dtype(np.int64): INT64, np.dtype(np.bool_): onnx.TensorProto.BOOL}
    value = onnx.helper.make_tensor_value_info
    inputs = [value(name, kinds[array.dtype], [None] * array.ndim) for name, array in feeds.items()]
    b.rename(result, "result")
    built = b.model("block", inputs, [onnx.ValueInfoProto(name="result")], {})
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(built.SerializeToString(), options, providers=["CPUExecutionProvider"])
    output: Floats = session.run(None, feeds)[0]
    return output


def silu(x: Floats) -> Floats:
    return x / (1 + np.exp(-x))


def scaled(b: GraphBuilder, x: str, factor: float) -> str:
    return b.add("Mul", x, b.floats([factor, factor]))


def test_a_choice_runs_one_branch_with_constants_of_its_own() -> None:
    for chosen, expected in ((True, [2.0, 3.0]), (False, [6.0, 9.0])):
        b = GraphBuilder()
        doubled = b.add("Add", "x", b.floats([1.0, 1.0]))
        result = b.choose(
            "chosen",
            partial(scaled, b, doubled, 1.0),
            partial(scaled, b, doubled, 3.0),
        )
        found = run(b, result, x=np.array([1, 2], np.float32), chosen=np.array(chosen))
        assert found.tolist() == expected


def test_a_product_has_its_bias_where_there_is_one(model: FastConformer) -> None:
    x, weight, bias = normal(5, 64), normal(64, 7, seed=1), normal(7, seed=2)
    for linear in (Linear(weight, bias), Linear(weight, np.zeros(7, np.float32))):
        blocks = ConformerBlocks(model)
        found = run(blocks.b, blocks.linear("x", linear), x=x)
        np.testing.assert_allclose(found, x @ weight + linear.bias, rtol=1e-4, atol=1e-5)


def test_half_of_a_feed_forward(model: FastConformer) -> None:
    blocks, x, (first, second) = ConformerBlocks(model), normal(6, 64), model.layers[0].feed_forwards[0]
    added = normal(6, 64, seed=1)
    found = run(blocks.b, blocks.feed_forward("x", (first, second), "added"), x=x, added=added)
    expected = added + (silu(x @ first.weight + first.bias) @ second.weight + second.bias) / 2
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_the_gated_unit_is_split_in_the_weights(model: FastConformer) -> None:
    blocks, x, layer = ConformerBlocks(model), normal(6, 64), model.layers[0]
    found = run(blocks.b, blocks.gated("x", layer), x=x)
    value, gate = np.split(x @ layer.gate.weight + layer.gate.bias, 2, axis=1)
    np.testing.assert_allclose(found, value / (1 + np.exp(-gate)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("pads", [(8, 0), (4, 4), (0, 0)])
@pytest.mark.parametrize("batch", [1, 3])
def test_the_depthwise_convolution_is_an_image(model: FastConformer, pads: tuple[int, int], batch: int) -> None:
    blocks, x, depthwise = ConformerBlocks(model), normal(20, batch, 64), model.layers[0].depthwise
    found = run(blocks.b, blocks.depthwise("x", depthwise, pads), x=x)
    padded = np.pad(x, (pads, (0, 0), (0, 0)))
    kernel = depthwise.weight.shape[2]
    rows = [(padded[i : i + kernel] * depthwise.weight[:, 0].T[:, None]).sum(axis=0) for i in range(len(padded) - 8)]
    np.testing.assert_allclose(found, np.stack(rows) + depthwise.bias, rtol=1e-4, atol=1e-5)


def attention(model: FastConformer, x: Floats, lengths: list[int]) -> Floats:
    """A layer's attention as NeMo computes it, [batch, time, width]: every query, every key, and masks."""
    layer, (n_heads, head_width) = model.layers[0], model.heads
    n_frames = x.shape[1]
    table = np.asarray(model.position_table, np.float64)
    distance = np.subtract.outer(np.arange(n_frames), np.arange(n_frames))
    positions = table @ layer.attention["pos"].weight + layer.attention["pos"].bias
    positions = positions.reshape(-1, n_heads, head_width)[len(table) // 2 - distance]
    seen = np.ones((n_frames, n_frames), bool)
    if model.context_frames:
        chunk = np.arange(n_frames) // model.attention_chunk
        steps = np.subtract.outer(chunk, chunk)
        seen = (steps >= 0) & (steps <= model.context_frames // model.attention_chunk)
    results = []
    for item, length in zip(x.astype(np.float64), lengths, strict=True):
        q, k, v = (
            (item @ layer.attention[name].weight + layer.attention[name].bias).reshape(-1, n_heads, head_width)
            for name in ("q", "k", "v")
        )
        scores = np.einsum("ihd,jhd->hij", q + layer.pos_bias_u, k)
        scores += np.einsum("ihd,ijhd->hij", q + layer.pos_bias_v, positions)
        scores = np.where(seen & (np.arange(n_frames) < length), scores / np.sqrt(head_width), HIDDEN_SCORE)
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        out = np.einsum("hij,jhd->ihd", weights, v).reshape(n_frames, -1)
        results.append(out @ layer.attention["out"].weight + layer.attention["out"].bias)
    return np.stack(results).astype(np.float32)


@pytest.mark.parametrize("kind", ["model", "full"])
@pytest.mark.parametrize("n_frames", [1, 20, 139, 141, 250])
def test_attention_in_blocks(request: pytest.FixtureRequest, kind: str, n_frames: int) -> None:
    architecture: FastConformer = request.getfixturevalue(kind)
    # The tiny model's biases are learned ones, and small: larger ones would show that one is left out.
    layer = architecture.layers[0]
    biased = {
        name: Linear(linear.weight, normal(64, seed=9)) for name, linear in layer.attention.items() if name != "pos"
    }
    layer = dataclasses.replace(layer, attention={**layer.attention, **biased})
    architecture = dataclasses.replace(architecture, layers=(layer,))
    lengths = [n_frames, max(1, n_frames - 17)]
    x = normal(2, n_frames, 64)
    graph = _Graph(architecture)
    blocks = _Blocks(graph, "n_frames")
    found = run(
        graph.b,
        blocks.attend("x", layer, "added"),
        x=x.transpose(1, 0, 2).reshape(-1, 64),
        added=np.ones((2 * n_frames, 64), np.float32),
        n_frames=np.array([n_frames]),
        length=8 * np.array(lengths) - 7,
        audio_signal=np.zeros((2, 80, 8), np.float32),
    )
    expected = attention(architecture, x, lengths) + 1
    for item, values, length in zip(found.reshape(n_frames, 2, 64).transpose(1, 0, 2), expected, lengths, strict=True):
        np.testing.assert_allclose(item[:length], values[:length], rtol=1e-3, atol=2e-5)


def test_one_by_one_convolutions_are_products() -> None:
    weight, bias, x = normal(5, 7, 1), normal(5), normal(7, 30)
    linear = Convolution(weight, bias).linear()
    np.testing.assert_allclose(x.T @ linear.weight + linear.bias, (weight[..., 0] @ x).T + bias, rtol=1e-5, atol=1e-5)


def test_pads_are_read(model: FastConformer, full: FastConformer) -> None:
    assert (model.subsampling_pads, model.conv_pads, model.attention_chunk, model.context_frames) == (
        (2, 1),
        (8, 0),
        CHUNK,
        CONTEXT,
    )
    assert (full.subsampling_pads, full.conv_pads, full.attention_chunk, full.context_frames) == ((1, 1), (4, 4), 0, 0)
