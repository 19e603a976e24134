"""Twin of model_directory.cpp: which files a model is made of, and its properties, in plain Python.

Order: the caller's option, the manifest fastctc.json (or onnx-asr's config.json), the ONNX metadata, the graph.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from fastctc.errors import ModelError, ModelNotFoundError
from fastctc.reference.graph_files import GraphFiles, find_graphs
from fastctc.types import FrontendOptions, ModelOptions

__all__ = ["ModelDirectory"]


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
        tokens = directory / (options.tokens or manifest.get("tokens") or _usual_tokens(directory))
        if not tokens.exists():
            raise ModelNotFoundError(f"{tokens} is not there.")
        tokenizer = directory / (options.tokenizer or manifest.get("tokenizer") or "tokenizer.model")
        if not tokenizer.exists() and (options.tokenizer or "tokenizer" in manifest):
            raise ModelNotFoundError(f"{tokenizer} is not there.")
        return cls(graphs, tokens, manifest, tokenizer if tokenizer.exists() else None)

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
        """Options of the front end that the graph was trained with. Raises ModelError where nothing tells."""
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
        """What is stated of the subsampling, for AcousticModel.configure."""
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
    for name in ("fastctc.json", "config.json"):
        path = directory / name
        if not path.exists():
            continue
        try:
            content = json.loads(path.read_bytes())
        except ValueError as error:
            raise ModelError(f"{path} is not JSON: {error}") from error
        if name == "fastctc.json":
            return dict(content)
        if isinstance(content, dict) and content.get("model_type") == "nemo-conformer-ctc":
            # onnx-asr's bundles: it normalises per feature, always.
            return {
                "onnx_asr": True,
                "frontend": {"n_mels": content["features_size"]} if "features_size" in content else {},
            }
    return {}


def _usual_tokens(directory: Path) -> str:
    for usual in ("tokens.txt", "vocab.txt"):
        if (directory / usual).exists():
            return usual
    raise ModelNotFoundError(f"{directory} holds neither tokens.txt nor vocab.txt.")
