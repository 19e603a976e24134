"""The SPL toolkit for Teracloud and IBM Streams, made of what is installed: sources, headers and libraries."""

from __future__ import annotations

import gzip
import io
import logging
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path

from fastctc.errors import EngineNotFoundError, Error, OptionError, OutputError
from fastctc.installed.cpp_library import find_operators_library, get_include, get_spl_toolkit
from fastctc.installed.listed_directory import LIST_NAME, format_list, mode_of, read_list, update_directory
from fastctc.installed.onnxruntime_library import find_library
from fastctc.new_files import NewFiles, output_error

__all__ = ["ARCHIVE_ENDINGS", "write_spl_toolkit"]

ARCHIVE_ENDINGS = (".tgz", ".tar.gz")
# Of the files in an archive, so that the same files give the same archive: 1980. Unpackers doubt older times.
_TIME_S = 315532800
# ONNX Runtime's wheel and its releases have both, above the library's directory; one alone may be of something else.
_NOTICES = ("LICENSE", "ThirdPartyNotices.txt")

_log = logging.getLogger("fastctc")


def write_spl_toolkit(output: str | os.PathLike[str], *, onnxruntime: str | os.PathLike[str] | None = None) -> Path:
    """Makes the SPL toolkit, complete with fastctc's and ONNX Runtime's libraries, for `spl-make-toolkit -i`.

    A toolkit that was made before is brought up to date: what Streams has generated there stays, files that the
    toolkit no longer has go, and those that are equal keep their times. What an interrupted call leaves, the next one
    completes. A directory that fastctc hasn't written is refused.

    Args:
        output: the toolkit, where that is its name: com.teracloud.streamsx.stt; else a directory for it to be made in;
            or an archive to be made of it, whose name ends in .tgz or .tar.gz.
        onnxruntime: file of ONNX Runtime's library; None: as `SessionOptions.library` says, the wheel's as a rule.

    Returns:
        The toolkit's directory, or the archive.

    Raises:
        Error: this installation has no toolkit.
        EngineNotFoundError: there is no such library.
        OptionError: `output` is empty.
        OutputError: there is something else in its place, or it can't be written.
    """
    if not os.fspath(output):
        raise OptionError("The SPL toolkit is written nowhere: name a directory, or an archive that ends in .tgz.")
    path = Path(output)
    sources = Path(get_spl_toolkit())
    contents = _contents(sources, onnxruntime)
    if path.name.endswith(ARCHIVE_ENDINGS):
        _write_archive(path, sources.name, contents)
        return path
    if path.absolute().name != sources.name:
        path = path / sources.name
    update_directory(path, contents)
    return path


def _contents(sources: Path, onnxruntime: str | os.PathLike[str] | None) -> dict[str, Path]:
    """Where the files of the toolkit come from, by their names in it."""
    contents = {name: sources / name for name in read_list(sources)}
    for header in sorted(Path(get_include(), "fastctc").glob("*.h")):
        contents[f"impl/include/fastctc/{header.name}"] = header
    library = find_operators_library()
    if not library:
        raise Error("This installation has no lib/libfastctc.so. Install fastctc again, with its shared library.")
    contents["impl/lib/libfastctc.so"] = Path(library)
    engine = _find_engine(onnxruntime)
    contents["impl/lib/libonnxruntime.so.1"] = engine  # the name that fastctc opens beside itself
    notices = [engine.parent.parent / name for name in _NOTICES]
    if all(notice.is_file() for notice in notices):
        contents.update({f"impl/lib/onnxruntime-{notice.name}": notice for notice in notices})
    else:
        _log.warning(
            "ONNX Runtime's licence is not beside %s: add it to the toolkit before you pass that on.", engine.parent
        )
    for file in contents.values():
        if not file.is_file():
            raise Error(f"This installation has no {file}. Install fastctc again, from a wheel or from its sources.")
    return contents


def _find_engine(onnxruntime: str | os.PathLike[str] | None) -> Path:
    path, origin = find_library(onnxruntime or "")
    advice = "pip install 'onnxruntime>=1.19', or name the library's file (--onnxruntime, in Python onnxruntime=)."
    if not path:
        raise EngineNotFoundError(f"No file of ONNX Runtime's library is known for the SPL toolkit: {advice}")
    named = path if onnxruntime else f"{path} ({origin})"
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise EngineNotFoundError(f"{named} can't be read: {error.strerror or error}. Instead: {advice}") from error
    if not content.startswith(b"\x7fELF") or b"OrtGetApiBase" not in content:
        raise EngineNotFoundError(f"{named} is not ONNX Runtime's library for Linux. Instead: {advice}")
    return Path(path).resolve()


def _write_archive(path: Path, folder: str, contents: Mapping[str, Path]) -> None:
    if path.is_dir():
        raise OutputError(f"{path} is a directory; its name is one of an archive. Name another file.")
    try:
        with (
            NewFiles() as files,
            gzip.GzipFile("", "wb", compresslevel=6, fileobj=files.open(path), mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive,
        ):
            for name in sorted([*contents, LIST_NAME]):
                data = contents[name].read_bytes() if name in contents else format_list(contents).encode()
                entry = tarfile.TarInfo(f"{folder}/{name}")
                entry.size, entry.mtime, entry.mode = len(data), _TIME_S, mode_of(name)
                archive.addfile(entry, io.BytesIO(data))
    except OSError as error:
        raise output_error(path, error) from error
