"""Twin of model_directory.cpp: which files a model is made of, and its properties, in plain Python.

Order: the caller's option, the manifest fastctc.json (or onnx-asr's config.json), the ONNX metadata, the graph.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from fastctc.errors import ModelError, ModelNotFoundError
from fastctc.reference.graph_files import GraphFiles, find_graphs
from fastctc.reference.model_files import file_inside, usual_file_inside
from fastctc.types import FrontendOptions, ModelOptions

__all__ = ["ModelDirectory"]

MAX_BYTES = 1 << 20
DEEPEST = 32


@dataclass(frozen=True)
class ModelDirectory:
    """The files of a model and what its manifest says."""

    graphs: GraphFiles
    tokens: Path
    manifest: Mapping[str, Any]
    tokenizer: Path | None = None
    """Its SentencePiece model."""

    @classmethod
    def open(cls, path: Path, options: ModelOptions) -> ModelDirectory:
        """Finds the files. Raises ModelNotFoundError, ModelError."""
        directory, graph = (path.parent, path.name) if path.suffix == ".onnx" else (path, options.graph)
        if not directory.is_dir():
            raise ModelNotFoundError(f"There is no model at {directory}.")
        manifest = _read_manifest(directory)
        graphs = find_graphs(directory, graph, manifest)
        tokens = _named_file(directory, options.tokens, manifest.get("tokens"))
        if tokens is None:
            tokens = file_inside(directory, _usual_tokens(directory), "directory")
        tokenizer = _named_file(directory, options.tokenizer, manifest.get("tokenizer"))
        if tokenizer is None:
            tokenizer = usual_file_inside(directory, "tokenizer.model")
        return cls(graphs, tokens, manifest, tokenizer)

    @property
    def graph(self) -> Path:
        """The graph that tells the model's shape: the offline one, else that of the longest look-ahead, else any."""
        graphs = self.graphs
        found = graphs.offline or graphs.streaming.get(max(graphs.streaming, default=0)) or graphs.long_form
        if found is None:
            raise ModelNotFoundError(f"The manifest of {self.tokens.parent} names no graph.")
        return found

    def frontend(
        self, options: ModelOptions, metadata: Mapping[str, str], layout: str, n_features: int
    ) -> FrontendOptions:
        """Options of the front end that the graph was trained with. Raises ModelError if nothing tells."""
        stated = dict(self.manifest.get("frontend", {}))
        preset: Any = options.frontend_preset or stated.pop("preset", None)
        stated.pop("preset", None)
        if preset is None:
            preset = {"waveform": "waveform", "feature_major": "nemo"}.get(layout)
        if preset is None:
            raise ModelError(f"{self.graph}: nothing tells the front end. Say it with the option frontend_preset.")
        changes: dict[str, Any] = {**stated, **options.frontend}
        changes["normalize"] = self._normalize(options, metadata)
        known = {field.name for field in fields(FrontendOptions)}
        if unknown := set(changes) - known:
            raise ModelError(f"{self.graph}: the front end has no option {', '.join(sorted(unknown))}.")
        if n_features and preset != "waveform" and "n_mels" not in options.frontend:
            n_mels = n_features - bool(changes.get("use_energy", False))
            if changes.get("n_mels", n_mels) != n_mels:
                raise ModelError(
                    f"{self.graph} takes {n_features} features, the manifest says {changes['n_mels']} mels."
                )
            changes["n_mels"] = n_mels
        if "sample_rate" in metadata:
            changes.setdefault("sample_rate_hz", int(metadata["sample_rate"]))
        return FrontendOptions.preset(preset, **changes)

    def blank_id(self, options: ModelOptions, metadata: Mapping[str, str]) -> int | None:
        """Stated id of the blank; None: the vocabulary decides."""
        if options.blank_id is not None:
            return options.blank_id
        stated = self.manifest.get("blank_id", metadata.get("blank_id"))
        return None if stated is None else int(stated)

    def geometry(self, options: ModelOptions) -> dict[str, Any]:
        """What option and manifest say about the subsampling, for AcousticModel.configure."""
        stated = self.manifest.get("subsampling", {})
        factor, causal, longest = options.subsampling_factor, options.subsampling_causal, options.max_encoder_frames
        return {
            "subsampling_factor": stated.get("factor") if factor is None else factor,
            "causal": stated.get("causal") if causal is None else causal,
            "max_encoder_frames": self.manifest.get("max_encoder_frames") if longest is None else longest,
            "log_probs_kind": options.log_probs_kind or self.manifest.get("log_probs_kind"),
        }

    def _normalize(self, options: ModelOptions, metadata: Mapping[str, str]) -> str:
        chosen = options.normalize or options.frontend.get("normalize")
        if chosen is not None:
            return _normalize_name(chosen)
        stated = {
            source: _normalize_name(value)
            for source, value in (
                ("manifest", self.manifest.get("frontend", {}).get("normalize")),
                ("ONNX metadata", metadata.get("normalize_type")),
            )
            if value is not None
        }
        if len(set(stated.values())) > 1:
            raise ModelError(f"{self.graph}: normalize: {stated} contradict each other. Say which with the option.")
        if stated:
            return next(iter(stated.values()))
        if self.manifest.get("onnx_asr"):
            return "per_feature"
        raise ModelError(
            f"{self.graph}: nothing tells how its features are normalised. Say it with the option normalize."
        )


