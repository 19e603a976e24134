"""Builds the offline graph of a FastConformer-CTC anew: recordings of any length, batches of unequal ones.

It computes what NeMo's export computes, with less work:

- Attention limited to chunks and a context is computed in blocks of queries, each with the keys that it can see, not as
  a square that is mostly hidden. Time and memory grow with the length, not with its square.
- With limited attention distances are bounded, so position encodings are projected when the graph is built, and no
  table limits the length. With full attention they are cut from the model's own table and projected, as in NeMo.
- Masks are made once. Those of the subsampling are left out when no item of the batch is padded.
- Layouts: time first, products with the layers' weights over all frames, no shape but the batch's and the recording's
  computed (`conformer_blocks`).

A block of Q queries has C frames of context before it, or none in a short recording. Which distances there are, and
where those of a block begin: `_Band`, `_Square`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fastctc.errors import ModelError
from fastctc.export.conformer_blocks import HIDDEN_SCORE, ConformerBlocks, sinusoids
from fastctc.export.fastconformer import FastConformer, Layer
from fastctc.export.graph import import_onnx
from fastctc.export.operators import DOMAIN
from fastctc.reference.operators import PANEL_COLUMNS, pack_encodings

if TYPE_CHECKING:
    import onnx

__all__ = ["build_offline"]

LONGEST_SQUARE_FRAMES = 140
"""Up to this length one block without context, half of it hidden, is faster than two blocks with their contexts."""
BLOCK_FRAMES = 112


class _Graph(ConformerBlocks):
    """The graph under construction, with the parts computed once for all layers."""

    def __init__(self, model: FastConformer) -> None:
        super().__init__(model)
        b = self.b
        self.lengths = ["length"]  # after every stride
        for _ in range(3):
            self.lengths.append(self._strided(self.lengths[-1]))
        self.batch = b.add("Shape", "audio_signal", start=0, end=1)
        self.features = b.add("Unsqueeze", b.add("Transpose", "audio_signal", perm=[0, 2, 1]), b.integers([1]))

    def _strided(self, frames: str) -> str:
        """Frames after a stride of 2: n // 2 + 1 with pads of 2 and 1, (n - 1) // 2 + 1 with pads of 1 and 1."""
        b, padded = self.b, sum(self.model.subsampling_pads) - 3
        return b.add("Add", b.add("Div", b.add("Add", frames, b.integers(padded)), b.integers(2)), b.integers(1))

    def is_valid(self, frames: str, lengths: str) -> str:
        """Whether frames [n, 1] are before the end of each item, [n, batch]."""
        return self.b.add("Less", frames, self.b.add("Unsqueeze", lengths, self.b.integers([0])))

    def count(self, n: str) -> str:
        """0 to n - 1, for an n of shape [1]."""
        b = self.b
        return b.add("Range", b.integers(0), b.add("Squeeze", n, b.integers([0])), b.integers(1))

    def shape(self, *sizes: str | int) -> str:
        """A shape of constants and tensors of shape [1]."""
        b = self.b
        return b.add("Concat", *(size if isinstance(size, str) else b.integers([size]) for size in sizes), axis=0)


