"""Builds the graph of one streaming step of a FastConformer-CTC anew, for windows of one size.

It computes what NeMo's export computes, with less work:

- Keys and values are cached, not the attention's input: (X W)[rows] = (X[rows]) W, so only new rows are projected.
- Caches have time as first axis and grow by rows that the runtime appends (`fastctc_caches` = appended, caches.h):
  the graph never copies a cache.
- The window has one size, so position encodings are projected when the graph is built, shapes are constants, and only
  the output frames that are kept are computed, without the subsampling of the dropped ones.
- The subsampling masks what its strided convolutions read, and only at a stream's start and end.

A query at row i of the new rows and a key at row j of [cache, new rows] have the distance C + i - j, C rows cached:
among all distances, from C + T - 1 down to -(T - 1), that is place T - 1 + j - i. The rest is in `conformer_blocks`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastctc.errors import ModelError
from fastctc.export.conformer_blocks import HIDDEN_SCORE, ConformerBlocks, sinusoids
from fastctc.export.fastconformer import Convolution, FastConformer, Layer
from fastctc.export.graph import import_onnx
from fastctc.export.operators import DOMAIN
from fastctc.reference.operators import pack_encodings

if TYPE_CHECKING:
    import onnx

__all__ = ["Step", "build_step"]

FACTOR = 8
DROPPED_FRAMES = 2
LEAD_FRAMES = FACTOR * DROPPED_FRAMES
"""Zeros before a stream, which the exact export masks."""
CAUSAL_PADS = (2, 1)
LENGTHS = "cache_last_channel_len"


class Step(NamedTuple):
    """The input of a step, and what its queries see."""

    window_frames: int
    chunk_frames: int  # new ones
    attention_chunk: int  # output frames that see each other; a step may hold several

    @property
    def output_frames(self) -> int:
        """Of a whole step."""
        return self.chunk_frames // FACTOR


class _Graph(ConformerBlocks):
    """The graph under construction, with the parts that its layers share."""

    def __init__(self, model: FastConformer, step: Step) -> None:
        super().__init__(model)
        self.step = step
        self.n_new = step.output_frames
        self.n_keys = model.context_frames + self.n_new
        b = self.b
        self.lengths = ["length"]  # of the window, after every stride
        for _ in range(3):
            self.lengths.append(b.add("Add", b.add("Div", self.lengths[-1], b.integers(2)), b.integers(1)))
        self.valid = b.add("Max", b.add("Sub", self.lengths[3], b.integers(DROPPED_FRAMES)), b.integers(0))
        self.hidden = self._hidden()
        frames = b.integers(np.arange(self.n_new)[:, None])
        is_valid = b.add("Less", frames, b.add("Unsqueeze", self.valid, b.integers([0])))
        self.keep = b.add("Unsqueeze", b.add("Cast", is_valid, to=1), b.integers([2]))  # [new, batch, 1]

    def _hidden(self) -> str:
        """Added to the scores, [batch, 1, 1 or new, keys]: 0, or a number so low that the key isn't seen."""
        b, context = self.b, self.model.context_frames
        keys = b.integers(np.arange(self.n_keys)[None])
        begin = b.add("Unsqueeze", b.add("Sub", b.integers(context), LENGTHS), b.integers([1]))
        end = b.add("Unsqueeze", b.add("Add", self.valid, b.integers(context)), b.integers([1]))
        seen = b.add("And", b.add("GreaterOrEqual", keys, begin), b.add("Less", keys, end))
        scores = b.add("Where", seen, b.floats(0), b.floats(HIDDEN_SCORE))
        scores = b.add("Unsqueeze", scores, b.integers([1, 2]))
        # Chunked attention: a chunk sees itself and the chunks before it that the context holds.
        chunk = np.arange(self.n_keys) // self.step.attention_chunk
        distance = chunk[context:, None] - chunk[None]
        is_seen = (distance >= 0) & (distance <= context // self.step.attention_chunk)
        return scores if is_seen.all() else b.add("Add", scores, b.floats(np.where(is_seen, 0, HIDDEN_SCORE)))


def build_step(model: FastConformer, step: Step) -> onnx.ModelProto:
    """The graph of a step. Its weights are in it.

    Inputs audio_signal float32 [batch, features, window]; length int64 [batch];
    cache_last_channel_len int64 [batch]; for each layer cache_keys.N and cache_values.N float32 [context, batch, heads,
    head width] and cache_conv.N float32 [kernel - 1, batch, width]. Outputs logprobs float32 [batch, frames, tokens],
    encoded_lengths and cache_last_channel_next_len int64 [batch], and the new rows of each cache, new_keys.N ...

    Raises:
        ModelError: The sizes of the step don't fit each other.
    """
    if step.chunk_frames % FACTOR or step.window_frames != step.chunk_frames + LEAD_FRAMES - FACTOR + 1:
        raise ModelError(f"A window of {step.window_frames} frames doesn't fit chunks of {step.chunk_frames}.")
    if step.output_frames % step.attention_chunk or model.context_frames % step.attention_chunk:
        raise ModelError(f"Chunks of {step.attention_chunk} frames don't fit a step of {step.output_frames}.")
    graph = _Graph(model, step)
    b = graph.b
    x = _subsampling(graph)
    rows: list[tuple[str, int, list[Any]]] = []  # the caches: name, rows, shape of a row
    n_heads, head_width = model.heads
    for i, layer in enumerate(model.layers):
        rows += [(f"{name}.{i}", model.context_frames, [n_heads, head_width]) for name in ("keys", "values")]
        rows.append((f"conv.{i}", model.kernel - 1, [model.width]))
        x = graph.layer(x, layer, partial(_attention, graph, index=i), partial(_convolution, graph, index=i))
    scores = b.add("LogSoftmax", graph.linear(x, model.decoder), axis=-1)
    n_tokens = model.decoder.weight.shape[1]
    b.rename(b.add("Transpose", graph.reshape(scores, graph.n_new, -1, n_tokens), perm=[1, 0, 2]), "logprobs")
    b.rename(b.add("Min", graph.valid, b.integers(graph.n_new)), "encoded_lengths")
    context = b.integers(model.context_frames)
    next_length = b.add("Min", b.add("Add", LENGTHS, b.integers(graph.n_new)), context)
    b.rename(next_length, "cache_last_channel_next_len")
    return b.model("fastctc_step", *_signature(model, step, rows), _metadata(model, step))


def _signature(
    model: FastConformer, step: Step, rows: list[tuple[str, int, list[Any]]]
) -> tuple[list[onnx.ValueInfoProto], list[onnx.ValueInfoProto]]:
    onnx = import_onnx()
    floats, integers = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
    value, batch = onnx.helper.make_tensor_value_info, "batch"
    inputs = [
        # The number of frames is open, as in every export; runs have the window of the metadata.
        value("audio_signal", floats, [batch, model.n_features, "frames"]),
        value("length", integers, [batch]),
        value(LENGTHS, integers, [batch]),
        *(value(f"cache_{name}", floats, [n_rows, batch, *shape]) for name, n_rows, shape in rows),
    ]
    n_new, n_tokens = step.output_frames, model.decoder.weight.shape[1]
    outputs = [
        value("logprobs", floats, [batch, n_new, n_tokens]),
        value("encoded_lengths", integers, [batch]),
        value("cache_last_channel_next_len", integers, [batch]),
        *(value(f"new_{name}", floats, [n_new, batch, *shape]) for name, _, shape in rows),
    ]
    return inputs, outputs


def _metadata(model: FastConformer, step: Step) -> dict[str, str]:
    dropped = ("cache_last_channel_dim", "cache_last_time_dim")  # of caches that this graph lacks
    return {
        **{key: value for key, value in model.metadata.items() if not key.startswith(dropped)},
        "window_size": str(step.window_frames),
        "chunk_shift": str(step.chunk_frames),
        "subsampling_factor": str(FACTOR),
        "fastctc_dropped_frames": str(DROPPED_FRAMES),
        "fastctc_caches": "appended",
    }


def _subsampling(graph: _Graph) -> str:
    """[new * batch, width], time first, of the output frames that are kept."""
    b, window = graph.b, graph.step.window_frames
    # Frame t of a level takes frames 2 t - 2 to 2 t of the one before: the kept ones, from 2 on, start from 2 at each.
    x = b.add("Transpose", "audio_signal", perm=[0, 2, 1])
    x = b.add("Slice", x, b.integers([DROPPED_FRAMES]), b.integers([window]), b.integers([1]))
    x = b.add("Unsqueeze", x, b.integers([1]))  # [batch, 1, frames, features]
    # Causal over time, where the frames before are there, and as NeMo pads over frequencies.
    before, behind = CAUSAL_PADS
    pads = (0, before, 0, behind)
    is_masked = b.add("Less", b.add("ReduceMin", "length", keepdims=0), b.integers(window))
    if graph.model.masks_lead:
        is_start = b.add("Less", b.add("ReduceMin", LENGTHS, keepdims=0), b.integers(DROPPED_FRAMES))
        is_masked = b.add("Or", is_masked, is_start)
    return graph.projected(
        b.choose(
            is_masked,
            lambda: graph.convolved(x, partial(_mask, graph), pads),
            lambda: graph.convolved(x, lambda y, _level: y, pads),
        )
    )


def _mask(graph: _Graph, x: str, level: int) -> str:
    """Hides places without a frame from a level's convolution: after the window's end, before a stream's start."""
    b, n_frames = graph.b, graph.step.window_frames - DROPPED_FRAMES
    for _ in range(level):
        n_frames = (n_frames - 3) // 2 + 1
    frames = b.integers(np.arange(DROPPED_FRAMES, DROPPED_FRAMES + n_frames)[None])
    seen = b.add("Less", frames, b.add("Unsqueeze", graph.lengths[level], b.integers([1])))
    if graph.model.masks_lead:
        past = b.add("Mul", LENGTHS, b.integers(FACTOR))
        lead = b.add("Max", b.add("Sub", b.integers(LEAD_FRAMES), past), b.integers(0))
        begin = b.add("Unsqueeze", b.add("Div", lead, b.integers(2**level)), b.integers([1]))
        seen = b.add("And", seen, b.add("GreaterOrEqual", frames, begin))
    return b.add("Mul", x, b.add("Unsqueeze", b.add("Cast", seen, to=1), b.integers([1, 3])))


def _attention(graph: _Graph, x: str, layer: Layer, residual: str, index: int) -> str:
    b, (n_heads, head_width) = graph.b, graph.model.heads
    shape = (graph.n_new, -1, n_heads, head_width)
    keys, values = (graph.reshape(graph.product(x, layer.attention[name]), *shape) for name in ("k", "v"))
    b.rename(keys, f"new_keys.{index}")
    b.rename(values, f"new_values.{index}")
    queries = (graph.reshape(query, *shape) for query in graph.queries(x, layer))
    operands = (f"cache_keys.{index}", keys, f"cache_values.{index}", values, _positions(graph, layer), graph.hidden)
    first = b.integers([graph.n_new - 1])
    result = b.add("RelativeAttentionCached", *queries, *operands, first, domain=DOMAIN)
    return graph.attention_output(graph.reshape(result, -1, graph.model.width), layer, residual)


def _positions(graph: _Graph, layer: Layer) -> str:
    """Projected encodings in panels: query 0 and key 0 are at the place `new` - 1."""
    pos, model = layer.attention["pos"], graph.model
    distances = np.arange(graph.n_keys - 1, -graph.n_new, -1)
    projected = sinusoids(distances, model.width) @ pos.weight.astype(np.float64) + pos.bias
    return graph.b.floats(pack_encodings(projected.reshape(-1, *model.heads)))


def _convolution(graph: _Graph, x: str, layer: Layer, residual: str, index: int) -> str:
    b, width = graph.b, graph.model.width
    x = b.add("Mul", graph.reshape(graph.gated(x, layer), graph.n_new, -1, width), graph.keep)
    b.rename(x, f"new_conv.{index}")
    x = b.add("Concat", f"cache_conv.{index}", x, axis=0)  # [kernel - 1 + new, batch, width]
    x = graph.reshape(_depthwise(graph, x, layer.depthwise), -1, width)
    return graph.after_depthwise(x, layer, residual)


def _depthwise(graph: _Graph, x: str, convolution: Convolution) -> str:
    b = graph.b
    if graph.n_new > 1:
        return graph.depthwise(x, convolution, (0, 0))
    x = b.add("Mul", x, b.floats(convolution.weight[:, 0].T[:, None]))
    return b.add("Add", b.add("ReduceSum", x, b.integers([0])), b.floats(convolution.bias))
