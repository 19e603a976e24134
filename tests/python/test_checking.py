"""`fastctc check`: every mistake it names is made on purpose."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import soundfile
from numpy.typing import NDArray

import fastctc
import fastctc.reference
from conftest import DATA, ROOT
from fastctc.checking.check import Original, Report, check_recording
from fastctc.checking.feature_mistakes import Recipe, explain_features, feature_changes
from fastctc.checking.log_prob_mistakes import explain_log_probs, find_blank_mistake
from fastctc.checking.picture import draw_difference
from fastctc.checking.stages import Stages, run_stages
from fastctc.cli import main
from fastctc.types import FrontendOptions

Floats = NDArray[np.float32]

DEMO = ROOT / "models" / "digits"
RECORDING = DATA / "speech" / "two-nine-three-four-zero.wav"
SHORT = soundfile.read(RECORDING, dtype="float32")[0][8000:20000]
WHOLE = soundfile.read(RECORDING, dtype="float32")[0]
RIGHT = FrontendOptions()
TOO_SMALL = {"preemphasis_per_frame"}
"""Alone it moves log-mel by 1e-4: no difference that matters, and none that is found."""


@pytest.fixture(scope="module")
def core() -> fastctc.Recognizer:
    return fastctc.load(DEMO)


@pytest.fixture(scope="module")
def reference() -> fastctc.reference.Recognizer:
    return fastctc.reference.load(DEMO)


def names(mistakes: Any) -> list[str]:
    return [mistake.name for mistake in mistakes]


SINGLE = [(mistake.name, recipe) for mistake, recipe in feature_changes(Recipe(RIGHT), Recipe(RIGHT))]


@pytest.mark.parametrize("made", [entry for entry in SINGLE if entry[0] not in TOO_SMALL], ids=lambda made: made[0])
def test_a_mistake_in_the_features_is_named(made: tuple[str, Recipe]) -> None:
    name, recipe = made
    explained = explain_features(SHORT, recipe.compute(SHORT), RIGHT)
    assert names(explained.mistakes) == [name]
    assert explained.is_explained
    assert explained.mean_after < 1e-4 < explained.mean_before


@pytest.mark.parametrize("wrong", ["none", "all_features"])
def test_features_that_should_be_normalised(wrong: str) -> None:
    right = replace(RIGHT, normalize="per_feature")
    found = Recipe(replace(RIGHT, normalize=wrong)).compute(SHORT)  # type: ignore[arg-type]
    explained = explain_features(SHORT, found, right)
    assert names(explained.mistakes) == ["not_normalized" if wrong == "none" else "normalized_otherwise"]
    assert "trained with features normalised per feature" in explained.mistakes[0].text


def test_several_mistakes_at_once() -> None:
    as_sherpa = Recipe(replace(RIGHT, window_periodic=True), late_samples=80)
    found = explain_features(SHORT, as_sherpa.compute(SHORT), RIGHT)
    assert set(names(found.mistakes)) == {"half_hop_late", "periodic_window"}
    as_in_librosa_scripts = Recipe(replace(RIGHT, preemphasis=0.0, log_guard="clamp", log_guard_value=1e-10))
    found = explain_features(SHORT, as_in_librosa_scripts.compute(SHORT), RIGHT)
    assert set(names(found.mistakes)) == {"no_preemphasis", "guard_small"}


def test_kaldi_features_are_recognised() -> None:
    kaldi = FrontendOptions.preset("kaldi", n_mels=80, framing="kaldi_round", input_scale=32768.0, high_hz=-400.0)
    found = explain_features(SHORT, Recipe(kaldi).compute(SHORT), RIGHT)
    assert set(names(found.mistakes)) == {"kaldi_frontend", "integer_samples", "high_cut"}
    assert found.is_explained


def test_frames_dropped_or_added_at_the_end() -> None:
    features = Recipe(RIGHT).compute(SHORT)
    found = explain_features(SHORT, features[:, :-3], RIGHT)
    assert names(found.mistakes) == ["frames_dropped_at_the_end"]
    assert "3 of 75 frames" in found.mistakes[0].text
    longer = np.concatenate([features, np.zeros((80, 1), np.float32)], axis=1)
    assert names(explain_features(SHORT, longer, RIGHT).mistakes) == ["frames_too_many"]


def test_what_is_not_known_is_not_explained(core: fastctc.Recognizer, reference: Any) -> None:
    noise = np.random.default_rng(1).standard_normal((80, 75)).astype(np.float32)
    explained = explain_features(SHORT, noise, RIGHT)
    assert not explained.is_explained
    report = check_recording(core, reference, SHORT, features=noise)
    assert "unknown" in [mistake.name for _, mistake in report.mistakes]
    other_height = explain_features(SHORT, noise[:64], RIGHT)
    assert names(other_height.mistakes) == ["wrong_number_of_features"]


def made_otherwise(log_probs: Floats) -> dict[str, Floats]:
    values = log_probs.astype(np.float64)
    changed: dict[str, Any] = {
        "blank_first": np.roll(values, 1, axis=1),
        "logits": values + np.linspace(-3, 5, len(values))[:, None],
        "probabilities": np.exp(values),
        "log10": values / np.log(10),
        "frames_dropped_at_the_start": values[2:],
        "frames_dropped_at_the_end": values[:-3],
        "frames_too_many": np.concatenate([values, values[-1:]]),
        "wrong_number_of_tokens": values[:, :-1],
    }
    return {name: array.astype(np.float32) for name, array in changed.items()}


@pytest.mark.parametrize(
    "name",
    [
        *("blank_first", "logits", "probabilities", "log10", "wrong_number_of_tokens"),
        *("frames_dropped_at_the_start", "frames_dropped_at_the_end", "frames_too_many"),
    ],
)
def test_a_mistake_in_the_log_probs_is_named(reference: Any, name: str) -> None:
    log_probs = reference.log_probs(reference.features(WHOLE))
    mistakes, is_explained = explain_log_probs(made_otherwise(log_probs)[name], log_probs)
    assert (names(mistakes), is_explained) == ([name], True)


def test_log_probs_of_wrong_features(core: fastctc.Recognizer, reference: Any) -> None:
    wrong = Recipe(replace(RIGHT, normalize="per_feature")).compute(WHOLE)
    report = check_recording(core, reference, WHOLE, log_probs=np.roll(reference.log_probs(wrong), 1, axis=1))
    assert [mistake.name for _, mistake in report.mistakes] == ["normalized", "blank_first"]
    assert report.first_difference is not None
    assert report.first_difference.stage == "log_probs"


def with_manifest(tmp_path: Path, **changes: Any) -> Path:
    """The demo model's offline graph and tokens under another manifest."""
    directory = tmp_path / "model"
    directory.mkdir()
    for name in ("offline.onnx", "weights.bin", "tokens.txt"):
        shutil.copy(DEMO / name, directory)
    manifest = json.loads((DEMO / "fastctc.json").read_text(encoding="utf-8"))
    manifest["graphs"] = {"offline": "offline.onnx"}
    (directory / "fastctc.json").write_text(json.dumps({**manifest, **changes}), encoding="utf-8")
    return directory


