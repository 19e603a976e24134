"""The acoustic model: C++ and the reference against NeMo's outputs, and against each other on every kind of graph."""

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
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import onnx_graphs
import tolerances
from conftest import DATA, ROOT, external
from fastctc import _core
from fastctc.errors import AudioError, EngineError, ModelError, ModelNotFoundError, OptionError
from fastctc.installed.onnxruntime_library import find_library
from fastctc.reference import acoustic_model as reference
from fastctc.reference.position_table import find_position_table
from fastctc.reference.processor import EXACT_PRODUCTS, products_saturate
from fastctc.types import SessionOptions

TINY = DATA / "tiny"
DEMO = ROOT / "models" / "digits" / "offline.onnx"
GOLDEN = DATA / "golden"
TINY_GOLDENS = {
    "offline": "e2e_tiny_offline",
    "offline_r6": "e2e_tiny_offline_r6",
    "offline_r1": "e2e_tiny_offline_r1",
    "offline_r0": "e2e_tiny_offline_r0",
    "full_offline": "e2e_tiny_full_offline",
}


def load_core(path: Path, **session: Any) -> Any:
    options = dataclasses.asdict(SessionOptions(**{"library": find_library()[0], **session}))
    return _core.AcousticModel(os.fspath(path), options)


def load_reference(path: Path, **session: Any) -> Any:
    return reference.AcousticModel(path, SessionOptions(**session))


