"""Files of a model directory: the manifest, and graphs that share one file of weights."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from fastctc.errors import ModelError
from fastctc.export.graph import import_onnx, weights_of

if TYPE_CHECKING:
    import onnx

__all__ = ["MANIFEST", "WeightsFile", "read_manifest", "write_graphs"]

MANIFEST = "fastctc.json"
ALIGNMENT_BYTES = 4096  # of external data, so that it can be mapped into memory
SMALLEST_EXTERNAL_BYTES = 1024
OWN_GRAPHS = re.compile(r"[^/\\]+\.(optimized|int8|int8-block|int4-block|fp16)\.onnx")
OWN_WEIGHTS = re.compile(r"(optimized|int8|int8-block|int4-block|fp16)-[0-9a-f]{16}\.bin")
GRAPH_LISTS = ("graphs", "float_graphs", "original_graphs")
"""Of a manifest."""


def read_manifest(directory: Path) -> dict[str, Any]:
    """The manifest of a directory; empty where there is none.

    Raises:
        ModelError: It can't be read, or is no JSON object.
    """
    try:
        manifest = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ModelError(f"{directory / MANIFEST} can't be read: {error}") from error
    if not isinstance(manifest, dict):
        raise ModelError(f"{directory / MANIFEST} must hold one JSON object.")
    return manifest


class WeightsFile:
    """Weights of several graphs, equal ones once."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._offsets: dict[bytes, int] = {}
        self._whole = hashlib.sha256()

    @property
    def digest(self) -> str:
        """Of all that was written."""
        return self._whole.hexdigest()

    def take(self, model: onnx.ModelProto, location: str) -> None:
        """Moves the weights that a model holds to the file, which the model then names as `location`."""
        helper = import_onnx().external_data_helper
        for tensor in weights_of(model.graph):
            size = len(tensor.raw_data)
            if size >= SMALLEST_EXTERNAL_BYTES:
                helper.set_external_data(tensor, location, self._place(tensor.raw_data), size)
                tensor.ClearField("raw_data")
        self._file.flush()

    def _place(self, data: bytes) -> int:
        key = hashlib.sha256(data).digest()
        if key not in self._offsets:
            self._file.write(bytes(-self._file.tell() % ALIGNMENT_BYTES))
            self._offsets[key] = self._file.tell()
            self._whole.update(key)
            self._file.write(data)
        return self._offsets[key]


def write_graphs(
    directory: Path, models: Iterable[tuple[str, onnx.ModelProto]], manifest: Mapping[str, Any], stem: str
) -> None:
    """Writes beside the old files, weights first and the manifest last: a directory is the old one or the new.

    Then graphs and weights that were written so before, and that nothing names any more, are removed.

    Args:
        directory: The model directory.
        models: File names and graphs with their weights in them; these are moved out, one graph at a time.
        manifest: Of the new directory.
        stem: The weights' file is `stem`-DIGEST.bin, so that a graph that is in use keeps its weights.

    Raises:
        OSError: A file can't be written.
    """
    parts: dict[Path, Path] = {}
    before = read_manifest(directory)

    def part(name: str) -> Path:
        path = directory / name
        return parts.setdefault(path, path.with_name(f"{name}.part"))

    graphs: dict[str, onnx.ModelProto] = {}
    placeholder = f"{stem}.bin"
    try:
        with part(placeholder).open("wb") as file:
            weights_file = WeightsFile(file)
            for name, model in models:
                weights_file.take(model, placeholder)
                graphs[name] = model
        weights = f"{stem}-{weights_file.digest[:16]}.bin"
        parts[directory / weights] = parts.pop(directory / placeholder)
        for name, model in graphs.items():
            _rename_weights(model, placeholder, weights)
            part(name).write_bytes(model.SerializeToString())
        part(MANIFEST).write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        for path, temporary in parts.items():
            temporary.replace(path)
    finally:
        for temporary in parts.values():
            temporary.unlink(missing_ok=True)
    _remove_stale(directory, _named_graphs(before) - _named_graphs(manifest))


def _named_graphs(manifest: Mapping[str, Any]) -> set[str]:
    return {name for key in GRAPH_LISTS for name in manifest.get(key, {}).values()}


def _remove_stale(directory: Path, no_longer_named: set[str]) -> None:
    """Removes graphs that the old manifest named and the new one doesn't, then weights that no graph names.

    Only files that bear our names, and no links. What can't be removed stays: the new directory stands already.
    """
    stale = [directory / name for name in no_longer_named if OWN_GRAPHS.fullmatch(name)]
    for path in stale:
        _remove(path)
    weights = [path for path in directory.glob("*.bin") if OWN_WEIGHTS.fullmatch(path.name)]
    used: set[str] = set()
    if weights:
        for path in directory.rglob("*.onnx"):
            try:
                model = import_onnx().load(path, load_external_data=False)
            except Exception:  # of protobuf, or of the file system: it may read any of them
                return
            used |= {entry.value for tensor in weights_of(model.graph) for entry in tensor.external_data}
    for path in weights:
        if path.name not in used:
            _remove(path)


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_file() and not path.is_symlink():
            path.unlink()


def _rename_weights(model: onnx.ModelProto, old: str, new: str) -> None:
    for tensor in weights_of(model.graph):
        for entry in tensor.external_data:
            if entry.key == "location" and entry.value == old:
                entry.value = new