def original(reference: Any) -> Original:
    stages = run_stages("NeMo", reference, WHOLE)
    return Original({-1: stages}, reference.frontend, [*reference.vocabulary.pieces])


def test_a_directory_with_another_front_end(tmp_path: Path, reference: Any) -> None:
    frontend = {"preset": "nemo", "normalize": "none", "preemphasis": 0.0}
    directory = with_manifest(tmp_path, frontend=frontend)
    report = check_recording(
        fastctc.load(directory), fastctc.reference.load(directory), WHOLE, original=original(reference)
    )
    assert not report.passed
    assert {(whose, mistake.name) for whose, mistake in report.mistakes} == {
        ("core", "no_preemphasis"),
        ("reference", "no_preemphasis"),
    }


def test_a_token_list_that_is_off(tmp_path: Path, reference: Any) -> None:
    directory = with_manifest(tmp_path)
    lines = (directory / "tokens.txt").read_text(encoding="utf-8").splitlines()
    pieces = [line.rpartition(" ")[0] for line in lines]
    pieces[3], pieces[4] = pieces[4], pieces[3]
    text = "".join(f"{piece} {index}\n" for index, piece in enumerate(pieces))
    (directory / "tokens.txt").write_text(text, encoding="utf-8")
    report = check_recording(
        fastctc.load(directory), fastctc.reference.load(directory), WHOLE, original=original(reference)
    )
    [(whose, mistake)] = report.mistakes
    assert (whose, mistake.name) == ("the directory", "tokens_off")
    assert "token 3" in mistake.text


def test_a_blank_at_the_wrong_end(reference: Any) -> None:
    log_probs = reference.log_probs(reference.features(WHOLE))
    mistake = find_blank_mistake([log_probs], 0)
    assert mistake is not None
    assert mistake.name == "blank_at_the_wrong_end"
    assert find_blank_mistake([log_probs], log_probs.shape[1] - 1) is None


