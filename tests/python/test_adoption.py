"""`fastctc adopt`: an export without any metadata becomes a described directory, or an error that says what lacks."""

from __future__ import annotations

import io
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import pytest

import fastctc
from conftest import DATA, ROOT
from fastctc.audio.reading import load_audio
from fastctc.checking.adoption import Reading, adopt_directory
from fastctc.cli import main

DEMO = ROOT / "models" / "digits"
TINY = DATA / "tiny"
RECORDING = DATA / "speech" / "two-nine-three-four-zero.wav"


def recordings(rate_hz: int) -> list[Any]:
    return [load_audio(RECORDING, target_rate_hz=rate_hz).samples]


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """What a user's own script makes: a graph without metadata, and its tokens."""
    directory = tmp_path / "bare"
    directory.mkdir()
    strip(DEMO / "offline.onnx", directory / "model.onnx")
    shutil.copy(DEMO / "tokens.txt", directory)
    return directory


def strip(source: Path, target: Path) -> None:
    model = onnx.load(source)
    del model.metadata_props[:]
    onnx.save(model, str(target))


def test_what_is_found_and_what_is_told(bare: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["adopt", str(bare), "--normalize", "none", "--audio", str(RECORDING)]) == 0
    out, err = capsys.readouterr()
    rows = {line.split("\t")[0]: line.split("\t")[1:] for line in out.splitlines()}
    assert rows["frontend.normalize"] == ["none", "option"]
    assert rows["subsampling_factor"][0] == "8"
    assert "two nine three four zero" in err
    manifest = json.loads((bare / "fastctc.json").read_text(encoding="utf-8"))
    assert manifest == {
        "fastctc": 1,
        "graphs": {"offline": "model.onnx"},
        "tokens": "tokens.txt",
        "frontend": {"preset": "nemo", "sample_rate_hz": 16000, "n_mels": 80, "normalize": "none"},
        "subsampling": {"factor": 8, "causal": True},
        "blank_id": 52,
        "max_encoder_frames": 1000,
        "text_style": "sentencepiece",
        "log_probs_kind": "log_probs",
    }
    model = fastctc.load(bare)
    assert model.transcribe(RECORDING).text == "two nine three four zero"
    assert {entry.source for entry in model.properties if entry.name == "frontend.normalize"} == {
        "manifest fastctc.json"
    }


def test_nothing_is_guessed(bare: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["adopt", str(bare)]) == 1
    assert "--normalize" in capsys.readouterr().err
    assert not (bare / "fastctc.json").exists()
    assert main(["adopt", str(bare), "--audio", str(RECORDING)]) == 1
    lines = capsys.readouterr().err.splitlines()
    readings = [line for line in lines if "sure" in line]
    assert "none" in readings[0]
    assert "two nine three four zero" in readings[0]
    assert len(readings) == 3
    assert not (bare / "fastctc.json").exists()


def test_who_is_asked_sees_what_the_model_reads(bare: Path) -> None:
    seen: list[Reading] = []

    def answer(readings: Any) -> str:
        seen.extend(readings)
        return "none"

    adopted = adopt_directory(bare, recordings, ask_normalize=answer)
    assert adopted.texts == ("two nine three four zero",)
    assert seen[0].normalize == "none"
    assert seen[0].text == "two nine three four zero"
    assert seen[0].confidence > seen[1].confidence


