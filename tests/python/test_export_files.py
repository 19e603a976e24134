"""What an export needs beside NeMo itself: memory and disk, shared weights, token files, the card, early refusals."""

from __future__ import annotations

import importlib.util
import io
import json
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest

import fastctc
from conftest import DATA, ROOT
from fastctc.cli import main
from fastctc.export import memory
from fastctc.export.model_card import CardFacts, file_sha256, write_card
from fastctc.export.model_files import WeightsFile, constants_to_initializers
from fastctc.export.nemo import NemoExport, export_nemo
from fastctc.export.nemo_files import make_manifest, why_not_onnx_asr, write_onnx_asr, write_tokenizer, write_tokens
from fastctc.export.nemo_frontend import frontend_fields
from fastctc.export.nemo_graphs import GraphPlan, plan_graphs
from fastctc.export.nemo_model import NemoModel, describe
from fastctc.reference.vocabulary import Vocabulary

TINY = DATA / "tiny"


def model(
    contexts: list[list[int]] | None = None, style: str = "chunked_limited", normalize: Any = "NA", **changes: Any
) -> NemoModel:
    """A Conformer as far as a plan looks at it."""
    encoder = {
        "att_context_size": [70, 13],
        "att_context_size_all": contexts or [[70, 13], [70, 6], [70, 1], [70, 0]],
        "att_context_style": style,
        "conv_context_size": [8, 0],
        "subsampling_factor": 8,
        "self_attention_model": "rel_pos",
        "max_audio_length": 5000,
        "reduction_position": None,
        "pre_encode": SimpleNamespace(is_causal=True),
        **changes,
    }
    decoder = SimpleNamespace(vocabulary=["a", "b", " "], num_classes_with_blank=4)
    fields = frontend_fields({"window_size": 0.025, "features": 80, "n_fft": 512, "normalize": normalize})
    return NemoModel(SimpleNamespace(encoder=SimpleNamespace(**encoder)), decoder, True, fields)


def test_a_model_without_a_ctc_decoder_is_refused() -> None:
    transducer = type("EncDecRNNTBPEModel", (), {"decoder": SimpleNamespace(), "joint": SimpleNamespace()})()
    with pytest.raises(fastctc.ModelError, match="EncDecRNNTBPEModel, which has no CTC decoder"):
        describe(transducer, Path("model.nemo"))


def test_every_look_ahead_gets_its_graph() -> None:
    assert plan_graphs(model()) == [
        GraphPlan("offline", "model.onnx", (70, 13), 0),
        GraphPlan("streaming_1040ms", "stream-1040ms.onnx", (70, 13), 1),
        GraphPlan("streaming_480ms", "stream-480ms.onnx", (70, 6), 1),
        GraphPlan("streaming_80ms", "stream-80ms.onnx", (70, 1), 1),
        GraphPlan("streaming_0ms", "stream-0ms.onnx", (70, 0), 1),
        GraphPlan("long_form", "stream-1040ms-x8.onnx", (70, 13), 8),
    ]


def test_the_look_ahead_of_recordings_can_be_chosen() -> None:
    plans = plan_graphs(model(), 80)
    assert plans[0].context == plans[-1].context == (70, 1)
    assert plans[-1].file_name == "stream-80ms-x56.onnx"  # as many rows per step
    with pytest.raises(fastctc.OptionError, match="0, 80, 480, 1040"):
        plan_graphs(model(), 160)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"style": "regular", "contexts": [[-1, -1]]}, "attention"),
        ({"contexts": [[-1, 13]]}, "attention"),
        ({"conv_context_size": [4, 4]}, "convolutions"),
        ({"pre_encode": SimpleNamespace(is_causal=False)}, "convolutions"),
        ({"normalize": "per_feature"}, "normalised"),
        ({"reduction_position": 3}, "reduces"),
    ],
)
def test_a_model_without_streams_says_why(changes: dict[str, Any], why: str) -> None:
    nemo = model(**changes)
    assert why in nemo.why_no_streams()
    assert [plan.part for plan in plan_graphs(nemo)] == ["offline"]