def _normalize_name(value: str) -> str:
    return "none" if value in ("", "NA", "None") else value


def _read_manifest(directory: Path) -> dict[str, Any]:
    if (path := usual_file_inside(directory, "fastctc.json")) is not None:
        content = _read_object(path)
        if content.get("fastctc") != 1 or isinstance(content["fastctc"], bool):
            raise ModelError(f'{path}: "fastctc" (the version of the format) must be 1.')
        _check_types(content, path)
        return {name: value for name, value in content.items() if value is not None}
    if (path := usual_file_inside(directory, "config.json")) is not None:
        content = _read_object(path)
        if content.get("model_type") == "nemo-conformer-ctc":
            # onnx-asr's bundles: it normalises per feature, always.
            return {
                "onnx_asr": True,
                "frontend": {"n_mels": content["features_size"]} if "features_size" in content else {},
            }
    return {}


def _read_object(path: Path) -> dict[str, Any]:
    """One JSON object, read strictly. Raises ModelError."""
    if path.stat().st_size > MAX_BYTES:
        raise ModelError(f"{path} can't be read, or is larger than 1 MiB.")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ModelError(f"{path}: the key {twice!r} stands twice. Remove one of them.")
        return dict(pairs)

    def finite(text: str) -> float:
        if not math.isfinite(value := float(text)):
            raise ValueError(f"the number {text} is too large")
        return value

    try:
        text = path.read_bytes().decode("utf-8")
        content = json.loads(text, object_pairs_hook=unique, parse_constant=finite, parse_float=finite)
    except RecursionError as error:
        raise ModelError(f"{path} is nested deeper than {DEEPEST} levels.") from error
    except ValueError as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(f"{path} is not JSON: {error}") from error
    if _is_deeper(content, DEEPEST):
        raise ModelError(f"{path} is nested deeper than {DEEPEST} levels.")
    if not isinstance(content, dict):
        raise ModelError(f"{path} must hold one JSON object, not {type(content).__name__}.")
    return content


def _is_deeper(value: Any, n_levels: int) -> bool:
    if not isinstance(value, (dict, list)):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return n_levels == 0 or any(_is_deeper(item, n_levels - 1) for item in inner)


def _check_types(manifest: Mapping[str, Any], path: Path) -> None:
    def check(name: str, value: Any, kinds: tuple[type, ...], expected: str) -> None:
        if value is not None and not isinstance(value, kinds):
            raise ModelError(f"{path}: {name} must be {expected}, not {type(value).__name__}.")

    for name in ("graphs", "frontend", "subsampling"):
        check(name, manifest.get(name), (dict,), "an object")
    for name in ("blank_id", "text_style", "max_encoder_frames", "log_probs_kind"):
        check(name, manifest.get(name), (str, int, float), "one value")
    for name in ("tokens", "tokenizer"):
        check(name, manifest.get(name), (str,), "a file's name")
    for key, value in (manifest.get("graphs") or {}).items():
        if value is None:
            raise ModelError(f"{path}: graphs.{key} must be a file's name, not null.")
        check(f"graphs.{key}", value, (str,), "a file's name")


def _named_file(directory: Path, option: str | None, manifest: str | None) -> Path | None:
    """The file that the caller or the manifest names; None: neither does."""
    if option:
        return file_inside(directory, option, "option", follow_links=True)
    return file_inside(directory, manifest, "manifest") if manifest else None


def _usual_tokens(directory: Path) -> str:
    for usual in ("tokens.txt", "vocab.txt"):
        if (directory / usual).exists():
            return usual
    raise ModelNotFoundError(f"{directory} holds neither tokens.txt nor vocab.txt.")
