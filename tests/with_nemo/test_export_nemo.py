"""Models of NeMo exported, checked and run: log-probs are PyTorch's, in every graph, at every length, in batches."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastctc
import tolerances
from conftest import DATA, ROOT, external
from fastctc import _core
from fastctc.cli import main
from fastctc.export import nemo as nemo_export
from fastctc.export import nemo_model
from fastctc.export.nemo_graphs import export_graph

if importlib.util.find_spec("nemo") is None:
    pytest.skip("NeMo isn't installed (CONTRIBUTING.md says how)", allow_module_level=True)

RECORDING = DATA / "speech" / "two-nine-three-four-zero.wav"
LENGTHS_FRAMES = (*range(1, 18), 31, 113, 330, 659, 1000, 1444, 2000)
"""All that the first windows and convolutions treat otherwise, then others up to 20 s."""
CONTEXTS = {1040: (70, 13), 480: (70, 6), 80: (70, 1), 0: (70, 0)}
STREAMS = [*(("hybrid", latency_ms) for latency_ms in CONTEXTS), ("hybrid_characters", 80)]
MODELS = ("hybrid", "hybrid_characters", "full", "characters", "conformer", "citrinet", "quartznet")


def noise(n_frames: int, seed: int = 0) -> Any:
    values = np.random.default_rng(seed).standard_normal((80, n_frames)) * 3 - 5
    return values.astype(np.float32)


def core_stream(path: Path, features: Any) -> Any:
    model = _core.StreamingModel(str(path))
    model.configure()
    stream = _core.AcousticStream(model, "aligned")
    stream.push(features)
    stream.finish()
    while stream.ready:
        model.step([stream])
    return stream.take()


@pytest.mark.parametrize("kind", MODELS)
def test_the_offline_graph_is_pytorch_at_every_length(exports: Any, kind: str) -> None:
    export = exports(kind)
    model = fastctc.load(export.directory)
    worst = 0.0
    for length in LENGTHS_FRAMES:
        features = noise(length, length)
        expected = export.nemo.log_probs(features, *(export.nemo.contexts[:1] or [None]))
        found = model.log_probs(features)
        assert found.shape == expected.shape, length
        worst = max(worst, float(np.abs(found - expected).max()))
    assert worst < tolerances.LOG_PROBS


@pytest.mark.parametrize(("kind", "latency_ms"), STREAMS)
def test_a_stream_is_pytorch_over_the_whole(exports: Any, kind: str, latency_ms: int) -> None:
    export = exports(kind)
    graph = export.directory / f"stream-{latency_ms}ms.onnx"
    for length in LENGTHS_FRAMES[::2]:
        features = noise(length, length)
        expected = export.nemo.log_probs(features, CONTEXTS[latency_ms])
        assert np.abs(core_stream(graph, features) - expected).max() < tolerances.LOG_PROBS


def test_long_recordings_in_steps_are_pytorch_over_the_whole(exports: Any) -> None:
    export = exports("hybrid")
    for length in LENGTHS_FRAMES[::3]:
        features = noise(length, length)
        expected = export.nemo.log_probs(features, CONTEXTS[1040])
        found = core_stream(export.directory / "stream-1040ms-x8.onnx", features)
        assert np.abs(found - expected).max() < tolerances.LOG_PROBS


@pytest.mark.parametrize("kind", ["hybrid", "full"])
def test_a_batch_is_its_items(exports: Any, kind: str) -> None:
    export = exports(kind)
    model = _core.AcousticModel(str(export.directory / "model.onnx"))
    model.configure()
    items = [noise(length, length) for length in (400, 1, 37, 250, 399)]
    for found, features in zip(model.run(items), items, strict=True):
        expected = export.nemo.log_probs(features, *(export.nemo.contexts[:1]))
        assert np.abs(found - expected).max() < tolerances.LOG_PROBS


@pytest.mark.parametrize("kind", MODELS)
def test_the_directory_passes_the_check_and_transcribes(
    exports: Any, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    export = exports(kind)
    assert main(["check", str(export.directory), str(RECORDING), "--nemo", str(export.checkpoint)]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert {(row[1], row[2]) for row in rows} >= {("text", "core"), ("text", "reference"), ("features", "core")}
    model = fastctc.load(export.directory)
    transcript = model.transcribe(RECORDING)
    assert transcript.tokens
    if model.latencies_ms:
        assert model.latencies_ms == (sorted(CONTEXTS) if kind == "hybrid" else [80])
        results = list(model.transcribe_stream([model_samples()], latency_ms=model.latencies_ms[-1]))
        streamed = [token.id for result in results if result.is_final for token in result.transcript.tokens]
        assert streamed == [token.id for token in transcript.tokens]


def model_samples() -> Any:
    from fastctc.audio.reading import load_audio

    return load_audio(RECORDING, target_rate_hz=16000).samples


def test_all_graphs_share_one_file_of_weights(exports: Any) -> None:
    directory = exports("hybrid").directory
    import onnx

    files = sorted(directory.glob("*.onnx"))
    assert len(files) == 6
    for path in files:
        tensors = onnx.load(path, load_external_data=False).graph.initializer
        locations = {entry.value for tensor in tensors for entry in tensor.external_data if entry.key == "location"}
        assert locations == {"weights.bin"}
    offline = onnx.load(directory / "model.onnx").graph.initializer
    weights = sum(len(tensor.raw_data) for tensor in offline)
    assert (directory / "weights.bin").stat().st_size < 1.5 * weights


def test_the_card_and_the_manifest_tell_everything(exports: Any) -> None:
    export = exports("hybrid")
    card = (export.directory / "README.md").read_text(encoding="utf-8")
    for part in (
        "SHA-256",
        "weights.bin",
        "stream-480ms.onnx",
        "nemo_toolkit 3",
        "Licence",
        "EncDecHybridRNNTCTCBPEModel",
    ):
        assert part in card
    assert str(export.checkpoint.parent) not in card
    manifest = json.loads((export.directory / "fastctc.json").read_text(encoding="utf-8"))
    assert manifest["frontend"]["normalize"] == "none"
    assert manifest["subsampling"] == {"factor": 8, "causal": True}
    assert manifest["max_encoder_frames"] == 300
    sources = {entry.name: entry.source for entry in fastctc.load(export.directory).properties}
    for name in ("frontend.normalize", "frontend.n_mels", "subsampling_factor", "blank_id", "max_encoder_frames"):
        assert sources[name] == "manifest fastctc.json"
    import sentencepiece

    pieces = sentencepiece.SentencePieceProcessor(model_file=str(export.directory / "tokenizer.model"))
    model = fastctc.load(export.directory)
    assert [pieces.id_to_piece(index) for index in range(len(model.pieces) - 1)] == model.pieces[:-1]


def test_a_wrong_front_end_is_named(exports: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export = exports("full")
    directory = tmp_path / "wrong"
    shutil.copytree(export.directory, directory)
    manifest = json.loads((directory / "fastctc.json").read_text(encoding="utf-8"))
    manifest["frontend"]["preemphasis"] = 0.0
    (directory / "fastctc.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert main(["check", str(directory), str(RECORDING), "--nemo", str(export.checkpoint)]) == 1
    out, err = capsys.readouterr()
    assert "\tno_preemphasis\tcore: " in out
    assert "first stage that differs: features" in err


def test_a_longer_position_table_and_another_look_ahead(exports: Any, tmp_path: Path) -> None:
    export = exports("hybrid")
    output = tmp_path / "long"
    options = ["--latency-ms", "80", "--max-audio", "60", "--license", "CC0-1.0", "--quiet"]
    assert main(["export", "nemo", str(export.checkpoint), str(output), *options]) == 0
    model = fastctc.load(output)
    properties = {entry.name: entry.value for entry in model.properties}
    assert int(properties["max_encoder_frames"]) == 751
    assert "long_form" in properties
    features = noise(5500)
    with pytest.raises(fastctc.AudioError):
        fastctc.load(export.directory).log_probs(features)
    nemo = nemo_model.open_nemo(export.checkpoint, tmp_path / "unpacked")
    expected = nemo.log_probs(features, CONTEXTS[80])
    assert np.abs(model.log_probs(features) - expected).max() < tolerances.LOG_PROBS
    assert "CC0-1.0" in (output / "README.md").read_text(encoding="utf-8")


def test_a_look_ahead_that_the_model_lacks(exports: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["export", "nemo", str(exports("hybrid").checkpoint), str(tmp_path / "out"), "--latency-ms", "240"]
    assert main(arguments) == 2
    assert "0, 80, 480, 1040" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_graph_that_differs_is_refused(exports: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bias of the decoder moves between the baseline and the export, as a wrong export would."""

    def export_another(nemo: Any, plan: Any, path: Path) -> None:
        nemo.decoder.decoder_layers[0].bias[0] += 0.01
        export_graph(nemo, plan, path)

    monkeypatch.setattr("fastctc.export.nemo.export_graph", export_another)
    job = nemo_export.NemoExport(str(exports("full").checkpoint), tmp_path / "out")
    with pytest.raises(fastctc.ModelError, match="isn't equal to NeMo: log-probs differ by"):
        nemo_export.export_nemo(job, lambda _rate: [model_samples()])
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_when_the_result_is_not_accepted(exports: Any, tmp_path: Path) -> None:
    def refuse(directory: Path) -> None:
        assert fastctc.load(directory).transcribe(RECORDING).tokens
        raise KeyboardInterrupt

    job = nemo_export.NemoExport(str(exports("full").checkpoint), tmp_path / "out")
    with pytest.raises(KeyboardInterrupt):
        nemo_export.export_nemo(job, lambda _rate: [model_samples()], accept=refuse)
    assert list(tmp_path.iterdir()) == []


