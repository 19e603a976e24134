"""Operators of fastctc's own: the core's kernels, ONNX Runtime's functions and the twin agree."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import fastctc
from fastctc import _core
from fastctc.errors import EngineError, ModelError, OptionError
from fastctc.export.builder import OPSET, GraphBuilder
from fastctc.export.graph import Graph
from fastctc.export.int8 import Range, products_in_int8
from fastctc.export.linear_products import as_products
from fastctc.export.model_files import WeightsFile
from fastctc.export.operators import DOMAIN, LINEAR
from fastctc.export.products import find_products
from fastctc.installed.onnxruntime_library import find_library
from fastctc.reference.acoustic_model import open_session
from fastctc.reference.operators import (
    linear,
    normalize,
    pack_encodings,
    pack_panels,
    relative_attention,
    unpack_panels,
)
from fastctc.reference.quantized_product import (
    column_weights,
    integer_linear,
    pack_integers,
    row_steps,
    unpack_integers,
)
from fastctc.types import SessionOptions

Floats = NDArray[np.float32]
N_FEATURES, WIDTH, N_TOKENS = 80, 512, 37
"""Features whose rows need no gap in memory, a width whose rows do, and a panel that isn't whole."""
EPSILON = 1e-5
HIDDEN = -1e4
INSTRUCTION_SETS = ("avx2", "avx2_vnni", "avx512", "avx512_vnni", "amx")
TOLERANCE = 2e-5
"""Float32 sums of up to 512 terms, in orders of three implementations."""


class Layers:
    """Features to log-probs through each of the operators."""

    def __init__(self) -> None:
        random = np.random.default_rng(0)

        def layer(n_inputs: int, n_outputs: int) -> tuple[Floats, Floats]:
            weight = random.standard_normal((n_inputs, n_outputs)) / np.sqrt(n_inputs)
            return weight.astype(np.float32), random.standard_normal(n_outputs).astype(np.float32)

        self.first = layer(N_FEATURES, WIDTH)
        self.silu, self.gate, self.added = (layer(WIDTH, WIDTH) for _ in range(3))
        self.last = layer(WIDTH, N_TOKENS)
        self.norm_weight, self.norm_bias = (random.standard_normal(WIDTH).astype(np.float32) for _ in range(2))

    def __call__(self, features: Floats) -> Floats:
        """[frames, features] through the twin."""

        def apply(x: Floats, layer: tuple[Floats, Floats], *arguments: Any) -> Floats:
            return linear(x, pack_panels(layer[0]), layer[1], *arguments)

        x = normalize(apply(features, self.first), self.norm_weight, self.norm_bias, EPSILON)
        y = apply(x, self.silu, "silu") * apply(x, self.gate, "sigmoid")
        scores = apply(apply(y, self.added, "none", x), self.last)
        return (
            scores
            - np.log(np.exp(scores - scores.max(-1, keepdims=True)).sum(-1, keepdims=True))
            - scores.max(-1, keepdims=True)
        )

    def build(self, *, as_matrix: bool = False) -> onnx.ModelProto:
        """As a matrix, a batch of one."""
        b = GraphBuilder()

        def apply(operator: str, x: str, layer: tuple[Floats, Floats], *more: str) -> str:
            return b.add(operator, x, b.floats(pack_panels(layer[0])), b.floats(layer[1]), *more, domain=DOMAIN)

        x = b.add("Transpose", "audio_signal", perm=[0, 2, 1])
        x = apply("Linear", b.add("Squeeze", x, b.integers([0])) if as_matrix else x, self.first)
        x = b.add("Normalize", x, b.floats(self.norm_weight), b.floats(self.norm_bias), domain=DOMAIN, epsilon=EPSILON)
        y = b.add("Mul", apply("LinearSilu", x, self.silu), apply("LinearSigmoid", x, self.gate))
        scores = apply("Linear", apply("LinearAdd", y, self.added, x), self.last)
        scores = b.add("Unsqueeze", scores, b.integers([0])) if as_matrix else scores
        b.rename(b.add("LogSoftmax", scores, axis=-1), "logprobs")
        return b.model("layers", *signature(N_TOKENS), {})


