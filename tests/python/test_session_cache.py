"""What ONNX Runtime makes of a large graph is kept, found again, shared, and never trusted blindly."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

import fastctc
from fastctc.cli import main
from fastctc.installed.inspection import SessionCache, inspect_engine, inspect_session_cache

ENGINE = inspect_engine().version
pytestmark = pytest.mark.skipif(
    tuple(map(int, ENGINE.split(".")[:2])) < (1, 21), reason=f"ONNX Runtime {ENGINE} can't save packed weights"
)
WIDTH = 800
N_LAYERS = 16
WEIGHT_BYTES = 4 * N_LAYERS * WIDTH * WIDTH  # 41 MB
TOKENS = ["a", "b", "c", "d", "<blk>"]
FEATURES = np.random.default_rng(0).standard_normal((80, 120)).astype(np.float32)
ENVIRONMENT = {key: value for key, value in os.environ.items() if key not in ("FASTCTC_HOME", "XDG_CACHE_HOME", "HOME")}


def save_graph(path: Path, *, output: str = "logprobs", bias: float = 0.0, external: str = "") -> Path:
    """Layers of WIDTH with seeded weights; `bias` makes another model of it, `output` another graph of the same."""
    random = np.random.default_rng(1)
    constants, nodes = [], []

    def constant(name: str, value: NDArray[Any]) -> str:
        constants.append(numpy_helper.from_array(value, name))
        return name

    def weight(name: str, *shape: int) -> str:
        return constant(name, (random.standard_normal(shape) / np.sqrt(shape[0])).astype(np.float32))

    def add(kind: str, inputs: list[str], result: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, inputs, [result], **attributes))
        return result

    value = add("Transpose", ["audio_signal"], "frames", perm=[0, 2, 1])
    value = add("MatMul", [value, weight("weight_in", 80, WIDTH)], "inner_in")
    for layer in range(N_LAYERS):
        value = add("MatMul", [value, weight(f"weight_{layer}", WIDTH, WIDTH)], f"inner_{layer}")
        value = add("Tanh", [value], f"active_{layer}")
    value = add("MatMul", [value, weight("weight_out", WIDTH, len(TOKENS))], "scores")
    value = add("Add", [value, constant("bias", np.array([0, 0, 0, 0, bias], np.float32))], "biased")
    add("LogSoftmax", [value], output, axis=-1)
    graph = helper.make_graph(
        nodes,
        "mid-size",
        [helper.make_tensor_value_info("audio_signal", TensorProto.FLOAT, ["batch", 80, "time"])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", "time", len(TOKENS)])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path, save_as_external_data=bool(external), location=external or None)
    return path


def write_directory(directory: Path, **how: Any) -> Path:
    directory.mkdir()
    save_graph(directory / "model.onnx", **how)
    (directory / "tokens.txt").write_text("".join(f"{token} {i}\n" for i, token in enumerate(TOKENS)))
    (directory / "fastctc.json").write_text('{"fastctc": 1, "frontend": {"preset": "nemo", "normalize": "none"}}')
    return directory


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_directory(tmp_path_factory.mktemp("cached") / "modèle")


@pytest.fixture(scope="module")
def expected(model: Path) -> NDArray[np.float32]:
    return log_probs(model, cache=False)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FASTCTC_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="module")
def filled(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that holds the model's session; to be read, not changed."""
    place = tmp_path_factory.mktemp("filled")
    run_apart(model, {"FASTCTC_HOME": str(place)})
    return place


def log_probs(model: Path, **session: Any) -> NDArray[np.float32]:
    return fastctc.load(model, session=fastctc.SessionOptions(**session)).log_probs(FEATURES)


