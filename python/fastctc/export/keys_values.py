"""Caches projected keys and values in a cache-aware graph, instead of the attention's input.

NeMo's cache_last_channel holds, for each layer, the last rows X of the self-attention's input; every step joins them
with its new rows x and projects all again: [X; x] Wk + bk and [X; x] Wv + bv. Here C = 70 rows are joined with
x = 14 or fewer, so that most of this product was computed before. A product with a matrix works on each row alone:

    [X; x] W = [X W; x W]

so the cache may hold X [Wk | Wv], keys and values side by side, and only x is projected. Taking and joining rows
commutes with the product for the same reason, and so the cache's update stays as it was. The biases are added after the
cache, as before: thus zeros, which a stream starts with, stand for zeros (0 W = 0), and the rewritten graph equals the
original for every content of the cache, whatever the masks hide. In floating point too each row's sums are the same;
only a matrix kernel that sums in another order for another number of rows may round differently.

The caches' last dimension grows from D to 2 D, in the graph's inputs and outputs and in its metadata
(cache_last_channel_dim3). Whoever makes caches of the sizes that the graph tells runs the result unchanged.

    python -m fastctc.export.keys_values IN.onnx OUT.onnx
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastctc.errors import Error, ModelError, ModelNotFoundError, OptionError, OutputError
from fastctc.export.graph import Graph, import_onnx, inputs_of, is_external, unknown_form

if TYPE_CHECKING:
    import onnx

__all__ = ["cache_keys_and_values", "convert"]

CACHE = "cache_last_channel"
NEXT_CACHE = "cache_last_channel_next"
WIDTH_PROPERTY = "cache_last_channel_dim3"
FIRST_OPSET = 13  # from here on Split takes its sizes, and Slice and Unsqueeze their axes, as inputs
ALIGNMENT_BYTES = 4096  # of external data, so that it can be mapped into memory


def cache_keys_and_values(model: onnx.ModelProto, folder: str | os.PathLike[str] = "") -> onnx.ModelProto:
    """Returns a copy of a cache-aware graph that caches projected keys and values.

    Args:
        model: An export with NeMo's cache_support: inputs cache_last_channel [batch, layers, rows, D] and others.
        folder: Where the files of its external data are; not used where all data is in the model.

    Returns:
        The rewritten model, whose caches are [batch, layers, rows, 2 D]. Its new weights are in the model; what was
        external still is.

    Raises:
        ModelError: The graph isn't cache-aware, was rewritten already, or has a layer of a form that isn't known here.
        ImportError: The package onnx isn't installed.
    """
    result = import_onnx().ModelProto()
    result.CopyFrom(model)
    graph = Graph(result, Path(folder))
    layers = _find_layers(graph)
    shapes = {layer.weights.shape for layer in layers}
    if len(shapes) != 1:
        raise ModelError(f"Its layers have keys and values of different sizes: {sorted(shapes)}.")
    _declare_width(graph, *shapes.pop())
    _rewrite(graph, layers)
    _drop_unused(result.graph)
    return result


def convert(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """Rewrites the graph in a file; both paths may be the same.

    Weights in a file beside the source stay there, untouched, and new ones go into a file of their own beside the
    target, named like it and ending in `.keys_values.bin`. A source without such a file gives a target without.

    Raises:
        ModelNotFoundError: There is no such file, or a file of its weights is missing.
        ModelError: The graph can't be read, or not be rewritten: see cache_keys_and_values.
        OptionError: The source has weights in another file, and the target is in another directory, or
            their file would be written over.
        OutputError: The target can't be written.
        ImportError: The package onnx isn't installed.
    """
    onnx = import_onnx()
    source, target = Path(source), Path(target)
    try:
        model = onnx.load(os.fspath(source), load_external_data=False)
    except FileNotFoundError as error:
        raise ModelNotFoundError(f"There is no model at {source}.") from error
    except Exception as error:  # protobuf's own errors, and the operating system's
        raise ModelError(f"The model {source} can't be read: {error}") from error
    known = {tensor.name for tensor in model.graph.initializer}
    places = {
        e.value for t in model.graph.initializer if is_external(t) for e in t.external_data if e.key == "location"
    }
    weights = target.with_name(target.stem + ".keys_values.bin")
    if places and source.resolve().parent != target.resolve().parent:
        raise OptionError(
            f"The weights of {source} are in files beside it, which {target} could not find. Write into the same "
            "directory."
        )
    try:
        result = cache_keys_and_values(model, source.parent)
    except ModelError as error:
        raise type(error)(f"The model {source} can't be rewritten. {error}") from error
    if weights.name in places:
        raise OptionError(f"{weights} holds weights of {source}, and would be written over. Choose another name.")
    files: dict[Path, bytes | bytearray] = {}
    if places:
        new = [t for t in result.graph.initializer if t.name not in known and len(t.dims) == 2]
        files[weights] = _move_weights(new, weights.name)
    files[target] = result.SerializeToString()
    try:
        _write(files)
    except OSError as error:
        raise OutputError(f"The model {target} can't be written: {error}") from error


@dataclass
class _Layer:
    """The self-attention of one layer, as far as its cache goes."""

    rows: str  # the new rows of its input, [batch, rows, D]
    joined: onnx.NodeProto  # Concat of the cached rows and the new
    update: onnx.NodeProto  # Slice of the new rows that the next cache keeps
    products: list[onnx.NodeProto]  # of the joined rows with the matrices of keys and values
    weights: NDArray[Any]  # these matrices side by side


def _find_layers(graph: Graph) -> list[_Layer]:
    names = {value.name for value in graph.graph.input}
    if CACHE not in names or NEXT_CACHE not in graph.outputs:
        raise ModelError(f"It is not a cache-aware graph: it has no input {CACHE} and output {NEXT_CACHE}.")
    opset = max((entry.version for entry in graph.model.opset_import if entry.domain in ("", "ai.onnx")), default=0)
    if opset < FIRST_OPSET:
        raise ModelError(f"Its ONNX operator set is {opset}. Export it with {FIRST_OPSET} or later.")
    stack = _find_stack(graph)
    (transpose,) = _only_readers(graph, CACHE, ["Transpose"])
    if _permutation(transpose) != [1, 0, 2, 3]:
        raise unknown_form(f"{transpose.name} doesn't put the layers first")
    gathers = graph.readers(transpose.output[0])
    if len(gathers) != len(stack.input):
        raise unknown_form(f"{len(gathers)} nodes read it, but {len(stack.input)} layers are stacked for the next step")
    return [_find_layer(graph, transpose.output[0], gathers, name, i) for i, name in enumerate(stack.input)]


def _permutation(node: onnx.NodeProto) -> list[int]:
    return next((list(a.ints) for a in node.attribute if a.name == "perm"), [])


def _only_readers(graph: Graph, name: str, operators: list[str]) -> list[onnx.NodeProto]:
    """The readers of a tensor, which must be of these kinds, in this order of kinds."""
    readers = sorted(graph.readers(name), key=lambda node: node.op_type)
    if [node.op_type for node in readers] != sorted(operators) or name in graph.outputs:
        found = ", ".join(f"{node.op_type} {node.name}" for node in readers) or "nothing"
        raise unknown_form(f"{name} is read by {found}, not by {' and '.join(operators)} alone")
    return readers


def _find_stack(graph: Graph) -> onnx.NodeProto:
    """The Concat of all layers' next caches, from which a step's cache is cut."""
    name = NEXT_CACHE
    transpose = graph.producer(name, "Transpose")
    if _permutation(transpose) != [1, 0, 2, 3]:
        raise unknown_form(f"{transpose.name} doesn't put the layers second")
    name = transpose.input[0]
    node = graph.producers.get(name)
    if node is not None and node.op_type == "Slice":
        _only_readers(graph, name, ["Transpose"])
        if _slice_axes(graph, node) != [2]:
            raise unknown_form(f"{node.name} doesn't slice rows")
        name = node.input[0]
        _only_readers(graph, name, ["Slice"])
    else:
        _only_readers(graph, name, ["Transpose"])
    stack = graph.producer(name, "Concat")
    if graph.axis(stack) != 0:
        raise unknown_form(f"{stack.name} doesn't stack layers")
    return stack


def _slice_axes(graph: Graph, node: onnx.NodeProto) -> list[int] | None:
    return graph.integers(node.input[3]) if len(node.input) > 3 and node.input[3] else None


def _find_layer(graph: Graph, stacked: str, gathers: list[onnx.NodeProto], next_cache: str, index: int) -> _Layer:
    """The layer whose next cache is at this index of the stack: it must read its cache from the same index."""
    unsqueeze = graph.producer(next_cache, "Unsqueeze")
    _only_readers(graph, next_cache, ["Concat"])
    if graph.integers(unsqueeze.input[1]) != [0]:
        raise unknown_form(f"{unsqueeze.name} doesn't add an axis of layers")
    _only_readers(graph, unsqueeze.input[0], ["Unsqueeze"])
    kept = graph.producer(unsqueeze.input[0], "Concat")
    if len(kept.input) != 2 or graph.axis(kept) != 1:
        raise unknown_form(f"{kept.name} doesn't join old rows and new")
    old, new = (graph.producer(name, "Slice") for name in kept.input)
    for node in (old, new):
        _only_readers(graph, node.output[0], ["Concat"])
        if _slice_axes(graph, node) != [1]:
            raise unknown_form(f"{node.name} doesn't slice rows")
    cached, rows = old.input[0], new.input[0]
    gather = graph.producer(cached, "Gather")
    at = graph.constant(gather.input[1])
    if gather.input[0] != stacked or graph.axis(gather) != 0 or at is None or at.shape != () or int(at) != index:
        raise unknown_form(f"the layer that {unsqueeze.name} stacks at {index} doesn't read its cache from there")
    joined, _ = _only_readers(graph, cached, ["Concat", "Slice"])
    if list(joined.input) != [cached, rows] or graph.axis(joined) != 1 or not any(gather is g for g in gathers):
        raise unknown_form(f"{joined.name} doesn't join the cached rows with those that {new.name} keeps")
    if [node.op_type for node in graph.readers(joined.output[0])] == ["Split"]:
        raise ModelError("It caches keys and values already. Rewrite the graph that it was made from.")
    products = _only_readers(graph, joined.output[0], ["MatMul", "MatMul"])
    return _Layer(rows, joined, new, products, _side_by_side(graph, joined, products))


def _side_by_side(graph: Graph, joined: onnx.NodeProto, products: list[onnx.NodeProto]) -> NDArray[Any]:
    parts = []
    for node in products:
        matrix = graph.constant(node.input[1]) if node.input[0] == joined.output[0] else None
        if matrix is None or matrix.ndim != 2:
            raise unknown_form(f"{node.name} isn't a product with a matrix of weights")
        parts.append(matrix)
    if parts[0].shape != parts[1].shape:
        raise unknown_form(f"{joined.name} is multiplied by matrices of {parts[0].shape} and {parts[1].shape}")
    return np.concatenate(parts, axis=1)


def _rewrite(graph: Graph, layers: list[_Layer]) -> None:
    """Projects the new rows before they meet the cache, and splits keys from values behind it."""
    onnx = import_onnx()
    behind: dict[str, Any] = {}  # a tensor, and the node to put behind its producer
    dropped: set[str] = set()
    for layer in layers:
        joined = layer.joined.output[0]
        name = joined + "/keys_values"
        weights, sizes = name + "/weights", name + "/sizes"
        outputs = [node.output[0] for node in layer.products]
        halves = np.full(2, layer.weights.shape[1] // 2, np.int64)
        graph.graph.initializer.append(onnx.numpy_helper.from_array(layer.weights, weights))
        graph.graph.initializer.append(onnx.numpy_helper.from_array(halves, sizes))
        behind[layer.rows] = onnx.helper.make_node("MatMul", [layer.rows, weights], [name], name + "/MatMul")
        behind[joined] = onnx.helper.make_node("Split", [joined, sizes], outputs, name + "/Split", axis=2)
        layer.joined.input[1] = name
        layer.update.input[0] = name
        dropped.update(outputs)
    nodes = []
    for node in graph.graph.node:
        if dropped.isdisjoint(node.output):
            nodes.append(node)
            nodes += [behind[name] for name in node.output if name in behind]
    del graph.graph.node[:]
    graph.graph.node.extend(nodes)


def _declare_width(graph: Graph, old: int, new: int) -> None:
    for value in [*graph.graph.input, *graph.graph.output]:
        if value.name in (CACHE, NEXT_CACHE):
            sizes = value.type.tensor_type.shape.dim
            if len(sizes) != 4 or sizes[3].dim_value not in (0, old):
                raise unknown_form(f"{value.name} is declared with other sizes than [batch, layers, rows, {old}]")
            sizes[3].Clear()
            sizes[3].dim_value = new
    for entry in graph.model.metadata_props:
        if entry.key == WIDTH_PROPERTY:
            if entry.value != str(old):
                raise ModelError(f"Its metadata say {WIDTH_PROPERTY} {entry.value}, but its layers take {old}.")
            entry.value = str(new)


def _drop_unused(graph: onnx.GraphProto) -> None:
    """Drops weights that nothing reads any more, and the shapes of tensors between, which were of the old width."""
    used = {name for node in graph.node for name in inputs_of(node)} | {value.name for value in graph.output}
    dropped = {tensor.name for tensor in graph.initializer} - used
    for field in (graph.initializer, graph.input):  # some exports list weights as inputs too
        kept = [entry for entry in field if entry.name not in dropped]
        del field[:]
        field.extend(kept)
    del graph.value_info[:]


def _move_weights(tensors: list[Any], file_name: str) -> bytearray:
    """Makes the tensors external: returns the content of the file that holds their values."""
    helper = import_onnx().external_data_helper
    content = bytearray()
    for tensor in tensors:
        content += bytes(-len(content) % ALIGNMENT_BYTES)
        helper.set_external_data(tensor, file_name, len(content), len(tensor.raw_data))
        content += tensor.raw_data
        tensor.ClearField("raw_data")
    return content


def _write(files: dict[Path, bytes | bytearray]) -> None:
    """Writes all of the files or, unless the system fails between renaming two, none."""
    parts = {path: path.with_name(path.name + ".part") for path in files}
    try:
        for path, content in files.items():
            if path.is_dir():
                raise IsADirectoryError(f"{path} is a directory.")
            parts[path].write_bytes(content)
        for path, part in parts.items():
            part.replace(path)
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)


def main(arguments: list[str] | None = None) -> int:
    """Rewrites a file; see the module's description."""
    description = "Caches projected keys and values in a cache-aware graph, instead of the attention's input."
    parser = argparse.ArgumentParser(prog="python -m fastctc.export.keys_values", description=description)
    parser.add_argument("source", metavar="IN.onnx")
    parser.add_argument("target", metavar="OUT.onnx")
    paths = parser.parse_args(arguments)
    try:
        convert(paths.source, paths.target)
    except (Error, ImportError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
