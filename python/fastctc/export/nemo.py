"""Exports a NeMo CTC model to a directory that fastctc runs, proven equal to NeMo before it is put in place."""

from __future__ import annotations

import importlib.metadata
import math
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fastctc.errors import OptionError, OutputError
from fastctc.export.graph import import_onnx
from fastctc.export.memory import MemoryEstimate, available_bytes, check_disk, estimate_memory
from fastctc.export.model_card import CardFacts, file_sha256, write_card
from fastctc.export.model_files import WeightsFile, check_output, constants_to_initializers
from fastctc.export.nemo_archive import NemoArchive
from fastctc.export.nemo_files import (
    make_manifest,
    why_not_onnx_asr,
    write_manifest,
    write_onnx_asr,
    write_tokenizer,
    write_tokens,
)
from fastctc.export.nemo_graphs import GraphPlan, export_graph, plan_graphs
from fastctc.export.nemo_model import NemoModel, fetch_checkpoint, import_nemo, open_nemo
from fastctc.export.nemo_proof import Baseline, graph_difference, match_frontend

__all__ = ["ExportedGraph", "ExportedModel", "NemoExport", "export_nemo"]

Floats = NDArray[np.float32]

WEIGHTS = "weights.bin"
LONGEST_AUDIO_S = 4 * 3600.0
"""The position table of four hours has 180,000 frames; one run over that much audio takes too much memory."""


@dataclass(frozen=True)
class NemoExport:
    """What to export, and what its card says."""

    source: str
    """A .nemo file, or the name of a published model."""
    output: Path
    """The directory to be made."""
    latency_ms: int | None = None
    """Look-ahead of the offline graph; None: the model's default."""
    max_audio_s: float | None = None
    """Longest audio of one run of the offline graph; None: what the model's position table holds."""
    license: str | None = None
    language: str | None = None
    published_as: str = ""
    """Name of the file's model, if it has one."""


@dataclass(frozen=True)
class ExportedGraph:
    """A graph of the directory, checked."""

    part: str
    file_name: str
    largest_difference: float
    """Largest difference of log-probs to NeMo's PyTorch model."""


@dataclass(frozen=True)
class ExportedModel:
    """What was made."""

    directory: Path
    graphs: tuple[ExportedGraph, ...]
    feature_difference: float
    why_no_streams: str
    """Empty: there are graphs for streams."""
    max_audio_s: float
    """Of one run; 0: no limit."""


Begin = Callable[[MemoryEstimate, "int | None"], None]
Progress = Callable[[str, int, int], None]
Recordings = Callable[[int], Sequence[Floats]]
Accept = Callable[[Path], None]


def export_nemo(
    job: NemoExport,
    recordings: Recordings,
    *,
    on_begin: Begin | None = None,
    on_progress: Progress | None = None,
    accept: Accept | None = None,
) -> ExportedModel:
    """Makes the directory `job.output`: complete and proven, or not at all.

    Args:
        job: What to export.
        recordings: Gives samples [n] at a rate in Hz, of what the graphs are checked on.
        on_begin: Told the memory that the export will take at its peak, and what is available, before it begins.
        on_progress: Told each step: what it is, its number, how many there are.
        accept: Called with the finished directory before it is put in place; what it raises stops the export.

    Raises:
        ModelNotFoundError: There is no such .nemo file or published model.
        ModelError: The model can't be exported, or a graph or the front end differs from NeMo; it says by how much.
        NotEnoughMemoryError: There is too little memory.
        OptionError: The model has no such look-ahead.
        OutputError: The output is there already, or can't be written.
        ImportError: NeMo or onnx isn't installed.
    """
    output = job.output
    if job.max_audio_s is not None and not 1 <= job.max_audio_s <= LONGEST_AUDIO_S:
        raise OptionError(f"max_audio_s is {job.max_audio_s:g}, but must be from 1 to {LONGEST_AUDIO_S:g} s.")
    check_output(output)
    import_onnx()
    checkpoint = fetch_checkpoint(job.source)
    weights_bytes = NemoArchive(checkpoint).n_bytes
    estimate, available = estimate_memory(weights_bytes), available_bytes()
    if on_begin is not None:
        on_begin(estimate, available)
    estimate.check(available)
    import_nemo()
    with _staging(output) as staging:
        check_disk(staging, weights_bytes)
        report = _Steps(on_progress)
        report.step("reading the model")
        nemo = open_nemo(checkpoint, staging / "nemo")
        result = _export_into(staging, nemo, checkpoint, job, recordings, report)
        finished = staging / output.name
        if accept is not None:
            report.step("transcribing with the result")
            accept(finished)
        try:
            finished.rename(output)
        except OSError as error:
            raise OutputError(f"{output} can't be made: {error.strerror or error}.") from error
    return result


class _Steps:
    """Counts the steps."""

    def __init__(self, on_progress: Progress | None) -> None:
        self._on_progress = on_progress
        self._done = 0
        self.total = 4

    def step(self, what: str) -> None:
        if self._on_progress is not None:
            self._on_progress(what, self._done, max(self.total, self._done + 1))
        self._done += 1


