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


def save_silero_graph(
    path: Path,
    *,
    version: Literal[4, 5] = 5,
    rate: bool = True,
    extra_input: str = "",
    fault: Literal["", "fails_when_loud", "no_probability"] = "",
) -> Path:
    """A graph with the inputs and outputs of Silero's, of that version, and a small recurrence over the level.

    e = ln(mean(input^2) + 1e-6) + 7; h' = h / 2 + e and c' = c / 2 + h' / 2, both [2, batch, width]; the probability is
    sigmoid(mean of the last state / 2 + sr / 16000 - 1): near 1 for what is loud; context, states and rate count.
    With a fault it fails on loud input, or gives the exponential instead.
    """
    numbers = {"least": 1e-6, "half": 0.5, "shift": 7, "full_rate": 16000, "one": 1}
    constants: dict[str, NDArray[Any]] = {name: np.array(value, np.float32) for name, value in numbers.items()}
    constants["column"] = np.array([-1, 1])
    nodes: list[Any] = []

    def add(kind: str, inputs: list[str], result: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, inputs, [result], **attributes))
        return result

    width = 128 if version == 5 else 64
    states = [("state", "stateN")] if version == 5 else [("h", "hn"), ("c", "cn")]
    add("ReduceMean", [add("Mul", ["input", "input"], "squares")], "power", axes=[1], keepdims=1)
    add("Add", [add("Log", [add("Add", ["power", "least"], "guarded")], "level"), "shift"], "excitation")
    add("Add", [add("Mul", [states[0][0], "half"], "h_half"), "excitation"], states[0][1])
    if version == 4:
        add("Add", [add("Mul", ["c", "half"], "c_half"), add("Mul", ["hn", "half"], "hn_half")], "cn")
    add("ReduceMean", [states[-1][1]], "mean", axes=[0, 2], keepdims=0)
    score = add("Mul", ["mean", "half"], "score")
    if rate:
        relative = add("Div", [add("Cast", ["sr"], "rate", to=FLOAT), "full_rate"], "relative")
        score = add("Add", [score, add("Sub", [relative, "one"], "offset")], "moved")
    if fault == "fails_when_loud":  # there is no element 1
        loud = add("Cast", [add("Greater", ["mean", "shift"], "is_loud")], "index", to=INT64)
        constants["table"] = np.zeros(1, np.float32)
        score = add("Add", [score, add("Gather", ["table", loud], "nothing", axis=0)], "checked")
    kind = "Exp" if fault == "no_probability" else "Sigmoid"
    add(kind, [add("Reshape", [score, "column"], "reshaped")], "output")

    inputs = [helper.make_tensor_value_info("input", FLOAT, ["batch", "samples"])]
    outputs = [helper.make_tensor_value_info("output", FLOAT, ["batch", 1])]
    for before, after in states:
        inputs.append(helper.make_tensor_value_info(before, FLOAT, [2, "batch", width]))
        outputs.append(helper.make_tensor_value_info(after, FLOAT, [None, None, None]))
    if rate:
        inputs.append(helper.make_tensor_value_info("sr", INT64, []))
    if extra_input:
        inputs.append(helper.make_tensor_value_info(extra_input, FLOAT, ["batch", 3]))
    used = {name for node in nodes for name in node.input}
    initializers = [
        numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items() if name in used
    ]
    graph = helper.make_graph(nodes, "silero", inputs, outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path


def edit_streaming_graph(
    source: Path,
    target: Path,
    *,
    metadata: dict[str, str | None] | None = None,
    shapes: dict[str, dict[int, int | None]] | None = None,
    drop: str = "",
    rename: dict[str, str] | None = None,
    activation: str = "",
    fail_above: float | None = None,
    nan_above: float | None = None,
    couples: bool = False,
) -> Path:
    """Writes a cache-aware graph with something else in it.

    Args:
        source: NeMo's export.
        target: The file to write.
        metadata: Values by key; None takes a key away.
        shapes: Sizes by axis, by input or output; None leaves it open.
        drop: An input or output to take away; an input becomes zeros.
        rename: Outputs by their old names.
        activation: What follows the last layer instead of the log-softmax.
        fail_above: A feature above it makes the run fail.
        nan_above: A feature above it becomes NaN.
        couples: The largest feature of the whole batch counts, as in dynamic quantisation.
    """
    model = onnx.load(source)
    graph = model.graph
    properties = {entry.key: entry.value for entry in model.metadata_props}
    properties.update(metadata or {})
    helper.set_model_props(model, {key: value for key, value in properties.items() if value is not None})
    for tensor in [*graph.input, *graph.output]:
        for axis, size in (shapes or {}).get(tensor.name, {}).items():
            dim = tensor.type.tensor_type.shape.dim[axis]
            if size is None:
                dim.dim_param = "open"
            else:
                dim.dim_value = size
    if activation:
        (last,) = [node for node in graph.node if node.op_type == "LogSoftmax"]
        last.op_type = activation
        if activation == "Identity":
            del last.attribute[:]
    for old, new in (rename or {}).items():
        graph.node.append(helper.make_node("Identity", [old], [new]))
        for tensor in graph.output:
            tensor.name = new if tensor.name == old else tensor.name
    for tensors in (graph.input, graph.output):
        for tensor in [tensor for tensor in tensors if tensor.name == drop]:
            tensors.remove(tensor)
            if tensors is graph.input:
                graph.initializer.append(numpy_helper.from_array(np.zeros(1, np.int64), drop))
    if fail_above is not None or nan_above is not None or couples:
        add_trap(graph, fail_above, nan_above)
    onnx.save(model, target)
    return target


def add_trap(graph: onnx.GraphProto, fail_above: float | None, nan_above: float | None) -> None:
    """Between the audio and its readers, what fails or gives NaN above a bound; without one, what adds the largest."""
    for node in graph.node:
        for i, name in enumerate(node.input):
            node.input[i] = "trapped" if name == "audio_signal" else name
    bound = fail_above if fail_above is not None else nan_above if nan_above is not None else 0
    nodes = [helper.make_node("Greater", ["audio_signal", "trap_bound"], ["trap_is_above"])]
    constants = [numpy_helper.from_array(np.float32(bound), "trap_bound")]
    if nan_above is not None:
        nodes.append(helper.make_node("Where", ["trap_is_above", "trap_nan", "audio_signal"], ["trapped"]))
        constants.append(numpy_helper.from_array(np.float32(np.nan), "trap_nan"))
    elif fail_above is None:
        nodes = [
            helper.make_node("ReduceMax", ["audio_signal"], ["trap_largest"], keepdims=0),
            helper.make_node("Add", ["audio_signal", "trap_largest"], ["trapped"]),
        ]
    else:  # an index out of range
        nodes += [
            helper.make_node("Cast", ["trap_is_above"], ["trap_numbers"], to=FLOAT),
            helper.make_node("ReduceMax", ["trap_numbers"], ["trap_number"], keepdims=0),
            helper.make_node("Cast", ["trap_number"], ["trap_index"], to=INT64),
            helper.make_node("Gather", ["trap_table", "trap_index"], ["trap_zero"], axis=0),
            helper.make_node("Add", ["audio_signal", "trap_zero"], ["trapped"]),
        ]
        constants.append(numpy_helper.from_array(np.zeros(1, np.float32), "trap_table"))
    graph.initializer.extend(constants)
    for node in reversed(nodes):
        graph.node.insert(0, node)