def signature(n_tokens: int) -> tuple[list[onnx.ValueInfoProto], list[onnx.ValueInfoProto]]:
    """Inputs and outputs of a model."""
    value, floats = onnx.helper.make_tensor_value_info, onnx.TensorProto.FLOAT
    inputs = [
        value("audio_signal", floats, ["batch", N_FEATURES, "frames"]),
        value("length", onnx.TensorProto.INT64, ["batch"]),
    ]
    return inputs, [value("logprobs", floats, ["batch", "frames", n_tokens])]


LAYERS = Layers()


def save(model: onnx.ModelProto, folder: Path, *, external: bool = True) -> Path:
    path = folder / "model.onnx"
    if external:
        with (folder / "weights.bin").open("wb") as file:
            WeightsFile(file).take(model, "weights.bin")
    path.write_bytes(model.SerializeToString())
    return path


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(LAYERS.build(), tmp_path_factory.mktemp("linear"))


def runs_here(instruction_set: str, path: Path) -> bool:
    try:
        load(path, instruction_set)
    except OptionError:
        return False
    return True


def load(path: Path, instruction_set: str = "automatic", **options: Any) -> Any:
    chosen = SessionOptions(library=find_library()[0], instruction_set=instruction_set, **options)  # type: ignore[arg-type]
    return _core.AcousticModel(os.fspath(path), dataclasses.asdict(chosen))


def configured(path: Path, instruction_set: str = "automatic", **options: Any) -> Any:
    model = load(path, instruction_set, **options)
    model.configure(subsampling_factor=1, causal=False, log_probs_kind="log_probs")
    return model


def features(n_frames: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).standard_normal((N_FEATURES, n_frames)).astype(np.float32)


@pytest.mark.parametrize("instruction_set", ["baseline", *INSTRUCTION_SETS])
@pytest.mark.parametrize("n_frames", [1, 5, 14, 15, 29, 700])
def test_the_core_equals_the_twin(path: Path, instruction_set: str, n_frames: int) -> None:
    if not runs_here(instruction_set, path):
        pytest.skip(f"this processor has no {instruction_set}")
    model = configured(path, instruction_set)
    x = features(n_frames)
    np.testing.assert_allclose(model.run([x])[0], LAYERS(x.T), atol=TOLERANCE)


@pytest.mark.parametrize("n_frames", [1, 33])
def test_the_functions_in_the_model_equal_the_twin(path: Path, n_frames: int) -> None:
    x = features(n_frames)
    feeds = {"audio_signal": x[None], "length": np.array([n_frames])}
    [found] = open_session(path, SessionOptions()).run(["logprobs"], feeds)
    np.testing.assert_allclose(found[0], LAYERS(x.T), atol=TOLERANCE)


def test_onnx_operators_take_their_place(tmp_path: Path) -> None:
    model = LAYERS.build(as_matrix=True)
    onnx.checker.check_model(model, full_check=True)
    plain = as_products(Graph(model, tmp_path))
    assert as_products(plain) is plain
    assert {function.name for function in plain.model.functions} == {"Normalize"}
    assert {node.op_type for node in plain.graph.node if node.domain == DOMAIN} == {"Normalize"}
    x = features(20)
    feeds = {"audio_signal": x[None], "length": np.array([20])}
    [found] = open_session(save(plain.model, tmp_path), SessionOptions()).run(["logprobs"], feeds)
    np.testing.assert_allclose(found[0], LAYERS(x.T), atol=TOLERANCE)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_and_batches_change_nothing(path: Path, threads: int) -> None:
    alone, model = configured(path), configured(path, intra_op_threads=threads)
    items = [features(n_frames, n_frames) for n_frames in (1, 700, 16)]
    for found, item in zip(model.run(items), items, strict=True):
        np.testing.assert_array_equal(found, alone.run([item])[0])