@contextmanager
def _staging(output: Path) -> Iterator[Path]:
    """A directory beside the output, so that the result moves there in one step; removed afterwards."""
    parent = output.absolute().parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{output.name}.", dir=parent))
    except OSError as error:
        raise OutputError(f"{output} can't be made: {error.strerror or error}.") from error
    try:
        (staging / output.name).mkdir()
        yield staging
    except OSError as error:
        if isinstance(error, (OutputError, ImportError)) or error.filename is None:
            raise
        raise OutputError(f"{output} can't be made: {error.strerror or error} ({error.filename}).") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _export_into(
    staging: Path, nemo: NemoModel, checkpoint: Path, job: NemoExport, recordings: Recordings, report: _Steps
) -> ExportedModel:
    directory = staging / job.output.name
    plans = plan_graphs(nemo, job.latency_ms)
    _extend_positions(nemo, plans, job.max_audio_s)
    report.total = 5 + 2 * len(plans)
    report.step("running NeMo")
    samples = list(recordings(nemo.frontend["sample_rate_hz"]))
    preset, feature_difference = match_frontend(nemo, samples)
    baseline = Baseline(nemo, samples, {plan.context for plan in plans})
    with (directory / WEIGHTS).open("wb") as file:
        weights = WeightsFile(file)
        graphs = [_make_graph(nemo, plan, directory, weights, baseline, report) for plan in plans]
    report.step("writing the rest")
    write_tokens(nemo.vocabulary, directory / "tokens.txt")
    write_tokenizer(nemo, directory)
    about = {
        "name": job.output.name,
        "description": f"{nemo.name}, exported from NeMo",
        **({"language": job.language} if job.language else {}),
        **({"license": job.license} if job.license else {}),
    }
    write_manifest(make_manifest(nemo, plans, preset, about), directory / "fastctc.json")
    frame_s = nemo.frontend["hop_length_samples"] * nemo.subsampling_factor / nemo.frontend["sample_rate_hz"]
    max_audio_s = nemo.max_encoder_frames * frame_s
    notes = [f"Look-ahead of the offline graph: {_look_ahead(nemo, plans[0])}"]
    if max_audio_s:
        notes.append(f"Longest audio of one run: {max_audio_s:.0f} s; longer recordings go in steps or windows")
    if why := nemo.why_no_streams():
        notes.append(f"No live streams: {why}")
    if why := why_not_onnx_asr(nemo):
        notes.append(f"No files for onnx-asr: {why}")
    else:
        write_onnx_asr(nemo, directory)
    write_card(
        directory,
        CardFacts(
            job.output.name,
            job.published_as or ("" if Path(job.source) == checkpoint else job.source),
            checkpoint.name,
            file_sha256(checkpoint),
            job.license,
            nemo.name,
            {"preset": preset, **nemo.frontend},
            feature_difference,
            [(graph.part, graph.file_name, graph.largest_difference) for graph in graphs],
            notes,
            _versions(),
        ),
    )
    return ExportedModel(job.output, tuple(graphs), feature_difference, nemo.why_no_streams(), max_audio_s)


def _make_graph(
    nemo: NemoModel, plan: GraphPlan, directory: Path, weights: WeightsFile, baseline: Baseline, report: _Steps
) -> ExportedGraph:
    """Exports one graph, moves its weights to the shared file, and checks the result."""
    onnx = import_onnx()
    report.step(f"exporting {plan.part}")
    with tempfile.TemporaryDirectory(dir=directory.parent) as raw:
        path = Path(raw, plan.file_name)
        export_graph(nemo, plan, path)
        model = onnx.load(str(path))
    constants_to_initializers(model.graph)
    weights.take(model, WEIGHTS)
    target = directory / plan.file_name
    target.write_bytes(model.SerializeToString())
    del model
    report.step(f"checking {plan.part}")
    return ExportedGraph(plan.part, plan.file_name, graph_difference(plan, target, baseline))


def _extend_positions(nemo: NemoModel, plans: Sequence[GraphPlan], max_audio_s: float | None) -> None:
    """For the longest audio wanted, and for every window of the graphs for streams."""
    longest = 0
    if max_audio_s is not None:
        frames = max_audio_s * nemo.frontend["sample_rate_hz"] / nemo.frontend["hop_length_samples"]
        longest = math.ceil(frames / nemo.subsampling_factor) + 1
    for plan in plans:
        if plan.chunks and plan.context is not None:
            longest = max(longest, plan.context[0] + plan.chunks * (plan.context[1] + 1) + 1)
    nemo.extend_positions(longest)


def _look_ahead(nemo: NemoModel, offline: GraphPlan) -> str:
    if offline.context is None or offline.context[1] < 0:
        return "the whole recording"
    return f"{nemo.look_ahead_ms(offline.context)} ms"


def _versions() -> dict[str, str]:
    names = ("fastctc", "nemo_toolkit", "torch", "onnx", "onnxruntime", "numpy")
    return {name: importlib.metadata.version(name) for name in names}
