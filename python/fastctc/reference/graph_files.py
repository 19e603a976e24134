"""Twin of graph_files.cpp: which ONNX file of a model directory plays which part."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import onnxruntime

from fastctc.errors import ModelError, ModelNotFoundError
from fastctc.reference.model_files import check_external_data, file_inside

__all__ = ["GraphFiles", "find_graphs"]

FRAME_MS = 10
"""Hop of the front ends that cache-aware graphs are trained with."""


@dataclass
class GraphFiles:
    """The graphs of a model; absent ones are None."""

    offline: Path | None = None
    streaming: dict[int, Path] = field(default_factory=dict)
    """By look-ahead in ms."""
    long_form: Path | None = None


def find_graphs(directory: Path, option: str | None, manifest: Mapping[str, Any]) -> GraphFiles:
    """The option alone; without it the manifest; without both what the files say.

    Raises:
        ModelError: several offline graphs, and nothing tells which.
        ModelNotFoundError: no graph, or one that is named is not there.
    """
    named = manifest.get("graphs", {})
    if option is None and named:
        graphs = GraphFiles()
        for key, name in named.items():
            path = file_inside(directory, name, "manifest fastctc.json")
            if latency := re.fullmatch(r"streaming_(\d+)ms", key):
                graphs.streaming[int(latency[1])] = path
            elif key in ("offline", "long_form"):
                setattr(graphs, key, path)
            else:
                raise ModelError(f"{directory}: graphs.{key} is not known.")
        return graphs
    found = [option] if option else sorted(path.name for path in directory.glob("*.onnx"))
    if not found:
        raise ModelNotFoundError(f"{directory} holds no .onnx file.")
    source = "option" if option else "directory"
    paths = [file_inside(directory, name, source, follow_links=bool(option)) for name in found]
    look_aheads_ms = {path: _look_ahead_ms(path) for path in paths}
    offline = [path for path, look_ahead_ms in look_aheads_ms.items() if look_ahead_ms is None]
    usual = [path for path in offline if path.name in ("model.onnx", "offline.onnx")]
    if len(usual or offline) > 1 and not usual:
        names = ", ".join(path.name for path in offline)
        raise ModelError(f"{directory} holds several graphs ({names}). Say which one with the option graph.")
    streaming = {look_ahead_ms: path for path, look_ahead_ms in look_aheads_ms.items() if look_ahead_ms is not None}
    return GraphFiles(next(iter(usual or offline), None), streaming)


def _look_ahead_ms(path: Path) -> int | None:
    """From the metadata of a cache-aware graph; None: an offline graph (or no ONNX file, as opening it will show)."""
    check_external_data(path)
    try:
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    except Exception:
        return None
    if not any(entry.name.startswith("cache") for entry in session.get_inputs()):
        return None
    metadata = session.get_modelmeta().custom_metadata_map
    chunk_frames, factor = int(metadata["chunk_shift"]), int(metadata["subsampling_factor"])
    return FRAME_MS * (chunk_frames - factor)
