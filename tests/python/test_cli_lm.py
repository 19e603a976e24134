"""`fastctc lm`: the binary form of language models."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fastctc.cli import main
from fastctc.decoding import LanguageModel

SENTENCES = ["a b c c", "é a a a", "d e", "b c unheard-of a"]


@pytest.fixture
def letters(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "letters.arpa"
    file.write_bytes((data / "lm" / "letters.arpa").read_bytes())
    monkeypatch.chdir(tmp_path)
    return file


def test_what_is_built_scores_as_the_arpa_file(letters: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lm", "build", "letters.arpa", "letters.lm"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(
        r"fastctc: letters\.lm: order 4, 9 1-grams, 14 2-grams, 7 3-grams, 3 4-grams, 1\.\d kB from \d+ bytes, "
        r"in \d+\.\d\d s\n",
        err,
    )
    built, plain = LanguageModel("letters.lm"), LanguageModel(letters)
    for sentence in SENTENCES:
        assert built.score(sentence) == plain.score(sentence)
    assert built.n_grams == plain.n_grams == (9, 14, 7, 3)
    assert Path("letters.lm").stat().st_size == built.n_bytes == plain.n_bytes


def test_gzip_and_quiet(letters: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("letters.arpa.gz").write_bytes(gzip.compress(letters.read_bytes()))
    assert main(["lm", "build", "--quiet", "letters.arpa.gz", "one.lm"]) == 0
    assert main(["lm", "build", "letters.arpa", "two.lm", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert Path("one.lm").read_bytes() == Path("two.lm").read_bytes()


@pytest.mark.usefixtures("letters")
def test_info(capsys: pytest.CaptureFixture[str]) -> None:
    main(["lm", "build", "letters.arpa", "letters.lm"])
    capsys.readouterr()
    assert main(["lm", "info", "letters.lm"]) == 0
    n_bytes = Path("letters.lm").stat().st_size
    expected = (
        f"model\tletters.lm\norder\t4\nwords\t9\nn_grams\t9 14 7 3\nfile_bytes\t{n_bytes}\nbinary_bytes\t{n_bytes}\n"
    )
    assert capsys.readouterr() == (expected, "")
    assert main(["lm", "info", "letters.arpa", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["order"], found["n_grams"], found["binary_bytes"]) == (4, [9, 14, 7, 3], n_bytes)
    assert found["file_bytes"] == Path("letters.arpa").stat().st_size


@pytest.mark.parametrize("action", [["build", "x.arpa", "x.lm"], ["info", "x.arpa"]])
def test_a_file_that_is_wrong(letters: Path, action: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lm", *action]) == 1
    assert capsys.readouterr().err == "fastctc: Language model 'x.arpa' is not there. Check the path.\n"
    text = letters.read_text(encoding="utf-8")
    Path("x.arpa").write_text(text.replace("ngram 2=14", "ngram 2=15"), encoding="utf-8")
    assert main(["lm", *action]) == 1
    assert capsys.readouterr().err.startswith("fastctc: Language model 'x.arpa', line 33: the section ends after 14")
    assert sorted(path.name for path in Path().iterdir()) == ["letters.arpa", "x.arpa"]


@pytest.mark.usefixtures("letters")
def test_an_output_that_can_not_be_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lm", "build", "letters.arpa", "nowhere/x.lm"]) == 1
    assert "Language model 'nowhere/x.lm' can't be written" in capsys.readouterr().err
    assert main(["lm", "build", "letters.arpa", "./letters.arpa"]) == 2
    assert "is the model to be read itself" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [["lm"], ["lm", "bild"], ["lm", "build"], ["lm", "build", "x"], ["lm", "info"]])
def test_usage(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 2
    assert "usage: fastctc lm" in capsys.readouterr().err


@pytest.mark.usefixtures("letters")
def test_a_bar_on_a_terminal() -> None:
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "fastctc", "lm", "build", "letters.arpa", "letters.lm"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    ) as process:
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
        assert process.stdout is not None
        assert process.stdout.read() == b""
    assert process.returncode == 0
    assert "reading letters.arpa" in shown.decode()
    assert "order 4" in shown.decode().splitlines()[-1]