def test_graphs_with_their_weights_inside_run_too(path: Path, tmp_path: Path) -> None:
    inside, outside = configured(save(LAYERS.build(), tmp_path, external=False)), configured(path)
    x = features(50)
    np.testing.assert_array_equal(inside.run([x])[0], outside.run([x])[0])


@pytest.mark.skipif(sys.platform != "linux", reason="the library has another name")
def test_other_programs_run_them_in_onnx_runtime(path: Path, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.register_custom_ops_library(f"{fastctc.get_library_dir()}/libfastctc.so")
    options.optimized_model_filepath = os.fspath(tmp_path / "optimized.onnx")
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    x = features(50)
    [found] = session.run(["logprobs"], {"audio_signal": x[None], "length": np.array([50])})
    np.testing.assert_array_equal(found[0], configured(path).run([x])[0])
    if runs_here("avx2", path):
        nodes = onnx.load(tmp_path / "optimized.onnx", load_external_data=False).graph.node
        assert {"LinearSilu", "Normalize"} < {node.op_type for node in nodes}


def test_weights_of_wrong_shapes_are_named(tmp_path: Path) -> None:
    model = LAYERS.build()
    for tensor in model.graph.initializer:
        if tensor.dims == [WIDTH]:
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.zeros(WIDTH + 32, np.float32), tensor.name))
    with pytest.raises((ModelError, EngineError), match=r"must be \[panels, n_inputs, 32\]|[Ss]hape"):
        load(save(model, tmp_path)).run([features(3)])


def test_unknown_instruction_sets_are_named(path: Path) -> None:
    with pytest.raises(OptionError, match=r"one of automatic, baseline, avx2, .*amx, not 'sse'"):
        load(path, "sse")


