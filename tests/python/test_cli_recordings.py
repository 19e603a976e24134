"""The command line with the demo model and real recordings."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fastctc.cli import main

PROGRAM = [sys.executable, "-m", "fastctc"]
SAID = {"two-nine-three-four-zero": "two nine three four zero", "five-five": "five five"}


@pytest.fixture
def speech(data: Path) -> Path:
    return data / "speech"


def test_recordings(speech: Path, demo_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [str(speech / f"{name}.wav") for name in SAID]
    assert main(["transcribe", *paths, "--model", str(demo_model)]) == 0
    expected = [f"{path}\t{text}" for path, text in zip(paths, SAID.values(), strict=True)]
    assert capsys.readouterr() == ("\n".join(expected) + "\n", "")


def test_a_newcomers_first_command(speech: Path) -> None:
    argv = [*PROGRAM, "transcribe", str(speech / "two-nine-three-four-zero.wav")]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout == "two nine three four zero\n"
    # What is used when no model is named, once, with how to use another.
    assert done.stderr.startswith("fastctc: No model was named")
    assert "--model DIR" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_standard_input(speech: Path) -> None:
    with (speech / "five-five.wav").open("rb") as recording:
        argv = [*PROGRAM, "transcribe", "-", "--quiet", "--format", "json"]
        done = subprocess.run(argv, stdin=recording, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    result = json.loads(done.stdout)
    assert (result["file"], result["text"]) == ("-", "five five")
    assert [word["text"] for word in result["words"]] == ["five", "five"]
    assert result["words"][0]["end_s"] <= result["words"][1]["start_s"] < result["duration_s"]


@pytest.mark.parametrize("kind", ["srt", "vtt"])
def test_subtitles(kind: str, speech: Path, demo_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["transcribe", str(speech / "five-five.wav"), "--format", kind, "--model", str(demo_model)]
    assert main(argv) == 0
    out = capsys.readouterr().out
    assert " --> " in out
    assert "five five\n" in out


def test_channels(speech: Path, demo_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The two sides of a call say different things, and a third is not there."""
    argv = ["transcribe", str(speech / "call-two-channels.wav"), "--model", str(demo_model), "--channel"]
    texts = []
    for channel in ("0", "1"):
        assert main([*argv, channel]) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] != texts[1]
    assert all(len(text.split()) > 1 for text in texts)
    assert main([*argv, "2"]) == 1
    assert "call-two-channels.wav: " in capsys.readouterr().err


def test_bad_files_among_good_ones(
    speech: Path, demo_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(speech / "five-five.wav", "good.wav")
    Path("empty.wav").touch()
    Path("text.wav").write_text("This is text.")
    Path("directory").mkdir()
    names = ["empty.wav", "good.wav", "text.wav", "directory", "missing.wav"]
    assert main(["transcribe", *names, "--model", str(demo_model)]) == 1
    out, err = capsys.readouterr()
    assert out == "good.wav\tfive five\n"
    lines = err.splitlines()
    assert len(lines) == 5
    for name in ("empty.wav", "text.wav", "directory", "missing.wav"):
        assert sum(line.startswith(f"fastctc: {name}: ") for line in lines) == 1
        assert not any(f"{name}: {name}" in line or f"The file {name}" in line for line in lines)
    assert "fastctc: 4 of 5 files failed" in lines


def test_a_model_that_is_not_there(speech: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["transcribe", str(speech / "five-five.wav"), "--model", str(tmp_path / "nowhere")]
    assert main(argv) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert str(tmp_path / "nowhere") in err


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_batch_that_is_stopped_and_resumed(
    number: signal.Signals, speech: Path, demo_model: Path, tmp_path: Path
) -> None:
    names = [f"{i:03}.wav" for i in range(150)]
    for name in names:
        shutil.copy(speech / "two-nine-three-four-zero.wav", tmp_path / name)
    argv = [*PROGRAM, "transcribe", *names, "--output-dir", "out", "--model", str(demo_model)]
    out = tmp_path / "out"
    with subprocess.Popen(argv, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        deadline_s = time.monotonic() + 60
        while len(list(out.glob("*.txt"))) < 20:
            assert time.monotonic() < deadline_s
            time.sleep(0.005)
        process.send_signal(number)
        process.communicate(timeout=60)
    assert process.returncode == (130 if number == signal.SIGINT else -number)
    finished = list(out.glob("*.txt"))
    assert 20 <= len(finished) < 150
    assert {path.read_text() for path in finished} == {"two nine three four zero\n"}
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert f"{len(finished)} of 150 results are there already" in done.stderr
    assert len(list(out.glob("*.txt"))) == 150
    assert {path.read_text() for path in out.glob("*.txt")} == {"two nine three four zero\n"}