def test_a_blank_at_the_wrong_end_of_a_directory(tmp_path: Path) -> None:
    directory = with_manifest(tmp_path, blank_id=0)
    pieces = [line.rpartition(" ")[0] for line in (DEMO / "tokens.txt").read_text(encoding="utf-8").splitlines()]
    text = "".join(f"{piece} {index}\n" for index, piece in enumerate(["<blk>", *pieces[:-1]]))
    (directory / "tokens.txt").write_text(text, encoding="utf-8")
    assert main(["check", str(directory), str(RECORDING)]) == 1
    report = check_recording(fastctc.load(directory), fastctc.reference.load(directory), WHOLE)
    assert [mistake.name for _, mistake in report.mistakes] == ["blank_at_the_wrong_end"]


def test_what_is_the_same_passes(core: fastctc.Recognizer, reference: Any) -> None:
    right = original(reference)
    report = check_recording(
        core, reference, WHOLE, original=right, features=reference.features(WHOLE).T, outside_name="mine"
    )
    assert report.passed
    assert report.first_difference is None
    assert {(entry.name, entry.stage) for entry in report.comparisons} >= {("core", "text"), ("mine", "features")}


def test_the_look_ahead_of_the_graph_is_found(core: fastctc.Recognizer, reference: Any) -> None:
    right = run_stages("NeMo, 1040 ms", reference, WHOLE)
    assert right.log_probs is not None
    other = Stages("NeMo, 60 ms", WHOLE, right.features, right.log_probs - 1, (), "")
    report = check_recording(
        core, reference, WHOLE, original=Original({60: other, 1040: right}, RIGHT, [*reference.vocabulary.pieces])
    )
    assert report.expected[0].name == "NeMo, 1040 ms"
    assert report.passed


@pytest.fixture
def outside(tmp_path: Path) -> Callable[[str, Any], str]:
    def save(name: str, values: Any) -> str:
        path = tmp_path / name
        np.save(path, values)
        return str(path)

    return save


def test_the_command(outside: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(DEMO), str(RECORDING)]) == 0
    out, err = capsys.readouterr()
    rows = [line.split("\t")[1:4] for line in out.splitlines()]
    assert [row[0] for row in rows[:5]] == ["samples", "features", "log_probs", "tokens", "text"]
    others = [*(f"streaming_{latency_ms}ms" for latency_ms in (0, 80, 480, 1040)), "long_form"]
    assert rows[5:] == [["log_probs", f"core, {graph}", f"reference, {graph}"] for graph in others]
    assert {line.split("\t")[-1] for line in out.splitlines()} == {"same"}
    assert "everything is the same" in err
    late = Recipe(RIGHT, late_samples=80).compute(WHOLE)
    arguments = ["check", str(DEMO), str(RECORDING), "--features", outside("late.npy", late[None])]
    assert main(arguments) == 1
    out, err = capsys.readouterr()
    assert "\thalf_hop_late\tlate.npy: " in out
    assert "first stage that differs: features (late.npy beside reference)" in err
    assert main([*arguments, str(RECORDING)]) == 2


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (np.zeros((2, 3), np.int32), "array of floats"),
        (np.zeros(4, np.float32), "matrix"),
        (np.full((80, 9), np.nan, np.float32), "finite"),
    ],
)
def test_values_that_can_not_be_compared(
    outside: Any, capsys: pytest.CaptureFixture[str], values: Any, why: str
) -> None:
    assert main(["check", str(DEMO), str(RECORDING), "--features", outside("odd.npy", values)]) == 2
    assert why in capsys.readouterr().err