@given(st.integers(1, 40), st.integers(1, 100))
@settings(max_examples=50, deadline=None)
def test_panels_hold_the_matrix(n_inputs: int, n_outputs: int) -> None:
    matrix = np.arange(1, n_inputs * n_outputs + 1, dtype=np.float32).reshape(n_inputs, n_outputs)
    panels = pack_panels(matrix)
    assert panels.shape == (-(-n_outputs // 32), n_inputs, 32)
    for i, j in ((0, 0), (n_inputs - 1, n_outputs - 1)):
        assert panels[j // 32, i, j % 32] == matrix[i, j]
    assert panels.sum(dtype=np.float64) == matrix.sum(dtype=np.float64)
    np.testing.assert_array_equal(unpack_panels(panels, n_outputs), matrix)


def quantized(model: onnx.ModelProto, folder: Path) -> onnx.ModelProto:
    """Its products in integers, for what standard normal features make of them."""
    graph = Graph(model, folder)
    products = find_products(graph)
    changed = products_in_int8(graph, products, {product.key: Range(-4, 4) for product in products}).model()
    onnx.checker.check_model(changed, full_check=True)
    assert not [node for node in changed.graph.node if node.op_type in LINEAR]
    return changed


@pytest.mark.parametrize("instruction_set", ["baseline", *INSTRUCTION_SETS])
@pytest.mark.parametrize("ending", ["", "Add"])
def test_products_in_integers_equal_the_twin_to_the_bit(
    path: Path, tmp_path: Path, instruction_set: str, ending: str
) -> None:
    if not runs_here(instruction_set, path):
        pytest.skip(f"this processor has no {instruction_set}")
    random = np.random.default_rng(5)
    weight = random.standard_normal((N_FEATURES, N_FEATURES)).astype(np.float32)
    bias = random.standard_normal(N_FEATURES).astype(np.float32)
    b = GraphBuilder()
    x = b.add("Transpose", "audio_signal", perm=[0, 2, 1])
    more = [x] if ending else []
    y = b.add(f"Linear{ending}", x, b.floats(pack_panels(weight)), b.floats(bias), *more, domain=DOMAIN)
    b.rename(b.add("LogSoftmax", y, axis=-1), "logprobs")
    built = quantized(b.model("product", *signature(N_FEATURES), {}), tmp_path)
    assert [node.op_type for node in built.graph.node][1] == f"IntegerLinear{ending}"
    model = configured(save(built, tmp_path), instruction_set)
    for n_frames in (1, 16, 17, 100):
        item = features(n_frames) * np.geomspace(1e-6, 1e3, n_frames, dtype=np.float32)
        rows = item.T.copy()
        expected = integer_linear(
            rows, column_weights(weight), row_steps(is_silu=False), bias, residual=rows if ending else None
        )
        found = model.run([item])[0]
        if instruction_set == "baseline":  # ONNX Runtime may fuse a product and a sum
            np.testing.assert_allclose(found, log_softmax(expected), rtol=5e-7, atol=1e-6)
        else:
            np.testing.assert_array_equal(found, log_softmax(expected))


def log_softmax(scores: Floats) -> Floats:
    """By ONNX Runtime."""
    node = onnx.helper.make_node("LogSoftmax", ["x"], ["y"], axis=-1)
    value, floats = onnx.helper.make_tensor_value_info, onnx.TensorProto.FLOAT
    shape: list[str | int] = ["batch", "frames", scores.shape[-1]]
    graph = onnx.helper.make_graph([node], "softmax", [value("x", floats, shape)], [value("y", floats, shape)])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", OPSET)], ir_version=8)
    session = pytest.importorskip("onnxruntime").InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    found: Floats = session.run(["y"], {"x": scores[None]})[0][0]
    return found


@pytest.mark.parametrize("instruction_set", ["baseline", *INSTRUCTION_SETS])
def test_layers_in_integers(path: Path, tmp_path: Path, instruction_set: str) -> None:
    """Each operator: near the float layers, and the same for batches and threads."""
    if not runs_here(instruction_set, path):
        pytest.skip(f"this processor has no {instruction_set}")
    built = quantized(LAYERS.build(), tmp_path)
    assert {node.op_type for node in built.graph.node if node.domain == DOMAIN} == {
        "Normalize",
        "IntegerLinear",
        "IntegerLinearAdd",
        "FixedIntegerLinearSilu",
        "FixedIntegerLinearSigmoid",
    }
    saved = save(built, tmp_path)
    model, threaded = configured(saved, instruction_set), configured(saved, instruction_set, intra_op_threads=3)
    items = [features(n_frames, n_frames) for n_frames in (1, 700, 16)]
    alone = [model.run([item])[0] for item in items]
    for item, found, together in zip(items, alone, threaded.run(items), strict=True):
        np.testing.assert_array_equal(found, together)
        error = np.abs(found - LAYERS(item.T))
        assert 0 < error.mean() < 0.1
        assert error.max() < 0.6


@pytest.mark.parametrize("kind", [np.int8, np.float32])
def test_integer_weights_of_wrong_shapes_are_named(tmp_path: Path, kind: type) -> None:
    model = quantized(LAYERS.build(), tmp_path)
    for tensor in model.graph.initializer:
        value = onnx.numpy_helper.to_array(tensor)
        if value.dtype == kind and value.ndim in (1, 4) and value.size > N_TOKENS:
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.concatenate([value, value]), tensor.name))
    with pytest.raises((ModelError, EngineError), match=r"must be \[|[Ss]hape|[Ii]ncompatible|axis"):
        configured(save(model, tmp_path)).run([features(3)])


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [("zero", 300, "zero must be from 0 to 255"), ("scale", 0.0, "above 0"), ("n_steps", -1.0, "above 0")],
)
def test_integer_attributes_out_of_range_are_named(
    path: Path, tmp_path: Path, name: str, value: float, message: str
) -> None:
    if not any(runs_here(instruction_set, path) for instruction_set in INSTRUCTION_SETS):
        pytest.skip("this processor has none of the kernels")
    model = quantized(LAYERS.build(), tmp_path)
    for node in model.graph.node:
        for attribute in [attribute for attribute in node.attribute if attribute.name == name]:
            attribute.CopyFrom(onnx.helper.make_attribute(name, value))
    with pytest.raises(ModelError, match=message):
        load(save(model, tmp_path))


