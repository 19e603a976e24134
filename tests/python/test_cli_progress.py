"""The progress bar: on terminals only, never in the results."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fastctc.cli.messages import one_line
from fastctc.cli.progress import clock, speed

PROGRAM = [sys.executable, str(Path(__file__).parents[1] / "cli_fakes.py")]


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in "abc":
        (tmp_path / f"{name}.wav").write_text(f"delay 0.3 this is {name}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_in_terminal(*argv: str, stdout_too: bool = False) -> tuple[str, str]:
    """(standard output, what the terminal got) of the command, with standard error on a terminal."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            [*PROGRAM, *argv],
            stdin=subprocess.DEVNULL,
            stdout=theirs if stdout_too else subprocess.PIPE,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
        )
    finally:
        os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # how Linux tells that the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(ours)
    out, _ = process.communicate()
    assert process.returncode == 0
    return (out or b"").decode(), shown.decode()


def test_the_bar_is_on_the_terminal_and_the_results_are_not_in_it() -> None:
    out, shown = run_in_terminal("transcribe", "a.wav", "b.wav", "c.wav", "--threads", "1")
    assert out == "a.wav\tthis is a\nb.wav\tthis is b\nc.wav\tthis is c\n"
    assert "\x1b[" not in out
    assert "1/3 files" in shown
    assert "this is" not in shown
    assert re.search(r"fastctc: 9\.0 s of audio in \d+\.\d\d s: RTF 0\.\d+ \(\d+x\)", shown)


def test_results_and_bar_share_a_terminal() -> None:
    _, shown = run_in_terminal("transcribe", "a.wav", "b.wav", "c.wav", "--threads", "1", stdout_too=True)
    for name in "abc":
        # Each on a line of its own: after the bar was erased or a line ended, up to the end of the line.
        assert re.search(rf"(?:\n|\r|\x1b\[2K|\x1b\[\?25h){name}\.wav\tthis is {name}\r\n", shown)


def test_quiet_shows_nothing() -> None:
    assert run_in_terminal("transcribe", "a.wav", "--quiet") == ("this is a\n", "")


def test_the_cursor_comes_back() -> None:
    _, shown = run_in_terminal("transcribe", "a.wav")
    assert shown.rfind("\x1b[?25h") > shown.rfind("\x1b[?25l") > -1


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.0, "0.0 s"), (7.44, "7.4 s"), (59.94, "59.9 s"), (59.96, "1:00"), (187.2, "3:07"), (3599.7, "1:00:00")],
)
def test_clock(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


def test_speed() -> None:
    assert speed(60.0, 1.5) == "RTF 0.025 (40x)"
    assert speed(0.0, 1.5) == ""


def test_one_line() -> None:
    assert one_line("a\nb\x1b[31m\tü日\udce9") == "a b\\x1b[31m\\tü日\\udce9"