class _Blocks:
    """Blocks of queries: sizes, places and masks, computed once."""

    def __init__(self, graph: _Graph, n_frames: str) -> None:
        self.graph, b = graph, graph.b
        model = graph.model
        self.context, self.chunk = model.context_frames, model.attention_chunk
        if self.context:
            longest, block = (
                max(self.chunk, frames // self.chunk * self.chunk) for frames in (LONGEST_SQUARE_FRAMES, BLOCK_FRAMES)
            )
            is_long = b.add("Greater", n_frames, b.integers([longest]))
            self.n_queries = b.add("Where", is_long, b.integers([block]), n_frames)
            self.before = b.add("Where", is_long, b.integers([self.context]), b.integers([0]))
            ahead = b.add("Sub", b.add("Add", n_frames, self.n_queries), b.integers([1]))
            self.n_blocks = b.add("Div", ahead, self.n_queries)
        else:
            self.n_queries, self.before, self.n_blocks = n_frames, b.integers([0]), b.integers([1])
        self.n_keys = b.add("Add", self.before, self.n_queries)
        self.n_frames = n_frames
        self._name_shapes()
        starts = b.add("Mul", graph.count(self.n_blocks), self.n_queries)
        queries, keys = (
            b.add("Add", starts, b.add("Unsqueeze", frames, b.integers([1])))  # [frames of a block, blocks]
            for frames in (graph.count(self.n_queries), b.add("Sub", graph.count(self.n_keys), self.before))
        )
        last = b.add("Sub", n_frames, b.integers([1]))
        self.query_places = b.add("Min", queries, last)
        self.key_places = b.add("Max", b.add("Min", keys, last), b.integers([0]))
        self.hidden = self._hidden(queries, keys)
        self.shift: _Band | _Square = _Band(self) if self.context else _Square(self)

    def _name_shapes(self) -> None:
        graph, (n_heads, head_width) = self.graph, self.graph.model.heads
        items = graph.b.add("Mul", self.n_blocks, graph.batch)
        self.items = items
        self.query_shape = graph.shape(self.n_queries, items, n_heads, head_width)
        self.key_shape = graph.shape(self.n_keys, items, n_heads, head_width)
        self.joined_shape = graph.shape(-1, graph.batch, graph.model.width)
        self.block_shape = graph.shape(self.n_queries, self.n_blocks, graph.batch, graph.model.width)

    def _hidden(self, queries: str, keys: str) -> str:
        """Added to the scores, [blocks * batch, 1, queries or 1, keys]: 0, or so low that the key isn't seen."""
        graph, b = self.graph, self.graph.b
        length = b.add("Unsqueeze", graph.lengths[3], b.integers([1, 2]))  # [batch, 1, 1]
        key = b.add("Unsqueeze", b.add("Transpose", keys, perm=[1, 0]), b.integers([1, 2]))  # [blocks, 1, 1, keys]
        seen = b.add("Less", key, length)
        if self.context:
            seen = b.add("And", seen, b.add("GreaterOrEqual", key, b.integers(0)))
            query = b.add("Unsqueeze", b.add("Transpose", queries, perm=[1, 0]), b.integers([1, 3]))
            # Places before the recording are hidden above, so the rounding of the division doesn't matter.
            distance = b.add("Sub", *(b.add("Div", place, b.integers(self.chunk)) for place in (query, key)))
            seen = b.add("And", seen, b.add("GreaterOrEqual", distance, b.integers(0)))
            seen = b.add("And", seen, b.add("LessOrEqual", distance, b.integers(self.context // self.chunk)))
        scores = b.add("Where", seen, b.floats(0), b.floats(HIDDEN_SCORE))  # [blocks, batch, queries or 1, keys]
        rows = self.n_queries if self.context else 1
        return b.add("Reshape", scores, graph.shape(-1, 1, rows, self.n_keys))

    def attend(self, x: str, layer: Layer, residual: str) -> str:
        """A layer's attention over [time * batch, width], added to the residual."""
        graph, b = self.graph, self.graph.b
        by_content, by_position = (
            b.add("Reshape", query, self.query_shape)
            for query in graph.queries(x, layer, lambda product: self._cut(product, self.query_places))
        )
        keys, values = (
            b.add("Reshape", self._cut(graph.product(x, layer.attention[name]), self.key_places), self.key_shape)
            for name in ("k", "v")
        )
        operands = (keys, values, self.shift.positions(layer), self.hidden, self.shift.first)
        result = b.add("RelativeAttention", by_content, by_position, *operands, domain=DOMAIN)
        return graph.attention_output(self._join(result), layer, residual)

    def _cut(self, x: str, places: str) -> str:
        """Blocks of [time * batch, width]: [frames of a block, blocks, batch, width]."""
        b = self.graph.b
        return b.add("Gather", b.add("Reshape", x, self.joined_shape), places, axis=0) if self.context else x

    def _join(self, x: str) -> str:
        """[time * batch, width] of [queries, blocks * batch, heads, head width]."""
        graph, b = self.graph, self.graph.b
        if not self.context:
            return graph.reshape(x, -1, graph.model.width)
        x = b.add("Transpose", b.add("Reshape", x, self.block_shape), perm=[1, 0, 2, 3])
        x = b.add("Slice", b.add("Reshape", x, self.joined_shape), b.integers([0]), self.n_frames, b.integers([0]))
        return graph.reshape(x, -1, graph.model.width)


class _Band:
    """Scores by distance for limited attention, the largest distance first."""

    def __init__(self, blocks: _Blocks) -> None:
        self.graph = blocks.graph
        largest = blocks.context + blocks.chunk - 1
        self.distances = np.arange(largest, -blocks.chunk, -1)
        self.first = self.graph.b.add("Sub", self.graph.b.integers([largest]), blocks.before)

    def positions(self, layer: Layer) -> str:
        """Projected encodings in panels."""
        pos, model = layer.attention["pos"], self.graph.model
        projected = sinusoids(self.distances, model.width) @ pos.weight.astype(np.float64) + pos.bias
        return self.graph.b.floats(pack_encodings(projected.reshape(-1, *model.heads)))


class _Square:
    """Scores by distance for full attention: 2 T - 1 distances, the largest first."""

    def __init__(self, blocks: _Blocks) -> None:
        self.graph = blocks.graph
        self.encodings = self._cut_table(blocks.n_frames)
        self.first = self.graph.b.add("Sub", blocks.n_frames, self.graph.b.integers([1]))

    def _cut_table(self, n_frames: str) -> str:
        """Encodings of all distances from the model's table, in whole panels. The table bounds the recording."""
        b, table = self.graph.b, self.graph.model.position_table
        if table is None:
            raise ModelError("It has neither a context nor a table of position encodings.")
        zero = len(table) // 2  # the row of distance 0
        begin = b.add("Sub", b.integers([zero + 1]), n_frames)
        end = b.add("Add", b.integers([zero]), n_frames)
        rows = b.add("Slice", b.floats(table), begin, end, b.integers([0]))
        n_missing = b.add("Mod", b.add("Sub", begin, end), b.integers([PANEL_COLUMNS]))
        return b.add("Pad", rows, b.add("Concat", b.integers([0, 0]), n_missing, b.integers([0]), axis=0))

    def positions(self, layer: Layer) -> str:
        """Projected encodings in panels."""
        projected = self.graph.linear(self.encodings, layer.attention["pos"])
        panels = self.graph.reshape(projected, -1, PANEL_COLUMNS, *self.graph.model.heads)
        return self.graph.b.add("Transpose", panels, perm=[2, 0, 3, 1])


def build_offline(model: FastConformer) -> onnx.ModelProto:
    """The offline graph. Its weights are in it.

    Inputs audio_signal float32 [batch, features, frames] and length int64 [batch], the valid frames; output
    logprobs float32 [batch, output frames, tokens], where frames after an item's end have no meaning.
    """
    graph = _Graph(model)
    b = graph.b
    x = b.choose(_has_padding(graph), lambda: _convolved(graph, True), lambda: _convolved(graph, False))
    n_frames = b.add("Shape", x, start=2, end=3)
    x = graph.projected(x)
    frames = b.add("Unsqueeze", graph.count(n_frames), b.integers([1]))
    keep = b.add("Unsqueeze", b.add("Cast", graph.is_valid(frames, graph.lengths[3]), to=1), b.integers([2]))
    blocks = _Blocks(graph, n_frames)

    def convolution(x: str, layer: Layer, residual: str) -> str:
        x = b.add("Mul", b.add("Reshape", graph.gated(x, layer), blocks.joined_shape), keep)
        x = graph.reshape(graph.depthwise(x, layer.depthwise, model.conv_pads), -1, model.width)
        return graph.after_depthwise(x, layer, residual)

    for layer in model.layers:
        x = graph.layer(x, layer, blocks.attend, convolution)
    n_tokens = model.decoder.weight.shape[1]
    scores = b.add("LogSoftmax", graph.linear(x, model.decoder), axis=-1)
    scores = b.add("Reshape", scores, graph.shape(-1, graph.batch, n_tokens))
    b.rename(b.add("Transpose", scores, perm=[1, 0, 2]), "logprobs")
    return b.model("fastctc_offline", *_signature(model), model.metadata)


def _has_padding(graph: _Graph) -> str:
    """Whether an item of the batch is shorter than the batch."""
    b = graph.b
    shortest = b.add("ReduceMin", "length", keepdims=0)
    return b.add("Less", shortest, b.add("Squeeze", b.add("Shape", "audio_signal", start=2, end=3), b.integers([0])))


def _convolved(graph: _Graph, is_padded: bool) -> str:
    b = graph.b

    def mask(x: str, level: int) -> str:
        if not is_padded:
            return x
        frames = graph.count(b.add("Shape", x, start=2, end=3))
        is_valid = b.add("Less", frames, b.add("Unsqueeze", graph.lengths[level], b.integers([1])))
        return b.add("Mul", x, b.add("Unsqueeze", b.add("Cast", is_valid, to=1), b.integers([1, 3])))

    before, behind = graph.model.subsampling_pads
    return graph.convolved(graph.features, mask, (before, before, behind, behind))


def _signature(model: FastConformer) -> tuple[list[onnx.ValueInfoProto], list[onnx.ValueInfoProto]]:
    onnx = import_onnx()
    value, tensor = onnx.helper.make_tensor_value_info, onnx.TensorProto
    return (
        [
            value("audio_signal", tensor.FLOAT, ["batch", model.n_features, "frames"]),
            value("length", tensor.INT64, ["batch"]),
        ],
        [value("logprobs", tensor.FLOAT, ["batch", "output_frames", model.decoder.weight.shape[1]])],
    )