@given(st.integers(1, 130), st.integers(1, 100))
@settings(max_examples=50, deadline=None)
def test_panels_of_integers_hold_the_matrix(n_inputs: int, n_outputs: int) -> None:
    matrix = np.random.default_rng(n_inputs).integers(1, 128, (n_inputs, n_outputs), dtype=np.int8)
    panels = pack_integers(matrix)
    assert panels.shape == (-(-n_outputs // 32), -(-n_inputs // 64) * 16, 32, 4)
    for i, j in ((0, 0), (n_inputs - 1, n_outputs - 1), (n_inputs // 2, n_outputs // 2)):
        assert panels[j // 32, i // 4, j % 32, i % 4] == matrix[i, j]
    assert panels.sum(dtype=np.int64) == matrix.sum(dtype=np.int64)
    np.testing.assert_array_equal(unpack_integers(panels, n_inputs, n_outputs), matrix)


class Attention(NamedTuple):
    """Attention of all frames to all frames and to cached ones, as a model. What is hidden depends on the features."""

    first: int
    n_distances: int
    n_cached: int = 0
    hides_by_query: bool = False
    has_constant_encodings: bool = True
    n_heads: int = 2
    width: int = N_FEATURES // 2

    def constants(self) -> tuple[Floats, Floats, Floats]:
        """Encodings [distances, heads, width], cached keys and values [cached, 1, heads, width]."""
        random, shape = np.random.default_rng(1), (1, self.n_heads, self.width)
        sizes = (self.n_distances, self.n_cached, self.n_cached)
        encodings, keys, values = (random.standard_normal((n, *shape)).astype(np.float32) for n in sizes)
        return encodings[:, 0], keys, values

    def __call__(self, features: Floats) -> Floats:
        """[features, frames] through the twin."""
        encodings, *cached = self.constants()
        x = features.T.reshape(-1, 1, self.n_heads, self.width)
        keys, values = (np.concatenate([part, x]) for part in cached)
        seen = np.concatenate([np.zeros(self.n_cached, np.float32), features[0]])[None, None, None]
        if self.hides_by_query:
            seen = seen + features[1][None, None, :, None]
        hidden = np.where(seen > 1, np.float32(HIDDEN), np.float32(0))
        y = relative_attention(x / 3, x / 4, keys, values, encodings, hidden, self.first).reshape(len(x), -1)
        scores = y - y.max(-1, keepdims=True)
        return scores - np.log(np.exp(scores).sum(-1, keepdims=True))

    def build(self) -> onnx.ModelProto:
        b = GraphBuilder()
        constants = self.constants()
        encodings, *cached = (b.floats(constant) for constant in (pack_encodings(constants[0]), *constants[1:]))
        batch = b.add("Shape", "audio_signal", start=0, end=1)
        if not self.has_constant_encodings:  # what depends on an input is none
            encodings = b.add("Mul", encodings, b.add("Sign", b.add("Cast", batch, to=onnx.TensorProto.FLOAT)))
        rows = b.add("Transpose", "audio_signal", perm=[2, 0, 1])
        x = b.add("Reshape", rows, b.integers([0, 0, self.n_heads, self.width]))
        queries = (b.add("Mul", x, b.floats(factor)) for factor in (1 / 3, 1 / 4))
        own = b.add("Slice", "audio_signal", b.integers([0]), b.integers([1]), b.integers([1]))
        seen = b.add("Unsqueeze", b.add("Pad", own, b.integers([0, 0, self.n_cached, 0, 0, 0])), b.integers([1]))
        if self.hides_by_query:
            by_query = b.add("Slice", "audio_signal", b.integers([1]), b.integers([2]), b.integers([1]))
            seen = b.add("Add", seen, b.add("Unsqueeze", b.add("Transpose", by_query, perm=[0, 2, 1]), b.integers([1])))
        hidden = b.add("Where", b.add("Greater", seen, b.floats(1)), b.floats(HIDDEN), b.floats(0))
        keys = [x, x]
        if self.n_cached:
            shape = b.add("Concat", b.integers([self.n_cached]), batch, b.integers([self.n_heads, self.width]), axis=0)
            expanded = [b.add("Expand", part, shape) for part in cached]
            keys = [expanded[0], x, expanded[1], x]
        operator = "RelativeAttentionCached" if self.n_cached else "RelativeAttention"
        first = b.integers([self.first])
        y = b.add(operator, *queries, *keys, encodings, hidden, first, domain=DOMAIN)
        y = b.add("Transpose", b.add("Reshape", y, b.integers([0, 0, N_FEATURES])), perm=[1, 0, 2])
        b.rename(b.add("LogSoftmax", y, axis=-1), "logprobs")
        return b.model("attention", *signature(N_FEATURES), {})


ATTENTIONS = [
    Attention(first=0, n_distances=1),
    Attention(first=7, n_distances=20),
    Attention(first=39, n_distances=79, has_constant_encodings=False),
    Attention(first=83, n_distances=97, hides_by_query=True),
    Attention(first=13, n_distances=97, n_cached=70, hides_by_query=True),
    Attention(first=0, n_distances=71, n_cached=33),
]


@pytest.mark.parametrize("attention", ATTENTIONS)
@pytest.mark.parametrize("instruction_set", ["baseline", *INSTRUCTION_SETS])
def test_attention_equals_the_twin(attention: Attention, instruction_set: str, path: Path, tmp_path: Path) -> None:
    if not runs_here(instruction_set, path):
        pytest.skip(f"this processor has no {instruction_set}")
    built = attention.build()
    onnx.checker.check_model(built, full_check=True)
    model = configured(save(built, tmp_path), instruction_set)
    items = [features(n_frames, n_frames) for n_frames in (1, 14, 40, 100)]
    for item in items:
        np.testing.assert_allclose(model.run([item])[0], attention(item), atol=TOLERANCE)


@pytest.mark.parametrize("instruction_set", ["baseline", *INSTRUCTION_SETS])
def test_attention_to_a_limited_past(instruction_set: str, path: Path, tmp_path: Path) -> None:
    """Frames don't see what is 50 frames away; the first of them is left out where a whole block doesn't see it."""
    if not runs_here(instruction_set, path):
        pytest.skip(f"this processor has no {instruction_set}")
    n_frames, step = 230, 0.02
    attention = Attention(first=n_frames - 1, n_distances=2 * n_frames - 1, hides_by_query=True)
    item = features(n_frames)
    item[1] = np.arange(n_frames) * step
    item[0] = -item[1]
    model = configured(save(attention.build(), tmp_path), instruction_set)
    np.testing.assert_allclose(model.run([item])[0], attention(item), atol=TOLERANCE)
    # Behind an item that is no longer seen everything is as before.
    changed = item.copy()
    changed[2:, 0] = 100
    np.testing.assert_array_equal(model.run([changed])[0][70:], model.run([item])[0][70:])


def test_attention_of_wrong_shapes_is_named(tmp_path: Path) -> None:
    built = Attention(first=0, n_distances=9).build()
    for node in built.graph.node:
        if node.op_type == "RelativeAttention":
            node.input[4] = node.input[5]  # what is hidden
    path = save(built, tmp_path)
    with pytest.raises((ModelError, EngineError), match="encodings must be"):
        configured(path).run([features(5), features(5)])
