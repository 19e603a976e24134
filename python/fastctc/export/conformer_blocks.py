"""The parts that all graphs of a FastConformer share: products, norms, a layer's order, position encodings.

A tensor of frames is [time * batch, width], time first, so every product with a layer's weights is one matrix product,
with its bias and its activation or residual (`linear`). 1 x 1 convolutions are such products; scales (1/2 of the
feed-forwards, 1/sqrt(head width), xscaling) are in the weights.

Scores of a query at place i and a key at place j (Dai et al. 2019, arXiv:1901.02860; NeMo,
RelPositionMultiHeadAttention), p the projected sinusoids of the distance:

    s[i, j] = ((q[i] + u) k[j] + (q[i] + v) p[i - j]) / sqrt(head width)

The bias of k adds the same number to every key of a query, and softmax ignores that. Attention weights sum to 1, so the
bias of the values is part of the output's bias. Neither is computed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastctc.export.builder import GraphBuilder
from fastctc.export.fastconformer import Convolution, FastConformer, Layer, Linear, Norm
from fastctc.export.graph import MICROSOFT
from fastctc.export.operators import DOMAIN
from fastctc.reference.operators import pack_panels

__all__ = ["HIDDEN_SCORE", "ConformerBlocks", "sinusoids"]

HIDDEN_SCORE = -10000.0  # NeMo's INF_VAL: its exponential is 0

Block = Callable[[str, Layer, str], str]
"""A block: takes the normalised input, the layer, and the tensor that the result is added to."""


class ConformerBlocks:
    """The graph under construction, and the parts of its layers."""

    def __init__(self, model: FastConformer) -> None:
        self.b = GraphBuilder()
        self.model = model

    def linear(self, x: str, linear: Linear, *residual: str, then: str = "") -> str:
        """A product, its bias, and a residual or an activation (Silu, Sigmoid)."""
        operands = self.b.floats(pack_panels(linear.weight)), self.b.floats(linear.bias)
        return self.b.add(f"Linear{'Add' if residual else then}", x, *operands, *residual, domain=DOMAIN)

    def product(self, x: str, linear: Linear) -> str:
        """A product without its bias."""
        return self.linear(x, Linear(linear.weight, np.zeros_like(linear.bias)))

    def norm(self, x: str, norm: Norm) -> str:
        """Layer normalisation over the last axis."""
        weights = self.b.floats(norm.weight), self.b.floats(norm.bias)
        return self.b.add("Normalize", x, *weights, domain=DOMAIN, epsilon=norm.epsilon)

    def silu(self, x: str) -> str:
        """The activation x sigmoid(x)."""
        return self.b.add("QuickGelu", x, domain=MICROSOFT, alpha=1.0)

    def reshape(self, x: str, *shape: int) -> str:
        """Reshapes to a constant shape; -1 stands for the rest."""
        return self.b.add("Reshape", x, self.b.integers(shape))

    def feed_forward(self, x: str, linears: tuple[Linear, Linear], residual: str) -> str:
        """Adds half of a feed-forward to the residual, as Conformer does."""
        return self.linear(self.linear(x, linears[0], then="Silu"), linears[1].scaled(0.5), residual)

    def gated(self, x: str, layer: Layer) -> str:
        """The gated linear unit in front of a layer's depthwise convolution, as two products: nothing to split."""
        width = self.model.width
        value, gate = (
            self.linear(x, Linear(layer.gate.weight[:, half], layer.gate.bias[half]), then=then)
            for half, then in ((slice(0, width), ""), (slice(width, None), "Sigmoid"))
        )
        return self.b.add("Mul", value, gate)

    def layer(self, x: str, layer: Layer, attention: Block, convolution: Block) -> str:
        """A Conformer layer; the caller gives the two blocks that see other frames."""
        norms, feed_forwards = layer.norms, layer.feed_forwards
        x = self.feed_forward(self.norm(x, norms["feed_forward1"]), feed_forwards[0], x)
        x = attention(self.norm(x, norms["self_att"]), layer, x)
        x = convolution(self.norm(x, norms["conv"]), layer, x)
        x = self.feed_forward(self.norm(x, norms["feed_forward2"]), feed_forwards[1], x)
        return self.norm(x, norms["out"])

    def queries(self, x: str, layer: Layer, cut: Callable[[str], str] = str) -> tuple[str, str]:
        """The scaled queries with the biases by content and by position, each in the shape that `cut` makes."""
        scale = np.float32(1 / math.sqrt(self.model.heads[1]))
        query = layer.attention["q"]
        bias = (query.bias + layer.pos_bias_u.ravel()) * scale
        by_content = cut(self.linear(x, Linear(query.weight * scale, bias)))
        between = (layer.pos_bias_v - layer.pos_bias_u).ravel() * scale
        return by_content, self.b.add("Add", by_content, self.b.floats(between))

    def attention_output(self, x: str, layer: Layer, residual: str) -> str:
        """The last product of the attention, with the bias of the values."""
        out, values = layer.attention["out"], layer.attention["v"]
        bias = values.bias.astype(np.float64) @ out.weight + out.bias
        return self.linear(x, Linear(out.weight, bias.astype(np.float32)), residual)

    def after_depthwise(self, x: str, layer: Layer, residual: str) -> str:
        """The part after a layer's depthwise convolution."""
        if layer.conv_norm is not None:
            x = self.norm(x, layer.conv_norm)
        return self.linear(self.silu(x), layer.pointwise, residual)

    def depthwise(self, x: str, convolution: Convolution, pads: tuple[int, int]) -> str:
        """A depthwise convolution over the first axis of [time, batch, width].

        It has the form of an image, time x batch, because ONNX Runtime has a fast depthwise kernel for images only.
        """
        b, (before, behind) = self.b, pads
        x = b.add("Unsqueeze", b.add("Transpose", x, perm=[2, 0, 1]), b.integers([0]))
        weights = b.floats(convolution.weight[..., None]), b.floats(convolution.bias)
        sizes: dict[str, Any] = {"kernel_shape": [self.model.kernel, 1], "pads": [before, 0, behind, 0]}
        x = b.add("Conv", x, *weights, group=self.model.width, **sizes)
        return b.add("Transpose", b.add("Squeeze", x, b.integers([0])), perm=[1, 2, 0])

    def convolved(self, x: str, mask: Callable[[str, int], str], pads: tuple[int, int, int, int]) -> str:
        """The convolutions of the subsampling: [batch, channels, frames, bands] from [batch, 1, frames, features].

        Args:
            x: The features.
            mask: Hides what a level's convolution must not see: of the tensor and the level.
            pads: Of a strided convolution: time before, frequency before, time behind, frequency behind.
        """
        b, model = self.b, self.model
        for level, strided in enumerate(model.subsampling[:1] + model.subsampling[1::2]):
            x, group = mask(x, level), 1 if level == 0 else len(strided.weight)
            weights = b.floats(strided.weight), b.floats(strided.bias)
            x = b.add("Conv", x, *weights, kernel_shape=[3, 3], strides=[2, 2], pads=list(pads), group=group)
            if level > 0:
                pointwise = model.subsampling[2 * level]
                x = b.add("Conv", x, b.floats(pointwise.weight), b.floats(pointwise.bias), kernel_shape=[1, 1])
            x = b.add("Relu", x)
        return x

    def projected(self, x: str) -> str:
        """The subsampling's last product: [time * batch, width]."""
        x = self.reshape(self.b.add("Transpose", x, perm=[2, 0, 1, 3]), -1, self.model.out.weight.shape[0])
        return self.linear(x, self.model.out.scaled(self.model.input_scale))


def sinusoids(positions: NDArray[np.int64], width: int) -> NDArray[np.float64]:
    """NeMo's position encodings [positions, width]: sines at even places, cosines at odd ones."""
    angles = positions[:, None] * np.exp(np.arange(0, width, 2) * -(math.log(10000.0) / width))
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(len(positions), width)
