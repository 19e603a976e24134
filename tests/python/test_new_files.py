"""Files that take their places together, or not at all."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from conftest import names_in
from fastctc.errors import OutputError
from fastctc.new_files import NewFiles, write_file


def test_files_take_their_places_in_the_order_they_were_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    placed: list[str] = []
    replace = Path.replace

    def recorded(part: Path, target: Path) -> Path:
        placed.append(target.name)
        return replace(part, target)

    monkeypatch.setattr(Path, "replace", recorded)
    (tmp_path / "manifest").write_text("old")
    with NewFiles() as files:
        weights = files.open(tmp_path / "weights")
        files.open(tmp_path / "manifest").write(b"new")
        weights.write(b"1")
        files.rename(tmp_path / "weights", tmp_path / "weights-1")
        assert (tmp_path / "manifest").read_text() == "old"
    assert placed == ["weights-1", "manifest"]
    assert names_in(tmp_path) == {"weights-1", "manifest"}
    assert (tmp_path / "manifest").read_text() == "new"


def test_what_fails_leaves_all_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")

    def interrupted() -> None:
        with NewFiles() as files:
            files.open(tmp_path / "a").write(b"new")
            files.open(tmp_path / "b").write(b"new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert names_in(tmp_path) == {"a"}
    assert (tmp_path / "a").read_text() == "old"


def test_the_error_names_the_file_and_the_systems_reason(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"none/x can't be written: No such file or directory\.$") as caught:
        write_file(tmp_path / "none" / "x", "text")
    assert caught.value.errno == errno.ENOENT


def test_text_is_utf8_and_names_that_are_not_are_escaped(tmp_path: Path) -> None:
    write_file(tmp_path / "x", "zw\u00f6lf \udcff")
    assert (tmp_path / "x").read_bytes() == "zw\u00f6lf \\udcff".encode()
