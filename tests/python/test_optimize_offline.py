"""An optimized offline graph gives the log-probs of the graph that it was made from, alone and in batches."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import fastctc
import tolerances
from conftest import DATA, ROOT
from fastctc.errors import ModelError
from fastctc.export import optimize
from fastctc.export.fastconformer import read_fastconformer
from fastctc.export.graph import load_graph
from fastctc.export.offline_graph import BLOCK_FRAMES, LONGEST_SQUARE_FRAMES
from fastctc.export.rewrite import make_noise
from fastctc.reference.acoustic_model import open_session
from fastctc.types import SessionOptions

TINY = DATA / "tiny"
DEMO = ROOT / "models" / "digits"
GRAPHS = [*sorted(TINY.glob("offline*.onnx")), *sorted(TINY.glob("full_offline*.onnx")), DEMO / "offline.onnx"]
LENGTHS = (*range(1, 20), 63, 113, 137, 200, 999, 1112, 1113, 1121, 1800, 2300)
"""In frames; the blocks of queries change after 1113, the last ones are two and three of them."""

Features = NDArray[np.float32]
Optimized = Callable[[Path], Path]


def test_all_graphs_are_here() -> None:
    assert len(GRAPHS) == 8
    assert 8 * LONGEST_SQUARE_FRAMES <= 1121 < 16 * BLOCK_FRAMES < 2300


@pytest.fixture(scope="module")
def optimized(tmp_path_factory: pytest.TempPathFactory) -> Optimized:
    """Optimizes a graph, once."""
    root = tmp_path_factory.mktemp("optimized")

    def make(source: Path) -> Path:
        target = root / f"{source.parent.name}-{source.name}"
        if not target.exists():
            onnx.save(optimize.optimize_graph(source), os.fspath(target))
        return target

    return make


def log_probs(session: Any, items: list[Features], padding: float = 0.0) -> list[Features]:
    """Of a batch, each item's whole output."""
    lengths = [item.shape[1] for item in items]
    batch = np.full((len(items), items[0].shape[0], max(lengths)), padding, np.float32)
    for row, item in zip(batch, items, strict=True):
        row[:, : item.shape[1]] = item
    return list(session.run(["logprobs"], {"audio_signal": batch, "length": np.array(lengths, np.int64)})[0])


@pytest.mark.parametrize("source", GRAPHS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_log_probs_are_the_originals(source: Path, optimized: Optimized) -> None:
    target = optimized(source)
    onnx.checker.check_model(os.fspath(target), full_check=True)
    assert len(onnx.load(target).graph.node) < len(onnx.load(source).graph.node) / 2
    original, new = open_session(source, SessionOptions()), open_session(target, SessionOptions())
    for n_frames in LENGTHS:
        item = make_noise(80, n_frames)
        [expected], [found] = log_probs(original, [item]), log_probs(new, [item])
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, atol=tolerances.LOG_PROBS)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lengths=st.lists(st.integers(1, 1500), min_size=1, max_size=4),
    more=st.integers(0, 40),
    padding=st.sampled_from([0.0, 100.0, -30.0]),
    name=st.sampled_from(["offline.onnx", "offline_r1.onnx", "full_offline.onnx", "full_offline_unmasked.onnx"]),
)
def test_a_batch_changes_nothing(
    optimized: Optimized, lengths: list[int], more: int, padding: float, name: str
) -> None:
    """Whatever the padding holds, and if every item has some."""
    session = open_session(optimized(TINY / name), SessionOptions())
    items = [make_noise(80, length) for length in lengths]
    batch = np.full((len(items), 80, max(lengths) + more), padding, np.float32)
    for row, item in zip(batch, items, strict=True):
        row[:, : item.shape[1]] = item
    feeds = {"audio_signal": batch, "length": np.array(lengths, np.int64)}
    for found, item in zip(session.run(None, feeds)[0], items, strict=True):
        [expected] = log_probs(session, [item])
        np.testing.assert_allclose(found[: len(expected)], expected, atol=tolerances.LOG_PROBS)


def test_a_limited_context_has_no_table_to_end_with(optimized: Optimized) -> None:
    """100 s, past the 80 s of the original's table: what is heard twice is read the same, contexts apart."""
    session = open_session(optimized(DEMO / "offline.onnx"), SessionOptions())
    half = make_noise(80, 8 * 14 * 45)
    [found] = log_probs(session, [np.concatenate([half, half], axis=1)])
    n_frames = half.shape[1] // 8
    assert len(found) == 2 * n_frames + 1 > 1000
    # Four layers look 70 frames back each, and 9 taps of convolution: beyond that both halves see the same.
    same = slice(4 * (70 + 8) + 14, n_frames - 14)
    np.testing.assert_allclose(found[n_frames:][same], found[:n_frames][same], atol=tolerances.LOG_PROBS)


