"""Quantised graphs: the words stay, rows stay apart, and what isn't good enough is refused."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import soundfile
from numpy.typing import NDArray

import fastctc
import tolerances
from conftest import DATA, ROOT, external
from fastctc import _core
from fastctc.cli import main
from fastctc.errors import EngineError, ModelError, ModelNotFoundError, OptionError, OutputError
from fastctc.export import calibration as calibration_module
from fastctc.export import optimize
from fastctc.export.graph import Graph, load_graph
from fastctc.export.half import weights_in_half
from fastctc.export.pointwise import pointwise_as_products
from fastctc.export.products import find_products
from fastctc.export.quantize import Calibration, QuantizedGraph, quantize_directory
from fastctc.export.word_changes import count_changes
from fastctc.installed.onnxruntime_library import find_library
from fastctc.reference import streaming_model as reference
from fastctc.reference.acoustic_model import AcousticModel
from fastctc.reference.processor import EXACT_PRODUCTS
from fastctc.types import SessionOptions

DEMO = ROOT / "models" / "digits"
SPEECH = DATA / "speech"
SAID = {
    "two-nine-three-four-zero.wav": "two nine three four zero",
    "five-five.wav": "five five",
}
KINDS = ["int8", "int8-block", "int4-block", "fp16"]

Floats = NDArray[np.float32]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo model's offline graph as exported, and an optimized one for streams."""
    folder = tmp_path_factory.mktemp("float")
    for name in ("offline.onnx", "weights.bin", "tokens.txt"):
        shutil.copy(DEMO / name, folder)
    onnx.save(optimize.optimize_graph(DEMO / "exact-80ms.onnx"), os.fspath(folder / "stream.onnx"))
    manifest = json.loads((DEMO / "fastctc.json").read_text(encoding="utf-8"))
    manifest["graphs"] = {"offline": "offline.onnx", "streaming_80ms": "stream.onnx"}
    (folder / "fastctc.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A tiny offline model, quickly tried."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    for name in ("offline.onnx", "weights.bin", "tokens.txt"):
        shutil.copy(DATA / "tiny" / name, folder)
    return folder


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    model = fastctc.load(DEMO)
    features = [model.features(SPEECH / name) for name in SAID]
    return Calibration(features, lambda log_probs: model.decode(log_probs).text, list(SAID.values()))


@pytest.fixture(scope="module")
def quantized(
    source: Path, calibration: Calibration, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[Path, list[QuantizedGraph]]]:
    """Quantises the directory to a kind, once."""
    root, done = tmp_path_factory.mktemp("quantized"), {}

    def make(kind: str) -> tuple[Path, list[QuantizedGraph]]:
        if kind not in done:
            # Four bits drift by 0.1 here; what that leaves in float is tested below.
            done[kind] = quantize_directory(source, root / kind, kind=kind, calibration=calibration, max_drift=0.3)
        return root / kind, done[kind]

    return make


def load_core(path: Path, **options: Any) -> Any:
    session = SessionOptions(library=find_library()[0], **options)
    model = _core.StreamingModel(os.fspath(path), dataclasses.asdict(session))
    model.configure()
    return model


def log_probs_of(stream: Any, step: Callable[[], object], features: Floats) -> Floats:
    stream.push(features)
    stream.finish()
    while stream.ready:
        step()
    found: Floats = stream.take()
    return found


def core_log_probs(model: Any, features: Floats) -> Floats:
    stream = _core.AcousticStream(model, "aligned")
    return log_probs_of(stream, lambda: model.step([stream]), features)


def noise(n_frames: int) -> Floats:
    return (np.random.default_rng(n_frames).standard_normal((80, n_frames)) * 3 - 5).astype(np.float32)


def operators(path: Path) -> list[str]:
    return [node.op_type for node in onnx.load(path, load_external_data=False).graph.node]


@pytest.mark.parametrize("kind", KINDS)
def test_words_stay_and_files_shrink(
    kind: str, quantized: Callable[[str], tuple[Path, list[QuantizedGraph]]], source: Path
) -> None:
    directory, results = quantized(kind)
    assert [result.name for result in results] == ["offline", "streaming_80ms"]
    for result in results:
        onnx.checker.check_model(os.fspath(directory / result.target.name))
        assert result.words.increase <= 0.005
        assert result.words.n_words == 7
        assert 0 < result.mean_drift <= (0.3 if kind == "int4-block" else 0.1)
        assert result.mean_drift < result.largest_drift
        assert result.n_bytes[1] < result.n_bytes[0] * (0.65 if kind == "fp16" else 0.5)
        assert min(result.cost_s) > 0
        assert sum(result.n_products) == 46
        assert "quantization" in json.loads((directory / "fastctc.json").read_text(encoding="utf-8"))
    model = fastctc.load(directory)
    for name, text in SAID.items():
        assert model.transcribe(SPEECH / name).text == text
        audio, _ = soundfile.read(SPEECH / name, dtype="float32")
        results_of_stream = model.transcribe_stream([audio], latency_ms=80)
        assert " ".join(result.text for result in results_of_stream if result.is_final) == text
    # Float graphs and their weights are not in the new directory; everything else is.
    [weights] = directory.glob("*.bin")
    assert weights.name.startswith(f"{kind}-")
    assert sorted(path.name for path in directory.iterdir()) == sorted(
        [weights.name, "fastctc.json", "tokens.txt", f"offline.{kind}.onnx", f"stream.{kind}.onnx"]
    )
    whole = sum(path.stat().st_size for path in source.iterdir())
    assert sum(path.stat().st_size for path in directory.iterdir()) < 0.6 * whole


def test_which_operators_run(quantized: Callable[[str], tuple[Path, list[QuantizedGraph]]]) -> None:
    for name in ("offline", "stream"):
        int8 = operators(quantized("int8")[0] / f"{name}.int8.onnx")
        assert sum("IntegerLinear" in operator for operator in int8) == 46
        assert not any(operator.startswith("Linear") for operator in int8)
        assert "Gemm" not in int8
        assert operators(quantized("int8-block")[0] / f"{name}.int8-block.onnx").count("MatMulNBits") == 46
        assert "Cast" in operators(quantized("fp16")[0] / f"{name}.fp16.onnx")


@pytest.mark.parametrize("kind", ["int8", "int8-block"])
def test_the_directory_can_be_checked(
    kind: str, quantized: Callable[[str], tuple[Path, list[QuantizedGraph]]], capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["check", os.fspath(quantized(kind)[0]), os.fspath(DEMO / "two-nine-three-four-zero.wav")])
    output = capsys.readouterr()
    assert status == 0, output.out
    assert "quantised" in output.err


@pytest.mark.parametrize("kind", KINDS)
def test_core_and_twin_agree(kind: str, quantized: Callable[[str], tuple[Path, list[QuantizedGraph]]]) -> None:
    path = quantized(kind)[0] / f"stream.{kind}.onnx"
    core, same_operators = load_core(path), load_core(path, instruction_set="baseline")
    twin = reference.StreamingModel(path)
    twin.configure()
    for n_frames in (1, 17, 200):
        features, stream = noise(n_frames), reference.AcousticStream(twin)
        expected = log_probs_of(stream, stream.step, features)
        np.testing.assert_allclose(core_log_probs(same_operators, features), expected, atol=tolerances.LOG_PROBS_TWIN)
        np.testing.assert_allclose(core_log_probs(core, features), expected, atol=tolerances.LOG_PROBS_QUANTIZED_TWIN)


def test_exact_products_are_the_same(quantized: Callable[[str], tuple[Path, list[QuantizedGraph]]]) -> None:
    """What is asked for on processors without VNNI: the products there are, and those here, are sums of integers."""
    path = quantized("int8")[0] / "stream.int8.onnx"
    found = core_log_probs(load_core(path, config_entries={EXACT_PRODUCTS: "1"}), noise(200))
    np.testing.assert_allclose(found, core_log_probs(load_core(path), noise(200)), atol=tolerances.LOG_PROBS_TWIN)


@pytest.mark.parametrize("kind", ["int8", "int8-block", "int4-block"])
def test_a_batch_changes_nothing(kind: str, quantized: Callable[[str], tuple[Path, list[QuantizedGraph]]]) -> None:
    """Also beside a stream that is ten times louder: no scale is shared."""
    core = load_core(quantized(kind)[0] / f"stream.{kind}.onnx")
    features = [noise(length) * level for length, level in ((150, 1), (220, 10), (90, 0.1))]
    alone = [core_log_probs(core, entry) for entry in features]
    streams = [_core.AcousticStream(core, "aligned") for _ in features]
    for stream, entry in zip(streams, features, strict=True):
        stream.push(entry)
        stream.finish()
    while waiting := [stream for stream in streams if stream.ready]:
        assert core.step(waiting) == [""] * len(waiting)
    for stream, expected in zip(streams, alone, strict=True):
        assert np.abs(stream.take() - expected).max() < tolerances.LOG_PROBS_QUANTIZED_BATCH


def test_offline_batches_are_padded(quantized: Callable[[str], tuple[Path, list[QuantizedGraph]]]) -> None:
    directory, _ = quantized("int8")
    properties = {entry.name: entry.value for entry in fastctc.load(directory).properties}
    assert properties["batching"] == "padded"


def test_the_most_sensitive_products_stay_in_float(tiny: Path, tmp_path: Path) -> None:
    messages: list[str] = []
    told = Calibration([noise(60)], lambda _: "same")

    def run(name: str, max_drift: float) -> QuantizedGraph:
        [result] = quantize_directory(
            tiny, tmp_path / name, kind="int4-block", calibration=told, max_drift=max_drift, on_progress=messages.append
        )
        return result

    free = run("free", 10)
    assert not any("alone" in message for message in messages)
    bound = run("bound", free.mean_drift * 0.7)
    assert free.n_products == (35, 0)
    assert 0 < bound.n_products[1] <= 18
    assert bound.mean_drift <= free.mean_drift * 0.7
    assert operators(tmp_path / "bound" / bound.target.name).count("MatMulNBits") == bound.n_products[0]
    assert any("stay in float" in message for message in messages)


def test_in_place_and_again(source: Path, calibration: Calibration, tmp_path: Path) -> None:
    directory = tmp_path / "model"
    shutil.copytree(source, directory)
    before = {path.name: path.read_bytes() for path in directory.iterdir() if path.name != "fastctc.json"}
    for kind in ("fp16", "int8"):
        quantize_directory(directory, kind=kind, calibration=calibration)
        manifest = json.loads((directory / "fastctc.json").read_text(encoding="utf-8"))
        assert manifest["graphs"] == {"offline": f"offline.{kind}.onnx", "streaming_80ms": f"stream.{kind}.onnx"}
        assert manifest["float_graphs"] == {"offline": "offline.onnx", "streaming_80ms": "stream.onnx"}
        assert manifest["original_graphs"] == manifest["float_graphs"]
        assert manifest["quantization"] == kind
        assert fastctc.load(directory).transcribe(SPEECH / "five-five.wav").text == "five five"
    assert {name: (directory / name).read_bytes() for name in before} == before
    new = {path.name for path in directory.iterdir()} - {*before, "fastctc.json"}
    [weights] = [name for name in new if name.startswith("int8-")]  # and nothing of fp16
    assert new == {weights, "offline.int8.onnx", "stream.int8.onnx"}


def test_changed_words_are_refused(tiny: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    seen: list[QuantizedGraph] = []
    told = Calibration([noise(20)], lambda log_probs: f"{log_probs.sum():.6f}")
    with pytest.raises(ModelError, match=r"int8 is not good enough .*changes 1 of 1 words.*Nothing was written"):
        quantize_directory(tiny, kind="int8", calibration=told, on_graph=seen.append)
    assert seen[0].words.n_changed == 1
    assert seen[0].n_products[1] >= 17  # what could be tried was tried
    first: list[float] = []

    def decode(log_probs: Floats) -> str:
        first.append(float(log_probs.sum()))
        return "same" if first[-1] == expected else "other"

    model = AcousticModel(tiny / "offline.onnx")
    model.configure()
    expected = float(model.run([noise(100)])[0].sum())
    with pytest.raises(ModelError, match=r"makes 100.00% of the words wrong instead of 0.00%"):
        quantize_directory(tiny, tmp_path / "out", kind="fp16", calibration=Calibration([noise(100)], decode, ["same"]))
    assert sorted(tmp_path.rglob("*")) == before


def test_what_can_not_be_quantised(
    source: Path,
    calibration: Calibration,
    quantized: Callable[[str], tuple[Path, list[QuantizedGraph]]],
    tmp_path: Path,
) -> None:
    def run(directory: Path, output: Path | None = None, kind: str = "int8", told: Calibration = calibration) -> None:
        quantize_directory(directory, output, kind=kind, calibration=told)

    with pytest.raises(OptionError, match="int8, int8-block, int4-block, fp16, not to 'int3'"):
        run(source, kind="int3")
    with pytest.raises(OptionError, match="calibration audio"):
        run(source, told=Calibration([], str))
    with pytest.raises(OptionError, match="as many texts"):
        run(source, told=Calibration(calibration.features, str, ["one"]))
    with pytest.raises(OutputError, match="there already"):
        run(source, tmp_path)
    with pytest.raises(ModelNotFoundError):
        run(tmp_path)
    with pytest.raises(ModelError, match=r"offline\.int8\.onnx is quantised already"):
        run(quantized("int8")[0], tmp_path / "again")


def test_a_graph_without_products_is_refused(tmp_path: Path, calibration: Calibration) -> None:
    value, kind = onnx.helper.make_tensor_value_info, onnx.TensorProto.FLOAT
    model = onnx.helper.make_model(
        onnx.helper.make_graph(
            [
                onnx.helper.make_node("Transpose", ["audio_signal"], ["turned"], perm=[0, 2, 1]),
                onnx.helper.make_node("LogSoftmax", ["turned"], ["logprobs"], axis=-1),
            ],
            "none",
            [value("audio_signal", kind, ["batch", 80, "frames"])],
            [value("logprobs", kind, ["batch", "frames", 80])],
        ),
        opset_imports=[onnx.helper.make_opsetid("", 17)],
        ir_version=8,
    )
    onnx.save(model, os.fspath(tmp_path / "model.onnx"))
    with pytest.raises(ModelError, match="no products with constant float weights"):
        quantize_directory(tmp_path, kind="int8", calibration=calibration)


def test_an_old_onnxruntime_is_named(
    source: Path, calibration: Calibration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = calibration_module._open

    def old(path: Path) -> Any:
        if "MatMulNBits" in operators(path):
            raise ModelError("The graph can't be used: [ONNXRuntimeError] : 9 : NOT_IMPLEMENTED : MatMulNBits(1)")
        return real(path)

    monkeypatch.setattr(calibration_module, "_open", old)
    with pytest.raises(EngineError, match=r"ONNX Runtime \d+\.\d+.* lacks an operator.*MatMulNBits"):
        quantize_directory(source, tmp_path / "out", kind="int8-block", calibration=calibration)
    assert not (tmp_path / "out").exists()


def test_convolutions_of_one_tap_become_products(tmp_path: Path) -> None:
    graph = load_graph(DEMO / "offline.onnx")
    model = pointwise_as_products(graph).model()
    onnx.load_external_data_for_model(model, os.fspath(DEMO))
    path = tmp_path / "products.onnx"
    onnx.save(model, os.fspath(path))
    changed = Graph(model, tmp_path)
    assert len(find_products(changed)) == len(find_products(graph)) + 9  # two per layer, and the decoder
    before, after = AcousticModel(DEMO / "offline.onnx"), AcousticModel(path)
    features = [noise(200)]
    for entry in (before, after):
        entry.configure()
    np.testing.assert_allclose(after.run(features)[0], before.run(features)[0], atol=tolerances.LOG_PROBS)
    assert not any(
        node.op_type == "Conv" and tuple(changed.initializers[node.input[1]].dims[2:]) == (1,)
        for node in changed.graph.node
    )


def test_half_weights_are_the_nearest() -> None:
    graph = load_graph(DEMO / "offline.onnx")
    changed = Graph(weights_in_half(graph).model(), DEMO)
    halves = [tensor for tensor in changed.initializers.values() if tensor.data_type == onnx.TensorProto.FLOAT16]
    assert len(halves) > 40
    for node in changed.graph.node:
        if node.op_type == "Cast" and node.input[0] in changed.initializers:
            half, original = changed.constant(node.input[0]), graph.constant(node.output[0])
            assert half is not None
            assert original is not None
            assert np.array_equal(half, original.astype(np.float16))


def test_changes_are_counted() -> None:
    said, expected, found = ["one two three", "four"], ["one two", "four"], ["one two", "for"]
    labelled = count_changes(found, expected, said)
    assert (labelled.n_words, labelled.n_changed, labelled.n_errors) == (4, 1, (1, 2))
    assert labelled.word_error_rates == (0.25, 0.5)
    assert labelled.increase == 0.25
    unlabelled = count_changes(found, expected, None)
    assert (unlabelled.n_words, unlabelled.word_error_rates) == (3, None)
    assert unlabelled.increase == pytest.approx(1 / 3)
    assert count_changes([""], [""], None).increase == 0
    assert count_changes(["one"], [""], None).increase == 1


def test_the_command_line(source: Path, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(source, tmp_path / "model")
    (tmp_path / "dev.tsv").write_text(
        "".join(f"{SPEECH / name}\t{text}\n" for name, text in SAID.items()), encoding="utf-8"
    )
    model, output = str(tmp_path / "model"), str(tmp_path / "small")
    assert main(["quantize", model, output, "--list", str(tmp_path / "dev.tsv")]) == 0
    out, err = capsys.readouterr()
    rows = [line.split("\t") for line in out.splitlines()]
    assert [row[:4] for row in rows] == [
        ["offline", "offline.int8.onnx", "46", "0"],
        ["streaming_80ms", "stream.int8.onnx", "46", "0"],
    ]
    assert all(len(row) == 14 and row[11] == "7" and row[13] == "0.0000" for row in rows)
    assert f"{output} is ready" in err
    assert main(["quantize", model]) == 2
    assert "calibration audio" in capsys.readouterr().err
    recording = str(SPEECH / "five-five.wav")
    assert main(["quantize", model, "--kind", "int2", "--audio", recording]) == 2
    assert "'int2'" in capsys.readouterr().err
    # Refused, and the figures are printed all the same.
    options = ["--kind", "fp16", "--normalize", "none", "--max-wer-increase", "-1"]
    assert main(["quantize", str(tiny), "--audio", recording, *options]) == 1
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 1
    assert "not good enough" in err


def test_word_error_rate_on_held_out_speakers(source: Path, tmp_path: Path, calibration: Calibration) -> None:
    """int8, calibrated on two recordings of others, keeps it within 0.5 % absolute."""
    folder = external("speech/digits")
    entries = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    entries = [entry for entry in entries if entry["channels"] == 1 and entry["text"]]
    quantize_directory(source, tmp_path / "small", kind="int8", calibration=calibration)
    files, said = [folder / entry["audio"] for entry in entries], [entry["text"] for entry in entries]
    expected, found = (
        [result.text for result in fastctc.load(directory).transcribe(files)]
        for directory in (source, tmp_path / "small")
    )
    words = count_changes(found, expected, said)
    assert words.n_words > 300
    assert words.increase <= 0.005