@pytest.fixture(params=[load_core, load_reference], ids=["core", "reference"])
def load(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return request.param


@pytest.fixture(params=[_core.subsampled_length, reference.subsampled_length], ids=["core", "reference"])
def subsampled_length(request: pytest.FixtureRequest) -> Callable[[int, int, bool], int]:
    return request.param


def configured(model: Any, **known: Any) -> Any:
    model.configure(**known)
    return model


def properties(model: Any, **known: Any) -> dict[str, tuple[str, str]]:
    """name -> (value, source)."""
    rows = [dataclasses.astuple(row) if dataclasses.is_dataclass(row) else row for row in model.configure(**known)]  # type: ignore[arg-type]
    return {name: (value, source) for name, value, source in rows}


def noise(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


# Against NeMo


def test_demo_model_gives_nemos_log_probs(load: Callable[..., Any]) -> None:
    golden = np.load(GOLDEN / "digits.npz")
    model = configured(load(DEMO))
    names = [key.removesuffix("/features") for key in golden.files if key.endswith("/features")]
    assert len(names) == 7
    for name in names:
        (actual,) = model.run([golden[f"{name}/features"]])
        expected = golden[f"{name}/logprobs"]
        assert actual.shape == expected.shape, name
        assert np.abs(actual - expected).max() <= tolerances.LOG_PROBS, name


@pytest.mark.parametrize("graph", TINY_GOLDENS)
def test_tiny_models_give_nemos_log_probs(load: Callable[..., Any], graph: str) -> None:
    golden = np.load(GOLDEN / f"{TINY_GOLDENS[graph]}.npz")
    model = configured(load(TINY / f"{graph}.onnx"))
    for name in ("speech", "speech2", "speech3"):
        n_frames = int(golden[f"{name}/length"][0])
        (actual,) = model.run([np.ascontiguousarray(golden[f"{name}/feats"][0, :, :n_frames])])
        expected = golden[f"{name}/logprobs"][0, : int(golden[f"{name}/enc_len"][0])]
        assert actual.shape == expected.shape, name
        assert np.abs(actual - expected).max() <= tolerances.LOG_PROBS, name


@pytest.mark.parametrize("graph", ["offline_unmasked", "full_offline_unmasked"])
def test_graphs_without_masks_give_the_masked_ones_log_probs(load: Callable[..., Any], graph: str) -> None:
    """Fed with valid frames only, an export of NeMo <= 2.4.1 equals one of today."""
    golden = np.load(GOLDEN / f"{TINY_GOLDENS[graph.removesuffix('_unmasked')]}.npz")
    model = configured(load(TINY / f"{graph}.onnx"))
    n_frames = int(golden["speech/length"][0])
    (actual,) = model.run([np.ascontiguousarray(golden["speech/feats"][0, :, :n_frames])])
    assert np.abs(actual - golden["speech/logprobs"][0, : len(actual)]).max() <= tolerances.LOG_PROBS


# Lengths


def strided_convolutions(n_frames: int, n_layers: int, causal: bool) -> int:
    """Counts window by window what convolutions of kernel 3 and stride 2 give: independent of any formula."""
    for _ in range(n_layers):
        left, right = (2, 1) if causal else (1, 1)
        n_frames = sum(1 for start in range(-left, n_frames + right, 2) if start + 3 <= n_frames + right)
    return n_frames


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("n_layers", [1, 2, 3, 4])
def test_length_formula_equals_brute_force(
    subsampled_length: Callable[[int, int, bool], int], causal: bool, n_layers: int
) -> None:
    for n_frames in range(1, 2001):
        expected = strided_convolutions(n_frames, n_layers, causal)
        assert subsampled_length(n_frames, 2**n_layers, causal) == expected
        if n_layers == 3:
            assert expected == ((n_frames + 6) // 8 + 1 if causal else -(-n_frames // 8))
    assert subsampled_length(0, 2**n_layers, causal) == 0
    with pytest.raises(OptionError, match="power of two"):
        subsampled_length(10, 6, causal)


@pytest.mark.parametrize("graph", ["offline", "full_offline"])
def test_every_length_of_the_graph_itself(graph: str) -> None:
    """The shape that the graph itself gives is the length that fastctc takes as valid: nothing is cut unseen."""
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(str(TINY / f"{graph}.onnx"), providers=["CPUExecutionProvider"])
    features = noise(1, 80, 2000)
    # The formula itself is counted out for every length; 7 and the subsampling's 8 have no common divisor.
    for n_frames in [*range(1, 200), *range(200, 2001, 7), 2000]:
        feeds = {"audio_signal": features[:, :, :n_frames], "length": np.array([n_frames])}
        raw = session.run(None, feeds)[0].shape[1]
        assert raw == _core.subsampled_length(n_frames, 8, not graph.startswith("full")), n_frames


@pytest.mark.parametrize("graph", ["offline", "full_offline"])
def test_output_lengths_equal_the_formula(load: Callable[..., Any], graph: str) -> None:
    model = configured(load(TINY / f"{graph}.onnx"))
    sample = [*range(1, 34), 63, 64, 65, 799, 800, 801, 1999, 2000]
    features = noise(80, 2000)
    for n_frames in sample:
        (actual,) = model.run([np.ascontiguousarray(features[:, :n_frames])])
        assert len(actual) == strided_convolutions(n_frames, 3, not graph.startswith("full")), n_frames


# Batches


@pytest.mark.parametrize("graph", ["offline", "full_offline", "offline_unmasked", "full_offline_unmasked"])
@settings(max_examples=8, deadline=None)
@given(lengths=st.lists(st.integers(0, 150), min_size=1, max_size=6), seed=st.integers(0, 2**16))
def test_a_batch_equals_its_items_alone(graph: str, lengths: list[int], seed: int) -> None:
    model = cached(TINY / f"{graph}.onnx")
    items = [noise(80, length, seed=seed + i) for i, length in enumerate(lengths)]
    for item, together in zip(items, model.run(items), strict=True):
        (alone,) = model.run([item])
        assert together.shape == alone.shape
        assert np.abs(together - alone).max(initial=0) <= tolerances.LOG_PROBS_BATCH


_CACHE: dict[Path, Any] = {}


def cached(path: Path) -> Any:
    if path not in _CACHE:
        _CACHE[path] = configured(load_core(path))
    return _CACHE[path]


@pytest.mark.parametrize(
    ("graph", "batching"),
    [
        ("offline", "padded"),
        ("full_offline", "padded"),
        ("offline_unmasked", "one at a time"),
        ("full_offline_unmasked", "one at a time"),
    ],
)
def test_graphs_that_padding_leaks_into_are_found(graph: str, batching: str) -> None:
    assert properties(load_core(TINY / f"{graph}.onnx"))["batching"] == (batching, "graph (probe run)")


def test_empty_batches_and_items(load: Callable[..., Any]) -> None:
    model = configured(load(DEMO))
    assert model.run([]) == []
    empty, one, other = model.run([np.zeros((80, 0), np.float32), noise(80, 1), np.zeros((80, 0), np.float32)])
    assert empty.shape == other.shape == (0, 53)
    assert one.shape == (1, 53)


# Every kind of graph

GRAPHS: dict[str, dict[str, Any]] = {
    "features": {},
    "causal": {"causal": True},
    "factor 4": {"n_layers": 2},
    "factor 2, causal": {"n_layers": 1, "causal": True},
    "factor 16": {"n_layers": 4},
    "lengths out": {"length_output": "encoded_lengths"},
    "frame-major": {"layout": "frame_major", "audio": "x", "length": "x_lens", "length_output": "log_probs_lens"},
    "logits": {"output": "logits", "activation": ""},
    "logits named log_probs": {"output": "log_probs", "activation": ""},
    "no length": {"length": ""},
    "int32 lengths": {"length_type": onnx_graphs.INT32, "length_output": "encoded_lengths"},
    "unmasked": {"masked": False},
    "batch of one": {"batch": 1},
    "waveform": {"layout": "waveform", "audio": "input_values", "length": "", "output": "logits", "activation": ""},
    "waveform with lengths": {"layout": "waveform", "audio": "waveform", "length": "waveform_lengths"},
    "waveform with a channel": {"layout": "waveform_3d", "audio": "sound", "length": "", "output": "y"},
}
UNKNOWN_NAME: dict[str, Any] = {"audio": "sound", "length": "n_len", "output": "y"}


@pytest.mark.parametrize("kind", GRAPHS)
def test_every_kind_of_graph_runs_and_equals_the_reference(kind: str, tmp_path: Path) -> None:
    options = GRAPHS[kind]
    path = onnx_graphs.save_graph(tmp_path / "model.onnx", **options)
    core, twin = load_core(path), load_reference(path)
    assert core.graph() == twin.graph()
    core_properties, twin_properties = properties(core), properties(twin)
    core_properties.pop("batching")
    assert core_properties == twin_properties

    waveform = options.get("layout", "").startswith("waveform")
    lengths = [4000, 9999, 1300] if waveform else [40, 99, 13]
    items = [noise(n, seed=n) if waveform else noise(onnx_graphs.N_FEATURES, n, seed=n) for n in lengths]
    for together, item, expected in zip(core.run(items), items, twin.run(items), strict=True):
        (alone,) = core.run([item])
        assert together.shape == alone.shape == expected.shape
        assert np.abs(together - alone).max() <= tolerances.LOG_PROBS_BATCH
        assert np.abs(together - expected).max() <= tolerances.LOG_PROBS_TWIN
        assert np.abs(np.exp(together.astype(np.float64)).sum(axis=1) - 1).max() < 1e-5
    if not waveform:
        n_layers = options.get("n_layers", 3)
        assert core_properties["subsampling_factor"] == (str(2**n_layers), "graph (probe run)")
        assert core_properties["subsampling_causal"] == (str(options.get("causal", False)).lower(), "graph (probe run)")
        for n, result in zip(lengths, core.run(items), strict=True):
            assert len(result) == strided_convolutions(n, n_layers, options.get("causal", False))
    else:
        assert core_properties["subsampling_factor"] == ("320", "graph (probe run)")


def test_logits_and_log_probs_of_one_network_agree(load: Callable[..., Any], tmp_path: Path) -> None:
    item = noise(onnx_graphs.N_FEATURES, 77)
    plain = configured(load(onnx_graphs.save_graph(tmp_path / "a.onnx"))).run([item])[0]
    logits = configured(load(onnx_graphs.save_graph(tmp_path / "b.onnx", output="logits", activation=""))).run([item])[
        0
    ]
    assert np.abs(plain - logits).max() < 2e-6


def test_names_that_nobody_knows_are_recognised_by_shape(load: Callable[..., Any], tmp_path: Path) -> None:
    graph = load(onnx_graphs.save_graph(tmp_path / "model.onnx", **UNKNOWN_NAME)).graph()
    assert (graph["audio_input"], graph["length_input"], graph["output"]) == ("sound", "n_len", "y")
    assert (graph["layout"], graph["n_features"], graph["n_tokens"]) == ("feature_major", 8, 5)


def test_a_graph_that_leaves_its_features_open(load: Callable[..., Any], tmp_path: Path) -> None:
    path = onnx_graphs.save_graph(tmp_path / "model.onnx", audio="processed_signal", features="features")
    model = load(path)
    assert (model.graph()["layout"], model.graph()["n_features"]) == ("feature_major", 0)
    with pytest.raises(ModelError, match="Give the option subsampling_factor"):
        model.configure()
    model = configured(load(path), subsampling_factor=8)
    items = [noise(8, 40), noise(8, 65)]
    expected = configured(load_core(onnx_graphs.save_graph(tmp_path / "fixed.onnx"))).run(items)
    for actual, fixed in zip(model.run(items), expected, strict=True):
        assert actual.shape == fixed.shape
        assert np.abs(actual - fixed).max() <= tolerances.LOG_PROBS_BATCH


def test_streaming_graph_is_recognised_and_not_run(load: Callable[..., Any]) -> None:
    model = load(TINY / "stream.onnx")
    graph = model.graph()
    assert graph["cache_aware"]
    assert (graph["audio_input"], graph["length_output"]) == ("audio_signal", "encoded_lengths")
    assert graph["metadata"]["window_size"] == "121"
    found = properties(model)
    assert found["subsampling_factor"] == ("8", "ONNX metadata")
    assert "max_encoder_frames" not in found
    with pytest.raises(ModelError, match="is for streams"):
        model.run([noise(80, 40)])


@pytest.mark.parametrize("name", ["model.onnx", "model_waveform.onnx"])
def test_real_phoneme_models(name: str) -> None:
    path = external(f"models/phoneme/{name}")
    core, twin = load_core(path), load_reference(path)
    assert core.graph() == twin.graph()
    found = properties(core)
    twin_found = properties(twin)
    waveform = "waveform" in name
    assert found["subsampling_factor"][0] == twin_found["subsampling_factor"][0] == ("320" if waveform else "2")
    # The waveform export computes its features without masks: a batch would change its items.
    assert found["batching"][0] == ("one at a time" if waveform else "padded")
    items = [noise(n) * 0.1 if waveform else noise(80, n) for n in ([16000, 23456] if waveform else [100, 147])]
    for together, item, expected in zip(core.run(items), items, twin.run(items), strict=True):
        assert np.abs(together - core.run([item])[0]).max() <= tolerances.LOG_PROBS_BATCH
        assert np.abs(together - expected).max() <= tolerances.LOG_PROBS_BATCH


# Geometry


def test_demo_models_geometry(load: Callable[..., Any]) -> None:
    found = properties(load(DEMO))
    found.pop("batching", None)
    assert found == {
        "subsampling_factor": ("8", "ONNX metadata"),
        "subsampling_causal": ("true", "graph (probe run)"),
        "max_encoder_frames": ("1000", "graph (position table)"),
        "log_probs_kind": ("log_probs", "graph (output logprobs)"),
    }


def test_options_come_first_and_agree(load: Callable[..., Any]) -> None:
    found = properties(load(DEMO), subsampling_factor=8, causal=True, max_encoder_frames=500, log_probs_kind="logits")
    found.pop("batching", None)
    assert {source for _, source in found.values()} == {"option"}
    assert [value for value, _ in found.values()] == ["8", "true", "500", "logits"]


@pytest.mark.parametrize(
    ("known", "message"),
    [
        ({"subsampling_factor": 4}, "subsampling_factor is 4 by the option, but 8 by the ONNX metadata"),
        ({"causal": False}, "subsampling_causal is (0|False) by the option, but (1|True) by"),
        (
            {"max_encoder_frames": 1001},
            "max_encoder_frames is 1001 by the option, but 1000 by the graph's position table",
        ),
        ({"max_encoder_frames": 0}, "max_encoder_frames is 0 by the option, but 1000"),
    ],
)
def test_contradictions_name_both_sources(load: Callable[..., Any], known: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        load(DEMO).configure(**known)


def test_metadata_that_the_graph_contradicts(load: Callable[..., Any], tmp_path: Path) -> None:
    path = onnx_graphs.save_graph(tmp_path / "model.onnx", metadata={"subsampling_factor": "4"})
    with pytest.raises(ModelError, match=r"subsampling_factor is 4 by the ONNX metadata, but 8 by"):
        load(path).configure()


def test_the_position_tables_end_is_exact(load: Callable[..., Any]) -> None:
    """1000 encoder frames are right; the 1001st makes the graph wrong without a word, so it is refused."""
    model = configured(load(DEMO, intra_op_threads=0))
    longest = noise(80, 7994)
    (whole,) = model.run([np.ascontiguousarray(longest[:, :7993])])
    assert len(whole) == 1000
    (part,) = model.run([np.ascontiguousarray(longest[:, :4000])])
    # Causal, with a look-ahead of 13 frames: what comes later doesn't reach these.
    assert np.abs(whole[:480] - part[:480]).max() <= tolerances.LOG_PROBS
    with pytest.raises(AudioError, match=r"7994 input frames.* 1001 output frames.*1000 \(max_encoder_frames\)"):
        model.run([longest])


def test_a_limit_of_the_callers(load: Callable[..., Any]) -> None:
    model = configured(load(DEMO), max_encoder_frames=10)
    assert len(model.run([noise(80, 73)])[0]) == 10
    with pytest.raises(AudioError, match="too long"):
        model.run([noise(80, 74)])


@pytest.mark.parametrize(
    ("rows", "kind", "expected"),
    [(1999, "relative", 1000), (5000, "absolute", 5000), (257, "window", 0), (9, "relative", 0)],
)
def test_position_tables_are_found_in_the_file(rows: int, kind: Any, expected: int, tmp_path: Path) -> None:
    path = onnx_graphs.save_table_graph(tmp_path / "table.onnx", rows, kind=kind)
    assert find_position_table(path) == expected


def test_full_size_position_table() -> None:
    assert find_position_table(external("models/large/skeleton_offline.onnx")) == 5000


# Faults


def broken(tmp_path: Path, kind: str) -> Path:
    path = tmp_path / "model.onnx"
    if kind == "directory":
        path.mkdir()
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "truncated":
        path.write_bytes(DEMO.read_bytes()[:300_000])
    elif kind == "cut by one byte":
        path.write_bytes(DEMO.read_bytes()[:-1])
        shutil.copy(DEMO.with_name("weights.bin"), tmp_path)
    elif kind == "text":
        path.write_text("These are not the weights that you are looking for.\n" * 50)
    elif kind == "noise":
        path.write_bytes(np.random.default_rng(0).bytes(5000))
    elif kind == "wave":
        shutil.copy(DATA / "audio" / "speech.wav", path)
    elif kind == "weights missing":
        shutil.copy(DEMO, path)
    elif kind == "weights cut":
        shutil.copy(DEMO, path)
        (tmp_path / "weights.bin").write_bytes(DEMO.with_name("weights.bin").read_bytes()[:100_000])
    return path


@pytest.mark.parametrize(
    "kind",
    ["directory", "empty", "truncated", "cut by one byte", "text", "noise", "wave", "weights missing", "weights cut"],
)
def test_a_file_that_is_no_model(load: Callable[..., Any], kind: str, tmp_path: Path, capfd: Any) -> None:
    path = broken(tmp_path, kind)
    with pytest.raises(ModelError) as caught:
        load(path)
    assert not isinstance(caught.value, ModelNotFoundError)
    assert os.fspath(path) in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("kind", "advice"),
    [
        ("truncated", "cut short"),
        ("text", "not an ONNX graph"),
        ("empty", "is empty"),
        ("directory", "is a directory"),
        ("weights missing", "weights are in another file"),
        ("weights cut", "weights are in another file"),
    ],
)
def test_the_fault_is_named(kind: str, advice: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=advice):
        load_core(broken(tmp_path, kind))


def test_missing_file(load: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"gone\.onnx is not there"):
        load(tmp_path / "gone.onnx")


@pytest.mark.parametrize(
    "options",
    [
        {"extra_input": "speaker"},
        {"audio": "sound", "extra_input": "speaker"},
        {"batch": 4},
        {"layout": "frame_major", "audio": "sound", "features": "n"},
        {"length": "language", "masked": False},
    ],
)
def test_other_inputs_are_listed(load: Callable[..., Any], options: dict[str, Any], tmp_path: Path) -> None:
    path = onnx_graphs.save_graph(tmp_path / "model.onnx", **options)
    with pytest.raises(ModelError, match=r"not one that fastctc can run.*Inputs: .*logprobs.*Expected") as caught:
        load(path)
    assert options.get("extra_input", options.get("audio", "audio_signal")) in str(caught.value)


def test_probabilities_are_refused(load: Callable[..., Any], tmp_path: Path) -> None:
    model = configured(load(onnx_graphs.save_graph(tmp_path / "model.onnx", activation="Softmax", output="probs")))
    with pytest.raises(ModelError, match="gives probabilities"):
        model.run([noise(8, 30)])


@pytest.mark.parametrize(
    ("session", "message"),
    [
        ({"provider": "Abacus"}, r"no 'Abacus'; it has .*CPU"),
        ({"graph_optimization": "most"}, "disabled, basic, extended, all, not 'most'"),
        ({"intra_op_threads": -1}, "intra_op_threads must be an integer from 0 to 1024"),
        ({"inter_op_threads": 5000}, "inter_op_threads must be an integer from 0 to 1024"),
    ],
)
def test_wrong_session_options(load: Callable[..., Any], session: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        load(DEMO, **session)


@pytest.mark.parametrize(
    ("session", "message"),
    [
        ({"intra_op_threads": "two"}, "session.intra_op_threads must be an integer from 0 to 1024, not 'two'"),
        ({"colour": "red"}, "no option session.colour; there are session.library"),
        ({"provider_options": {"device_id": "0"}}, "CPU provider takes none"),
        ({"config_entries": 3}, "session.config_entries must be an object of names and values, not 3"),
        ({"config_entries": {"x" * 5000: "1"}}, "config_entries: ONNX Runtime refuses"),
    ],
)
def test_wrong_session_options_of_the_binding(session: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        _core.AcousticModel(os.fspath(DEMO), {"library": find_library()[0], **session})


def test_session_options_change_nothing(load: Callable[..., Any]) -> None:
    item = noise(80, 120)
    (expected,) = configured(load(DEMO)).run([item])
    for session in (
        {"intra_op_threads": 2, "inter_op_threads": 2},
        {"graph_optimization": "disabled"},
        {"memory_arena": False, "provider": "CPUExecutionProvider"},
        {"config_entries": {"session.set_denormal_as_zero": "1"}},
        {"config_entries": {EXACT_PRODUCTS: "1"}},
    ):
        (actual,) = configured(load(DEMO, **session)).run([item])
        assert np.abs(actual - expected).max() <= tolerances.LOG_PROBS, session


@pytest.mark.parametrize(
    ("flags", "saturates"),
    [
        ({"x86_64", "avx2", "fma"}, True),
        ({"amd64", "avx512f", "avx512bw"}, True),
        ({"x86_64"}, True),  # nothing tells
        ({"x86_64", "avx2", "avx_vnni"}, False),
        ({"x86_64", "avx512f", "avx512_vnni"}, False),
        ({"aarch64", "asimddp"}, False),
    ],
)
def test_where_products_of_bytes_saturate(flags: set[str], saturates: bool) -> None:
    assert products_saturate(flags) == saturates


@pytest.mark.parametrize(("flags", "entry"), [({"x86_64", "avx2"}, "1"), ({"x86_64", "avx_vnni"}, None)])
def test_the_reference_asks_for_exact_products(
    monkeypatch: pytest.MonkeyPatch, flags: set[str], entry: str | None
) -> None:
    import onnxruntime

    monkeypatch.setattr("fastctc.reference.acoustic_model.processor_flags", lambda: frozenset(flags))
    seen: list[dict[str, str]] = []

    class Options(onnxruntime.SessionOptions):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            seen.append({})

        def add_session_config_entry(self, key: str, value: str) -> None:
            seen[-1][key] = value
            super().add_session_config_entry(key, value)

    monkeypatch.setattr(onnxruntime, "SessionOptions", Options)
    reference.open_session(DEMO, SessionOptions())
    reference.open_session(DEMO, SessionOptions(config_entries={EXACT_PRODUCTS: "0"}))
    assert [entries.get(EXACT_PRODUCTS) for entries in seen] == [entry, "0"]


MEMORY_AFTER_A_LONG_RUN = """
import sys, numpy, psutil
from fastctc import _core
model = _core.AcousticModel(sys.argv[1], {"library": sys.argv[2], "memory_arena": True})
model.configure()
features = numpy.random.default_rng(0).standard_normal((80, 7900), numpy.float32)
memory = psutil.Process().memory_info
model.run([features[:, :100].copy()])
before = memory().rss
model.run([features] * 3)
print(memory().rss - before)
"""


def test_the_arena_gives_a_long_runs_memory_back() -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEMORY_AFTER_A_LONG_RUN, DEMO, find_library()[0]],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    # Attention over 988 frames has several matrices of 988 x 988 x 4 heads at once, for each of the three items;
    # after one alone, which is too short to give anything back, 111 MB stay.
    assert int(done.stdout) < 100e6


def test_wrong_features(load: Callable[..., Any]) -> None:
    model = configured(load(DEMO))
    with pytest.raises(ModelError, match=r"64 values per frame, .* takes.* 80"):
        model.run([noise(64, 50)])
    spoiled = noise(80, 50)
    spoiled[7, 31] = np.nan
    with pytest.raises(AudioError, match="not a finite number"):
        model.run([spoiled])
    with pytest.raises(OptionError, match="configure"):
        load(DEMO).run([noise(80, 50)])


def test_arrays_of_other_kinds() -> None:
    model = configured(load_core(DEMO))
    features = noise(50, 80)
    (expected,) = model.run([np.ascontiguousarray(features.T)])
    assert np.array_equal(model.run([features.T])[0], expected)  # not contiguous: copied
    with pytest.raises(TypeError):
        model.run([features.T.astype(np.float64)])
    with pytest.raises(OptionError, match="3 dimensions"):
        model.run([np.zeros((1, 80, 50), np.float32)])
    with pytest.raises(ModelError, match=r"Item 1 of the batch: .*1 values per frame"):
        model.run([noise(80, 50), noise(50)])
    with pytest.raises(OptionError, match="called once"):
        model.configure()


def test_audio_too_short_for_the_graph(load: Callable[..., Any], tmp_path: Path) -> None:
    path = onnx_graphs.save_graph(tmp_path / "model.onnx", layout="waveform", audio="waveform", length="")
    model = configured(load(path))
    with pytest.raises(AudioError, match="too short for the graph: 5 input frames"):
        model.run([noise(5)])


def test_results_own_their_memory() -> None:
    model = configured(load_core(DEMO))
    (result,) = model.run([noise(80, 90)])
    copy = result.copy()
    assert result.flags.c_contiguous
    assert result.base is not None  # the vector of the core: no copy
    del model
    assert np.array_equal(result, copy)
    assert sys.getrefcount(result) <= 2  # 1 since Python 3.14, which lends arguments


def test_engine_errors_are_raised_once(load: Callable[..., Any], tmp_path: Path, capfd: Any) -> None:
    """A graph that fails while it runs: raised with its path, nothing printed."""
    path = onnx_graphs.save_failing_graph(tmp_path / "model.onnx")
    model = configured(load(path))
    with pytest.raises(EngineError, match=r"failed on .*200 input frames of .*model\.onnx"):
        model.run([noise(8, 200)])
    assert capfd.readouterr() == ("", "")
