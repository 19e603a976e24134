"""Twin of model_files.cpp, external_data.cpp and onnx_summary.cpp: a model is made of files of its own directory."""

from __future__ import annotations

import gzip
import os
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

from fastctc.errors import ModelError, ModelNotFoundError

__all__ = ["check_external_data", "external_files", "file_inside", "read_packed", "usual_file_inside"]

# Fields of onnx.proto that lead to a tensor: the message's kind, the field, what it holds. Kinds without fields are
# skipped.
_FIELDS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "entry"},
}


def file_inside(directory: Path, name: str, source: str, *, follow_links: bool = False) -> Path:
    """A regular file of the directory, after all links; or of the blobs of the Hugging Face cache it is a snapshot of.

    Args:
        directory: the model's.
        name: relative.
        source: who names it, for messages.
        follow_links: a file that the caller names may be a link to anywhere.

    Raises:
        ModelNotFoundError: it is not there.
        ModelError: it is elsewhere, or no regular file.
    """
    relative = PurePosixPath(name)
    leaves = relative.is_absolute() or ".." in relative.parts or PureWindowsPath(name).drive
    if not name or "\0" in name or len(name.encode("utf-8", "surrogatepass")) > 4096 or leaves:
        raise ModelError(f"The {source} names the file {name!r}, which is not inside the model directory {directory}.")
    path = directory / relative
    try:
        mode = path.stat().st_mode
        real, root = path.resolve(strict=True), directory.resolve(strict=True)
    except FileNotFoundError as error:
        raise ModelNotFoundError(f"The {source} names the file {path}, which is not there.") from error
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a name too long, one that is no text
        raise ModelError(f"The file {path}, which the {source} names, can't be followed: {error}") from error
    if not stat.S_ISREG(mode):
        kind = "is a directory" if stat.S_ISDIR(mode) else "is no regular file"
        raise ModelError(f"The file {path}, which the {source} names, {kind}.")
    blobs = next((at.parent.parent / "blobs" for at in [root, *root.parents] if at.parent.name == "snapshots"), None)
    inside = real.is_relative_to(root) or (blobs is not None and real.is_relative_to(blobs))
    if not follow_links and not inside:
        raise ModelError(
            f"The file {path}, which the {source} names, is a link to {real}, outside the model directory {directory}. "
            "If that is the file you want, copy it into the directory."
        )
    return path


def usual_file_inside(directory: Path, name: str) -> Path | None:
    """The same for a file that need not be there."""
    return file_inside(directory, name, "directory") if (directory / name).exists() else None


def read_packed(path: str | os.PathLike[str], what: str) -> bytes:
    """The bytes of a text file, plain or gzip.

    Raises:
        ModelNotFoundError: it is not there.
        ModelError: it can't be read, is damaged, or UTF-16.
    """
    try:
        with open(path, "rb") as file:  # noqa: PTH123 (Path("") is the current directory)
            data = file.read()
    except (FileNotFoundError, ValueError) as error:  # ValueError: a NUL in the path
        raise ModelNotFoundError(f"{what} is not there.") from error
    except OSError as error:
        raise ModelError(f"{what} can't be read: {error}") from error
    try:
        data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except (OSError, EOFError, zlib.error) as error:
        raise ModelError(f"{what} is damaged: {error}") from error
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ModelError(f"{what} is UTF-16. Save it as UTF-8.")
    return data.removeprefix(b"\xef\xbb\xbf")


def check_external_data(graph: Path) -> None:
    """Raises ModelError unless the files that hold the graph's weights are files of its directory."""
    location = ""
    try:
        for location in sorted(external_files(graph)):
            file_inside(graph.parent, location, f"graph {graph.name}")
    except ModelNotFoundError as error:
        raise ModelError(
            f"The graph {graph} can't be used: its weights are in another file, {location}, which is missing."
        ) from error


def external_files(graph: Path) -> set[str]:
    """Locations of the weights that an ONNX file keeps in other files, as written. What is not ONNX has none."""
    with graph.open("rb") as file:
        data = memoryview(file.read())
    found: set[str] = set()
    todo = [("model", data, 0)]
    while todo:
        kind, message, depth = todo.pop()
        for number, content in _fields(message):
            held = _FIELDS[kind].get(number)
            if held == "entry":
                pair = {key: bytes(value) for key, value in _fields(content) if key in (1, 2)}
                if pair.get(1) == b"location":
                    found.add(pair.get(2, b"").decode("utf-8", "replace"))
            elif held is not None and depth < 200:
                todo.append((held, content, depth + 1))
    return found


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Number and bytes of the fields that have a length; up to where the bytes are no protobuf."""
    position = open_groups = 0
    while position < len(message):
        tag, position = _varint(message, position)
        kind = tag & 7
        if kind == 0:
            _, position = _varint(message, position)
        elif kind in (1, 5):
            position += 8 if kind == 1 else 4
        elif kind == 2:
            length, position = _varint(message, position)
            if length > len(message) - position:
                return
            yield tag >> 3, message[position : position + length]
            position += length
        elif kind == 3:  # a group, which ONNX has none of: what is in it counts as if it were not there
            open_groups += 1
        elif kind == 4 and open_groups:
            open_groups -= 1
        else:
            return


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    """The number and where it ends; past the end of the message if it is cut."""
    value = 0
    for shift in range(0, 64, 7):
        if position >= len(message):
            break
        byte = message[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
    return 0, len(message) + 1