def test_the_manifest_and_the_tokens_are_read_back(tmp_path: Path) -> None:
    nemo = model()
    manifest = make_manifest(nemo, plan_graphs(nemo), "nemo", {"name": "mine"})
    assert manifest["graphs"]["long_form"] == "stream-1040ms-x8.onnx"
    assert manifest["blank_id"] == 3
    assert manifest["text_style"] == "characters"
    assert manifest["subsampling"] == {"factor": 8, "causal": True}
    write_tokens(nemo.vocabulary, tmp_path / "tokens.txt")
    assert (tmp_path / "tokens.txt").read_bytes() == b"a 0\nb 1\n  2\n<blk> 3\n"
    vocabulary = Vocabulary.read(tmp_path / "tokens.txt", 4)
    assert (vocabulary.pieces, vocabulary.blank_id) == (("a", "b", " ", "<blk>"), 3)
    with pytest.raises(fastctc.ModelError, match="Token 1"):
        write_tokens(["a", "b\nc"], tmp_path / "tokens.txt")


def test_tokenizers_of_one_and_of_several_languages(tmp_path: Path) -> None:
    pieces = SimpleNamespace(serialized_model_proto=lambda: b"model")
    one = SimpleNamespace(model=SimpleNamespace(tokenizer=SimpleNamespace(tokenizer=pieces)))
    assert write_tokenizer(one, tmp_path) == ["tokenizer.model"]  # type: ignore[arg-type]
    each = {"en": SimpleNamespace(tokenizer=pieces), "es": SimpleNamespace(tokenizer=pieces)}
    several = SimpleNamespace(model=SimpleNamespace(tokenizer=SimpleNamespace(tokenizers_dict=each)))
    assert write_tokenizer(several, tmp_path) == ["tokenizer-en.model", "tokenizer-es.model"]  # type: ignore[arg-type]
    assert (tmp_path / "tokenizer-es.model").read_bytes() == b"model"


def test_onnx_asr_gets_its_files_where_it_is_right(tmp_path: Path) -> None:
    right = model(contexts=[[-1, -1]], style="regular", normalize="per_feature", pre_encode=SimpleNamespace())
    assert why_not_onnx_asr(right) == ""
    assert write_onnx_asr(right, tmp_path) == ["config.json", "vocab.txt"]
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    assert config == {"model_type": "nemo-conformer-ctc", "features_size": 80, "subsampling_factor": 8}
    assert (tmp_path / "vocab.txt").read_text(encoding="utf-8").splitlines()[2] == "\u2581 2"
    assert "normalises" in why_not_onnx_asr(model())
    assert "last frame" in why_not_onnx_asr(model(normalize="per_feature"))


def test_weights_are_written_once_and_the_graphs_stay_the_same(tmp_path: Path) -> None:
    names = ("stream_exact_r1.onnx", "stream_exact_r6.onnx")

    def share(name: str) -> int:
        tool = [
            sys.executable,
            str(ROOT / "tools" / "share_weights.py"),
            str(tmp_path),
            f"{Path(name).stem}={TINY / name}",
        ]
        subprocess.run(tool, check=True)
        return (tmp_path / "weights.bin").stat().st_size

    sizes = [share(name) for name in names]
    assert sizes[1] < 1.1 * sizes[0]
    assert share(names[0]) == sizes[1]
    for name in names:
        moved, whole = (onnx.load(folder / name).graph for folder in (tmp_path, TINY))
        values = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in moved.initializer}
        for tensor in whole.initializer:
            assert np.array_equal(values[tensor.name], onnx.numpy_helper.to_array(tensor))


def test_large_constants_are_weights_too(tmp_path: Path) -> None:
    large = onnx.numpy_helper.from_array(np.arange(4096, dtype=np.float32), "value")
    nodes = [onnx.helper.make_node("Constant", [], ["table"], value=large)]
    graph = onnx.helper.make_graph(nodes, "constants", [], [])
    constants_to_initializers(graph)
    assert ([tensor.name for tensor in graph.initializer], len(graph.node)) == (["table"], 0)
    model = onnx.helper.make_model(graph)
    with (tmp_path / "weights.bin").open("wb") as file:
        WeightsFile(file).take(model, "weights.bin")
    assert (tmp_path / "weights.bin").stat().st_size == 4 * 4096
    onnx.load_external_data_for_model(model, str(tmp_path))
    assert np.array_equal(onnx.numpy_helper.to_array(model.graph.initializer[0]), np.arange(4096))


