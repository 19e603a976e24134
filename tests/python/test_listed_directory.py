"""Directories that hold a list of what was put there: brought up to date, and what others put there left alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

import fastctc.installed.listed_directory
from conftest import fill, names_in
from fastctc.errors import OutputError
from fastctc.installed.listed_directory import LIST_NAME, update_directory

VERSION_1 = {"info": "1", "kept": "same", "lib/Source": "composite", "gone/deep/a": "", "gone/deep/b": "", "x.so.1": ""}
VERSION_2 = {"info": "2", "kept": "same", "lib/Source/template": "", "x.so.1": ""}
OF_OTHERS = ("index.xml", "lib/Old_cpp.pm", "gone/index.xml", "samples/output/bin/standalone")

MakeSources = Callable[[Mapping[str, str]], dict[str, Path]]


@pytest.fixture
def sources(tmp_path: Path) -> MakeSources:
    """Makes files of these names and texts, each time anew."""
    n_made = 0

    def make(files: Mapping[str, str]) -> dict[str, Path]:
        nonlocal n_made
        n_made += 1
        fill(tmp_path / f"sources {n_made}", files)
        return {name: tmp_path / f"sources {n_made}" / name for name in files}

    return make


@pytest.fixture
def used(tmp_path: Path, sources: MakeSources) -> Path:
    """Made by version 1, and others have put their files into it."""
    directory = tmp_path / "a" / "directory"
    update_directory(directory, sources(VERSION_1))
    assert names_in(directory) == {*VERSION_1, LIST_NAME}
    fill(directory, dict.fromkeys(OF_OTHERS, "of others"))
    return directory


def test_what_others_put_there_stays_and_what_is_no_longer_part_goes(used: Path, sources: MakeSources) -> None:
    contents = sources(VERSION_2)
    time_ns = (used / "info").stat().st_mtime_ns  # neither size nor time tells that it has changed
    os.utime(contents["info"], ns=(time_ns, time_ns))
    update_directory(used, contents)
    assert (used / LIST_NAME).read_text().splitlines() == sorted(VERSION_2)
    assert names_in(used) == {*VERSION_2, *OF_OTHERS, LIST_NAME}
    assert not (used / "gone" / "deep").exists()
    assert (used / "info").read_text() == "2"
    assert all((used / name).read_text() == "of others" for name in OF_OTHERS)


def test_times_of_equal_files_stay_and_what_changed_is_younger_than_what_was_made_of_it(
    used: Path, sources: MakeSources
) -> None:
    before = {name: (used / name).stat().st_mtime_ns for name in names_in(used)}
    contents = sources({**VERSION_1, "info": "2"})
    os.utime(contents["info"], (1, 1))
    update_directory(used, contents)
    after = {name: (used / name).stat().st_mtime_ns for name in names_in(used)}
    assert {name for name in before if before[name] != after[name]} == {"info"}
    assert after["info"] > before["index.xml"]


def test_modes_are_those_of_the_kind_of_file(tmp_path: Path, sources: MakeSources) -> None:
    contents = sources(VERSION_1)
    for path in contents.values():
        path.chmod(0o600)
    update_directory(tmp_path / "out", contents)
    modes = [(tmp_path / "out" / name).stat().st_mode & 0o777 for name in ("info", LIST_NAME, "x.so.1")]
    assert modes == [0o644, 0o644, 0o755]


def test_a_file_may_become_a_directory_and_a_directory_a_file(tmp_path: Path, sources: MakeSources) -> None:
    update_directory(tmp_path / "out", sources({"a": "", "b/c": ""}))
    update_directory(tmp_path / "out", sources({"a/c": "", "b": ""}))
    assert names_in(tmp_path / "out") == {"a/c", "b", LIST_NAME}


@pytest.mark.parametrize("n_done", range(6))
def test_an_interrupted_call_is_repaired_by_the_next(
    used: Path, sources: MakeSources, monkeypatch: pytest.MonkeyPatch, n_done: int
) -> None:
    put = fastctc.installed.listed_directory._put
    done: list[str] = []

    def put_some(directory: Path, name: str, source: Path) -> None:
        if len(done) == n_done:
            (directory / f"{LIST_NAME}.part").write_text("half")
            raise KeyboardInterrupt
        put(directory, name, source)
        done.append(name)

    with monkeypatch.context() as patch:
        patch.setattr(fastctc.installed.listed_directory, "_put", put_some)
        with pytest.raises(KeyboardInterrupt):
            update_directory(used, sources({"new/a": "", "new/b": "", **VERSION_2, "info": "changed"}))
    # What the interrupted call has put there is known, also to a version that no longer has it.
    update_directory(used, sources(VERSION_2))
    assert names_in(used) == {*VERSION_2, *OF_OTHERS, LIST_NAME}
    assert (used / "info").read_text() == "2"


def test_a_directory_that_is_begun_or_empty_is_no_strangers(tmp_path: Path, sources: MakeSources) -> None:
    fill(tmp_path / "begun", {f"{LIST_NAME}.part": "inf"})
    (tmp_path / "empty").mkdir()
    for name in ("begun", "empty"):
        update_directory(tmp_path / name, sources(VERSION_1))
        assert names_in(tmp_path / name) == {*VERSION_1, LIST_NAME}


@pytest.mark.parametrize("name", ["mine.spl", ".hidden", "folder/"])
def test_what_others_made_is_refused(tmp_path: Path, sources: MakeSources, name: str) -> None:
    path = tmp_path / "theirs"
    (path / name).mkdir(parents=True) if name.endswith("/") else fill(path, {name: "mine"})
    before = names_in(path)
    with pytest.raises(OutputError, match=r"something else than what fastctc has written.*remove the directory"):
        update_directory(path, sources(VERSION_1))
    assert names_in(path) == before


@pytest.mark.parametrize("name", ["../precious", "{root}/precious", "lib/../../precious", "pre\0cious"])
def test_a_list_that_leads_out_is_refused(used: Path, sources: MakeSources, name: str) -> None:
    (used.parent / "precious").touch()
    with (used / LIST_NAME).open("a") as file:
        file.write(name.format(root=used.parent) + "\n")
    with pytest.raises(OutputError, match="no file of that directory"):
        update_directory(used, sources(VERSION_1))
    assert (used.parent / "precious").exists()


def test_what_can_not_be_written_is_named(tmp_path: Path, used: Path, sources: MakeSources) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file/out can't be written: .*Not a directory.*only when"):
        update_directory(tmp_path / "file" / "out", sources(VERSION_1))
    (used / "kept").unlink()
    (used / "kept").mkdir()
    with pytest.raises(OutputError, match=r"directory can't be written: .*kept.*only when"):
        update_directory(used, sources(VERSION_1))
