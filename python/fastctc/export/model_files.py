"""Files of a model directory: the manifest, and graphs that share one file of weights."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from fastctc.errors import ModelError, OutputError
from fastctc.export.graph import import_onnx, load_graph, weights_of
from fastctc.new_files import NewFiles
from fastctc.reference.graph_files import find_graphs

if TYPE_CHECKING:
    import onnx

__all__ = [
    "MANIFEST",
    "WeightsFile",
    "check_output",
    "constants_to_initializers",
    "graphs_by_name",
    "read_manifest",
    "write_directory",
]

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
    """Weights of several graphs, equal ones once, each where it can be mapped into memory."""

    def __init__(self, file: IO[bytes], offsets: dict[bytes, int] | None = None) -> None:
        """Begins a file, or goes on with one whose weights are known by their SHA-256."""
        self._file = file
        self._offsets = offsets or {}
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


def constants_to_initializers(graph: onnx.GraphProto) -> None:
    """Makes initializers of large Constant nodes (position tables), which can't have external data themselves."""
    for node in [node for node in graph.node if node.op_type == "Constant"]:
        tensor = next((attribute.t for attribute in node.attribute if attribute.name == "value"), None)
        if tensor is not None and len(tensor.raw_data) >= SMALLEST_EXTERNAL_BYTES:
            graph.initializer.add().CopyFrom(tensor)
            graph.initializer[-1].name = node.output[0]
            graph.node.remove(node)


def graphs_by_name(directory: Path, manifest: Mapping[str, Any], sources: str) -> dict[str, Path]:
    """Files by the manifest's names for graphs; where it lists what they were made from as `sources`, those."""
    named = {**manifest.get("graphs", {}), **manifest.get(sources, {})}
    files = find_graphs(directory, None, {**manifest, "graphs": named})
    found = {"offline": files.offline} if files.offline else {}
    found |= {f"streaming_{latency_ms}ms": path for latency_ms, path in sorted(files.streaming.items())}
    return found | ({"long_form": files.long_form} if files.long_form else {})


def check_output(output: str | os.PathLike[str] | None) -> None:
    """Raises OutputError where a directory that is to be made is there already."""
    if output is not None and os.path.lexists(output):
        raise OutputError(f"{output} is there already. Name a directory that is to be made.")


def write_directory(
    source: Path,
    output: str | os.PathLike[str] | None,
    models: Iterable[tuple[str, onnx.ModelProto]],
    manifest: Mapping[str, Any],
    stem: str,
    *,
    keeps_graphs: bool,
) -> None:
    """Writes new graphs into a directory, or into a copy of it.

    Args:
        source: The directory.
        output: Where the copy goes, complete or not at all; None: there is none.
        models: As of `write_graphs`, as are `manifest` and `stem`.
        manifest: Of the new directory.
        stem: Of the weights' file.
        keeps_graphs: Whether the copy has the old graphs too.

    Raises:
        OutputError: A file can't be written.
    """
    try:
        if output is None:
            write_graphs(source, models, manifest, stem)
            return
        graphs = [] if keeps_graphs else list(source.glob("*.onnx"))
        left = {path.name for path in graphs} | {name for path in graphs for name in _external_files(path)}
        shutil.copytree(source, output, ignore=lambda _, names: left & set(names))
        try:
            write_graphs(Path(output), models, manifest, stem)
        except BaseException:
            shutil.rmtree(output, ignore_errors=True)
            raise
    except OSError as error:
        raise OutputError(f"The new graphs can't be written: {error}") from error


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
    before = read_manifest(directory)
    graphs: dict[str, onnx.ModelProto] = {}
    placeholder = f"{stem}.bin"
    with NewFiles() as files:
        weights_file = WeightsFile(files.open(directory / placeholder))
        for name, model in models:
            weights_file.take(model, placeholder)
            graphs[name] = model
        weights = f"{stem}-{weights_file.digest[:16]}.bin"
        files.rename(directory / placeholder, directory / weights)
        for name, model in graphs.items():
            _rename_weights(model, placeholder, weights)
            files.open(directory / name).write(model.SerializeToString())
        text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
        files.open(directory / MANIFEST).write(text.encode())
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
    if not weights:
        return
    try:
        used = {name for path in directory.rglob("*.onnx") for name in _external_files(path)}
    except Exception:  # of protobuf, or of the file system: it may read any of them
        return
    for path in weights:
        if path.name not in used:
            _remove(path)


def _external_files(path: Path) -> set[str]:
    """The files that a graph's weights are in."""
    tensors = weights_of(load_graph(path).graph)
    return {entry.value for tensor in tensors for entry in tensor.external_data if entry.key == "location"}


def _remove(path: Path) -> None:
    with suppress(OSError):
        if path.is_file() and not path.is_symlink():
            path.unlink()


def _rename_weights(model: onnx.ModelProto, old: str, new: str) -> None:
    for tensor in weights_of(model.graph):
        for entry in tensor.external_data:
            if entry.key == "location" and entry.value == old:
                entry.value = new