def start_apart(model: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    """A process that loads the model, waits for a line, and prints its log-probs' sum."""
    code = (
        "import sys, logging, numpy as np, fastctc\n"
        "logging.basicConfig(level=logging.INFO)\n"
        "input()\n"
        "values = np.random.default_rng(0).standard_normal((80, 120)).astype(np.float32)\n"
        "print(float(np.abs(fastctc.load(sys.argv[1]).log_probs(values)).sum()))\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, str(model)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**ENVIRONMENT, **environment},
    )


def run_apart(model: Path, environment: dict[str, str]) -> tuple[float, str]:
    """The sum, and what was logged."""
    process = start_apart(model, environment)
    output, log = process.communicate("\n")
    assert process.returncode == 0, log
    return float(output), log


def entry_of(home: Path) -> Path:
    (entry,) = (home / "sessions").glob("*.json")
    return entry


def files_of(home: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in sorted(home.rglob("*")) if path.is_file()}


def test_a_session_is_kept_and_found_again(model: Path, expected: NDArray[np.float32], home: Path) -> None:
    np.testing.assert_array_equal(log_probs(model), expected)
    files = files_of(home)
    weights = sum(size for name, size in files.items() if name.endswith(".bin"))
    assert weights > WEIGHT_BYTES
    assert not [name for name in files if ".part-" in name]
    assert json.loads(entry_of(home).read_text())["source"] == str(model / "model.onnx")
    times = {path: path.stat().st_mtime_ns for path in home.rglob("*") if path.suffix in (".onnx", ".bin")}
    np.testing.assert_array_equal(log_probs(model), expected)
    assert {path: path.stat().st_mtime_ns for path in times} == times
    assert files_of(home).keys() == files.keys()


def test_probe_runs_are_made_once(model: Path, filled: Path, home: Path) -> None:
    run_apart(model, {"FASTCTC_HOME": str(filled)})
    assert json.loads(entry_of(filled).read_text())["findings"]
    home.parent.joinpath("home").symlink_to(filled)
    text = entry_of(filled).read_text()
    findings = json.loads(text)
    findings["findings"]["position table"] = "77"
    try:
        entry_of(filled).write_text(json.dumps(findings))
        properties = {entry.name: entry.value for entry in fastctc.load(model).properties}
    finally:
        entry_of(filled).write_text(text)
    assert properties["max_encoder_frames"] == "77"


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


BREAKS: dict[str, Callable[[Path], object]] = {
    "record": lambda home: entry_of(home).write_text('{"source":'),
    "record of another shape": lambda home: entry_of(home).write_text('{"source": 3, "weights": []}'),
    "graph gone": lambda home: entry_of(home).with_suffix(".onnx").unlink(),
    "graph cut": lambda home: shorten(entry_of(home).with_suffix(".onnx")),
    "graph empty": lambda home: entry_of(home).with_suffix(".onnx").write_bytes(b""),
    "weights gone": lambda home: next((home / "sessions" / "weights").iterdir()).unlink(),
    "weights cut": lambda home: shorten(max((home / "sessions" / "weights").iterdir(), key=lambda p: p.stat().st_size)),
}


@pytest.mark.parametrize("broken", BREAKS)
def test_what_is_broken_is_made_again(model: Path, expected: NDArray[np.float32], home: Path, broken: str) -> None:
    log_probs(model)
    whole = files_of(home)
    BREAKS[broken](home)
    assert files_of(home) != whole
    np.testing.assert_array_equal(log_probs(model), expected)
    again = files_of(home)
    assert {name: size for name, size in again.items() if not name.endswith(".json")} == {
        name: size for name, size in whole.items() if not name.endswith(".json")
    }
    np.testing.assert_array_equal(log_probs(model), expected)


def test_a_changed_model_is_another(tmp_path: Path, home: Path) -> None:
    model = write_directory(tmp_path / "model")
    before = log_probs(model)
    held = fastctc.load(model)
    save_graph(model / "model.onnx", bias=3.0)
    after = log_probs(model)
    np.testing.assert_array_equal(after, log_probs(model, cache=False))
    assert np.abs(after - before).max() > 1
    np.testing.assert_array_equal(held.log_probs(FEATURES), before)
    assert len([*(home / "sessions").glob("*.json")]) == 2


def test_graphs_share_their_weights(model: Path, tmp_path: Path, home: Path) -> None:
    other = write_directory(tmp_path / "other", output="log_probs", external="weights.bin")
    np.testing.assert_array_equal(log_probs(model), log_probs(other))
    records = [json.loads(path.read_text()) for path in (home / "sessions").glob("*.json")]
    assert len(records) == 2
    assert records[0]["weights"] == records[1]["weights"]
    assert len([*(home / "sessions" / "weights").iterdir()]) == len(records[0]["weights"])


@pytest.mark.usefixtures("home")
def test_changed_external_weights_are_seen(tmp_path: Path) -> None:
    model = write_directory(tmp_path / "model", external="weights.bin")
    before = log_probs(model)
    weights = np.fromfile(model / "weights.bin", np.float32)
    (weights * 2).astype(np.float32).tofile(model / "weights.bin")
    after = log_probs(model)
    np.testing.assert_array_equal(after, log_probs(model, cache=False))
    assert np.abs(after - before).max() > 0.01


def test_processes_at_once(model: Path, expected: NDArray[np.float32], home: Path) -> None:
    processes = [start_apart(model, {"FASTCTC_HOME": str(home)}) for _ in range(3)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        output, log = process.communicate()
        assert process.returncode == 0, log
        assert "kept" not in log
        assert float(output) == pytest.approx(float(np.abs(expected).sum()), rel=1e-6)
    entry_of(home)
    assert not [name for name in files_of(home) if ".part-" in name]


def test_a_cache_that_cannot_be_written(
    model: Path,
    expected: NDArray[np.float32],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "file").write_text("no directory")
    monkeypatch.setenv("FASTCTC_HOME", str(tmp_path / "file"))
    with caplog.at_level(logging.INFO, logger="fastctc"):
        np.testing.assert_array_equal(log_probs(model), expected)
    assert "isn't kept in" in caplog.text


@pytest.mark.skipif(sys.platform == "win32" or not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_a_read_only_cache_is_read(model: Path, expected: NDArray[np.float32], home: Path) -> None:
    log_probs(model)
    places = [home / "sessions" / "weights", home / "sessions", home]
    for place in places:
        place.chmod(0o555)
    try:
        np.testing.assert_array_equal(log_probs(model), expected)
    finally:
        for place in reversed(places):
            place.chmod(0o755)


def test_nothing_is_kept_where_it_is_not_asked_for(model: Path, home: Path) -> None:
    log_probs(model, cache=False)
    log_probs(model, config_entries={"session.optimized_model_external_initializers_file_name": "mine.bin"})
    fastctc.load()  # the demo model's graphs load in milliseconds
    assert not home.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="places of Linux")
@pytest.mark.parametrize(
    ("variables", "place"),
    [
        ({"XDG_CACHE_HOME": "{}/cache"}, "cache/fastctc/sessions"),
        ({"HOME": "{}/home"}, "home/.cache/fastctc/sessions"),
        ({"HOME": "{}/home", "XDG_CACHE_HOME": "not-absolute"}, "home/.cache/fastctc/sessions"),
        ({"HOME": "{}/home", "FASTCTC_HOME": "{}/named"}, "named/sessions"),
        ({}, ""),
    ],
)
def test_places(model: Path, filled: Path, tmp_path: Path, variables: dict[str, str], place: str) -> None:
    if place:  # what is there already is found, so that nothing needs to be made
        (tmp_path / place).parent.mkdir(parents=True)
        (tmp_path / place).symlink_to(filled / "sessions")
    entry = entry_of(filled)
    os.utime(entry, (1, 1))
    run_apart(model, {key: value.format(tmp_path) for key, value in variables.items()})
    assert (entry.stat().st_mtime > 1) == bool(place)  # a session that is used is marked


def private_bytes_of_load(model: Path, **session: Any) -> int:
    """What a load adds to the memory that a process shares with no other, while another runs the same model."""
    code = (
        "import sys, json, numpy as np, fastctc\n"
        "def private():\n"
        "    lines = [line.split() for line in open('/proc/self/smaps_rollup')]\n"
        "    return sum(int(line[1]) for line in lines if line[0].startswith('Private_')) * 1024\n"
        "session = fastctc.SessionOptions(**json.loads(sys.argv[2]))\n"
        "values = np.ones((80, 120), np.float32)\n"
        "demo = fastctc.load(session=session)\n"
        "demo.log_probs(values)\n"
        "before = private()\n"
        "recognizer = fastctc.load(sys.argv[1], session=session)\n"
        "recognizer.log_probs(values)\n"
        "print('loaded', flush=True)\n"
        "input()\n"
        "print(private() - before, flush=True)\n"
        "input()\n"
    )
    command = [sys.executable, "-c", code, str(model), json.dumps(session)]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "loaded\n"
        second = processes[1]
        assert second.stdin is not None
        assert second.stdout is not None
        second.stdin.write("\n")
        second.stdin.flush()
        return int(second.stdout.readline())
    finally:
        for process in processes:
            process.communicate("\n\n")


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="the system doesn't tell")
def test_processes_share_the_weights(model: Path, filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTCTC_HOME", str(filled))
    assert private_bytes_of_load(model) < WEIGHT_BYTES / 2
    assert private_bytes_of_load(model, cache=False) > WEIGHT_BYTES


def test_the_command_shows_and_clears_it(model: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log_probs(model)
    assert main(["cache"]) == 0
    assert f"{home / 'sessions'}: 1 sessions, " in capsys.readouterr().out
    size = inspect_session_cache().n_bytes
    assert size > 2 * WEIGHT_BYTES
    assert main(["cache", "--clear"]) == 0
    assert capsys.readouterr().out.endswith(f"{size / 1e6:.0f} MB removed\n")
    assert inspect_session_cache() == SessionCache(str(home / "sessions"), 0, 0)
    assert main(["cache", "--clear"]) == 0
