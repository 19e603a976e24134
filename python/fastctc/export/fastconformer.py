"""Reads a FastConformer-CTC encoder and its decoder back from a graph that NeMo exported: weights and sizes.

The exporter names every node by the module that it came from (`/layers.0/self_attn/linear_q/MatMul`), so weights are
found by their node, whatever name the exporter gave to the weights themselves. Source of the architecture: NeMo,
nemo/collections/asr/modules/conformer_encoder.py and parts/submodules/{conformer_modules,multi_head_attention,
subsampling}.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastctc.errors import ModelError
from fastctc.export.graph import Graph, unknown_form

if TYPE_CHECKING:
    import onnx

__all__ = ["Convolution", "FastConformer", "Layer", "Linear", "Norm", "read_fastconformer"]

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Linear:
    """y = x weight + bias."""

    weight: Floats  # [n_inputs, n_outputs]
    bias: Floats  # [n_outputs]

    def scaled(self, factor: float) -> Linear:
        """This product times the factor."""
        return Linear(self.weight * np.float32(factor), self.bias * np.float32(factor))


@dataclass(frozen=True)
class Convolution:
    """A convolution's weights, as ONNX has them."""

    weight: Floats  # [n_outputs, n_inputs / groups, ...]
    bias: Floats  # [n_outputs]

    def linear(self) -> Linear:
        """A convolution of kernel 1 as a product."""
        return Linear(np.ascontiguousarray(self.weight.reshape(len(self.weight), -1).T), self.bias)


@dataclass(frozen=True)
class Norm:
    """Layer normalisation."""

    weight: Floats
    bias: Floats
    epsilon: float


@dataclass(frozen=True)
class Layer:
    """A Conformer layer."""

    norms: dict[str, Norm]  # feed_forward1, self_att, conv, feed_forward2, out
    feed_forwards: tuple[tuple[Linear, Linear], tuple[Linear, Linear]]
    attention: dict[str, Linear]  # q, k, v, pos, out
    pos_bias_u: Floats  # [heads, head width]
    pos_bias_v: Floats
    gate: Linear  # pointwise_conv1: width to twice the width
    depthwise: Convolution  # [width, 1, kernel]
    conv_norm: Norm | None  # None: a batch normalisation, which the exporter folded into the convolution
    pointwise: Linear


