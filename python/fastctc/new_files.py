"""Files that are complete or absent: written beside their places, and put there when all is well."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from fastctc.errors import OutputError

__all__ = ["NewFiles", "output_error", "remove_abandoned", "write_file"]

# Hidden, and of a length that fits where the finished one's name does.
_PREFIX, _SUFFIX = ".fastctc-", ".partial"
# Writing takes minutes at most: an unfinished file of this age was left by a process that was killed.
_ABANDONED_S = 3600.0


class NewFiles:
    """Files that take their places, in the order they were opened, when the `with` block ends well; else none does.

    What was there before stays until then. The block's end raises OSError where they can't be put there.
    """

    def __init__(self) -> None:
        self._files: dict[Path, tuple[BinaryIO, Path]] = {}

    def __enter__(self) -> NewFiles:
        return self

    def open(self, path: Path, *, part: Path | None = None) -> BinaryIO:
        """The file to write; it is made as `part`, by default a hidden one of its directory. Raises OSError."""
        part = part or path.parent / f"{_PREFIX}{os.getpid()}-{os.urandom(6).hex()}{_SUFFIX}"
        # Not `tempfile`: results have the permissions that the user's umask gives.
        file = part.open("wb")
        self._files[path] = file, part
        return file

    def rename(self, path: Path, target: Path) -> None:
        """Another place for a file, which keeps its turn."""
        self._files = {target if name == path else name: entry for name, entry in self._files.items()}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            for file, _ in self._files.values() if kind is None else ():
                file.flush()
                # The data has to be on the disk before its name is, or a power cut leaves an empty file.
                os.fsync(file.fileno())
                file.close()
            for path, (_, part) in self._files.items() if kind is None else ():
                part.replace(path)
        finally:
            for file, part in self._files.values():
                with contextlib.suppress(OSError):
                    file.close()
                with contextlib.suppress(OSError):
                    part.unlink()


def write_file(path: Path, content: bytes | str) -> None:
    """Writes bytes, or UTF-8 text, so that `path` holds all of them or what it held before, whatever happens meanwhile.

    Raises:
        OutputError: it can't be written; `errno` tells the system's reason.
    """
    data = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    try:
        with NewFiles() as files:
            files.open(path).write(data)
    except OSError as error:
        raise output_error(path, error) from error


def remove_abandoned(directory: Path) -> None:
    """Removes what killed processes left. Raises OSError where the directory can't be read."""
    for path in directory.glob(f"{_PREFIX}*{_SUFFIX}"):
        with contextlib.suppress(OSError):  # another process's, or gone meanwhile
            if time.time() - path.stat().st_mtime > _ABANDONED_S:
                path.unlink()


def output_error(path: Path, error: OSError) -> OutputError:
    """The error for what can't be written, with the system's `errno`."""
    advice = " Free some space, or choose another place." if error.errno == errno.ENOSPC else ""
    result = OutputError(f"{path} can't be written: {error.strerror or error}.{advice}")
    result.errno = error.errno
    return result