def test_a_directory_recognises_the_same(tmp_path: Path) -> None:
    output = tmp_path / "fast"
    [graph] = optimize.optimize_directory(DEMO, output, only=["offline"])
    assert graph.name == "offline"
    manifest = json.loads((output / "fastctc.json").read_text(encoding="utf-8"))
    assert manifest["graphs"]["offline"] == "offline.optimized.onnx"
    assert manifest["graphs"]["long_form"] == "exact-1040ms-x8.onnx"
    assert manifest["original_graphs"] == {"offline": "offline.onnx"}
    original, fast = fastctc.load(DEMO), fastctc.load(output)
    recordings = [DEMO / "two-nine-three-four-zero.wav", *sorted((DATA / "speech").glob("*.wav"))]
    for before, after in zip(original.transcribe(recordings), fast.transcribe(recordings), strict=True):
        assert [(word.text, word.start_s) for word in after.words] == [
            (word.text, word.start_s) for word in before.words
        ]
    assert {
        entry.name: entry.value for entry in fast.properties if entry.name in ("batching", "max_encoder_frames")
    } == {
        "batching": "padded",
        "max_encoder_frames": "1000",
    }


def test_a_directory_without_a_manifest_keeps_its_limit(tmp_path: Path) -> None:
    shutil.copy(TINY / "offline.onnx", tmp_path / "model.onnx")
    for name in ("weights.bin", "tokens.txt"):
        shutil.copy(TINY / name, tmp_path)
    optimize.optimize_directory(tmp_path)
    manifest = json.loads((tmp_path / "fastctc.json").read_text(encoding="utf-8"))
    assert manifest["max_encoder_frames"] == 1000
    assert fastctc.load(tmp_path).log_probs(make_noise(80, 160)).shape == (21, 129)


def set_constant(name: str, value: int) -> Callable[[onnx.ModelProto], None]:
    def edit(model: onnx.ModelProto) -> None:
        node = next(node for node in model.graph.node if node.name == name)
        constant = next(
            other for other in model.graph.node if other.output[0] in node.input and other.op_type == "Constant"
        )
        old = onnx.numpy_helper.to_array(constant.attribute[0].t)
        constant.attribute[0].t.CopyFrom(onnx.numpy_helper.from_array(np.full_like(old, value)))

    return edit


@pytest.mark.parametrize(("name", "value", "context"), [("/LessOrEqual", 2, (28, 14)), ("/Div", 7, (35, 7))])
def test_the_context_is_read_from_the_graph(tmp_path: Path, name: str, value: int, context: tuple[int, int]) -> None:
    model = onnx.load(TINY / "offline.onnx")
    set_constant(name, value)(model)
    path = tmp_path / "edited.onnx"
    onnx.save(model, os.fspath(path))
    read = read_fastconformer(load_graph(path))
    assert (read.context_frames, read.attention_chunk) == context
    optimize.optimize_graph(path)  # which compares the log-probs


def keep_one_axis(model: onnx.ModelProto) -> None:
    """As in a model whose attention is limited, but not to chunks."""
    for name in ("/Div", "/LessOrEqual"):
        next(node for node in model.graph.node if node.name == name).name = f"/other{name}"


def add_noise_to_scores(model: onnx.ModelProto) -> None:
    node = next(node for node in model.graph.node if node.name == "/layers.0/self_attn/Softmax")
    doubled = onnx.helper.make_node("Add", [node.input[0], node.input[0]], ["doubled"], "doubled")
    node.input[0] = "doubled"
    model.graph.node.insert(list(model.graph.node).index(node), doubled)


def hide_a_convolution(model: onnx.ModelProto) -> None:
    next(node for node in model.graph.node if node.name == "/pre_encode/conv/conv.3/Conv").name = "other"


def rename_an_input(model: onnx.ModelProto) -> None:
    for node in model.graph.node:
        node.input[:] = ["features" if name == "audio_signal" else name for name in node.input]
    model.graph.input[0].name = "features"


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (rename_an_input, "it has no audio_signal"),
        (keep_one_axis, "log-probs of the graph made from it differ by"),
        (add_noise_to_scores, "log-probs of the graph made from it differ by"),
        (hide_a_convolution, "no node /pre_encode/conv/conv.3/Conv"),
    ],
)
def test_another_architecture_is_refused(tmp_path: Path, edit: Callable[[onnx.ModelProto], None], why: str) -> None:
    model = onnx.load(TINY / "offline.onnx")
    edit(model)
    onnx.save(model, os.fspath(tmp_path / "model.onnx"))
    shutil.copy(TINY / "tokens.txt", tmp_path)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ModelError, match="can't be optimized") as caught:
        optimize.optimize_directory(tmp_path)
    assert why in str(caught.value)
    assert sorted(tmp_path.iterdir()) == before
