"""Which graph of a directory plays which part, in C++ and in the reference."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import fastctc
from conftest import ROOT
from fastctc.audio import load_audio
from fastctc.reference.graph_files import find_graphs

DIGITS = ROOT / "models" / "digits"
TEXT = "two nine three four zero"
RECORDING = DIGITS / "two-nine-three-four-zero.wav"


def directory(path: Path, graphs: dict[str, str], manifest: dict[str, Any] | None = None) -> Path:
    """A model directory with graphs of the demo model under other names."""
    for target, source in graphs.items():
        shutil.copy(DIGITS / source, path / target)
    for name in ("weights.bin", "tokens.txt"):
        shutil.copy(DIGITS / name, path)
    if manifest is not None:
        (path / "fastctc.json").write_text(json.dumps({"fastctc": 1, **manifest}), encoding="utf-8")
    return path


def strip_metadata(path: Path) -> None:
    model = onnx.load(path, load_external_data=False)
    del model.metadata_props[:]
    path.write_bytes(model.SerializeToString())


def stream_text(recognizer: fastctc.Recognizer, **options: Any) -> str:
    chunks = [load_audio(RECORDING, target_rate_hz=16000).samples]
    results = recognizer.transcribe_stream(chunks, **options)
    return " ".join(result.text for result in results if result.is_final and result.text)


def test_the_manifest_names_every_look_ahead() -> None:
    recognizer = fastctc.load(DIGITS)
    assert recognizer.latencies_ms == [0, 80, 480, 1040]
    sources = {entry.name: entry for entry in recognizer.properties}
    assert sources["streaming_480ms"].value == "exact-480ms.onnx"
    assert sources["long_form"].source == "manifest fastctc.json"
    manifest = json.loads((DIGITS / "fastctc.json").read_text(encoding="utf-8"))
    assert sorted(find_graphs(DIGITS, None, manifest).streaming) == recognizer.latencies_ms


@pytest.mark.parametrize("latency_ms", [0, 80, 480, 1040, None])
def test_a_stream_runs_the_graph_of_its_look_ahead(latency_ms: int | None) -> None:
    assert stream_text(fastctc.load(DIGITS), latency_ms=latency_ms) == TEXT


def test_a_look_ahead_that_is_not_there_lists_those_that_are() -> None:
    with pytest.raises(fastctc.OptionError, match=r"latency_ms is 100.*0, 80, 480, 1040 ms"):
        fastctc.load(DIGITS).stream(latency_ms=100)


def test_without_a_manifest_the_files_tell(tmp_path: Path) -> None:
    graphs = {"a.onnx": "exact-80ms.onnx", "b.onnx": "exact-1040ms.onnx", "c.onnx": "offline.onnx"}
    path = directory(tmp_path, graphs)
    recognizer = fastctc.load(path, normalize="none")
    assert recognizer.latencies_ms == [80, 1040]
    assert recognizer.transcribe(RECORDING).text == TEXT
    assert stream_text(recognizer, latency_ms=80) == TEXT
    assert {key: value.name for key, value in find_graphs(path, None, {}).streaming.items()} == {
        80: "a.onnx",
        1040: "b.onnx",
    }


def test_a_directory_of_a_single_cache_aware_graph(tmp_path: Path) -> None:
    """As published for sherpa-onnx: live streams, and recordings through them."""
    recognizer = fastctc.load(directory(tmp_path, {"model.onnx": "exact-480ms.onnx"}), normalize="none")
    assert recognizer.latencies_ms == [480]
    assert stream_text(recognizer) == TEXT
    result = recognizer.transcribe(RECORDING)
    assert (result.text, result.method) == (TEXT, "stream")
    features = np.zeros((80, 100), np.float32)
    with pytest.raises(fastctc.ModelError, match="has no offline graph"):
        recognizer.log_probs(features)


def test_a_bare_cache_aware_graph_is_measured(tmp_path: Path) -> None:
    path = directory(tmp_path, {"model.onnx": "exact-480ms.onnx"})
    strip_metadata(path / "model.onnx")
    recognizer = fastctc.load(path, normalize="none")
    assert recognizer.latencies_ms == [480]
    assert stream_text(recognizer) == TEXT


def test_a_bare_cache_aware_graph_beside_the_offline_one(tmp_path: Path) -> None:
    path = directory(tmp_path, {"model.onnx": "offline.onnx", "stream.onnx": "exact-1040ms.onnx"})
    strip_metadata(path / "stream.onnx")
    recognizer = fastctc.load(path, normalize="none")
    assert recognizer.latencies_ms == [1040]
    assert stream_text(recognizer, latency_ms=1040) == TEXT


def test_the_option_graph_stands_alone() -> None:
    recognizer = fastctc.load(DIGITS / "exact-80ms.onnx")
    assert recognizer.latencies_ms == [80]
    with pytest.raises(fastctc.ModelError, match="has no cache-aware graph"):
        fastctc.load(DIGITS / "offline.onnx").stream()


def test_two_graphs_of_one_look_ahead_are_asked_about(tmp_path: Path) -> None:
    graphs = {"a.onnx": "exact-80ms.onnx", "b.onnx": "exact-80ms.onnx", "model.onnx": "offline.onnx"}
    recognizer = fastctc.load(directory(tmp_path, graphs), normalize="none")
    assert recognizer.transcribe(RECORDING).text == TEXT
    with pytest.raises(fastctc.ModelError, match=r"several graphs for 80 ms.*a\.onnx.*b\.onnx.*graphs\.streaming_80ms"):
        recognizer.stream(latency_ms=80)


@pytest.mark.parametrize(
    ("graphs", "error", "message"),
    [
        ({"offline": "m.onnx", "streaming_80ms": "s.onnx"}, fastctc.ModelError, "named for 80 ms.*112.*1040 ms"),
        ({"offline": "m.onnx", "streaming_1040ms": "m.onnx"}, fastctc.ModelError, "cache"),
        ({"offline": "m.onnx", "streaming_1040ms": "gone.onnx"}, fastctc.ModelNotFoundError, "not there"),
        ({"offline": "m.onnx", "streaming_fast": "s.onnx"}, fastctc.ModelError, "graphs.streaming_fast is not known"),
        ({"offline": "s.onnx"}, fastctc.ModelError, "for streams, but is named as the offline graph"),
        ({"offline": "m.onnx", "streaming_1040ms": "../s.onnx"}, fastctc.ModelError, "not inside"),
    ],
)
def test_what_the_manifest_says_is_checked(
    tmp_path: Path, graphs: dict[str, str], error: type[Exception], message: str
) -> None:
    manifest = {"graphs": graphs, "frontend": {"preset": "nemo", "normalize": "none"}}
    path = directory(tmp_path, {"m.onnx": "offline.onnx", "s.onnx": "exact-1040ms.onnx"}, manifest)
    with pytest.raises(error, match=message):
        fastctc.load(path).stream()


def test_graphs_of_two_models_are_told_apart(tmp_path: Path) -> None:
    tiny = ROOT / "tests" / "data" / "tiny"
    manifest = {
        "graphs": {"offline": "m.onnx", "streaming_1040ms": "tiny/stream.onnx"},
        "frontend": {"preset": "nemo", "normalize": "none"},
    }
    path = directory(tmp_path, {"m.onnx": "offline.onnx"}, manifest)
    (path / "tiny").mkdir()
    for name in ("stream.onnx", "weights.bin"):
        shutil.copy(tiny / name, path / "tiny" / name)
    with pytest.raises(fastctc.ModelError, match="not of one model"):
        fastctc.load(path).stream()
