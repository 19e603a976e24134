"""Graphs that cache projected keys and values give the log-probs of the graphs that they were made from."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import helper, numpy_helper

import tolerances
from conftest import DATA, ROOT
from fastctc import _core
from fastctc.engine import find_library
from fastctc.errors import ModelError, ModelNotFoundError, OptionError, OutputError
from fastctc.export import keys_values
from fastctc.reference import streaming_model as reference
from fastctc.types import SessionOptions

TINY = DATA / "tiny"
DEMO = ROOT / "models" / "digits"
GRAPHS = [*sorted(TINY.glob("stream*.onnx")), *sorted(DEMO.glob("exact-*.onnx"))]
STREAM = TINY / "stream.onnx"

Features = NDArray[np.float32]
Edit = Callable[[onnx.ModelProto], None]


def test_all_graphs_are_here() -> None:
    assert len(GRAPHS) == 15


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny graphs' weights, and what is written beside them."""
    path = tmp_path_factory.mktemp("graphs")
    shutil.copy(TINY / "weights.bin", path)
    return path


@pytest.fixture(scope="module")
def rewritten(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Rewrites a graph, once."""
    root = tmp_path_factory.mktemp("rewritten")

    def rewrite(source: Path) -> Path:
        directory = root / source.parent.name
        directory.mkdir(exist_ok=True)
        target = directory / f"{source.stem}-kv.onnx"
        if not target.exists():
            shutil.copy(source.parent / "weights.bin", directory)
            shutil.copy(source, directory)
            keys_values.convert(directory / source.name, target)
        return target

    return rewrite


def open_model(path: Path) -> Any:
    model = _core.StreamingModel(os.fspath(path), dataclasses.asdict(SessionOptions(library=find_library()[0])))
    model.configure()
    return model


def noise(n_frames: int, seed: int) -> Features:
    """Values like log-mel's."""
    return (np.random.default_rng(seed).standard_normal((80, n_frames)) * 3 - 5).astype(np.float32)


def run(model: Any, recordings: list[Features], start: str = "aligned") -> list[Features]:
    """Log-probs of several streams; those that are ready run as one batch, so that batches of all sizes come about."""
    kind = _core.AcousticStream if isinstance(model, _core.StreamingModel) else reference.AcousticStream
    streams = [kind(model, start) for _ in recordings]
    for stream, features in zip(streams, recordings, strict=True):
        stream.push(features)
        stream.finish()
    while ready := [stream for stream in streams if stream.ready]:
        assert not any(model.step(ready))
    return [stream.take() for stream in streams]


def assert_same(actual: list[Features], expected: list[Features]) -> None:
    for one, other in zip(actual, expected, strict=True):
        assert one.shape == other.shape
        assert len(one) == 0 or np.abs(one - other).max() <= tolerances.LOG_PROBS_KEYS_VALUES


def recordings(model: Any) -> list[Features]:
    """Longer than the cache, shorter, of one window, of a part of one, and a single frame."""
    chunk = model.geometry["chunk_frames"]
    return [noise(n, seed=n) for n in (max(900, 3 * chunk), 2 * chunk + 40, chunk - 7, chunk // 2, 1)]


@pytest.mark.parametrize("start", ["aligned", "nemo_pad"])
@pytest.mark.parametrize("source", GRAPHS, ids=lambda path: path.stem)
def test_log_probs_are_those_of_the_source(rewritten: Callable[[Path], Path], source: Path, start: str) -> None:
    old, new = open_model(source), open_model(rewritten(source))
    assert new.geometry == old.geometry
    audio = recordings(old)
    expected = run(old, audio, start)
    assert all(len(log_probs) for log_probs in expected)
    assert_same(run(new, audio, start), expected)
    assert_same(run(new, audio[:1], start), expected[:1])


@pytest.mark.parametrize("source", [STREAM, TINY / "stream_exact_r13_x8.onnx"], ids=lambda path: path.stem)
def test_the_reference_runs_the_result(rewritten: Callable[[Path], Path], source: Path) -> None:
    models = [reference.StreamingModel(path) for path in (source, rewritten(source))]
    for model in models:
        model.configure()
    audio = [noise(1000, seed=1)]
    assert_same(run(models[1], audio), run(models[0], audio))


@pytest.mark.parametrize("source", GRAPHS, ids=lambda path: path.stem)
def test_the_result_is_valid_onnx(rewritten: Callable[[Path], Path], source: Path) -> None:
    onnx.checker.check_model(os.fspath(rewritten(source)), full_check=True)


def test_caches_are_twice_as_wide_and_the_metadata_say_so(rewritten: Callable[[Path], Path]) -> None:
    for source, factor in ((STREAM, 1), (rewritten(STREAM), 2)):
        model = onnx.load(source, load_external_data=False)
        values = {value.name: value for value in [*model.graph.input, *model.graph.output]}
        for name in ("cache_last_channel", "cache_last_channel_next"):
            assert values[name].type.tensor_type.shape.dim[3].dim_value == 64 * factor
        metadata = {entry.key: entry.value for entry in model.metadata_props}
        assert metadata["cache_last_channel_dim3"] == str(64 * factor)
        assert metadata["cache_last_time_dim2"] == "64"


def test_new_rows_alone_are_projected(rewritten: Callable[[Path], Path]) -> None:
    def products(path: Path) -> int:
        return sum(n.op_type == "MatMul" for n in onnx.load(path, load_external_data=False).graph.node)

    assert products(STREAM) - products(rewritten(STREAM)) == 3  # layers: one product instead of two


def test_shared_weights_stay_and_new_ones_get_a_file(rewritten: Callable[[Path], Path]) -> None:
    target = rewritten(STREAM)
    assert (target.parent / "weights.bin").read_bytes() == (TINY / "weights.bin").read_bytes()
    model = onnx.load(target, load_external_data=False)
    files: dict[str, list[str]] = {}
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                files.setdefault(entry.value, []).append(tensor.name)
    assert set(files) == {"weights.bin", "stream-kv.keys_values.bin"}
    assert len(files["stream-kv.keys_values.bin"]) == 3
    assert (target.parent / "stream-kv.keys_values.bin").stat().st_size == 2 * 4096 * 8 + 64 * 128 * 4
    assert target.stat().st_size < 1.1 * STREAM.stat().st_size
    assert not list(target.parent.glob("*.part"))


def test_a_model_without_external_data_stays_one_file(tmp_path: Path) -> None:
    onnx.save(onnx.load(STREAM), tmp_path / "whole.onnx")
    (tmp_path / "elsewhere").mkdir()
    keys_values.convert(tmp_path / "whole.onnx", tmp_path / "elsewhere" / "kv.onnx")
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["kv.onnx"]
    audio = [noise(500, seed=2)]
    assert_same(run(open_model(tmp_path / "elsewhere" / "kv.onnx"), audio), run(open_model(STREAM), audio))


def test_a_file_may_be_rewritten_in_place_and_only_once(folder: Path) -> None:
    path = folder / "inplace.onnx"
    shutil.copy(STREAM, path)
    keys_values.convert(path, path)
    content = path.read_bytes()
    with pytest.raises(ModelError, match="caches keys and values already"):
        keys_values.convert(path, path)
    assert path.read_bytes() == content
    audio = [noise(500, seed=3)]
    assert_same(run(open_model(path), audio), run(open_model(STREAM), audio))


def test_the_model_given_is_not_changed() -> None:
    model = onnx.load(STREAM)
    before = model.SerializeToString(deterministic=True)
    assert keys_values.cache_keys_and_values(model).SerializeToString(deterministic=True) != before
    assert model.SerializeToString(deterministic=True) == before


def test_names_of_nodes_do_not_matter(tmp_path: Path) -> None:
    model = onnx.load(STREAM)
    for i, node in enumerate(model.graph.node):
        node.name = f"node{i}"
    onnx.save(keys_values.cache_keys_and_values(model), tmp_path / "kv.onnx")
    audio = [noise(500, seed=4)]
    assert_same(run(open_model(tmp_path / "kv.onnx"), audio), run(open_model(STREAM), audio))


def find(model: onnx.ModelProto, name: str) -> Any:
    return next(node for node in model.graph.node if node.name == name)


def read_another_layers_cache(model: onnx.ModelProto) -> None:
    find(model, "/Gather_2").input[1], find(model, "/Gather_4").input[1] = (
        find(model, "/Gather_4").input[1],
        find(model, "/Gather_2").input[1],
    )


def store_other_rows(model: onnx.ModelProto) -> None:
    find(model, "/layers.1/self_attn/Slice_1").input[0] = "/layers.1/norm_conv/LayerNormalization_output_0"


def use_the_cache_elsewhere(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Shape", ["cache_last_channel"], ["shape_of_cache"], "Another"))


def use_the_cache_in_a_branch(model: onnx.ModelProto) -> None:
    branch = helper.make_graph(
        [helper.make_node("Identity", ["/layers.0/self_attn/Concat_output_0"], ["inner"])],
        "branch",
        [],
        [helper.make_empty_tensor_value_info("inner")],
    )
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "condition"))
    model.graph.node.append(
        helper.make_node("If", ["condition"], ["taken"], "Branch", then_branch=branch, else_branch=branch)
    )


def multiply_by_no_constant(model: onnx.ModelProto) -> None:
    find(model, "/layers.2/self_attn/linear_k/MatMul").input[1] = "/layers.2/norm_conv/LayerNormalization_output_0"


def quantise(model: onnx.ModelProto) -> None:
    find(model, "/layers.0/self_attn/linear_v/MatMul").op_type = "MatMulInteger"


def slice_features(model: onnx.ModelProto) -> None:
    node = find(model, "/layers.0/self_attn/Slice")
    model.graph.initializer.append(numpy_helper.from_array(np.array([2]), "last_axis"))
    node.input[3] = "last_axis"


def contradict_the_metadata(model: onnx.ModelProto) -> None:
    for entry in model.metadata_props:
        if entry.key == "cache_last_channel_dim3":
            entry.value = "65"


def declare_an_old_operator_set(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 12


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (read_another_layers_cache, "doesn't read its cache from there"),
        (store_other_rows, "doesn't join the cached rows with those"),
        (use_the_cache_elsewhere, "cache_last_channel is read by Shape Another, Transpose /Transpose"),
        (use_the_cache_in_a_branch, "is read by If Branch, MatMul"),
        (multiply_by_no_constant, "linear_k/MatMul isn't a product with a matrix of weights"),
        (quantise, "before any quantisation"),
        (slice_features, "self_attn/Slice doesn't slice rows"),
        (contradict_the_metadata, "cache_last_channel_dim3 65"),
        (declare_an_old_operator_set, "operator set is 12"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_graph_of_another_form_is_refused(edit: Edit, message: str) -> None:
    model = onnx.load(STREAM)
    edit(model)
    with pytest.raises(ModelError, match=message):
        keys_values.cache_keys_and_values(model)


def test_an_offline_graph_is_refused() -> None:
    with pytest.raises(ModelError, match="not a cache-aware graph"):
        keys_values.cache_keys_and_values(onnx.load(TINY / "offline.onnx"))


def test_missing_and_broken_files_are_told(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="no model at"):
        keys_values.convert(tmp_path / "none.onnx", tmp_path / "out.onnx")
    (tmp_path / "broken.onnx").write_bytes(b"\xff" * 100)
    with pytest.raises(ModelError, match="can't be read"):
        keys_values.convert(tmp_path / "broken.onnx", tmp_path / "out.onnx")
    shutil.copy(STREAM, tmp_path / "alone.onnx")
    with pytest.raises(ModelError, match=r"alone\.onnx can't be rewritten.*weights"):
        keys_values.convert(tmp_path / "alone.onnx", tmp_path / "out.onnx")
    with pytest.raises(OptionError, match="same directory"):
        keys_values.convert(STREAM, tmp_path / "out.onnx")
    shutil.copy(STREAM, folder)
    (folder / "taken.onnx").mkdir()
    with pytest.raises(OutputError, match=r"taken\.onnx can't be written"):
        keys_values.convert(folder / "stream.onnx", folder / "taken.onnx")
    assert not [*folder.glob("taken.*.bin"), *folder.glob("*.part")]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alone.onnx", "broken.onnx"]


def test_weights_of_the_source_are_not_written_over(tmp_path: Path) -> None:
    shutil.copy(TINY / "weights.bin", tmp_path / "kv.keys_values.bin")
    model = onnx.load(STREAM, load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = "kv.keys_values.bin"
    onnx.save(model, tmp_path / "stream.onnx")
    with pytest.raises(OptionError, match="would be written over"):
        keys_values.convert(tmp_path / "stream.onnx", tmp_path / "kv.onnx")
    assert (tmp_path / "kv.keys_values.bin").read_bytes() == (TINY / "weights.bin").read_bytes()


def test_weights_that_are_listed_as_inputs_go_from_there_too() -> None:
    model = onnx.load(STREAM)
    for tensor in model.graph.initializer:
        model.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    result = keys_values.cache_keys_and_values(model)
    assert len(model.graph.input) - len(result.graph.input) == 6
    onnx.checker.check_model(result)


def test_command_line(folder: Path) -> None:
    shutil.copy(STREAM, folder)
    command = [sys.executable, "-m", "fastctc.export.keys_values", "stream.onnx"]
    done = subprocess.run([*command, "kv.onnx"], cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert open_model(folder / "kv.onnx").geometry["chunk_frames"] == 112
    failed = subprocess.run([*command, "none/kv.onnx"], cwd=folder, capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    assert "same directory" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_a_missing_onnx_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"pip install fastctc\[export\]"):
        keys_values.convert(STREAM, STREAM)