def test_a_published_name(exports: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class Fake:
        """NeMo's ASRModel, as far as it is asked for a published model's file."""

        @staticmethod
        def from_pretrained(name: str, return_model_file: bool = False) -> str:
            asked.append((name, return_model_file))
            if name != "stt_en_published":
                raise FileNotFoundError("not in the catalogue")
            return str(exports("full").checkpoint)

    monkeypatch.setattr(nemo_model, "import_nemo", lambda: type("Models", (), {"ASRModel": Fake}))
    assert nemo_model.fetch_checkpoint("stt_en_published") == exports("full").checkpoint
    assert asked == [("stt_en_published", True)]
    with pytest.raises(fastctc.ModelNotFoundError, match="not in the catalogue"):
        nemo_model.fetch_checkpoint("stt_en_nothing")


def test_the_demo_models_own_checkpoint(tmp_path: Path) -> None:
    checkpoint = external("models/digits/digits_fastconformer_ctc.nemo")
    output = tmp_path / "digits"
    assert main(["export", "nemo", str(checkpoint), str(output), "--quiet"]) == 0
    mine, theirs = fastctc.load(output), fastctc.load(ROOT / "models" / "digits")
    assert mine.latencies_ms == theirs.latencies_ms
    recordings = [
        *sorted((DATA / "speech").glob("*.wav")),
        *sorted(external("speech/digits").glob("heldout*.wav"))[:12],
    ]
    for recording in recordings:
        assert mine.transcribe(recording).text == theirs.transcribe(recording).text
        for latency_ms in (0, 1040):
            texts = [
                [result.text for result in model.transcribe_stream([samples_of(recording)], latency_ms=latency_ms)][-1]
                for model in (mine, theirs)
            ]
            assert texts[0] == texts[1]
    assert mine.transcribe(RECORDING).text == "two nine three four zero"


def samples_of(recording: Path) -> Any:
    from fastctc.audio.reading import load_audio

    return load_audio(recording, target_rate_hz=16000).samples
