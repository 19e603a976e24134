"""Resolution of a model's files and properties: option, manifest, ONNX metadata, graph; both implementations."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest

import fastctc
import fastctc.reference
from conftest import DATA

LOADERS = [fastctc.load, fastctc.reference.load]
TEXT = "two nine three four zero"


@pytest.fixture
def bare(tmp_path: Path, demo_model: Path) -> Path:
    """An export with nothing beside it: no manifest, no metadata."""
    graph = onnx.load(str(demo_model / "offline.onnx"))
    del graph.metadata_props[:]
    onnx.save(graph, str(tmp_path / "model.onnx"))
    shutil.copy(demo_model / "tokens.txt", tmp_path)
    return tmp_path


def manifest(directory: Path, **entries: Any) -> None:
    (directory / "fastctc.json").write_text(json.dumps({"fastctc": 1, **entries}), encoding="utf-8")


def set_metadata(path: Path, **entries: str) -> None:
    graph = onnx.load(str(path))
    onnx.helper.set_model_props(graph, entries)
    onnx.save(graph, str(path))


def recording() -> Path:
    return DATA / "speech" / "two-nine-three-four-zero.wav"


@pytest.mark.parametrize("load", LOADERS)
def test_a_bare_export_is_not_guessed(bare: Path, load: Callable[..., Any]) -> None:
    with pytest.raises(fastctc.ModelError, match="option normalize"):
        load(bare)


@pytest.mark.parametrize("load", LOADERS)
def test_a_bare_export_runs_with_the_option(bare: Path, load: Callable[..., Any]) -> None:
    assert load(bare, normalize="none").transcribe(recording()).text == TEXT
    assert load(bare / "model.onnx", normalize="none").transcribe(recording()).text == TEXT


@pytest.mark.parametrize("load", LOADERS)
def test_the_manifest_tells(bare: Path, load: Callable[..., Any]) -> None:
    manifest(bare, frontend={"preset": "nemo", "normalize": "none"})
    assert load(bare).transcribe(recording()).text == TEXT


@pytest.mark.parametrize("load", LOADERS)
def test_sherpa_onnx_metadata_tells(bare: Path, load: Callable[..., Any]) -> None:
    set_metadata(bare / "model.onnx", normalize_type="", vocab_size="52", subsampling_factor="8")
    assert load(bare).transcribe(recording()).text == TEXT


@pytest.mark.parametrize("load", LOADERS)
def test_an_onnx_asr_bundle_is_normalised_per_feature(bare: Path, load: Callable[..., Any]) -> None:
    (bare / "tokens.txt").rename(bare / "vocab.txt")
    config = {"model_type": "nemo-conformer-ctc", "features_size": 80, "subsampling_factor": 8}
    (bare / "config.json").write_text(json.dumps(config), encoding="utf-8")
    features = load(bare).features(recording())
    assert abs(features.mean(axis=1)).max() < 1e-3
    assert abs(features.std(axis=1, ddof=1) - 1).max() < 1e-3


@pytest.mark.parametrize("load", LOADERS)
def test_contradicting_sources_are_both_named(bare: Path, load: Callable[..., Any]) -> None:
    set_metadata(bare / "model.onnx", normalize_type="per_feature")
    manifest(bare, frontend={"normalize": "none"})
    with pytest.raises(fastctc.ModelError, match=r"manifest.*ONNX metadata"):
        load(bare)
    assert load(bare, normalize="none").transcribe(recording()).text == TEXT


def test_properties_say_where_they_came_from(bare: Path) -> None:
    manifest(bare, frontend={"preset": "nemo"}, max_encoder_frames=1000)
    found = {entry.name: entry for entry in fastctc.load(bare, normalize="none").properties}
    assert found["frontend.normalize"] == fastctc.Property("frontend.normalize", "none", "option")
    assert found["frontend.preset"].source == "manifest fastctc.json"
    assert found["frontend.n_mels"] == fastctc.Property("frontend.n_mels", "80", "graph")
    assert found["frontend.n_fft"] == fastctc.Property("frontend.n_fft", "512", "preset nemo")
    assert found["max_encoder_frames"] == fastctc.Property("max_encoder_frames", "1000", "manifest fastctc.json")
    assert found["subsampling_factor"].value == "8"


@pytest.mark.parametrize("load", LOADERS)
def test_several_graphs_need_a_choice(bare: Path, load: Callable[..., Any]) -> None:
    shutil.move(bare / "model.onnx", bare / "a.onnx")
    shutil.copy(bare / "a.onnx", bare / "b.onnx")
    with pytest.raises(fastctc.ModelError, match=r"a\.onnx, b\.onnx"):
        load(bare, normalize="none")
    options = fastctc.ModelOptions(graph="b.onnx", normalize="none")
    assert load(bare, options=options).transcribe(recording()).text == TEXT


@pytest.mark.parametrize("load", LOADERS)
@pytest.mark.parametrize("missing", ["", "tokens.txt", "model.onnx"])
def test_missing_files(bare: Path, load: Callable[..., Any], missing: str) -> None:
    if missing:
        (bare / missing).unlink()
    path = bare if missing else bare / "nowhere"
    with pytest.raises(fastctc.ModelNotFoundError, match="bare|nowhere|" + str(bare.name)):
        load(path, normalize="none")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[]", "one JSON object"),
        ("{}", '"fastctc"'),
        ('{"fastctc": 99}', "99"),
        ('{"fastctc": 1, "frontend": "nemo"}', "frontend must be an object"),
        ('{"fastctc": 1, "frontend": {"windw": "hann"}}', "windw"),
        ('{"fastctc": 1, "frontend": {"n_mels": 64}}', "64"),
        ('{"fastctc": 1, "graphs": {"offline": "../model.onnx"}}', "not inside"),
        ('{"fastctc": 1, "graphs": {"offline": "/etc/passwd"}}', "not inside"),
        ('{"fastctc": 1, "tokens": "other.txt"}', "other.txt"),
        ('{"fastctc": 1, "blank_id": 53}', "53"),
        ('{"fastctc": 1, "blank_id": "last"}', "last"),
        ('{"fastctc": 1, "text_style": "bpe"}', "sentencepiece"),
        ('{"fastctc": 1, "subsampling": {"factor": "x"}}', "factor"),
        ('{"fastctc": 1, "subsampling": {"factor": 4}}', "4"),
        ('{"fastctc": 1, "subsampling": {"causal": false}}', "causal"),
    ],
)
def test_a_wrong_manifest_is_named(bare: Path, text: str, message: str) -> None:
    (bare / "fastctc.json").write_text(text, encoding="utf-8")
    with pytest.raises(fastctc.ModelError, match=message):
        fastctc.load(bare, normalize="none")


def test_a_vocabulary_size_that_is_not_the_graphs(bare: Path) -> None:
    set_metadata(bare / "model.onnx", vocab_size="1024")
    with pytest.raises(fastctc.ModelError, match="vocab_size 1024"):
        fastctc.load(bare, normalize="none")


def test_an_option_that_the_graph_can_not_take(bare: Path) -> None:
    options = fastctc.ModelOptions(frontend={"n_mels": 64}, normalize="none")
    with pytest.raises(fastctc.OptionError, match="80 features"):
        fastctc.load(bare, options=options)
