"""`fastctc doctor`: all is well here, and what it says where something is broken."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cli_fakes import FakeLoader
from fastctc.cli import doctor, main

CHECKS = [
    "fastctc",
    "Python",
    "operating system",
    "processor",
    "NumPy",
    "soundfile",
    "rich",
    "onnxruntime",
    "C++ core",
    "instruction set",
    "ONNX Runtime",
    "providers",
    "session cache",
    "demo model",
    "self-test",
]


def rows(out: str) -> dict[str, tuple[str, str]]:
    """{name: (status, detail)} of what was printed, but for the last line."""
    result = {}
    for line in out.splitlines()[:-1]:
        name = next(name for name in sorted(CHECKS, key=len, reverse=True) if line[7:].startswith(name + " "))
        result[name] = (line[:7].strip(), line[7 + len(name) :].strip())
    return result


def test_all_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["doctor"])
    out = capsys.readouterr().out
    assert status == 0, out
    found = rows(out)
    assert list(found) == CHECKS
    assert {ok for ok, _ in found.values()} == {"ok"}
    assert out.splitlines()[-1] == "All is well."
    assert found["self-test"][1].startswith("'two nine three four zero', ")
    assert "CPU" in found["providers"][1]
    assert found["ONNX Runtime"][1][0].isdigit()


def test_an_engine_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "libonnxruntime.so"
    assert main(["doctor", "--library", str(missing)]) == 1
    out = capsys.readouterr().out
    found = rows(out)
    assert [name for name, (ok, _) in found.items() if ok == "failed"] == ["ONNX Runtime", "providers", "self-test"]
    assert str(missing) in found["ONNX Runtime"][1]
    assert found["self-test"][1] == "stopped by ONNX Runtime, above"
    assert out.splitlines()[-1] == "3 of 15 checks failed."


def test_a_library_that_is_not_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    library = tmp_path / "libonnxruntime.so"
    library.write_text("not a library")
    assert main(["doctor", "--library", str(library)]) == 1
    assert rows(capsys.readouterr().out)["ONNX Runtime"][0] == "failed"


@pytest.mark.parametrize("module", ["fastctc._core", "numpy", "soundfile"])
def test_a_module_that_is_broken(module: str) -> None:
    """The report comes all the same, with the broken part named."""
    program = f"import sys; sys.modules[{module!r}] = None; from fastctc.cli import script; script()"
    done = subprocess.run([sys.executable, "-c", program, "doctor"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == ""
    found = rows(done.stdout)
    assert list(found) == CHECKS
    name = {"fastctc._core": "C++ core", "numpy": "NumPy", "soundfile": "soundfile"}[module]
    status, detail = found[name]
    assert status == "failed"
    assert module.partition(".")[0] in detail
    assert found["Python"][0] == "ok"


def test_a_wrong_recognition_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / doctor.SELF_TEST_RECORDING).write_text("two nine three four one")
    monkeypatch.setattr("fastctc.models.named.demo_model_path", lambda: tmp_path)
    assert main(["doctor"], load=FakeLoader()) == 1
    status, detail = rows(capsys.readouterr().out)["self-test"]
    assert status == "failed"
    assert "'two nine three four zero' was said, 'two nine three four one' was recognised" in detail


def test_colours_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    main(["doctor"])
    assert "\x1b[" not in capsys.readouterr().out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    main(["doctor"])
    assert "\x1b[32mok" in capsys.readouterr().out