@pytest.mark.parametrize("names", [["offline.onnx"], ["offline.onnx", "exact-80ms.onnx", "exact-1040ms-x8.onnx"]])
def test_the_reference_opens_a_graph_twice_at_most(
    tmp_path: Path, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once to see which part it plays, once to run it: opening one of a gigabyte takes seconds."""
    opened: Counter[str] = Counter()

    class Session(onnxruntime.InferenceSession):  # type: ignore[misc]
        def __init__(self, path: Any, *arguments: Any, **options: Any) -> None:
            opened[Path(path).name] += 1
            super().__init__(path, *arguments, **options)

    for name in (*names, "weights.bin", "tokens.txt"):
        shutil.copy(DEMO / name, tmp_path)
    (tmp_path / "offline.onnx").unlink()
    strip(DEMO / "offline.onnx", tmp_path / "offline.onnx")
    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    adopt_directory(tmp_path, recordings, ask_normalize=lambda _: "none")
    assert opened == dict.fromkeys(names, 2)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("typed", "status"), [("maybe\nnone\n", 0), ("\n", 1), ("", 1)])
def test_the_question_on_a_terminal(
    bare: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str, status: int
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    errors = Terminal()
    monkeypatch.setattr("sys.stderr", errors)
    assert main(["adopt", str(bare)]) == status
    assert (bare / "fastctc.json").exists() == (status == 0)
    assert errors.getvalue().count("Which (none, per_feature, all_features") == (2 if status == 0 else 1)
    assert capsys.readouterr().out.startswith("graph\t") == (status == 0)


def test_a_manifest_is_never_replaced_unasked(bare: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = json.dumps({"fastctc": 1, "frontend": {"normalize": "per_feature"}})
    (bare / "fastctc.json").write_text(old, encoding="utf-8")
    assert main(["adopt", str(bare), "--normalize", "none"]) == 1
    assert "--force" in capsys.readouterr().err
    assert main(["adopt", str(bare), "--force"]) == 1  # and what it said is not taken for told
    assert (bare / "fastctc.json").read_text(encoding="utf-8") == old
    assert main(["adopt", str(bare), "--force", "--normalize", "none"]) == 0
    assert json.loads((bare / "fastctc.json").read_text(encoding="utf-8"))["frontend"]["normalize"] == "none"
    assert sorted(path.name for path in bare.iterdir()) == ["fastctc.json", "model.onnx", "tokens.txt"]


def test_graphs_for_streams_are_named_by_their_look_ahead(tmp_path: Path) -> None:
    directory = tmp_path / "streams"
    directory.mkdir()
    for name in ("exact-80ms.onnx", "exact-1040ms.onnx", "weights.bin", "tokens.txt"):
        shutil.copy(DEMO / name, directory)
    adopted = adopt_directory(directory, recordings)
    manifest = json.loads(adopted.manifest.read_text(encoding="utf-8"))
    assert manifest["graphs"] == {"streaming_80ms": "exact-80ms.onnx", "streaming_1040ms": "exact-1040ms.onnx"}
    assert adopted.texts == ("two nine three four zero",)
    assert fastctc.load(directory).latencies_ms == [80, 1040]


@pytest.mark.parametrize("has_others", [False, True])
def test_a_graph_for_long_recordings_is_found(tmp_path: Path, has_others: bool) -> None:
    names = ["offline.onnx", "stream_exact_r13_x8.onnx", "weights.bin", "tokens.txt"]
    if has_others:
        names += ["stream_exact_r13_x4.onnx", *(f"stream_exact_r{look_ahead}.onnx" for look_ahead in (0, 1, 13))]
    for name in names:
        shutil.copy(TINY / name, tmp_path)
    adopted = adopt_directory(tmp_path, recordings)
    graphs = json.loads(adopted.manifest.read_text(encoding="utf-8"))["graphs"]
    assert graphs.pop("offline") == "offline.onnx"
    assert graphs.pop("long_form") == "stream_exact_r13_x8.onnx"
    assert graphs == (
        {f"streaming_{80 * look_ahead}ms": f"stream_exact_r{look_ahead}.onnx" for look_ahead in (0, 1, 13)}
        if has_others
        else {}
    )
    assert adopted.left_out == (("stream_exact_r13_x4.onnx",) if has_others else ())
    model = fastctc.load(tmp_path)
    assert model.graphs[-1] == "long_form"
    assert model.transcribe(RECORDING, long_form=fastctc.LongFormOptions(one_shot_max_s=1)).method == "steps"


def test_a_graph_for_long_recordings_must_be_exact(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is of another look-ahead than the offline graph; without one, nothing shows that it is exact."""
    for name in ("offline_r1.onnx", "stream_exact_r1.onnx", "stream_exact_r13_x8.onnx", "weights.bin", "tokens.txt"):
        shutil.copy(TINY / name, tmp_path)
    for graphs in ({"offline": "offline_r1.onnx", "streaming_80ms": "stream_exact_r1.onnx"},) * 2:
        assert main(["adopt", str(tmp_path), "--normalize", "none", "--force"]) == 0
        expected = {name: file for name, file in graphs.items() if (tmp_path / file).exists()}
        assert json.loads((tmp_path / "fastctc.json").read_text(encoding="utf-8"))["graphs"] == expected
        assert "stream_exact_r13_x8.onnx is left out" in capsys.readouterr().err
        (tmp_path / "offline_r1.onnx").unlink(missing_ok=True)


def test_metadata_are_enough(tmp_path: Path) -> None:
    directory = tmp_path / "full"
    directory.mkdir()
    for name in ("full_offline.onnx", "weights.bin", "tokens.txt"):
        shutil.copy(TINY / name, directory)
    adopted = adopt_directory(directory, recordings)
    manifest = json.loads(adopted.manifest.read_text(encoding="utf-8"))
    assert manifest["frontend"]["normalize"] == "per_feature"
    assert manifest["subsampling"] == {"factor": 8, "causal": False}


def test_what_can_not_be_adopted(tmp_path: Path, bare: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["adopt", str(tmp_path / "none"), "--normalize", "none"]) == 1
    assert "no model at" in capsys.readouterr().err
    (bare / "tokens.txt").write_text("a 0\n<blk> 1\n", encoding="utf-8")
    before = sorted(bare.iterdir())
    assert main(["adopt", str(bare), "--normalize", "none"]) == 1
    assert "53" in capsys.readouterr().err
    assert sorted(bare.iterdir()) == before
    for name in ("encoder-model.onnx", "decoder_joint-model.onnx"):
        (tmp_path / name).touch()
    assert main(["adopt", str(tmp_path), "--normalize", "none"]) == 1
    assert "RNN-T branch" in capsys.readouterr().err