def test_a_file_that_is_no_array(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text.npy").write_text("text", encoding="utf-8")
    assert main(["check", str(DEMO), str(RECORDING), "--log-probs", str(tmp_path / "text.npy")]) == 2
    assert "can't be read as a NumPy file" in capsys.readouterr().err


def test_the_export_of_the_wrong_branch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("encoder-model.onnx", "decoder_joint-model.onnx"):
        (tmp_path / name).touch()
    assert main(["check", str(tmp_path), str(RECORDING)]) == 1
    err = capsys.readouterr().err
    assert "RNN-T branch" in err
    assert "decoder_type" in err


@pytest.mark.parametrize("load", [fastctc.load, fastctc.reference.load])
def test_the_encoder_of_the_wrong_branch_under_another_name(tmp_path: Path, load: Any) -> None:
    """What a user makes of it who renames encoder-model.onnx."""
    helper, kind = onnx.helper, onnx.TensorProto
    info = helper.make_tensor_value_info
    nodes = [
        helper.make_node("Identity", ["audio_signal"], ["outputs"]),
        helper.make_node("Identity", ["length"], ["encoded_lengths"]),
    ]
    inputs = [info("audio_signal", kind.FLOAT, ["b", 80, "t"]), info("length", kind.INT64, ["b"])]
    outputs = [info("outputs", kind.FLOAT, ["b", 80, "t"]), info("encoded_lengths", kind.INT64, ["b"])]
    model = helper.make_model(
        helper.make_graph(nodes, "encoder", inputs, outputs), opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    onnx.save(model, str(tmp_path / "model.onnx"))
    shutil.copy(DEMO / "tokens.txt", tmp_path)
    with pytest.raises(fastctc.ModelError, match="RNN-T encoder; export the CTC branch"):
        load(tmp_path, normalize="none")


def failing_report(core: fastctc.Recognizer, reference: Any) -> Report:
    return check_recording(core, reference, SHORT, features=Recipe(RIGHT, late_samples=80).compute(SHORT))


def test_a_picture(core: fastctc.Recognizer, reference: Any, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "difference.png"
    assert draw_difference(failing_report(core, reference), path) == "features"
    assert path.read_bytes().startswith(b"\x89PNG")
    assert path.stat().st_size > 10_000
    with pytest.raises(fastctc.OutputError):
        draw_difference(failing_report(core, reference), tmp_path / "none" / "difference.png")


def test_a_model_for_streams_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("exact-80ms.onnx", "exact-1040ms.onnx", "weights.bin", "tokens.txt"):
        shutil.copy(DEMO / name, tmp_path)
    assert main(["check", str(tmp_path), str(RECORDING), "--normalize", "none"]) == 0
    rows = [line.split("\t")[1:] for line in capsys.readouterr().out.splitlines()]
    assert [row[:2] for row in rows] == [
        *([stage, "core"] for stage in ("samples", "features", "log_probs", "tokens", "text")),
        ["log_probs", "core, streaming_1040ms"],
    ]
    assert {row[-1] for row in rows} == {"same"}


class OffInOneGraph:
    """A core that is wrong in one graph."""

    def __init__(self, core: fastctc.Recognizer, graph: str) -> None:
        self._core = core
        self._graph = graph

    def __getattr__(self, name: str) -> Any:
        return getattr(self._core, name)

    def log_probs(self, features: Floats, *, graph: str = "offline") -> Floats:
        return self._core.log_probs(features, graph=graph) - np.float32(0.01 if graph == self._graph else 0)


@pytest.mark.parametrize("graph", ["streaming_0ms", "streaming_1040ms", "long_form"])
def test_every_graph_is_proven(core: fastctc.Recognizer, reference: Any, graph: str, tmp_path: Path) -> None:
    report = check_recording(OffInOneGraph(core, graph), reference, SHORT)
    assert not report.passed
    [different] = [entry for entry in report.comparisons if not entry.is_same]
    assert (different.stage, different.name, different.expected_name) == (
        "log_probs",
        f"core, {graph}",
        f"reference, {graph}",
    )
    assert different.largest == pytest.approx(0.01, abs=1e-4)
    pytest.importorskip("matplotlib")
    assert draw_difference(report, tmp_path / "difference.png") == "log_probs"


def test_graphs_beside_the_original(core: fastctc.Recognizer, reference: Any) -> None:
    """Each beside the look-ahead that is its own."""
    right = run_stages("NeMo, 1040 ms", reference, WHOLE)
    exact = reference.log_probs(right.features, graph="streaming_80ms")
    stages = {1040: right, 80: Stages("NeMo, 80 ms", WHOLE, right.features, exact, (), "")}
    pieces = [*reference.vocabulary.pieces]
    report = check_recording(core, reference, WHOLE, original=Original(stages, RIGHT, pieces))
    assert report.passed
    rows = {(entry.name, entry.expected_name) for entry in report.comparisons}
    assert rows >= {
        ("core, streaming_80ms", "NeMo, 80 ms"),
        ("core, streaming_1040ms", "NeMo, 1040 ms"),
        ("core, long_form", "NeMo, 1040 ms"),
    }
    stages[80] = replace(stages[80], log_probs=exact + 0.1)
    report = check_recording(core, reference, WHOLE, original=Original(stages, RIGHT, pieces))
    assert [(entry.name, entry.expected_name) for entry in report.comparisons if not entry.is_same] == [
        ("core, streaming_80ms", "NeMo, 80 ms")
    ]


def test_a_graph_that_is_not_there(core: fastctc.Recognizer, reference: Any) -> None:
    for model in (core, reference):
        assert model.graphs[0] == "offline"
        for name in ("streaming_60ms", "long", ""):
            with pytest.raises(fastctc.OptionError, match="it has offline, streaming_0ms"):
                model.log_probs(np.zeros((80, 20), np.float32), graph=name)
