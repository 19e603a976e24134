"""The files beside the graphs of an exported model: tokens, tokenizer, manifest, and those of other programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fastctc.errors import ModelError
from fastctc.export.nemo_graphs import GraphPlan
from fastctc.export.nemo_model import NemoModel

__all__ = [
    "BLANK",
    "make_manifest",
    "why_not_onnx_asr",
    "write_manifest",
    "write_onnx_asr",
    "write_tokenizer",
    "write_tokens",
]

BLANK = "<blk>"

ONNX_ASR_FRONTEND = {
    "sample_rate_hz": 16000,
    "n_fft": 512,
    "win_length_samples": 400,
    "hop_length_samples": 160,
    "window": "hann",
    "preemphasis": 0.97,
    "normalize": "per_feature",
}


def write_tokens(vocabulary: Sequence[str], path: Path) -> None:
    """`piece id` per line, the blank last, as sherpa-onnx and onnx-asr read it.

    Raises:
        ModelError: A token would break its line.
    """
    for index, token in enumerate(vocabulary):
        if not token or token.splitlines() != [token]:
            raise ModelError(f"Token {index} of the model is {token!r}, which can't stand in a line of tokens.txt.")
    lines = [f"{token} {index}\n" for index, token in enumerate([*vocabulary, BLANK])]
    path.write_text("".join(lines), encoding="utf-8", newline="\n")


def write_tokenizer(nemo: NemoModel, directory: Path) -> list[str]:
    """Writes SentencePiece's models, if there are any: tokenizer.model, or one per language. Returns their names."""
    tokenizer = getattr(nemo.model, "tokenizer", None)
    languages = getattr(tokenizer, "tokenizers_dict", None) or {"": tokenizer}
    names = []
    for language, each in languages.items():
        pieces: Any = getattr(each, "tokenizer", None)
        if hasattr(pieces, "serialized_model_proto"):
            names.append(f"tokenizer-{language}.model" if language else "tokenizer.model")
            (directory / names[-1]).write_bytes(pieces.serialized_model_proto())
    return names


def make_manifest(nemo: NemoModel, plans: Sequence[GraphPlan], preset: str, about: Mapping[str, Any]) -> dict[str, Any]:
    """fastctc.json: everything that loading would otherwise have to ask or find out."""
    manifest = {
        "fastctc": 1,
        **about,
        "graphs": {plan.part: plan.file_name for plan in plans},
        "tokens": "tokens.txt",
        "blank_id": len(nemo.vocabulary),
        "text_style": nemo.text_style,
        "frontend": {"preset": preset, **nemo.frontend},
        "subsampling": {"factor": nemo.subsampling_factor},
        "log_probs_kind": "log_probs",
        "max_encoder_frames": nemo.max_encoder_frames,
    }
    if nemo.is_conformer and hasattr(nemo.encoder.pre_encode, "is_causal"):
        manifest["subsampling"]["causal"] = nemo.is_causal
    return manifest


def write_manifest(manifest: Mapping[str, Any], path: Path) -> None:
    """As text that people can edit."""
    path.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")


def why_not_onnx_asr(nemo: NemoModel) -> str:
    """What onnx-asr 0.12 would get wrong; "" if it runs the offline graph as NeMo does."""
    if not nemo.is_conformer:
        return "it feeds lengths, which the graph of this model has no input for"
    if nemo.frontend["normalize"] != "per_feature":
        return "it normalises features per feature, always"
    if nemo.frontend["n_mels"] not in (80, 128) or any(
        nemo.frontend[key] != value for key, value in ONNX_ASR_FRONTEND.items()
    ):
        return "it has another front end"
    return "it drops the last frame of causal models" if nemo.is_causal else ""


def write_onnx_asr(nemo: NemoModel, directory: Path) -> list[str]:
    """Writes config.json and vocab.txt, as onnx-asr reads them. Returns their names."""
    config = {
        "model_type": "nemo-conformer-ctc",
        "features_size": nemo.frontend["n_mels"],
        "subsampling_factor": nemo.subsampling_factor,
    }
    write_manifest(config, directory / "config.json")
    # onnx-asr splits lines at blanks, and turns these into blanks.
    write_tokens([token.replace(" ", "\u2581") for token in nemo.vocabulary], directory / "vocab.txt")
    return ["config.json", "vocab.txt"]
