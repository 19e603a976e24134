"""`fastctc spl`: what it prints and returns. The toolkit itself: test_spl_toolkit.py."""

from __future__ import annotations

import sys
import tarfile
from pathlib import Path

import pytest

import fastctc
import fastctc.installed.spl_toolkit  # before another package is put in its place
from fastctc.cli import main

NAME = "com.teracloud.streamsx.stt"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Streams runs on Linux alone")


@pytest.fixture(autouse=True)
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What passes for ONNX Runtime's library, found by its variable; in a working directory of the test's own."""
    path = tmp_path / "onnxruntime" / "lib" / "libonnxruntime.so.1"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\x7fELF with OrtGetApiBase")
    for name in ("LICENSE", "ThirdPartyNotices.txt"):
        (path.parent.parent / name).touch()
    monkeypatch.setenv("FASTCTC_ONNXRUNTIME", str(path))
    monkeypatch.chdir(tmp_path)
    return path


def test_it_says_what_it_made_and_what_is_next(engine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = Path("my toolkits", NAME)
    for _ in range(2):
        assert main(["spl", "my toolkits"]) == 0
        assert capsys.readouterr() == (f"{path}\n", f"fastctc: next: spl-make-toolkit -i '{path}'\n")
    assert (path / "impl/lib/libonnxruntime.so.1").read_bytes() == engine.read_bytes()
    assert (path / "info.xml").is_file()


@pytest.mark.parametrize("name", ["stt.tgz", "stt.tar.gz"])
def test_an_archive(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["spl", name]) == 0
    then = f"fastctc: next, where Streams is: tar -xzf {name} && spl-make-toolkit -i {NAME}\n"
    assert capsys.readouterr() == (f"{name}\n", then)
    with tarfile.open(name) as archive:
        assert f"{NAME}/info.xml" in archive.getnames()


def test_the_engine_is_an_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("another.so").write_bytes(b"\x7fELF another OrtGetApiBase")
    assert main(["spl", "out", "--onnxruntime", "another.so"]) == 0
    assert Path("out", NAME, "impl/lib/libonnxruntime.so.1").read_bytes() == Path("another.so").read_bytes()
    assert f"fastctc: ONNX Runtime's licence is not beside {tmp_path}: add it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ((), 2, "the following arguments are required: OUTPUT"),
        (("",), 2, "name a directory"),
        (("out", "--onnxruntime", "lib.so"), 1, "lib.so can't be read"),
        (("foreign",), 1, "holds something else"),
        (("nowhere/stt.tgz",), 1, "can't be written"),
    ],
)
def test_exit_statuses(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], status: int, message: str
) -> None:
    Path("foreign", NAME, "mine").mkdir(parents=True)
    assert main(["spl", *arguments]) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert not Path("out").exists()


def test_an_installation_without_the_toolkit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fastctc, "__path__", [str(tmp_path)])
    assert main(["spl", "out"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"fastctc: This installation has no spl/{NAME}")
    assert "Install fastctc again" in err
