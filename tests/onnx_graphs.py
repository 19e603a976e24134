"""Small ONNX CTC graphs of every shape that a model may have, made with the onnx package.

All of them compute the same scores: three strided convolutions (kernel 3, stride 2) or one over samples, then a linear
layer to the tokens.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

N_FEATURES = 8
N_TOKENS = 5
WIDTH = 6
FLOAT, INT64, INT32 = TensorProto.FLOAT, TensorProto.INT64, TensorProto.INT32


def weights(*shape: int, seed: int) -> NDArray[np.float32]:
    values = np.random.default_rng(seed).standard_normal(shape) / np.sqrt(np.prod(shape[1:]))
    return np.asarray(values, dtype=np.float32)


def save_graph(
    path: Path,
    *,
    layout: Literal["feature_major", "frame_major", "waveform", "waveform_3d"] = "feature_major",
    audio: str = "audio_signal",
    length: str = "length",
    length_type: int = INT64,
    output: str = "logprobs",
    length_output: str = "",
    activation: Literal["LogSoftmax", "Softmax", ""] = "LogSoftmax",
    causal: bool = False,
    n_layers: int = 3,
    features: int | str = N_FEATURES,
    batch: int | str = "batch",
    masked: bool = True,
    extra_input: str = "",
    metadata: dict[str, str] | None = None,
) -> Path:
    """Writes the graph. length="": no length input; then nothing is masked."""
    nodes, constants = [], []

    def constant(name: str, value: NDArray[Any]) -> str:
        constants.append(numpy_helper.from_array(value, name))
        return name

    def add(kind: str, inputs: list[str], result: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, inputs, [result], **attributes))
        return result

    waveform = layout.startswith("waveform")
    if layout == "waveform":
        value = add("Unsqueeze", [audio, constant("axis_1", np.array([1]))], "channel")
        shape: list[int | str] = [batch, "samples"]
    elif layout == "waveform_3d":
        value, shape = audio, [batch, 1, "samples"]
    elif layout == "frame_major":
        value, shape = add("Transpose", [audio], "turned", perm=[0, 2, 1]), [batch, "frames", features]
    else:
        value, shape = audio, [batch, features, "frames"]

    lengths = add("Cast", [length], "lengths_0", to=INT64) if length else ""
    channels = 1 if waveform else N_FEATURES
    # wav2vec2's way for samples: no padding, and strides that make 320; NeMo's for features.
    layers = [(10, 5), (8, 8), (8, 8)] if waveform else [(3, 2)] * n_layers
    for i, (kernel, stride) in enumerate(layers):
        if masked and lengths:
            value = add_mask(add, constant, value, lengths, i)
        pads = [0, 0] if waveform else [2, 1] if causal else [1, 1]
        names = [
            value,
            constant(f"w{i}", weights(WIDTH, channels, kernel, seed=i)),
            constant(f"b{i}", weights(WIDTH, 1, seed=i + 50)[:, 0]),
        ]
        value = add(
            "Relu", [add("Conv", names, f"conv{i}", kernel_shape=[kernel], strides=[stride], pads=pads)], f"relu{i}"
        )
        if lengths:
            moved = add("Add", [lengths, constant(f"shift{i}", np.array([sum(pads) - kernel]))], f"moved{i}")
            halved = add("Div", [moved, constant(f"stride{i}", np.array([stride]))], f"divided{i}")
            lengths = add("Add", [halved, constant(f"one{i}", np.array([1]))], f"lengths_{i + 1}")
        channels = WIDTH
    value = add("Transpose", [value], "frames_last", perm=[0, 2, 1])
    value = add(
        "MatMul", [value, constant("out", weights(WIDTH, N_TOKENS, seed=99) * 6)], "scores" if activation else output
    )
    if activation:
        add(activation, [value], output, axis=-1)

    inputs = [helper.make_tensor_value_info(audio, FLOAT, shape)]
    outputs = [helper.make_tensor_value_info(output, FLOAT, [batch, "out_frames", N_TOKENS])]
    if length:
        inputs.append(helper.make_tensor_value_info(length, length_type, [batch]))
    if extra_input:
        inputs.append(helper.make_tensor_value_info(extra_input, FLOAT, [batch, 3]))
    if length_output:
        add("Cast", [lengths], length_output, to=length_type)
        outputs.append(helper.make_tensor_value_info(length_output, length_type, [batch]))
    graph = helper.make_graph(nodes, "test", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, metadata or {})
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def add_mask(add, constant, value: str, lengths: str, i: int) -> str:  # type: ignore[no-untyped-def]
    """Zeros past the length, as NeMo's MaskedConvSequential since 2.5."""
    shape = add("Shape", [value], f"shape{i}")
    columns = add("Gather", [shape, constant(f"last{i}", np.array(2))], f"columns{i}", axis=0)
    steps = add("Range", [constant(f"zero{i}", np.array(0)), columns, constant(f"unit{i}", np.array(1))], f"steps{i}")
    ends = add("Unsqueeze", [lengths, constant(f"axes{i}", np.array([1]))], f"ends{i}")
    mask = add("Cast", [add("Less", [steps, ends], f"valid{i}")], f"mask{i}", to=FLOAT)
    mask = add("Unsqueeze", [mask, constant(f"channel_axis{i}", np.array([1]))], f"mask_of_channels{i}")
    return str(add("Mul", [value, mask], f"masked{i}"))


def save_table_graph(path: Path, rows: int, *, kind: Literal["relative", "absolute", "window"]) -> Path:
    """A graph whose only interest is a position table [1, rows, 4], cut as NeMo's encodings cut it."""
    table = helper.make_node(
        "Constant", [], ["table"], value=numpy_helper.from_array(np.zeros((1, rows, 4), np.float32))
    )
    starts = "frames" if kind == "relative" else "zero"
    ends = "five" if kind == "window" else "frames"
    nodes = [
        table,
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Slice", ["shape", "one", "two"], ["frames"]),
        helper.make_node("Identity", ["table"], ["shared"]),
        helper.make_node("Slice", ["shared", starts, ends, "one"], ["y"]),
    ]
    values = [("zero", 0), ("one", 1), ("two", 2), ("five", 5)]
    constants = [numpy_helper.from_array(np.array([value]), name) for name, value in values]
    graph = helper.make_graph(
        nodes,
        "table",
        [helper.make_tensor_value_info("x", FLOAT, ["batch", "frames", 4])],
        [helper.make_tensor_value_info("y", FLOAT, [1, "frames_out", 4])],
        constants,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def save_failing_graph(path: Path) -> Path:
    """A graph that fails on more than 100 frames, as a position table without a known form does."""
    table = numpy_helper.from_array(np.zeros((1, 100, N_FEATURES), np.float32), "table")
    bounds = [numpy_helper.from_array(np.array([value]), name) for name, value in (("zero", 0), ("one", 1), ("two", 2))]
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Slice", ["shape", "one", "two"], ["frames"]),
        helper.make_node("Abs", ["table"], ["hidden"]),
        helper.make_node("Slice", ["hidden", "zero", "frames", "one"], ["positions"]),
        helper.make_node("Add", ["x", "positions"], ["sum"]),
        helper.make_node("LogSoftmax", ["sum"], ["logprobs"], axis=-1),
    ]
    graph = helper.make_graph(
        nodes,
        "failing",
        [helper.make_tensor_value_info("x", FLOAT, ["batch", "frames", N_FEATURES])],
        [helper.make_tensor_value_info("logprobs", FLOAT, ["batch", "frames", N_FEATURES])],
        [table, *bounds],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path
