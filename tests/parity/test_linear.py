"""Products of fastctc's own operators: the core's kernels, ONNX Runtime's functions and the twin agree."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fastctc import _core
from fastctc.engine import find_library
from fastctc.errors import EngineError, ModelError, OptionError
from fastctc.export.builder import OPSET, GraphBuilder
from fastctc.export.graph import Graph
from fastctc.export.linear import DOMAIN, linear_functions
from fastctc.export.linear_products import as_products
from fastctc.export.model_files import WeightsFile
from fastctc.reference.acoustic_model import open_session
from fastctc.reference.linear import linear, pack_panels, unpack_panels
from fastctc.types import SessionOptions

Floats = NDArray[np.float32]
N_FEATURES, WIDTH, N_TOKENS = 80, 512, 37
"""Features whose rows need no gap in memory, a width whose rows do, and a panel that isn't whole."""
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

    def __call__(self, features: Floats) -> Floats:
        """[frames, features] through the twin."""

        def apply(x: Floats, layer: tuple[Floats, Floats], *arguments: Any) -> Floats:
            return linear(x, pack_panels(layer[0]), layer[1], *arguments)

        x = apply(features, self.first)
        y = apply(x, self.silu, "silu") * apply(x, self.gate, "sigmoid")
        scores = apply(apply(y, self.added, "none", x), self.last)
        return (
            scores
            - np.log(np.exp(scores - scores.max(-1, keepdims=True)).sum(-1, keepdims=True))
            - scores.max(-1, keepdims=True)
        )

    def build(self, *, as_matrix: bool = False) -> onnx.ModelProto:
        """As a matrix, a batch of one."""
        b = GraphBuilder(linear_functions(OPSET))

        def apply(operator: str, x: str, layer: tuple[Floats, Floats], *more: str) -> str:
            return b.add(operator, x, b.floats(pack_panels(layer[0])), b.floats(layer[1]), *more, domain=DOMAIN)

        x = b.add("Transpose", "audio_signal", perm=[0, 2, 1])
        x = apply("Linear", b.add("Squeeze", x, b.integers([0])) if as_matrix else x, self.first)
        y = b.add("Mul", apply("LinearSilu", x, self.silu), apply("LinearSigmoid", x, self.gate))
        scores = apply("Linear", apply("LinearAdd", y, self.added, x), self.last)
        scores = b.add("Unsqueeze", scores, b.integers([0])) if as_matrix else scores
        b.rename(b.add("LogSoftmax", scores, axis=-1), "logprobs")
        value, floats = onnx.helper.make_tensor_value_info, onnx.TensorProto.FLOAT
        inputs = [
            value("audio_signal", floats, ["batch", N_FEATURES, "frames"]),
            value("length", onnx.TensorProto.INT64, ["batch"]),
        ]
        return b.model("layers", inputs, [value("logprobs", floats, ["batch", "frames", N_TOKENS])], {})


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


def features(n_frames: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).standard_normal((N_FEATURES, n_frames)).astype(np.float32)


@pytest.mark.parametrize("instruction_set", ["baseline", "avx2", "avx512"])
@pytest.mark.parametrize("n_frames", [1, 5, 14, 15, 29, 700])
def test_the_core_equals_the_twin(path: Path, instruction_set: str, n_frames: int) -> None:
    if not runs_here(instruction_set, path):
        pytest.skip(f"this processor has no {instruction_set}")
    model = load(path, instruction_set)
    model.configure(subsampling_factor=1, causal=False, log_probs_kind="log_probs")
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
    assert not plain.model.functions
    assert all(node.domain != DOMAIN for node in plain.graph.node)
    x = features(20)
    feeds = {"audio_signal": x[None], "length": np.array([20])}
    [found] = open_session(save(plain.model, tmp_path), SessionOptions()).run(["logprobs"], feeds)
    np.testing.assert_allclose(found[0], LAYERS(x.T), atol=TOLERANCE)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_and_batches_change_nothing(path: Path, threads: int) -> None:
    alone, model = load(path), load(path, intra_op_threads=threads)
    for one in (alone, model):
        one.configure(subsampling_factor=1, causal=False, log_probs_kind="log_probs")
    items = [features(n_frames, n_frames) for n_frames in (1, 700, 16)]
    for found, item in zip(model.run(items), items, strict=True):
        np.testing.assert_array_equal(found, alone.run([item])[0])


def test_graphs_with_their_weights_inside_run_too(path: Path, tmp_path: Path) -> None:
    inside, outside = load(save(LAYERS.build(), tmp_path, external=False)), load(path)
    for one in (inside, outside):
        one.configure(subsampling_factor=1, causal=False, log_probs_kind="log_probs")
    x = features(50)
    np.testing.assert_array_equal(inside.run([x])[0], outside.run([x])[0])


def test_weights_of_wrong_shapes_are_named(tmp_path: Path) -> None:
    model = LAYERS.build()
    for tensor in model.graph.initializer:
        if tensor.dims == [WIDTH]:
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.zeros(WIDTH + 32, np.float32), tensor.name))
    with pytest.raises((ModelError, EngineError), match=r"must be \[panels, n_inputs, 32\]|[Ss]hape"):
        load(save(model, tmp_path)).run([features(3)])


def test_unknown_instruction_sets_are_named(path: Path) -> None:
    with pytest.raises(OptionError, match="one of automatic, baseline, avx2, avx512, not 'sse'"):
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
