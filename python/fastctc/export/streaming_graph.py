"""Builds the graph of one streaming step of a FastConformer-CTC anew, for windows of one size.

What NeMo's export computes, with less work:

- Keys and values are cached, not the attention's input: (X W)[rows] = (X[rows]) W, so only new rows are projected.
- Caches have time as first axis and grow by rows that the runtime appends (`fastctc_caches` = appended, caches.h):
  the graph never copies a cache.
- The window has one size, so position encodings are projected when the graph is built, shapes are constants, and only
  the output frames that are kept are computed: the dropped ones' share of the subsampling is cut off.
- The subsampling masks what its strided convolutions read, and nothing else.
- 1 x 1 convolutions are products, scales (1/2 of the feed-forwards, 1/sqrt(head width), xscaling) are in the weights.

Scores of a query at row i of the new rows and a key at row j of [cache, new rows], C rows cached
(Dai et al. 2019, arXiv:1901.02860; NeMo, RelPositionMultiHeadAttention):

    s[i, j] = ((q[i] + u) k[j] + (q[i] + v) p[C + i - j]) / sqrt(head width)

with p the projected sinusoids of the distance. As a product with all distances from C + T - 1 down to -(T - 1) it is
row i shifted by T - 1 - i: a view of the product with rows one shorter (`_shift`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastctc.errors import ModelError
from fastctc.export.builder import MICROSOFT, GraphBuilder
from fastctc.export.fastconformer import Convolution, FastConformer, Layer, Linear, Norm
from fastctc.export.graph import import_onnx

if TYPE_CHECKING:
    import onnx

__all__ = ["Step", "build_step"]

FACTOR = 8
DROPPED_FRAMES = 2
LEAD_FRAMES = FACTOR * DROPPED_FRAMES
"""Zeros in front of a stream, which the exact export masks."""
HIDDEN_SCORE = -10000.0  # NeMo's INF_VAL: its exponential is 0
LENGTHS = "cache_last_channel_len"


class Step(NamedTuple):
    """What a step reads, and what its queries see."""

    window_frames: int
    chunk_frames: int  # new ones
    attention_chunk: int  # output frames that see each other; a step may hold several

    @property
    def output_frames(self) -> int:
        """Of a whole step."""
        return self.chunk_frames // FACTOR


class _Graph:
    """The graph under construction, with what its parts share."""

    def __init__(self, model: FastConformer, step: Step) -> None:
        self.b = GraphBuilder()
        self.model = model
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
        """What is added to the scores, [batch, 1, 1 or new, keys]: 0, or so little that the key isn't seen."""
        b, context = self.b, self.model.context_frames
        keys = b.integers(np.arange(self.n_keys)[None])
        begin = b.add("Unsqueeze", b.add("Sub", b.integers(context), LENGTHS), b.integers([1]))
        end = b.add("Unsqueeze", b.add("Add", self.valid, b.integers(context)), b.integers([1]))
        seen = b.add("And", b.add("GreaterOrEqual", keys, begin), b.add("Less", keys, end))
        scores = b.add("Where", seen, b.floats(0), b.floats(HIDDEN_SCORE))
        scores = b.add("Unsqueeze", scores, b.integers([1, 2]))
        # Chunked attention: a chunk sees itself and as many before it as the context holds.
        chunk = np.arange(self.n_keys) // self.step.attention_chunk
        distance = chunk[context:, None] - chunk[None]
        is_seen = (distance >= 0) & (distance <= context // self.step.attention_chunk)
        return scores if is_seen.all() else b.add("Add", scores, b.floats(np.where(is_seen, 0, HIDDEN_SCORE)))

    def linear(self, x: str, linear: Linear) -> str:
        return self.b.add("Gemm", x, self.b.floats(linear.weight), self.b.floats(linear.bias))

    def norm(self, x: str, norm: Norm) -> str:
        b = self.b
        weights = b.floats(norm.weight), b.floats(norm.bias)
        return b.add("LayerNormalization", x, *weights, axis=-1, epsilon=norm.epsilon)

    def silu(self, x: str) -> str:
        return self.b.add("QuickGelu", x, domain=MICROSOFT, alpha=1.0)

    def reshape(self, x: str, *shape: int) -> str:
        return self.b.add("Reshape", x, self.b.integers(shape))

    def feed_forward(self, x: str, linears: tuple[Linear, Linear]) -> str:
        """Half of it, as Conformer adds it."""
        return self.linear(self.silu(self.linear(x, linears[0])), linears[1].scaled(0.5))


def build_step(model: FastConformer, step: Step) -> onnx.ModelProto:
    """The graph of a step. Its weights are in it.

    Inputs audio_signal float32 [batch, features, window]; length int64 [batch];
    cache_last_channel_len int64 [batch]; for each layer cache_keys.N and cache_values.N float32 [context, batch, heads,
    head width] and cache_conv.N float32 [kernel - 1, batch, width]. Outputs logprobs float32 [batch, frames, tokens],
    encoded_lengths and cache_last_channel_next_len int64 [batch], and the new rows of each cache, new_keys.N ...

    Raises:
        ModelError: The sizes of the step don't belong together.
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
        x = _layer(graph, x, i, layer)
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
    n_features = int(model.metadata.get("fastctc_n_features", 0)) or _n_features(model)
    inputs = [
        # The frames are left open, as in every export; what runs is the window of the metadata.
        value("audio_signal", floats, [batch, n_features, "frames"]),
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
    dropped = ("cache_last_channel_dim", "cache_last_time_dim")  # of caches that this graph hasn't
    return {
        **{key: value for key, value in model.metadata.items() if not key.startswith(dropped)},
        "window_size": str(step.window_frames),
        "chunk_shift": str(step.chunk_frames),
        "subsampling_factor": str(FACTOR),
        "fastctc_dropped_frames": str(DROPPED_FRAMES),
        "fastctc_caches": "appended",
    }


def _n_features(model: FastConformer) -> int:
    """Bands that the subsampling's output stands for: it halves them three times, n -> n // 2 + 1."""
    n_bands = model.out.weight.shape[0] // len(model.subsampling[0].weight)
    fitting = [n for n in (80, 64, 128, 40) if ((n // 2 + 1) // 2 + 1) // 2 + 1 == n_bands]
    if not fitting:
        raise ModelError(f"Its subsampling gives {n_bands} bands, which fits no number of features that NeMo uses.")
    return fitting[0]


def _subsampling(graph: _Graph) -> str:
    """[new * batch, width], time first, of the output frames that are kept."""
    b, model = graph.b, graph.model
    lead = None
    if model.masks_lead:
        past = b.add("Mul", LENGTHS, b.integers(FACTOR))
        lead = b.add("Max", b.add("Sub", b.integers(LEAD_FRAMES), past), b.integers(0))
    # Frame t of a level takes frames 2 t - 2 to 2 t of the one before: the kept ones, from 2 on, start from 2 at each.
    first, n_frames = DROPPED_FRAMES, graph.step.window_frames - DROPPED_FRAMES
    x = b.add("Transpose", "audio_signal", perm=[0, 2, 1])
    x = b.add("Slice", x, b.integers([first]), b.integers([graph.step.window_frames]), b.integers([1]))
    x = b.add("Unsqueeze", x, b.integers([1]))  # [batch, 1, frames, features]
    for level, strided in enumerate(model.subsampling[:1] + model.subsampling[1::2]):
        frames = b.integers(np.arange(first, first + n_frames)[None])
        mask = b.add("Less", frames, b.add("Unsqueeze", graph.lengths[level], b.integers([1])))
        if lead is not None:
            begin = b.add("Unsqueeze", b.add("Div", lead, b.integers(2**level)), b.integers([1]))
            mask = b.add("And", mask, b.add("GreaterOrEqual", frames, begin))
        x = b.add("Mul", x, b.add("Unsqueeze", b.add("Cast", mask, to=1), b.integers([1, 3])))
        x = _strided(graph, x, strided, group=1 if level == 0 else len(strided.weight))
        if level > 0:
            pointwise = model.subsampling[2 * level]
            x = b.add("Conv", x, b.floats(pointwise.weight), b.floats(pointwise.bias), kernel_shape=[1, 1])
        x = b.add("Relu", x)
        n_frames = (n_frames - 3) // 2 + 1
    x = graph.reshape(b.add("Transpose", x, perm=[2, 0, 1, 3]), -1, model.out.weight.shape[0])
    return graph.linear(x, model.out.scaled(model.input_scale))


def _strided(graph: _Graph, x: str, convolution: Convolution, group: int) -> str:
    """Causal over time, where the frames before are there, and as NeMo pads over frequencies: 2 before, 1 behind."""
    b = graph.b
    weights = b.floats(convolution.weight), b.floats(convolution.bias)
    return b.add("Conv", x, *weights, kernel_shape=[3, 3], strides=[2, 2], pads=[0, 2, 0, 1], group=group)


def _layer(graph: _Graph, x: str, index: int, layer: Layer) -> str:
    b = graph.b
    x = b.add("Add", x, graph.feed_forward(graph.norm(x, layer.norms["feed_forward1"]), layer.feed_forwards[0]))
    x = b.add("Add", x, _attention(graph, graph.norm(x, layer.norms["self_att"]), index, layer))
    x = b.add("Add", x, _convolution(graph, graph.norm(x, layer.norms["conv"]), index, layer))
    x = b.add("Add", x, graph.feed_forward(graph.norm(x, layer.norms["feed_forward2"]), layer.feed_forwards[1]))
    return graph.norm(x, layer.norms["out"])


def _attention(graph: _Graph, x: str, index: int, layer: Layer) -> str:
    b, (n_heads, head_width) = graph.b, graph.model.heads
    scale = np.float32(1 / math.sqrt(head_width))
    cached_keys, cached_values = f"cache_keys.{index}", f"cache_values.{index}"
    shape = (graph.n_new, -1, n_heads, head_width)
    keys = graph.reshape(graph.linear(x, layer.attention["k"]), *shape)
    values = graph.reshape(graph.linear(x, layer.attention["v"]), *shape)
    b.rename(keys, f"new_keys.{index}")
    b.rename(values, f"new_values.{index}")

    query = layer.attention["q"]
    product = b.add("MatMul", x, b.floats(query.weight * scale))
    by_content, by_position = (
        b.add("Add", product, b.floats((query.bias + bias.ravel()) * scale))
        for bias in (layer.pos_bias_u, layer.pos_bias_v)
    )
    by_content = graph.reshape(by_content, *shape)
    # Time first in queries and keys: transBatch makes it the product's own axis, without a copy.
    axes = {"domain": MICROSOFT, "transBatchA": 1, "transBatchB": 1, "transB": 1}
    scores = [b.add("FusedMatMul", by_content, side, **axes) for side in (cached_keys, keys)]
    all_scores = b.add("Concat", *scores, axis=-1)  # [batch, heads, new, keys]
    all_scores = b.add("Add", all_scores, _position_scores(graph, by_position, layer))
    weights = b.add("Softmax", b.add("Add", all_scores, graph.hidden), axis=-1)
    sizes = b.integers([graph.model.context_frames, graph.n_new])
    sides = zip(b.add_many("Split", 2, weights, sizes, axis=-1), (cached_values, values), strict=True)
    parts = [b.add("FusedMatMul", weight, side, domain=MICROSOFT, transBatchB=1) for weight, side in sides]
    result = b.add("Transpose", b.add("Add", *parts), perm=[2, 0, 1, 3])
    return graph.linear(graph.reshape(result, -1, graph.model.width), layer.attention["out"])


def _position_scores(graph: _Graph, queries: str, layer: Layer) -> str:
    """[batch, heads, new, keys]."""
    b, (n_heads, head_width) = graph.b, graph.model.heads
    n_distances = graph.n_keys + graph.n_new - 1
    distances = np.arange(graph.n_keys - 1, -graph.n_new, -1)
    projected = _sinusoids(distances, graph.model.width) @ layer.attention["pos"].weight.astype(np.float64)
    projected += layer.attention["pos"].bias
    by_head = projected.reshape(n_distances, n_heads, head_width).transpose(1, 2, 0)
    # One product a head for all streams: position encodings are the same for each.
    queries = b.add("Transpose", graph.reshape(queries, -1, n_heads, head_width), perm=[1, 0, 2])
    scores = b.add("MatMul", queries, b.floats(by_head))
    scores = graph.reshape(scores, n_heads, graph.n_new, -1, n_distances)
    return _shift(graph, b.add("Transpose", scores, perm=[2, 0, 1, 3]))


def _shift(graph: _Graph, scores: str) -> str:
    """Row i of [batch, heads, new, distances] from its distance new - 1 - i on, as many as there are keys."""
    n_new, n_distances = graph.n_new, graph.n_keys + graph.n_new - 1
    if n_new == 1:
        return scores
    b, n_heads = graph.b, graph.model.heads[0]
    flat = graph.reshape(scores, -1, n_heads, n_new * n_distances)
    end = n_new - 1 + n_new * (n_distances - 1)
    flat = b.add("Slice", flat, b.integers([n_new - 1]), b.integers([end]), b.integers([2]))
    rows = graph.reshape(flat, -1, n_heads, n_new, n_distances - 1)
    if n_distances - 1 == graph.n_keys:
        return rows
    return b.add("Slice", rows, b.integers([0]), b.integers([graph.n_keys]), b.integers([3]))


def _sinusoids(positions: NDArray[np.int64], width: int) -> NDArray[np.float64]:
    """NeMo's position encodings [positions, width]: sines at even places, cosines at odd ones."""
    angles = positions[:, None] * np.exp(np.arange(0, width, 2) * -(math.log(10000.0) / width))
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(len(positions), width)


def _convolution(graph: _Graph, x: str, index: int, layer: Layer) -> str:
    b, width = graph.b, graph.model.width
    value, gate = (
        graph.linear(x, Linear(layer.gate.weight[:, half], layer.gate.bias[half]))
        for half in (slice(0, width), slice(width, None))
    )
    x = graph.reshape(b.add("Mul", value, b.add("Sigmoid", gate)), graph.n_new, -1, width)
    x = b.add("Mul", x, graph.keep)
    b.rename(x, f"new_conv.{index}")
    x = b.add("Concat", f"cache_conv.{index}", x, axis=0)  # [kernel - 1 + new, batch, width]
    x = graph.reshape(_depthwise(graph, x, layer.depthwise), -1, width)
    if layer.conv_norm is not None:
        x = graph.norm(x, layer.conv_norm)
    return graph.linear(graph.silu(x), layer.pointwise)


def _depthwise(graph: _Graph, x: str, convolution: Convolution) -> str:
    b, kernel, width = graph.b, graph.model.kernel, graph.model.width
    if graph.n_new == 1:
        x = b.add("Mul", x, b.floats(convolution.weight[:, 0].T[:, None]))
        return b.add("Add", b.add("ReduceSum", x, b.integers([0])), b.floats(convolution.bias))
    # As an image of time x streams: ONNX Runtime has a fast kernel for depthwise convolutions of images.
    x = b.add("Unsqueeze", b.add("Transpose", x, perm=[2, 0, 1]), b.integers([0]))
    weights = b.floats(convolution.weight[..., None]), b.floats(convolution.bias)
    x = b.add("Conv", x, *weights, kernel_shape=[kernel, 1], group=width)
    return b.add("Transpose", b.add("Squeeze", x, b.integers([0])), perm=[1, 2, 0])