@dataclass(frozen=True)
class FastConformer:
    """A FastConformer-CTC: subsampling by 8, Conformer layers, linear decoder."""

    subsampling: tuple[Convolution, ...]  # 3 x 3, then depthwise 3 x 3 and 1 x 1 by turns; all strides but 1 x 1's: 2
    out: Linear  # of channels x frequencies
    layers: tuple[Layer, ...]
    decoder: Linear
    input_scale: float  # scale of the first layer's input (xscaling); 1: none
    context_frames: int  # output frames of the past that a chunk of attention sees; 0: everything sees everything
    attention_chunk: int  # output frames that see each other; 0: in a step's graph, which doesn't tell; or everything
    subsampling_pads: tuple[int, int]  # before and behind, over time as over frequencies; (2, 1): causal
    conv_pads: tuple[int, int]  # of the depthwise convolutions
    position_table: Floats | None  # [2 frames - 1, width], of offline graphs
    masks_lead: bool  # the subsampling masks the frames before the first one: the exact export of a step
    metadata: dict[str, str]

    @property
    def width(self) -> int:
        """Of the encoder."""
        return int(self.out.weight.shape[1])

    @property
    def heads(self) -> tuple[int, int]:
        """Number and width of the attention's heads."""
        n_heads, width = self.layers[0].pos_bias_u.shape
        return n_heads, width

    @property
    def n_features(self) -> int:
        """Bands of the subsampling's output: it halves them three times."""
        n_bands, padded = self.out.weight.shape[0] // len(self.subsampling[0].weight), sum(self.subsampling_pads) - 3
        halved = {n: ((n + padded) // 2 + 1 + padded) // 2 + 1 for n in (80, 64, 128, 40)}
        fitting = [n for n, quarter in halved.items() if (quarter + padded) // 2 + 1 == n_bands]
        if not fitting:
            raise ModelError(f"Its subsampling gives {n_bands} bands, which fits no number of features that NeMo uses.")
        return fitting[0]

    @property
    def kernel(self) -> int:
        """Taps of the depthwise convolution."""
        return int(self.layers[0].depthwise.weight.shape[2])


def read_fastconformer(graph: Graph) -> FastConformer:
    """The model in a graph, offline or cache-aware.

    Raises:
        ModelError: It is another architecture, or quantised.
    """
    reader = _Reader(graph)
    caches = {value.name: value.type.tensor_type.shape.dim for value in graph.graph.input}
    metadata = {entry.key: entry.value for entry in graph.model.metadata_props}
    is_step = "cache_last_channel" in caches
    missing = {"audio_signal", "length", "logprobs"} - set(caches) - {value.name for value in graph.graph.output}
    if missing:
        raise unknown_form(f"it has no {' and no '.join(sorted(missing))}")
    if is_step:
        context = caches["cache_last_channel"][2].dim_value or int(metadata.get("cache_last_channel_dim2", 0))
        if context < 1:
            raise unknown_form("nothing tells how many frames cache_last_channel holds")
        chunk = 0
    else:
        context, chunk = reader.attention_context()
    n_layers = 0
    while f"/layers.{n_layers}/self_attn/linear_q/MatMul" in reader.nodes:
        n_layers += 1
    if n_layers == 0:
        raise unknown_form("it has no node /layers.0/self_attn/linear_q/MatMul")
    subsampling = tuple(reader.convolution(f"/pre_encode/conv/conv.{i}") for i in (0, 2, 3, 5, 6))
    _check_subsampling(reader, subsampling)
    return FastConformer(
        subsampling,
        reader.linear("/pre_encode/out"),
        tuple(_read_layer(reader, f"/layers.{i}") for i in range(n_layers)),
        reader.decoder(),
        reader.input_scale(),
        context,
        chunk,
        reader.pads("/pre_encode/conv/conv.0"),
        reader.pads("/layers.0/conv/depthwise_conv"),
        None if is_step else reader.position_table(),
        reader.depends("/pre_encode/conv/conv.0/Conv", "cache_last_channel_len"),
        metadata,
    )


def _read_layer(reader: _Reader, path: str) -> Layer:
    norms = {name: reader.norm(f"{path}/norm_{name}") for name in ("self_att", "conv", "out")}
    norms |= {name: reader.norm(f"{path}/norm_{name}") for name in ("feed_forward1", "feed_forward2")}
    first, second = (
        (reader.linear(f"{path}/feed_forward{i}/linear1"), reader.linear(f"{path}/feed_forward{i}/linear2"))
        for i in (1, 2)
    )
    attention = {name: reader.linear(f"{path}/self_attn/linear_{name}") for name in ("q", "k", "v", "pos", "out")}
    depthwise = reader.convolution(f"{path}/conv/depthwise_conv")
    if depthwise.weight.ndim != 3 or depthwise.weight.shape[1] != 1:
        raise unknown_form(f"{path}/conv/depthwise_conv is no depthwise convolution over time")
    has_norm = f"{path}/conv/batch_norm/LayerNormalization" in reader.nodes
    return Layer(
        norms,
        (first, second),
        attention,
        reader.pos_bias(path, "Add"),
        reader.pos_bias(path, "Add_1"),
        reader.convolution(f"{path}/conv/pointwise_conv1").linear(),
        depthwise,
        reader.norm(f"{path}/conv/batch_norm") if has_norm else None,
        reader.convolution(f"{path}/conv/pointwise_conv2").linear(),
    )


def _check_subsampling(reader: _Reader, convolutions: tuple[Convolution, ...]) -> None:
    shapes = [convolution.weight.shape for convolution in convolutions]
    channels = shapes[0][0]
    full, depthwise, pointwise = (channels, 1, 3, 3), (channels, 1, 3, 3), (channels, channels, 1, 1)
    if shapes != [full, depthwise, pointwise, depthwise, pointwise]:
        raise unknown_form(f"its subsampling has convolutions of {shapes}")
    if "/pre_encode/conv/conv.8/Conv" in reader.nodes:
        raise unknown_form("its subsampling is by more than 8")


class _Reader:
    """Weights by the path of their module."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.nodes = {node.name: node for node in graph.graph.node}

    def node(self, name: str) -> onnx.NodeProto:
        if name not in self.nodes:
            raise unknown_form(f"it has no node {name}")
        return self.nodes[name]

    def floats(self, name: str, what: str) -> Floats:
        value = self.graph.constant(name)
        if value is None and (node := self.graph.producers.get(name)) is not None and node.op_type == "Transpose":
            value = self.graph.constant(node.input[0])
            axes = next((list(a.ints) for a in node.attribute if a.name == "perm"), None)
            value = None if value is None else value.transpose(axes)
        if value is None or value.dtype != np.float32:
            raise unknown_form(f"the weights of {what} aren't float32 values in the graph")
        return np.ascontiguousarray(value)

    def linear(self, path: str) -> Linear:
        node = self.node(f"{path}/MatMul")
        weight = self.floats(node.input[1], path)
        bias = np.zeros(weight.shape[1], np.float32)
        readers = self.graph.readers(node.output[0])
        if len(readers) == 1 and readers[0].name == f"{path}/Add":
            [other] = [name for name in readers[0].input if name != node.output[0]]
            bias = self.floats(other, path)
        return Linear(weight, bias)

    def convolution(self, path: str) -> Convolution:
        node = self.node(f"{path}/Conv")
        weight = self.floats(node.input[1], path)
        has_bias = len(node.input) > 2
        return Convolution(weight, self.floats(node.input[2], path) if has_bias else np.zeros(len(weight), np.float32))

    def norm(self, path: str) -> Norm:
        node = self.node(f"{path}/LayerNormalization")
        epsilon = next((attribute.f for attribute in node.attribute if attribute.name == "epsilon"), 1e-5)
        return Norm(self.floats(node.input[1], path), self.floats(node.input[2], path), epsilon)

    def pos_bias(self, path: str, name: str) -> Floats:
        """The biases of the queries, [heads, head width]: by content, then by position."""
        node = self.node(f"{path}/self_attn/{name}")
        values = [value for value in (self.graph.constant(entry) for entry in node.input) if value is not None]
        if len(values) != 1 or values[0].ndim != 2:
            raise unknown_form(f"{node.name} adds no biases of positions")
        return values[0].astype(np.float32)

    def decoder(self) -> Linear:
        paths = [name.removesuffix("/Conv") for name in self.nodes if name.endswith("decoder_layers.0/Conv")]
        if len(paths) != 1:
            raise unknown_form("it has no node decoder_layers.0/Conv")
        return self.convolution(paths[0]).linear()

    def input_scale(self) -> float:
        node = self.nodes.get("/pos_enc/Mul")
        if node is None:
            return 1.0
        values = [value for value in (self.graph.constant(entry) for entry in node.input) if value is not None]
        if len(values) != 1 or values[0].size != 1:
            raise unknown_form("/pos_enc/Mul scales by no constant")
        return float(values[0])

    def pads(self, path: str) -> tuple[int, int]:
        """Padding of a convolution over its last axis, before and after: its own, or that of a Pad before it."""
        pads = next((list(a.ints) for a in self.node(f"{path}/Conv").attribute if a.name == "pads"), [])
        if f"{path}/Pad" not in self.nodes:
            return (pads[len(pads) // 2 - 1], pads[-1]) if pads else (0, 0)
        # PyTorch's list begins with the last axis. The exporter fills it up with zeros and reverses it.
        value = self.graph.constant(self.node(f"{path}/Concat").input[0])
        if value is None or value.size < 2 or any(pads):
            raise unknown_form(f"{path}/Pad pads by no constant")
        return int(value[0]), int(value[1])

    def attention_context(self) -> tuple[int, int]:
        """Frames of the past that a chunk of attention sees, and frames of a chunk; 0, 0: full attention."""
        if not {"/Div", "/LessOrEqual"} & set(self.nodes):
            return 0, 0
        chunk, n_chunks = (
            [value for entry in self.node(name).input if (value := self.graph.constant(entry)) is not None]
            for name in ("/Div", "/LessOrEqual")
        )
        if len(chunk) != 1 or len(n_chunks) != 1 or chunk[0].size != 1 or n_chunks[0].size != 1:
            raise unknown_form("/Div and /LessOrEqual tell no chunks of attention")
        return int(chunk[0]) * int(n_chunks[0]), int(chunk[0])

    def position_table(self) -> Floats:
        """Relative position encodings [2 frames - 1, width], the largest distance first."""
        table = self.floats(self.node("/pos_enc/Slice").input[0], "/pos_enc")
        if table.ndim != 3 or len(table) != 1:
            raise unknown_form(f"its position encodings have shape {table.shape}")
        return table[0]

    def depends(self, name: str, source: str) -> bool:
        """Whether a node's result depends on a tensor."""
        return source in set(self._sources(self.node(name)))

    def _sources(self, node: onnx.NodeProto) -> Iterator[str]:
        waiting: list[Any] = [node]
        seen: set[str] = set()
        while waiting:
            for name in waiting.pop().input:
                if name in seen:
                    continue
                seen.add(name)
                yield name
                if name in self.graph.producers:
                    waiting.append(self.graph.producers[name])
