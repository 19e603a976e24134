"""Results in a directory: complete or absent, resumed, never over one another; and a full disk."""

from __future__ import annotations

import errno
import io
import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cli_fakes import FakeLoader
from fastctc.cli import main
from fastctc.errors import OutputError
from fastctc.new_files import write_file

FAKE_PROGRAM = [sys.executable, str(Path(__file__).parents[1] / "cli_fakes.py")]


@pytest.fixture
def load() -> FakeLoader:
    return FakeLoader()


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in "abc":
        (tmp_path / f"{name}.wav").write_text(f"this is {name}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(directory: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in directory.iterdir()}


def test_each_result_has_its_file(load: FakeLoader, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["transcribe", "a.wav", "b.wav", "--output-dir", "new/out"], load=load) == 0
    assert contents(Path("new/out")) == {"a.txt": "this is a\n", "b.txt": "this is b\n"}
    assert capsys.readouterr() == ("", f"fastctc: {Path('new/out')}: 2 written, 0 skipped, 0 failed\n")


@pytest.mark.parametrize("kind", ["text", "json", "srt", "vtt"])
def test_formats(kind: str, load: FakeLoader) -> None:
    assert main(["transcribe", "a.wav", "b.wav", "--output-dir", "out", "--format", kind], load=load) == 0
    suffix = "txt" if kind == "text" else kind
    assert sorted(contents(Path("out"))) == [f"a.{suffix}", f"b.{suffix}"]
    text = Path(f"out/a.{suffix}").read_text()
    assert "this is a" in text
    if kind == "json":
        assert json.loads(text)["file"] == "a.wav"


def test_resumes_without_redoing(load: FakeLoader, capsys: pytest.CaptureFixture[str]) -> None:
    Path("out").mkdir()
    Path("out/b.txt").write_text("done before\n")
    assert main(["transcribe", "a.wav", "b.wav", "c.wav", "--output-dir", "out"], load=load) == 0
    assert contents(Path("out")) == {"a.txt": "this is a\n", "b.txt": "done before\n", "c.txt": "this is c\n"}
    assert sorted(map(str, load.recognizer.asked)) == ["a.wav", "c.wav"]
    assert "1 of 3 results are there already: skipped" in capsys.readouterr().err


def test_nothing_left_to_do_loads_no_model(load: FakeLoader) -> None:
    argv = ["transcribe", "a.wav", "--output-dir", "out"]
    assert main(argv, load=load) == 0
    assert main(argv, load=load) == 0
    assert len(load.calls) == 1


def test_force_redoes(load: FakeLoader) -> None:
    Path("out").mkdir()
    Path("out/a.txt").write_text("done before\n")
    assert main(["transcribe", "a.wav", "--output-dir", "out", "--force"], load=load) == 0
    assert contents(Path("out")) == {"a.txt": "this is a\n"}


def test_a_failure_leaves_no_file_and_is_tried_again(load: FakeLoader) -> None:
    Path("b.wav").write_text("fail truncated.")
    argv = ["transcribe", "a.wav", "b.wav", "--output-dir", "out"]
    assert main(argv, load=load) == 1
    assert contents(Path("out")) == {"a.txt": "this is a\n"}
    Path("b.wav").write_text("now whole")
    assert main(argv, load=load) == 0
    assert contents(Path("out"))["b.txt"] == "now whole\n"


@pytest.mark.parametrize(
    ("first", "second"), [("x/a.wav", "y/a.wav"), ("a.wav", "a.flac"), ("a.wav", "a.wav"), ("stdin.wav", "-")]
)
def test_results_of_one_name(
    first: str, second: str, load: FakeLoader, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert main(["transcribe", first, second, "--output-dir", "out"], load=load) == 2
    err = capsys.readouterr().err
    assert f"{first} and {second} would both be written to" in err
    assert not Path("out").exists()
    assert load.calls == []


def test_a_recording_is_never_written_over(load: FakeLoader, capsys: pytest.CaptureFixture[str]) -> None:
    Path("talk.txt").write_text("a recording with an odd name")
    assert main(["transcribe", "talk.txt", "--output-dir", ".", "--force"], load=load) == 2
    assert "over the recording talk.txt" in capsys.readouterr().err
    assert Path("talk.txt").read_text() == "a recording with an odd name"


def test_names_of_many_kinds(load: FakeLoader) -> None:
    names = ["ünïcode 日本.wav", "two.dots.wav", "no suffix", ".hidden", "'quote\".wav", "l" * 251 + ".wav"]
    for name in names:
        Path(name).write_text(name[:5])
    assert main(["transcribe", "--output-dir", "out", *names], load=load) == 0
    assert {path.name for path in Path("out").iterdir()} == {
        "ünïcode 日本.txt",
        "two.dots.txt",
        "no suffix.txt",
        ".hidden.txt",
        "'quote\".txt",
        "l" * 251 + ".txt",
    }


def test_a_name_too_long_concerns_its_own_file(load: FakeLoader, capsys: pytest.CaptureFixture[str]) -> None:
    long = "l" * 255
    Path(long).write_text("too long with .txt")
    assert main(["transcribe", "a.wav", long, "b.wav", "--output-dir", "out"], load=load) == 1
    assert sorted(contents(Path("out"))) == ["a.txt", "b.txt"]
    assert f"fastctc: {long}: out" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_permissions_are_those_of_the_umask(load: FakeLoader) -> None:
    previous = os.umask(0o027)
    try:
        assert main(["transcribe", "a.wav", "--output-dir", "out"], load=load) == 0
    finally:
        os.umask(previous)
    assert stat.S_IMODE(Path("out/a.txt").stat().st_mode) == 0o640


def test_a_directory_that_can_not_be_written(load: FakeLoader, capsys: pytest.CaptureFixture[str]) -> None:
    Path("out").write_text("a file")
    assert main(["transcribe", "a.wav", "--output-dir", "out/deeper"], load=load) == 1
    assert "can't be written" in capsys.readouterr().err
    assert load.calls == []


def test_remains_of_a_killed_process_go_but_not_those_of_a_running_one(load: FakeLoader) -> None:
    Path("out").mkdir()
    for name, age_s in (("old", 7200), ("new", 60)):
        path = Path(f"out/.fastctc-{name}.partial")
        path.write_text("half")
        os.utime(path, (time.time() - age_s,) * 2)
    assert main(["transcribe", "a.wav", "--output-dir", "out"], load=load) == 0
    assert sorted(contents(Path("out"))) == [".fastctc-new.partial", "a.txt"]


class TestWriteFile:
    @pytest.mark.parametrize("function", ["os.fsync", "pathlib.Path.replace"])
    def test_an_error_leaves_what_was_there(self, function: str, monkeypatch: pytest.MonkeyPatch) -> None:
        Path("d").mkdir()
        target = Path("d/x.txt")
        target.write_text("before")

        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(function, full)
        with pytest.raises(OutputError, match=r"x\.txt can't be written: No space left on device") as caught:
            write_file(target, "after")
        assert caught.value.errno == errno.ENOSPC
        assert contents(Path("d")) == {"x.txt": "before"}

    def test_an_interrupt_leaves_what_was_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        Path("d").mkdir()

        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            write_file(Path("d/x.txt"), "after")
        assert contents(Path("d")) == {}

    def test_a_reader_sees_one_or_the_other(self) -> None:
        target = Path("x.txt")
        program = (
            "import sys; from pathlib import Path; from fastctc.new_files import write_file\n"
            "for i in range(10**9): write_file(Path(sys.argv[1]), str(i % 10) * 200_000)"
        )
        write_file(target, "0" * 200_000)
        with subprocess.Popen([sys.executable, "-c", program, str(target)]) as writer:
            seen: set[str] = set()
            deadline_s = time.monotonic() + 10
            while len(seen) < 5 and time.monotonic() < deadline_s:
                text = target.read_text()
                assert text == text[0] * 200_000
                seen.add(text[0])
            writer.kill()
        assert len(seen) >= 5


def test_disk_full_in_the_middle_of_a_batch(
    load: FakeLoader, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was written stays, nothing half remains, the run stops and resumes when there is room again."""
    real, calls = os.fsync, []

    def third_fails(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    argv = ["transcribe", "a.wav", "b.wav", "c.wav", "--output-dir", "out", "--threads", "1"]
    with monkeypatch.context() as context:
        context.setattr(os, "fsync", third_fails)
        assert main(argv, load=load) == 1
    written = contents(Path("out"))
    assert len(written) == 2
    assert all(text == f"this is {name[0]}\n" for name, text in written.items())
    [missing] = {"a.txt", "b.txt", "c.txt"} - set(written)
    out, err = capsys.readouterr()
    assert out == ""
    assert f"{missing} can't be written: No space left on device." in err
    assert "2 of 3 results are complete in out; the same command goes on from there" in err
    assert main(argv, load=load) == 0
    assert sorted(contents(Path("out"))) == ["a.txt", "b.txt", "c.txt"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX limits")
def test_a_result_beyond_the_file_size_limit(tmp_path: Path) -> None:
    """The kernel refuses in the middle of a file: nothing of it remains."""
    (tmp_path / "big.wav").write_text("word " * 20_000)
    program = "import resource, runpy, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536));"
    program += "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    argv = [sys.executable, "-c", program, FAKE_PROGRAM[1]]
    argv += ["transcribe", "big.wav", "a.wav", "--output-dir", "out", "--threads", "1"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "big.txt can't be written: File too large." in done.stderr
    assert "Traceback" not in done.stderr
    assert contents(Path("out")) == {"a.txt": "this is a\n"}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mounts a tmpfs")
def test_a_file_system_that_is_full(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)], capture_output=True).returncode:
        pytest.skip("a tmpfs can't be mounted here")
    try:
        (tmp_path / "big.wav").write_text("delay 0.5 " + "word " * 20_000)
        argv = [*FAKE_PROGRAM, "transcribe", "big.wav", "a.wav", "--output-dir", str(small), "--threads", "1"]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "No space left on device. Free some space" in done.stderr
        assert contents(small) == {"a.txt": "this is a\n"}
    finally:
        subprocess.run(["umount", str(small)], check=True)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_standard_output_that_is_full() -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run([*FAKE_PROGRAM, "transcribe", "a.wav"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr == (
        "fastctc: Standard output can't be written: No space left on device. "
        "0 of 1 results are complete; with --output-dir DIR a run can be resumed\n"
    )
