"""Makes the graphs of a model directory small, and says what that does to their words.

Products are put into another form (`int8`, `blocks`, `half`), the graph runs beside the float one over calibration
audio. Products whose rounding moves the log-probs most stay in float until the drift is within its bound
(`quantization`). A result that changes more words than allowed is not written. New graphs share one file of weights.
The originals stay where they are.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fastctc.errors import ModelError, OptionError
from fastctc.export.model_files import check_output, graphs_by_name, read_manifest, write_directory
from fastctc.export.quantization import KINDS, Calibration, Limits, Quantization, QuantizedGraph

__all__ = ["Calibration", "QuantizedGraph", "quantize_directory"]


def quantize_directory(
    directory: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    *,
    kind: str,
    calibration: Calibration,
    max_wer_increase: float = 0.005,
    max_drift: float = 0.1,
    on_graph: Callable[[QuantizedGraph], None] | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> list[QuantizedGraph]:
    """Makes every graph of a model directory small.

    Args:
        directory: The model directory.
        output: A directory to be made, with the new graphs only; None: the directory itself gets them.
        kind: int8 (fast where the CPU has VNNI or AMX), int8-block and int4-block (small), or fp16 (stored).
        calibration: What the graphs are tried on.
        max_wer_increase: How much the word error rate may rise, 0.005 is 0.5 % absolute; where nothing tells what was
            said, which share of the words may change.
        max_drift: Mean of the log-probs' differences; products are left in float until it is kept.
        on_graph: Called with every result, also before it is refused.
        on_progress: Called with what is being done.

    Returns:
        What was done, in the manifest's order.

    Raises:
        OptionError: The kind isn't known, or there is no audio.
        ModelNotFoundError: The directory, or a file of it, is not there.
        ModelError: It is quantised already, has no products to be quantised, or its words change too much; nothing is
            changed then.
        EngineError: ONNX Runtime is too old for the kind.
        OutputError: The files can't be written, or the output is there already.
        ImportError: The package onnx isn't installed.
    """
    _check(kind, calibration, output)
    source = Path(directory)
    manifest = read_manifest(source)
    paths = graphs_by_name(source, manifest, "float_graphs")
    say = on_progress or _say_nothing
    with tempfile.TemporaryDirectory() as folder, Quantization(Path(folder), kind, calibration) as work:
        graphs = []
        for name, path in paths.items():
            say(f"{name}: running {path.name}")
            graphs.append(work.prepare(name, path))
        work.join_ranges(graphs)
        left_out = work.choose(graphs, Limits(max_drift, max_wer_increase), say)
        results, models = [], {}
        for graph in graphs:
            say(f"{graph.name}: measuring {kind}")
            result, models[graph.name] = work.finish(graph, left_out)
            results.append(result)
            if on_graph is not None:
                on_graph(result)
        for result in results:
            _refuse_changed_words(result, kind, max_wer_increase)
        written = ((result.target.name, work.whole(models[result.name])) for result in results)
        new_manifest = _new_manifest(manifest, results, kind, output is None)
        write_directory(source, output, written, new_manifest, kind, keeps_graphs=False)
    return results


def _say_nothing(_: str) -> None:
    pass


def _check(kind: str, calibration: Calibration, output: str | os.PathLike[str] | None) -> None:
    if kind not in KINDS:
        raise OptionError(f"A model can be quantised to {', '.join(KINDS)}, not to '{kind}'.")
    texts = calibration.texts
    if not calibration.features:
        raise OptionError("Quantisation takes calibration audio: some recordings of what the model is for.")
    if texts is not None and (len(texts) != len(calibration.features) or not any(text.split() for text in texts)):
        raise OptionError("Calibration takes as many texts as recordings, with one word at least.")
    check_output(output)


def _refuse_changed_words(result: QuantizedGraph, kind: str, limit: float) -> None:
    words = result.words
    if words.increase <= limit:
        return
    if words.word_error_rates is None:
        what = f"changes {words.n_changed} of {words.n_words} words"
    else:
        before, after = words.word_error_rates
        what = f"makes {after:.2%} of the words wrong instead of {before:.2%}"
    raise ModelError(
        f"{kind} is not good enough for the graph {result.source} ({result.name}): over the calibration audio it "
        f"{what}, more than {limit:.2%} worse. Nothing was written. Give more audio, or choose another kind."
    )


def _new_manifest(
    manifest: Mapping[str, Any], results: Sequence[QuantizedGraph], kind: str, is_in_place: bool
) -> dict[str, Any]:
    named = {result.name: result.target.name for result in results}
    new = {"fastctc": 1, **manifest, "graphs": named, "quantization": kind}
    if is_in_place:
        sources = {result.name: result.source.name for result in results}
        return {**new, "original_graphs": {**sources, **manifest.get("original_graphs", {})}, "float_graphs": sources}
    return {key: value for key, value in new.items() if key not in ("original_graphs", "float_graphs")}
