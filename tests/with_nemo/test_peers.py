"""The exported directories in other programs."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import fastctc
from conftest import DATA, external
from fastctc.cli import main

if importlib.util.find_spec("nemo") is None:
    pytest.skip("NeMo isn't installed (CONTRIBUTING.md says how)", allow_module_level=True)

RECORDING = DATA / "speech" / "two-nine-three-four-zero.wav"
SAMPLES = soundfile.read(RECORDING, dtype="float32")[0]


def sherpa_offline(directory: Path) -> str:
    sherpa_onnx = pytest.importorskip("sherpa_onnx")
    recognizer = sherpa_onnx.OfflineRecognizer.from_nemo_ctc(
        model=str(directory / "model.onnx"), tokens=str(directory / "tokens.txt"), num_threads=1
    )
    stream = recognizer.create_stream()
    stream.accept_waveform(16000, SAMPLES)
    recognizer.decode_stream(stream)
    return str(stream.result.text)


def sherpa_online(directory: Path, latency_ms: int) -> str:
    sherpa_onnx = pytest.importorskip("sherpa_onnx")
    recognizer = sherpa_onnx.OnlineRecognizer.from_nemo_ctc(
        model=str(directory / f"stream-{latency_ms}ms.onnx"), tokens=str(directory / "tokens.txt"), num_threads=1
    )
    stream = recognizer.create_stream()
    stream.accept_waveform(16000, np.concatenate([SAMPLES, np.zeros(32000, np.float32)]))
    stream.input_finished()
    while recognizer.is_ready(stream):
        recognizer.decode_stream(stream)
    return str(recognizer.get_result(stream))


@pytest.mark.parametrize("kind", ["hybrid", "hybrid_characters", "full", "characters", "conformer", "citrinet"])
def test_sherpa_onnx_runs_the_offline_graph(exports: Any, kind: str) -> None:
    text = sherpa_offline(exports(kind).directory)
    assert isinstance(text, str)  # of random weights over its own features: that it runs is what can be asked


@pytest.mark.parametrize(
    ("kind", "latency_ms"),
    [("hybrid", 0), ("hybrid", 80), ("hybrid", 480), ("hybrid", 1040), ("hybrid_characters", 80)],
)
def test_sherpa_onnx_runs_the_graphs_for_streams(exports: Any, kind: str, latency_ms: int) -> None:
    assert isinstance(sherpa_online(exports(kind).directory, latency_ms), str)


def test_sherpa_onnx_reads_words(tmp_path: Path) -> None:
    checkpoint = external("models/digits/digits_fastconformer_ctc.nemo")
    output = tmp_path / "digits"
    assert main(["export", "nemo", str(checkpoint), str(output), "--quiet"]) == 0
    spoken = ["two", "nine", "three", "four", "zero"]
    # Its features are late by 5 ms, and its streams lose the first frames: a word may be lost.
    assert len(set(spoken) & set(sherpa_offline(output).split())) >= 4
    assert len(set(spoken) & set(sherpa_online(output, 1040).split())) >= 4


@pytest.mark.parametrize("kind", ["full", "characters", "conformer"])
def test_onnx_asr_reads_the_same(exports: Any, kind: str) -> None:
    onnx_asr = pytest.importorskip("onnx_asr")
    directory = exports(kind).directory
    model = onnx_asr.load_model("nemo-conformer-ctc", directory, providers=["CPUExecutionProvider"])
    found = "".join(model.recognize(SAMPLES).split())
    expected = "".join(fastctc.load(directory).transcribe(RECORDING).text.split())
    assert expected
    assert found == expected


@pytest.mark.parametrize("kind", ["hybrid", "quartznet"])
def test_what_onnx_asr_would_get_wrong_is_not_offered(exports: Any, kind: str) -> None:
    directory = exports(kind).directory
    assert not (directory / "config.json").exists()
    assert "No files for onnx-asr" in (directory / "README.md").read_text(encoding="utf-8")
