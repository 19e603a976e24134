"""The ONNX graphs of a NeMo model: which ones it has, and how NeMo's own exporter makes them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from fastctc.errors import ModelError, OptionError
from fastctc.export.graph import import_onnx
from fastctc.export.nemo_model import NemoModel, quiet_nemo

__all__ = ["GraphPlan", "export_graph", "plan_graphs"]

LONG_FORM_ROWS = 112
"""Least output frames per step of the graph for long recordings: enough for full-size matrix products."""
LONG_FORM_CHUNKS = 8
"""Least attention chunks per such step."""

OFFLINE = "offline"
LONG_FORM = "long_form"


class GraphPlan(NamedTuple):
    """One graph to be made."""

    part: str
    """Its name in the manifest's `graphs`."""
    file_name: str
    context: tuple[int, int] | None
    """Output frames that the attention sees before and after; None: the model has one way only."""
    chunks: int
    """Attention chunks per step; 0: whole recordings."""


def plan_graphs(nemo: NemoModel, latency_ms: int | None = None) -> list[GraphPlan]:
    """The graphs that the model can have: offline, one for streams of each look-ahead, one for long recordings.

    Args:
        nemo: The model.
        latency_ms: Look-ahead of the offline graph; None: the model's default, which is its first.

    Raises:
        OptionError: The model was not trained with that look-ahead.
    """
    offline = _offline_context(nemo, latency_ms)
    plans = [GraphPlan(OFFLINE, "model.onnx", offline, 0)]
    if nemo.why_no_streams():
        return plans
    for context in nemo.stream_contexts:
        milliseconds = nemo.look_ahead_ms(context)
        plans.append(GraphPlan(f"streaming_{milliseconds}ms", f"stream-{milliseconds}ms.onnx", context, 1))
    if offline in nemo.stream_contexts:
        rows = offline[1] + 1
        chunks = max(LONG_FORM_CHUNKS, LONG_FORM_ROWS // rows)
        name = f"stream-{nemo.look_ahead_ms(offline)}ms-x{chunks}.onnx"
        plans.append(GraphPlan(LONG_FORM, name, offline, chunks))
    return plans


def _offline_context(nemo: NemoModel, latency_ms: int | None) -> Any:
    if not nemo.contexts:
        if latency_ms is not None:
            raise OptionError("latency_ms chooses among look-aheads, and this model has none.")
        return None
    if latency_ms is None:
        return nemo.contexts[0]
    found = {nemo.look_ahead_ms(context): context for context in nemo.contexts if context[1] >= 0}
    if latency_ms not in found:
        known = ", ".join(map(str, sorted(found))) or "none: it sees the whole recording"
        raise OptionError(f"latency_ms is {latency_ms}, but the model was trained with look-aheads of {known} ms.")
    return found[latency_ms]


def export_graph(nemo: NemoModel, plan: GraphPlan, path: Path) -> None:
    """Writes one graph with its weights and its metadata.

    Raises:
        ModelError: NeMo can't export it, or its subsampling has no place for the mask of the first window.
    """
    encoder = nemo.encoder
    if plan.context is not None:
        encoder.set_default_att_context_size(list(plan.context))
    settings = {"decoder_type": "ctc"} if nemo.is_hybrid else {}
    if plan.chunks:
        settings["cache_support"] = "True"
    try:
        with quiet_nemo(), _masked_lead(nemo) if plan.chunks else contextlib.nullcontext():
            nemo.model.set_export_config(settings)
            if plan.chunks > 1 and plan.context is not None:
                rows = plan.chunks * (plan.context[1] + 1)
                encoder.setup_streaming_params(chunk_size=rows, shift_size=rows)
            nemo.model.export(str(path))
    except (ModelError, MemoryError):
        raise
    except Exception as error:  # any error of NeMo, torch and onnx
        raise ModelError(f"NeMo can't export the {plan.part} graph of this {nemo.name}: {error}") from error
    finally:
        if hasattr(encoder, "export_cache_support"):
            encoder.export_cache_support = False
    _write_metadata(path, _metadata(nemo, plan))


@contextlib.contextmanager
def _masked_lead(nemo: NemoModel) -> Iterator[None]:
    """Inside this context the subsampling masks the frames before a stream, which are not part of the signal.

    A cache-aware graph drops its first output frames, so a stream starts with input frames of zeros for them. For the
    convolutions these zeros are not padding. Masked between the convolutions they become padding, and the stream's
    log-probs equal those of the whole recording. How many of a window's frames lie before the signal follows from
    `cache_last_channel_len`, the output frames so far.
    """
    encoder = nemo.encoder
    convolutions: Any = getattr(encoder.pre_encode, "conv", None)
    if not hasattr(convolutions, "_create_mask"):
        raise ModelError(
            "The model's subsampling has no masks between its convolutions, so its streams can't be made exact. "
            "It takes NeMo 2.5 or newer, and subsampling by strided convolutions over time and frequency."
        )
    forward, create_mask = encoder.forward_internal, convolutions._create_mask
    factor = nemo.subsampling_factor
    state: dict[str, Any] = {"lead": None, "stride": 1}

    def forward_internal(audio_signal: Any, length: Any, **caches: Any) -> Any:
        done = caches.get("cache_last_channel_len")
        zeros = factor * encoder.streaming_cfg.drop_extra_pre_encoded
        state.update(lead=None if done is None else (zeros - factor * done).clamp(min=0), stride=1)
        return forward(audio_signal, length, **caches)

    def masked(tensor: Any, lengths: Any) -> Any:  # called for the input, then after each stride of 2
        import torch

        mask = create_mask(tensor, lengths)
        if state["lead"] is None:
            return mask
        begin = torch.div(state["lead"], state["stride"], rounding_mode="floor")
        state["stride"] *= 2
        frames = torch.arange(tensor.shape[2], device=tensor.device)
        keep = frames.unsqueeze(0) >= begin.unsqueeze(1)
        return mask * keep.unsqueeze(-1).to(mask.dtype)

    encoder.forward_internal = forward_internal
    convolutions._create_mask = masked
    try:
        yield
    finally:
        del encoder.forward_internal, convolutions._create_mask


def _metadata(nemo: NemoModel, plan: GraphPlan) -> dict[str, str]:
    """The keys that sherpa-onnx reads."""
    normalize = nemo.frontend["normalize"]
    values: dict[str, Any] = {
        "vocab_size": len(nemo.vocabulary),
        "normalize_type": "" if normalize == "none" else normalize,
        "subsampling_factor": nemo.subsampling_factor,
        # Only the CTC branch is in the graph; of hybrid models sherpa-onnx knows those with subword tokens.
        "model_type": {"EncDecHybridRNNTCTCModel": "EncDecCTCModel"}.get(nemo.name, nemo.name),
        "version": "1",
        "model_author": "NeMo",
        "url": "",
        "comment": "exported by fastctc",
        "is_giga_am": "0",
    }
    if plan.chunks:
        encoder, config = nemo.encoder, nemo.encoder.streaming_cfg
        chunk, past = (_later(size) for size in (config.chunk_size, config.pre_encode_cache_size))
        values |= {
            "window_size": chunk + past,
            "chunk_shift": chunk,
            "cache_last_channel_dim1": len(encoder.layers),
            "cache_last_channel_dim2": config.last_channel_cache_size,
            "cache_last_channel_dim3": encoder.d_model,
            "cache_last_time_dim1": len(encoder.layers),
            "cache_last_time_dim2": encoder.d_model,
            "cache_last_time_dim3": encoder.conv_context_size[0],
        }
    return {key: str(value) for key, value in values.items()}


def _later(sizes: Any) -> int:
    """Of [first window, later windows], or of both."""
    return int(sizes[1] if isinstance(sizes, list) else sizes)


def _write_metadata(path: Path, metadata: dict[str, str]) -> None:
    onnx = import_onnx()
    model = onnx.load(str(path), load_external_data=False)
    del model.metadata_props[:]
    for key, value in metadata.items():
        model.metadata_props.add(key=key, value=value)
    path.write_bytes(model.SerializeToString())
