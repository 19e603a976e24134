"""Processes that are interrupted, killed, or lose their reader; and terminals of other encodings."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = [sys.executable, str(Path(__file__).parents[1] / "cli_fakes.py")]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


def start(*argv: str, encoding: str = "utf-8") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*PROGRAM, "transcribe", *argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding=encoding,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )


def wait_for(path: Path) -> None:
    deadline_s = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline_s, f"{path} did not come"
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # The fake answers the last first: c, then it hangs in b and never reaches a.
    (tmp_path / "a.wav").write_text("this is a")
    (tmp_path / "b.wav").write_text("wait")
    (tmp_path / "c.wav").write_text("this is c")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_keeps_what_is_done_and_tells_how_to_go_on(number: signal.Signals, status: int) -> None:
    argv = ["a.wav", "b.wav", "c.wav", "--output-dir", "out", "--threads", "1"]
    with start(*argv) as process:
        wait_for(Path("out/c.txt"))
        sent_s = time.monotonic()
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    # b.wav would have taken a minute.
    assert time.monotonic() - sent_s < 10
    assert process.returncode == status
    assert out == ""
    assert err == (
        f"fastctc: interrupted by {number.name}: 1 of 3 results are complete in out; "
        "the same command goes on from there\n"
    )
    assert [path.name for path in Path("out").iterdir()] == ["c.txt"]
    Path("b.wav").write_text("this is b")
    with start(*argv) as process:
        _, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "1 of 3 results are there already" in err
    assert sorted(path.name for path in Path("out").iterdir()) == ["a.txt", "b.txt", "c.txt"]


def test_an_interrupt_prints_what_waited_for_others() -> None:
    with start("b.wav", "c.wav", "--threads", "1") as process:
        # c is done by then, and waits for b.
        wait_for(Path("b.started"))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert out == "c.wav\tthis is c\n"
    assert "1 of 2 results are complete; with --output-dir DIR a run can be resumed" in err


def test_a_killed_run_leaves_complete_files_only_and_resumes() -> None:
    names = [f"{i:04}.wav" for i in range(400)]
    for name in names:
        Path(name).write_text("word " * 100 + name)
    argv = [*names, "--output-dir", "out", "--format", "json"]
    with start(*argv) as process:
        wait_for(Path("out/0390.json"))
        process.kill()
        process.communicate()
    finished = [path for path in Path("out").iterdir() if path.suffix == ".json"]
    assert 0 < len(finished) < 400
    sizes = {path.stat().st_size for path in finished}
    assert len(sizes) == 1, "all recordings are of one length, so are complete results"
    before = {path.name: path.stat().st_mtime_ns for path in finished}
    with start(*argv) as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert f"{len(finished)} of 400 results are there already" in err
    results = {path.name: path for path in Path("out").glob("*.json")}
    assert sorted(results) == [name.replace(".wav", ".json") for name in names]
    assert {path.stat().st_size for path in results.values()} == sizes
    assert all(results[name].stat().st_mtime_ns == changed for name, changed in before.items())


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_goes_away_ends_the_run_quietly(unbuffered: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Unbuffered, Python's own text stream would take a write in part for a whole one.
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    Path("long.wav").write_text("word " * 500_000)
    with start("long.wav", "--format", "text") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(100)
        process.stdout.close()
        err = process.stderr.read()
    assert (process.returncode, err) == (141, "")


def test_standard_output_that_is_closed() -> None:
    done = subprocess.run(
        f"'{PROGRAM[0]}' '{PROGRAM[1]}' transcribe a.wav >&-", shell=True, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "Standard output is closed" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8", ("日本", "größe 数", "fehlt-ü数")),
        ("latin-1", (r"\u65e5\u672c", r"größe \u6570", r"fehlt-ü\u6570")),
        ("ascii", (r"\u65e5\u672c", r"gr\xf6\xdfe \u6570", r"fehlt-\xfc\u6570")),
    ],
)
def test_terminals_of_other_encodings(encoding: str, shown: tuple[str, str, str]) -> None:
    Path("日本.wav").write_text("größe 数")
    with start("日本.wav", "a.wav", "fehlt-ü数.wav", encoding=encoding) as process:
        out, err = process.communicate()
    assert process.returncode == 1
    assert out == f"{shown[0]}.wav\t{shown[1]}\na.wav\tthis is a\n"
    assert f"fastctc: {shown[2]}.wav: there is no such file.\n" in err


@pytest.mark.skipif(sys.platform == "darwin", reason="names there are always UTF-8")
def test_names_that_are_not_utf8() -> None:
    name = os.fsdecode(b"caf\xe9.wav")
    Path(name).write_text("one")
    for kind in ("text", "json"):
        with start(name, "a.wav", "--format", kind) as process:
            out, err = process.communicate()
        assert (process.returncode, err) == (0, "")
        assert "caf\\udce9.wav" in out
    with start(name, "--output-dir", "out") as process:
        process.communicate()
    assert process.returncode == 0
    assert (Path("out") / os.fsdecode(b"caf\xe9.txt")).read_text() == "one\n"
