"""What a graph's inputs and outputs are for: recognised by name and by shape, as in `signature.cpp`."""

from __future__ import annotations

from typing import Any

from fastctc.errors import ModelError

__all__ = ["recognize_signature"]

# Names seen in the exports of NeMo, sherpa-onnx, onnx-asr, transformers, WeNet; the first one found wins.
AUDIO_NAMES = [
    *("audio_signal", "processed_signal", "features", "input_features", "input_values", "waveform", "waveforms"),
    *("speech", "audio", "feats", "x", "input"),
]
OUTPUT_NAMES = ["logprobs", "log_probs", "logits", "output"]
FEATURE_MAJOR_NAMES = ["audio_signal", "processed_signal"]  # NeMo's
LENGTH_ENDINGS = ["length", "lengths", "len", "lens"]


def _tensors(values: Any) -> list[dict[str, Any]]:
    names = {"float": "float32", "double": "float64"}
    tensors = []
    for value in values:
        kind = value.type.removeprefix("tensor(").removesuffix(")")
        shape = [size if isinstance(size, int) else -1 for size in value.shape]
        tensors.append({"name": value.name, "type": names.get(kind, kind), "shape": shape})
    return tensors


def _is_cache(tensor: dict[str, Any]) -> bool:
    return bool(tensor["name"].lower().startswith("cache"))


def _is_length(tensor: dict[str, Any]) -> bool:
    ending = tensor["name"].lower().rpartition("_")[2]
    integer = tensor["type"] in ("int64", "int32") and len(tensor["shape"]) <= 1
    return integer and not _is_cache(tensor) and ending in LENGTH_ENDINGS


def _choose(tensors: list[dict[str, Any]], names: list[str]) -> dict[str, Any] | None:
    for name in names:
        for tensor in tensors:
            if tensor["name"].lower() == name:
                return tensor
    return tensors[0] if len(tensors) == 1 else None


def recognize_signature(session: Any, path: str) -> dict[str, Any]:
    """Which input and output is which, by name and by shape."""
    inputs, outputs = _tensors(session.get_inputs()), _tensors(session.get_outputs())

    def unknown(why: str) -> ModelError:
        return ModelError(
            f"The graph {path} is not one that fastctc can run: {why}. Inputs: {inputs}; outputs: {outputs}. Expected: "
            "audio float32 [batch, features, frames], [batch, frames, features] or [batch, samples], with or without "
            "its lengths [batch] (length, *_lengths, *_len); an output float32 [batch, frames, tokens]."
        )

    lengths = [tensor for tensor in inputs if _is_length(tensor)]
    floats = [tensor for tensor in inputs if tensor["type"] == "float32" and not _is_cache(tensor)]
    audio = _choose(floats, AUDIO_NAMES)
    other = [t for t in inputs if t not in lengths and t is not audio and not _is_cache(t)]
    if audio is None or other or len(lengths) > 1:
        raise unknown("its inputs are not audio and lengths")
    shape = audio["shape"]
    if len(shape) not in (2, 3) or shape[0] > 1:
        raise unknown("its audio input is not a batch of 2 or 3 dimensions")
    if len(shape) == 2 or shape[1] == 1:
        layout, n_features, frames = "waveform", 1, shape[-1]
    elif shape[2] >= 0:
        layout, n_features, frames = "frame_major", shape[2], shape[1]
    else:
        layout, n_features, frames = "feature_major", max(shape[1], 0), shape[2]
    if frames >= 0 or (n_features == 0 and audio["name"].lower() not in FEATURE_MAJOR_NAMES):
        raise unknown("its frames are fixed, or nothing tells which axis holds the features")

    length_outputs = [tensor for tensor in outputs if _is_length(tensor)]
    scores = [t for t in outputs if t["type"] == "float32" and not _is_cache(t)]
    output = _choose(scores, OUTPUT_NAMES)
    if output is None or len(length_outputs) > 1:
        raise unknown("its log-prob output is not clear")
    shape = output["shape"]
    if shape and (len(shape) != 3 or (shape[1] >= 0 and shape[2] < 0)):
        # NeMo's exporter makes this of a hybrid model unless it is told otherwise.
        is_rnnt = output["name"].lower() == "outputs" and bool(length_outputs)
        what = ", but that of an RNN-T encoder; export the CTC branch (decoder_type ctc)" if is_rnnt else ""
        raise unknown(f"its output is not [batch, frames, tokens]{what}")
    return {
        "inputs": inputs,
        "outputs": outputs,
        "metadata": dict(session.get_modelmeta().custom_metadata_map),
        "layout": layout,
        "audio_input": audio["name"],
        "length_input": lengths[0]["name"] if lengths else "",
        "output": output["name"],
        "length_output": length_outputs[0]["name"] if length_outputs else "",
        "cache_aware": any(_is_cache(tensor) for tensor in inputs),
        "n_features": n_features,
        "n_tokens": max(shape[2], 0) if shape else 0,
    }
