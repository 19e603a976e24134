"""`fastctc stream`: raw audio from pipes; what is shown on terminals; every way to end."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import fastctc.cli.stream
from conftest import DATA
from fastctc.audio.raw import RAW_FORMATS, RawDecoder
from fastctc.cli import main
from fastctc.cli.live_output import LiveOutput
from fastctc.errors import OptionError, OutputError
from fastctc.types import StreamResult, Transcript, Word

SPEECH = DATA / "speech"
SAID = "two nine three four zero"
PROGRAM = [sys.executable, "-m", "fastctc", "stream", "--quiet"]
posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and terminals")


def raw(name: str = "two-nine-three-four-zero") -> bytes:
    samples: bytes = soundfile.read(SPEECH / f"{name}.wav", dtype="int16")[0].tobytes()
    return samples


class Stdin:
    """Standard input from a file."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("rb")
        self.fileno = self.file.fileno

    def isatty(self) -> bool:
        return False


@pytest.fixture
def stdin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts bytes on standard input."""
    opened = []

    def put(content: bytes) -> None:
        (tmp_path / "stdin").write_bytes(content)
        opened.append(Stdin(tmp_path / "stdin"))
        monkeypatch.setattr(sys, "stdin", opened[-1])

    yield put
    for entry in opened:
        entry.file.close()


class TestRaw:
    @pytest.mark.parametrize(("raw_format", "subtype"), [("mulaw", "ULAW"), ("alaw", "ALAW"), ("s16le", "PCM_16")])
    def test_decoded_as_libsndfile_does(self, raw_format: Any, subtype: str) -> None:
        codes = bytes(range(256)) * 2
        expected, _ = soundfile.read(
            io.BytesIO(codes), samplerate=8000, channels=1, format="RAW", subtype=subtype, dtype="float32"
        )
        np.testing.assert_array_equal(RawDecoder(raw_format).push(codes)[:, 0], expected)

    @pytest.mark.parametrize("raw_format", RAW_FORMATS)
    @pytest.mark.parametrize("n_channels", [1, 2, 3])
    def test_any_split_gives_the_same_samples(self, raw_format: Any, n_channels: int) -> None:
        data = np.random.default_rng(n_channels).normal(size=(50, n_channels)).astype("<f4").tobytes()
        whole = RawDecoder(raw_format, n_channels=n_channels)
        expected = whole.push(data + b"x" * (whole.frame_bytes - 1))
        assert whole.n_rest_bytes == (len(data) + whole.frame_bytes - 1) % whole.frame_bytes
        assert expected.shape == (len(data) // whole.frame_bytes + (len(data) % whole.frame_bytes > 0), n_channels)
        for size in (1, 3, 7):
            decoder = RawDecoder(raw_format, n_channels=n_channels)
            parts = [decoder.push(data[i : i + size]) for i in range(0, len(data), size)]
            parts.append(decoder.push(b"x" * (whole.frame_bytes - 1)))
            np.testing.assert_array_equal(np.concatenate(parts), expected)

    def test_that_can_not_be(self) -> None:
        with pytest.raises(OptionError, match="s16le"):
            RawDecoder("s24le")  # type: ignore[arg-type]
        with pytest.raises(OptionError, match="channel"):
            RawDecoder("s16le", n_channels=0)


class TestCommand:
    """In process, with the demo model."""

    def test_lines(self, stdin: Any, demo_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
        stdin(raw() + bytes(2 * 16000 * 2) + raw("kokoro_bf_emma_008"))
        assert main(["stream", "-", "--model", str(demo_model), "--latency-ms", "1040"]) == 0
        assert capsys.readouterr() == (f"{SAID}\ntwo seven\n", "")

    def test_times(self, stdin: Any, demo_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
        stdin(raw())
        assert main(["stream", "--timestamps", "--model", str(demo_model)]) == 0
        assert capsys.readouterr().out == f"[00:00.5] {SAID}\n"

    @pytest.mark.parametrize("partials", [False, True])
    def test_json(self, stdin: Any, demo_model: Path, partials: bool, capsys: pytest.CaptureFixture[str]) -> None:
        stdin(raw())
        argv = ["stream", "--json", "--latency-ms", "80", "--model", str(demo_model)]
        assert main([*argv, *(["--partials"] if partials else [])]) == 0
        results = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert any(not result["is_final"] for result in results) == partials
        assert [result["transcript"]["text"] for result in results if result["is_final"]] == [SAID]
        assert results[-1]["cause"] == "finish"
        assert "channel" not in results[-1]

    def test_channels(self, stdin: Any, demo_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
        stdin(raw("call-two-channels"))
        argv = ["stream", "--channels", "2", "--model", str(demo_model)]
        assert main([*argv, "--channel-names", "agent,caller"]) == 0
        assert sorted(capsys.readouterr().out.splitlines()) == [f"agent: {SAID}", "caller: five five"]
        stdin(raw("call-two-channels"))
        assert main([*argv, "--json"]) == 0
        results = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert {(result["channel"], result["transcript"]["text"]) for result in results} >= {
            (0, SAID),
            (1, "five five"),
        }

    @pytest.mark.parametrize(("name", "subtype"), [("mulaw", "ULAW"), ("alaw", "ALAW"), ("f32le", "FLOAT")])
    def test_formats(
        self, name: str, subtype: str, stdin: Any, demo_model: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        samples, rate = soundfile.read(SPEECH / "two-nine-three-four-zero.wav", dtype="float32")
        encoded = io.BytesIO()
        soundfile.write(encoded, samples, rate, format="RAW", subtype=subtype, endian="LITTLE")
        stdin(encoded.getvalue())
        assert main(["stream", "--format", name, "--rate", str(rate), "--model", str(demo_model)]) == 0
        assert capsys.readouterr().out == f"{SAID}\n"

    def test_telephone_audio_is_at_8000_hz(
        self, stdin: Any, demo_model: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        stdin(b"\xff" * 8000)
        assert main(["stream", "--format", "mulaw", "--json", "--model", str(demo_model)]) == 0
        assert json.loads(capsys.readouterr().out.splitlines()[-1])["end_s"] == 1.0

    def test_a_file_and_speech_alone(
        self, tmp_path: Path, demo_model: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "talk.raw").write_bytes(bytes(32000) + raw() + bytes(32000))
        argv = ["stream", str(tmp_path / "talk.raw"), "--model", str(demo_model), "--vad", "energy"]
        assert main(argv) == 0
        assert SAID in capsys.readouterr().out

    def test_a_sample_that_is_cut(self, stdin: Any, demo_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
        stdin(raw() + b"\x01")
        assert main(["stream", "--model", str(demo_model)]) == 0
        out, err = capsys.readouterr()
        assert out == f"{SAID}\n"
        assert err == (
            "fastctc: standard input ended within a sample of 2 bytes: its last byte was left out. "
            "Is the format right?\n"
        )

    def test_no_audio(self, stdin: Any, demo_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
        stdin(b"")
        assert main(["stream", "--model", str(demo_model)]) == 0
        assert capsys.readouterr() == ("", "")

    def test_what_came_before_bad_samples_is_kept(
        self, stdin: Any, demo_model: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        samples = np.frombuffer(raw(), np.int16).astype("<f4") / 32768
        stdin(samples.tobytes() + bytes(4 * 16000) + np.full(16000, np.nan, "<f4").tobytes())
        assert main(["stream", "--format", "f32le", "--model", str(demo_model)]) == 1
        out, err = capsys.readouterr()
        assert out == f"{SAID}\n"
        assert "finite" in err

    @pytest.mark.parametrize(
        ("argv", "status", "says"),
        [
            (["--latency-ms", "100"], 2, "0, 80, 480"),
            (["--rate", "10"], 2, "1000"),
            (["--format", "s24le"], 2, "f32le"),
            (["--channels", "0"], 2, "from 1"),
            (["--channels", "2", "--channel-names", "a"], 2, "2 channels"),
            (["--partials"], 2, "--json"),
            (["--vad", "loud"], 2, "energy"),
            (["missing.raw"], 1, "no such file"),
        ],
    )
    def test_wrong_usage(
        self, argv: list[str], status: int, says: str, stdin: Any, demo_model: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        stdin(raw())
        assert main(["stream", "--model", str(demo_model), *argv]) == status
        out, err = capsys.readouterr()
        assert out == ""
        assert says in err

    def test_a_file_with_a_header(self, demo_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["stream", str(SPEECH / "five-five.wav"), "--model", str(demo_model)]) == 2
        assert "WAV file, not raw audio" in capsys.readouterr().err

    def test_a_terminal(self, stdin: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        stdin(b"")
        monkeypatch.setattr(Stdin, "isatty", lambda _: True)
        assert main(["stream"]) == 2
        assert "fastctc listen" in capsys.readouterr().err

    def test_files_as_live_streams(self, demo_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
        path = str(SPEECH / "two-nine-three-four-zero.wav")
        for latency_ms in ("0", "1040"):
            argv = ["transcribe", path, "--latency-ms", latency_ms, "--model", str(demo_model), "--format", "json"]
            assert main(argv) == 0
            result = json.loads(capsys.readouterr().out)
            assert (result["text"], result["method"]) == (SAID, "stream")
        assert main(["transcribe", path, path, "--latency-ms", "7", "--model", str(demo_model)]) == 2
        assert capsys.readouterr().err.count("1040") == 1

    @pytest.mark.parametrize("latency", [[], ["--latency-ms", "80"]])
    def test_files_of_speech_and_silence(
        self, latency: list[str], tmp_path: Path, demo_model: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        samples = np.frombuffer(raw(), np.int16)
        quiet = np.random.default_rng(0).integers(-20, 20, 3 * 16000).astype(np.int16)
        soundfile.write(tmp_path / "a.wav", np.concatenate([samples, quiet, samples]), 16000)
        argv = ["transcribe", str(tmp_path / "a.wav"), "--vad", "energy", "--format", "json", *latency]
        assert main([*argv, "--model", str(demo_model)]) == 0
        result = json.loads(capsys.readouterr().out)
        assert result["text"] == f"{SAID} {SAID}"
        assert len(result["speech"]) >= 2
        assert result["duration_s"] == pytest.approx((2 * len(samples) + len(quiet)) / 16000, abs=1e-3)


def start(*argv: str, **options: Any) -> subprocess.Popen[bytes]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([*PROGRAM, *argv], **{**pipes, **options})


@posix
class TestEnds:
    """Processes; their standard input stays open unless said otherwise."""

    def test_a_line_comes_while_the_pipe_is_open(self) -> None:
        with start("--latency-ms", "80", "-") as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(raw() + bytes(2 * 16000 * 2))
            process.stdin.flush()
            assert process.stdout.readline().decode() == f"{SAID}\n"
            assert process.poll() is None
            process.stdin.close()
            assert process.wait(20) == 0

    def test_a_pipe_that_closes_half_way(self) -> None:
        audio = raw()
        with start("-") as process:
            out, err = process.communicate(audio[: len(audio) * 5 // 8 | 1], timeout=30)
        assert process.returncode == 0
        assert out.decode().startswith("two nine")
        assert out.endswith(b"\n")
        assert b"left out" in err

    @pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_a_signal(self, number: signal.Signals, status: int) -> None:
        """What was said before it is printed, though no silence has ended the sentence."""
        with start("--latency-ms", "80", "--json", "--partials", "-") as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(raw())
            process.stdin.flush()
            while "four" not in json.loads(process.stdout.readline())["transcript"]["text"]:
                pass
            sent_s = time.monotonic()
            process.send_signal(number)
            last = json.loads(process.stdout.read().splitlines()[-1])
            assert process.wait(20) == status
        assert time.monotonic() - sent_s < 10
        assert last["is_final"]
        assert last["transcript"]["text"] == SAID

    def test_a_reader_that_goes_away(self) -> None:
        with start("--latency-ms", "0", "-") as process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.close()
            try:
                for _ in range(20):
                    process.stdin.write(raw() + bytes(2 * 16000 * 2))
                    process.stdin.flush()
                process.stdin.close()
            except BrokenPipeError:
                pass
            assert process.wait(30) == 141
            assert process.stderr.read() == b""

    def test_a_pipe_that_does_not_block(self) -> None:
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        with start("-", stdin=reader) as process:
            os.close(reader)
            audio = raw()
            for begin in range(0, len(audio), 20000):
                os.write(writer, audio[begin : begin + 20000])
                time.sleep(0.01)
            os.close(writer)
            out, err = process.communicate(timeout=30)
        assert (process.returncode, out.decode(), err) == (0, f"{SAID}\n", b"")

    def test_a_terminal_shows_the_text_in_place(self) -> None:
        import pty

        terminal, inner = pty.openpty()
        environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
        with start("--latency-ms", "80", "-", stdout=inner, env=environment) as process:
            os.close(inner)
            assert process.stdin is not None
            audio = raw()
            for begin in range(0, len(audio), 3200):
                process.stdin.write(audio[begin : begin + 3200])
                process.stdin.flush()
            process.stdin.close()
            shown = b""
            try:
                while block := os.read(terminal, 4096):
                    shown += block
            except OSError:  # the other side is closed
                pass
            os.close(terminal)
            assert process.wait(20) == 0
        text = shown.decode()
        assert "\x1b[2m" in text
        assert text.endswith(f"\r\x1b[J{SAID}\r\n")
        assert text.count("\n") == 1


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True

    def new(self) -> str:
        text = self.getvalue()
        self.seek(0)
        self.truncate()
        return text


def result(text: str, n_stable: int = 0, *, final: bool = False, start_s: float = 1.0) -> StreamResult:
    words = tuple(Word(word, start_s + i, start_s + i + 0.5, 1.0) for i, word in enumerate(text.split()))
    return StreamResult(final, "silence" if final else "", 0, 0.0, 9.0, Transcript(text, words), n_stable)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "20")
    return Terminal()


@posix
class TestTerminal:
    def test_the_unstable_part_is_dimmed(self, terminal: Terminal) -> None:
        output = LiveOutput(terminal, ["one"])
        assert output.wants_partials
        output.put([(0, result("a b c", 2))])
        assert terminal.new() == "a b\x1b[2m c\x1b[0m"
        output.put([(0, result("a b c", 3))])
        assert terminal.new() == "\r\x1b[Ja b c"
        output.put([(0, result("a b c.", 3, final=True))])
        assert terminal.new() == "\r\x1b[Ja b c.\n"
        output.put([(0, result("", final=True))])
        assert terminal.new() == ""

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("0123456789012345678", "0123456789012345678"),
            ("01234567890123456789", "\u2026234567890123456789"),
            ("日本語日本語日本語", "日本語日本語日本語"),
            ("日本語日本語日本語日本", "\u2026語日本語日本語日本"),
            ("a\x1b[31m\nb", "a\\x1b[31m b"),
        ],
    )
    def test_a_row_never_breaks(self, terminal: Terminal, text: str, shown: str) -> None:
        """19 of 20 columns; a wide character has two."""
        output = LiveOutput(terminal, ["one"])
        output.put([(0, result(text))])
        assert terminal.new().replace("\x1b[2m", "").replace("\x1b[0m", "") == shown

    def test_narrow_terminals(self, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
        for columns in range(1, 30):
            monkeypatch.setenv("COLUMNS", str(columns))
            output = LiveOutput(terminal, ["agent", "caller"], timestamps=True)
            output.put([(0, result("one two three four five six", 3))])
            shown = terminal.new().replace("\x1b[2m", "").replace("\x1b[0m", "")
            assert len(shown) <= max(columns - 1, 1)
            assert shown.endswith("x") or columns < 3

    def test_a_row_a_channel(self, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "40")
        output = LiveOutput(terminal, ["agent", "caller"], timestamps=True)
        output.put([(1, result("x", 1))])
        assert terminal.new() == "[00:01.0] caller: x"
        output.put([(0, result("a", 1, start_s=2.0))])
        assert terminal.new() == "\r\x1b[J[00:02.0] agent: a\n[00:01.0] caller: x"
        output.put([(1, result("x y", 2, final=True))])
        assert terminal.new() == "\r\x1b[1A\x1b[J[00:01.0] caller: x y\n[00:02.0] agent: a"
        output.close()
        assert terminal.new() == "\r\x1b[J"

    def test_messages_step_aside(self, terminal: Terminal, capsys: pytest.CaptureFixture[str]) -> None:
        output = LiveOutput(terminal, ["one"])
        output.put([(0, result("a", 1))])
        terminal.new()
        output.message("lost\nsome")
        assert capsys.readouterr().err == "fastctc: lost some\n"
        assert terminal.new() == "\r\x1b[Ja"

    @pytest.mark.parametrize("json_lines", [False, True])
    def test_nothing_in_place_where_it_can_not_be(
        self, terminal: Terminal, json_lines: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TERM", "dumb")
        output = LiveOutput(terminal, ["one"], json=json_lines)
        assert not output.wants_partials
        output.put([(0, result("a", 1))])
        assert terminal.new() == ""


def test_standard_output_that_is_closed() -> None:
    with pytest.raises(OutputError, match="closed"):
        LiveOutput(None, ["one"])


def test_reads_are_short() -> None:
    """A signal waits for what has been read; see `READ_S`."""
    assert 0.05 <= fastctc.cli.stream.READ_S <= 0.5