def test_the_card_has_the_checksums(tmp_path: Path) -> None:
    (tmp_path / "tokens.txt").write_bytes(b"a 0\n")
    facts = CardFacts(
        "mine",
        "stt_en",
        "model.nemo",
        "0" * 64,
        None,
        "EncDecCTCModel",
        {"preset": "nemo"},
        1e-4,
        [],
        [],
        {"torch": "2"},
    )
    write_card(tmp_path, facts)
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    # sha256sum of the four bytes
    assert file_sha256(tmp_path / "tokens.txt") in card
    assert "not stated in the .nemo file" in card
    assert "torch 2" in card


def test_memory_that_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 9 kB\nMemAvailable:    2000000 kB\n", encoding="ascii")
    monkeypatch.setattr(memory, "MEMINFO", meminfo)
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    assert memory.available_bytes() == 2_048_000_000
    (tmp_path / "memory.max").write_text("1000000000\n", encoding="ascii")
    (tmp_path / "memory.current").write_text("400000000\n", encoding="ascii")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 100000000\n", encoding="ascii")
    assert memory.available_bytes() == 700_000_000
    (tmp_path / "memory.max").write_text("max\n", encoding="ascii")
    assert memory.available_bytes() == 2_048_000_000


def test_a_checkpoint_of_the_catalogue_is_fetched_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("yaml")
    checkpoint = fake_checkpoint(tmp_path / "model.nemo")
    fetched = []
    monkeypatch.setattr("fastctc.cli.export.fetch_named", lambda name, **options: fetched.append((name, options)))
    monkeypatch.setattr("fastctc.cli.export.checkpoint_path", lambda _name: checkpoint)
    monkeypatch.setattr("fastctc.export.nemo.available_bytes", lambda: 100_000_000)
    assert main(["export", "nemo", "stt_en_named", str(tmp_path / "out")]) == 1
    assert fetched == [("stt_en_named", {"quiet": False, "kind": "nemo"})]
    assert "0.1 GB are available" in capsys.readouterr().err


def fake_checkpoint(path: Path) -> Path:
    """A .nemo file that passes as one until NeMo is asked."""
    state = io.BytesIO()
    with zipfile.ZipFile(state, "w") as archive:
        archive.writestr("model_weights/data.pkl", b"\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01.")
        archive.writestr("model_weights/data/0", b"\0" * 64)
    members = {"model_config.yaml": b"sample_rate: 16000\n", "model_weights.ckpt": state.getvalue()}
    with tarfile.open(path, "w:") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def test_too_little_memory_is_said_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("yaml")
    checkpoint = fake_checkpoint(tmp_path / "model.nemo")
    monkeypatch.setattr("fastctc.export.nemo.available_bytes", lambda: 100_000_000)
    assert main(["export", "nemo", str(checkpoint), str(tmp_path / "out")]) == 1
    err = capsys.readouterr().err
    assert "about 0.9 GB of memory at its peak; 0.1 GB are available" in err
    assert "Close other programs" in err
    with pytest.raises(fastctc.NotEnoughMemoryError):
        export_nemo(NemoExport(str(checkpoint), tmp_path / "out"), lambda _rate: [])
    assert [path.name for path in tmp_path.iterdir()] == ["model.nemo"]


def test_a_full_disk_is_said_before_anything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _path: SimpleNamespace(free=1000))
    with pytest.raises(fastctc.OutputError, match="free"):
        memory.check_disk(tmp_path, 1000)


@pytest.mark.skipif(importlib.util.find_spec("nemo") is not None, reason="NeMo is installed")
def test_without_nemo_it_says_what_to_install(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("yaml")
    checkpoint = fake_checkpoint(tmp_path / "model.nemo")
    for source in (str(checkpoint), "stt_en_published"):
        assert main(["export", "nemo", source, str(tmp_path / "out"), "--quiet"]) == 1
        assert "pip install 'fastctc[nemo]'" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["model.nemo"]


@pytest.mark.parametrize(
    ("arguments", "status", "why"),
    [
        (["none.nemo", "out"], 1, "no file none.nemo"),
        (["model.nemo", "."], 1, "there already"),
        (["model.nemo", "out", "--max-audio", "0"], 2, "seconds"),
        (["model.nemo", "out", "--max-audio", "1e9"], 2, "max_audio_s"),
        (["model.nemo", "out", "--latency-ms", "-1"], 2, "milliseconds"),
    ],
)
def test_what_can_not_be_exported(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    status: int,
    why: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["export", "nemo", *arguments]) == status
    assert why in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_other_toolkits_are_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "kaldi", "model", "out"]) == 2
    assert "nemo" in capsys.readouterr().err
