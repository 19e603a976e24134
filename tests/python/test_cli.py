"""The command line in process: what it accepts, prints and returns."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import fastctc
from cli_fakes import FakeLoader
from fastctc.cli import main
from fastctc.errors import EngineError, EngineNotFoundError, ModelError, OptionError
from fastctc.types import ConversationOptions


class Stdin:
    """Standard input that is not a terminal."""

    def __init__(self, content: bytes) -> None:
        self.buffer = io.BytesIO(content)

    def isatty(self) -> bool:
        return False


@pytest.fixture
def load() -> FakeLoader:
    return FakeLoader()


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with recordings a.wav, b.wav, c.wav and the broken bad.wav."""
    for name in "abc":
        (tmp_path / f"{name}.wav").write_text(f"this is {name}")
    (tmp_path / "bad.wav").write_text("fail the samples\nare not finite.")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("files")
class TestTranscribe:
    def test_one_file_is_its_text(self, load: FakeLoader, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["transcribe", "a.wav"], load=load) == 0
        assert capsys.readouterr() == ("this is a\n", "")

    def test_several_files_in_the_order_of_the_arguments(
        self, load: FakeLoader, capsys: pytest.CaptureFixture[str]
    ) -> None:
        Path("b.wav").write_text("delay 0.2 slow one")
        assert main(["transcribe", "b.wav", "c.wav", "a.wav"], load=load) == 0
        assert capsys.readouterr() == ("b.wav\tslow one\nc.wav\tthis is c\na.wav\tthis is a\n", "")

    def test_options_may_stand_between_files(self, load: FakeLoader, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["transcribe", "a.wav", "--format", "text", "b.wav", "--quiet"], load=load) == 0
        assert capsys.readouterr().out == "a.wav\tthis is a\nb.wav\tthis is b\n"

    def test_json_is_one_object_a_line(self, load: FakeLoader, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["transcribe", "a.wav", "b.wav", "--format", "json"], load=load) == 0
        first, second = map(json.loads, capsys.readouterr().out.splitlines())
        assert (first["file"], first["text"]) == ("a.wav", "this is a")
        assert (second["file"], second["text"]) == ("b.wav", "this is b")
        assert first["words"][1] == {"text": "is", "start_s": 1.0, "end_s": 1.5, "confidence": 0.9, "score": 0.0}

    @pytest.mark.parametrize(("kind", "begins"), [("srt", "1\n00:00:00,000 --> "), ("vtt", "WEBVTT\n")])
    def test_subtitles_of_one_file(
        self, load: FakeLoader, kind: str, begins: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["transcribe", "a.wav", "--format", kind], load=load) == 0
        out = capsys.readouterr().out
        assert out.startswith(begins)
        assert "this is a\n" in out

    def test_a_failure_is_named_on_one_line_and_the_rest_is_done(
        self, load: FakeLoader, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["transcribe", "a.wav", "bad.wav", "missing.wav", "b.wav"], load=load) == 1
        out, err = capsys.readouterr()
        assert out == "a.wav\tthis is a\nb.wav\tthis is b\n"
        assert sorted(err.splitlines()) == [
            "fastctc: 2 of 4 files failed",
            "fastctc: bad.wav: the samples are not finite.",
            "fastctc: missing.wav: there is no such file.",
        ]

    def test_a_single_failure(self, load: FakeLoader, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["transcribe", "missing.wav"], load=load) == 1
        assert capsys.readouterr() == ("", "fastctc: missing.wav: there is no such file.\n")

    def test_standard_input(
        self, load: FakeLoader, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr(sys, "stdin", Stdin(b"from the pipe"))
        assert main(["transcribe", "-", "a.wav"], load=load) == 0
        assert capsys.readouterr().out == "-\tfrom the pipe\na.wav\tthis is a\n"
        assert b"from the pipe" in load.recognizer.asked

    def test_names_that_begin_with_a_dash(self, load: FakeLoader, capsys: pytest.CaptureFixture[str]) -> None:
        Path("--force").write_text("dashing")
        assert main(["transcribe", "a.wav", "--", "--force", "b.wav"], load=load) == 0
        assert capsys.readouterr().out == "a.wav\tthis is a\n--force\tdashing\nb.wav\tthis is b\n"

    def test_only_names_after_the_dashes(self, load: FakeLoader, capsys: pytest.CaptureFixture[str]) -> None:
        Path("-x").write_text("dashing")
        assert main(["transcribe", "--", "-x"], load=load) == 0
        assert capsys.readouterr().out == "dashing\n"

    def test_names_can_not_break_the_lines(self, load: FakeLoader, capsys: pytest.CaptureFixture[str]) -> None:
        Path("tab\tand\nline.wav").write_text("one")
        assert main(["transcribe", "tab\tand\nline.wav", "a.wav", "\x1b[31mred"], load=load) == 1
        out, err = capsys.readouterr()
        assert out == "tab\\tand\\nline.wav\tone\na.wav\tthis is a\n"
        assert "fastctc: \\x1b[31mred: there is no such file.\n" in err

    def test_options_reach_the_model(self, load: FakeLoader) -> None:
        argv = ["transcribe", "a.wav", "b.wav", "--model", "m", "--threads", "5", "--channel", "1"]
        assert main([*argv, "--normalize", "none", "--provider", "CUDA", "--library", "lib.so"], load=load) == 0
        [(model, options)] = load.calls
        assert (model, options["normalize"]) == ("m", "none")
        session = options["session"]
        assert (session.provider, session.library, session.intra_op_threads) == ("CUDA", "lib.so", 2)
        assert (load.recognizer.channel, load.recognizer.threads) == (1, 2)
        assert load.recognizer.options == {"channels": "mix", "conversation": None, "vad": None, "decoder": None}

    def test_options_of_channels_and_speech(self, load: FakeLoader) -> None:
        argv = ["transcribe", "a.wav", "--split-channels", "--channel-names", "agent, caller", "--vad", "energy"]
        assert main(argv, load=load) == 0
        assert load.recognizer.options == {
            "channels": "split",
            "conversation": ConversationOptions(channel_names=("agent", "caller")),
            "decoder": None,
            "vad": "energy",
        }

    def test_one_file_has_all_threads(self, load: FakeLoader) -> None:
        assert main(["transcribe", "a.wav", "--threads", "3"], load=load) == 0
        assert load.calls[0][1]["session"].intra_op_threads == 3
        assert (load.recognizer.channel, load.recognizer.threads) == ("mean", 1)

    @pytest.mark.parametrize(
        ("error", "status"),
        [
            (ModelError("m/tokens.txt is empty."), 1),
            (EngineNotFoundError("No ONNX Runtime. Install it."), 1),
            (OptionError("normalize contradicts the manifest."), 2),
        ],
    )
    def test_a_model_that_can_not_be_loaded(
        self, error: ModelError, status: int, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["transcribe", "a.wav"], load=FakeLoader(error)) == status
        assert capsys.readouterr() == ("", f"fastctc: {error}\n")

    def test_an_error_of_the_whole_run_loses_nothing(
        self, load: FakeLoader, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The fake answers b, then fails before a: b had to wait for a, and is printed all the same."""
        whole = load.recognizer.transcribe_each

        def breaks(*args: Any, **options: Any) -> Iterator[Any]:
            yield next(whole(*args, **options))
            raise EngineError("out of memory.")

        monkeypatch.setattr(load.recognizer, "transcribe_each", breaks)
        assert main(["transcribe", "a.wav", "b.wav", "--threads", "1"], load=load) == 1
        assert capsys.readouterr() == ("b.wav\tthis is b\n", "fastctc: out of memory.\n")

    def test_an_installation_that_is_not_complete(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.delitem(vars(fastctc), "load", raising=False)
        monkeypatch.setitem(sys.modules, "fastctc.recognizer", None)
        assert main(["transcribe", "a.wav"]) == 1
        assert "fastctc doctor" in capsys.readouterr().err


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["transcribe"], "FILE"),
        (["transcribe", "--"], "FILE"),
        (["transcrib", "a.wav"], "invalid choice"),
        (["transcribe", "a.wav", "--channel", "-1"], "channel"),
        (["transcribe", "a.wav", "--channel", "left"], "channel"),
        (["transcribe", "a.wav", "--threads", "0"], "from 1"),
        (["transcribe", "a.wav", "--threads", "²"], "from 1"),
        (["transcribe", "a.wav", "--format", "docx"], "srt"),
        (["transcribe", "a.wav", "--form", "json"], "--form"),
        (["transcribe", "a.wav", "b.wav", "--format", "srt"], "--output-dir"),
        (["transcribe", "a.wav", "--force"], "--output-dir"),
        (["transcribe", "a.wav", "--split-channels", "--channel", "1"], "--channel N"),
        (["transcribe", "a.wav", "--latency-ms", "-1"], "milliseconds"),
        (["transcribe", "-", "-"], "once"),
        (["info", "a", "b"], "unrecognized"),
        ([], "usage: fastctc"),
    ],
)
def test_wrong_usage(argv: list[str], says: str, load: FakeLoader, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv, load=load) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert says in err
    assert load.calls == []


def test_standard_input_that_is_a_terminal(
    load: FakeLoader, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Stdin, "isatty", lambda _: True)
    monkeypatch.setattr(sys, "stdin", Stdin(b""))
    assert main(["transcribe", "-"], load=load) == 2
    assert "Pipe" in capsys.readouterr().err


@pytest.mark.parametrize("command", [[], ["transcribe"], ["stream"], ["listen"], ["info"], ["doctor"]])
def test_help(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"usage: {' '.join(['fastctc', *command])} ")
    assert max(map(len, out.splitlines())) <= 120


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys; from fastctc.cli import main; status = main(['transcribe', '--help']);"
        "heavy = {'numpy', 'onnxruntime', 'soundfile', 'rich', 'fastctc._core'} & set(sys.modules);"
        "sys.exit(status or (str(heavy) if heavy else 0))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_version_of_the_module_run_as_a_program() -> None:
    done = subprocess.run([sys.executable, "-m", "fastctc", "--version"], capture_output=True, text=True, check=True)
    name, _, version = done.stdout.strip().partition(" ")
    assert name == "fastctc"
    assert version.split(".")[0].isdigit()
