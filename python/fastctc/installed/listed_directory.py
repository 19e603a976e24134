"""Updates a directory by its list of files that were put there; no other files are touched.

cmake/spl_assemble.cmake does the same for the directories that CMake assembles; the lists are of one form.
"""

from __future__ import annotations

import filecmp
import io
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import IO

from fastctc.errors import OutputError
from fastctc.new_files import NewFiles

__all__ = ["LIST_NAME", "format_list", "mode_of", "read_list", "update_directory"]

LIST_NAME = ".fastctc-files"
_PART_NAME = f"{LIST_NAME}.part"


def read_list(directory: Path) -> list[str]:
    """Names of the files that were put into the directory, relative to it.

    Raises:
        OSError: there is no list, or it can't be read.
        OutputError: the list names a file outside the directory.
    """
    names = (directory / LIST_NAME).read_text(encoding="utf-8", errors="replace").splitlines()
    for name in names:
        if not name.isprintable() or name.startswith("/") or ".." in PurePosixPath(name).parts:
            raise OutputError(
                f"{directory / LIST_NAME} names {name!r}, which is no file of that directory. Remove the directory, "
                "and make it again."
            )
    return [name for name in names if name]


def format_list(names: Iterable[str]) -> str:
    """The content of the list."""
    return "".join(f"{name}\n" for name in sorted(set(names)))


def mode_of(name: str) -> int:
    """The permissions of a file by its name, whatever its source has."""
    return 0o755 if ".so" in name else 0o644


def update_directory(directory: Path, contents: Mapping[str, Path]) -> None:
    """Makes the directory, or brings it up to date, so that it holds the contents and what others put there.

    A file that is on the list but not among the contents is removed. Equal files keep their times. The next call
    completes what an interrupted one began.

    Args:
        directory: to be made, empty, or with a list.
        contents: where the files come from, by their names in the directory.

    Raises:
        OutputError: the directory holds something else, or it can't be written.
    """
    try:
        before = _claimed(directory)
        # The list comes first, so that the next call knows the files of an interrupted one.
        _write_list(directory, [*before, *contents])
        for name in before:
            if name not in contents:
                _remove(directory, name)
        for name, source in contents.items():
            _put(directory, name, source)
        _write_list(directory, contents)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(
            f"{directory} can't be written: {error}. It is complete only when the same has succeeded once more."
        ) from error


def _claimed(directory: Path) -> list[str]:
    """Files that were put there before. Makes the directory."""
    directory.mkdir(parents=True, exist_ok=True)
    if (directory / LIST_NAME).exists():
        return read_list(directory)
    if any(entry.name != _PART_NAME for entry in directory.iterdir()):
        raise OutputError(
            f"{directory} holds something else than what fastctc has written: it has no list {LIST_NAME}. Name another "
            "place, or remove the directory."
        )
    return []


def _write_list(directory: Path, names: Iterable[str]) -> None:
    text = format_list(names)
    path = directory / LIST_NAME
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    _write(directory, path, io.BytesIO(text.encode()))


def _remove(directory: Path, name: str) -> None:
    """Removes a file, and the directories that it leaves empty."""
    path = directory / name
    if path.is_dir() and not path.is_symlink():  # it has other files by now
        return
    path.unlink(missing_ok=True)
    for folder in path.parents:
        if folder == directory or not folder.is_dir() or any(folder.iterdir()):
            return
        folder.rmdir()


def _put(directory: Path, name: str, source: Path) -> None:
    path = directory / name
    if path.is_file() and not path.is_symlink() and filecmp.cmp(source, path, shallow=False):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as content:
        _write(directory, path, content)


def _write(directory: Path, path: Path, content: IO[bytes]) -> None:
    # Made aside and moved: a running application may have the library in its place mapped. Its time is now, not the
    # source's: the SPL compiler takes what it has generated for up to date when that is younger.
    part = directory / _PART_NAME
    with NewFiles() as files:
        shutil.copyfileobj(content, files.open(path, part=part))
        part.chmod(mode_of(path.name))
