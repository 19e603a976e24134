"""`fastctc check`: the same recording through NeMo, the reference and the core, stage by stage."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import fastctc.reference
from fastctc.audio.reading import load_audio
from fastctc.checking.check import Original, Report, check_recording
from fastctc.checking.picture import draw_difference
from fastctc.checking.rnnt import refuse_rnnt_export
from fastctc.checking.stages import Comparison, Stages
from fastctc.cli.loading import Loader, session_options
from fastctc.cli.messages import library_messages, one_line, say
from fastctc.cli.terminal import RIGHT, Cell, Column, is_terminal, print_table
from fastctc.errors import OptionError
from fastctc.export.model_files import read_manifest
from fastctc.models.named import resolve_model
from fastctc.types import SessionOptions

__all__ = ["run"]

RunOriginal = Callable[[Any], "Original | None"]


def run(arguments: argparse.Namespace, load: Loader) -> int:
    """Runs the command; returns the exit status. Raises Error where the model can't be checked."""
    model = resolve_model(arguments.model)
    refuse_rnnt_export(model)
    with library_messages(say, quiet=True), _original(arguments.nemo) as run_original:
        session = _session(Path(model), arguments)
        core = load(model, normalize=arguments.normalize, session=session)
        reference = fastctc.reference.load(model, normalize=arguments.normalize)
        outside = {name: _read(getattr(arguments, name)) for name in ("features", "log_probs")}
        named = arguments.features or arguments.log_probs
        reports = []
        for name in arguments.files:
            samples = load_audio(name, target_rate_hz=core.sample_rate_hz).samples
            report = check_recording(
                core,
                reference,
                samples,
                original=run_original(samples),
                outside_name=Path(named).name if named else "",
                **outside,
            )
            reports.append((name, report))
    _print_comparisons(reports)
    for name, report in reports:
        for whose, mistake in report.mistakes:
            print(f"{one_line(name)}\t{mistake.name}\t{one_line(whose)}: {one_line(mistake.text)}", flush=True)
    passed = all(report.passed for _, report in reports)
    if arguments.picture and not passed:
        _draw(reports, arguments.picture)
    say("everything is the same." if passed else _failure(reports))
    return 0 if passed else 1


def _session(model: Path, arguments: argparse.Namespace) -> SessionOptions:
    session = session_options(arguments)
    if not model.is_dir() or "quantization" not in read_manifest(model):
        return session
    say("the graphs are quantised: the core runs them with ONNX Runtime's own operators, as the reference does.")
    # With others a value may round to the next step of int8, and log-probs would differ by more than any mistake.
    return replace(session, instruction_set="baseline")


@contextmanager
def _original(source: str | None) -> Iterator[RunOriginal]:
    """Runs NeMo on samples; gives None without a .nemo file."""
    if source is None:
        yield lambda _samples: None
        return
    from fastctc.export.nemo_model import fetch_checkpoint, open_nemo
    from fastctc.export.nemo_stages import nemo_frontend, run_nemo

    checkpoint = fetch_checkpoint(source)
    with tempfile.TemporaryDirectory() as folder:
        nemo = open_nemo(checkpoint, Path(folder))

        def run_original(samples: Any) -> Original:
            found = run_nemo(nemo, samples)
            stages = {
                look_ahead_ms: Stages(
                    f"NeMo, {look_ahead_ms} ms" if len(found.readings) > 1 else "NeMo",
                    samples,
                    found.features,
                    *reading,
                )
                for look_ahead_ms, reading in found.readings.items()
            }
            return Original(stages, nemo_frontend(nemo, samples), found.pieces)

        yield run_original


def _read(path: str | None) -> Any:
    if path is None:
        return None
    try:
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise OptionError(f"{path} can't be read as a NumPy file (.npy): {error}") from error
    if not isinstance(values, np.ndarray) or values.dtype.kind != "f":
        raise OptionError(f"{path} must hold one array of floats, as numpy.save writes it.")
    if values.ndim == 3 and values.shape[0] == 1:
        values = values[0]
    return np.ascontiguousarray(values, np.float32)


def _failure(reports: list[tuple[str, Report]]) -> str:
    chosen = next((found for _, report in reports if (found := report.first_difference) is not None), None)
    if chosen is None:
        return "every stage is the same, but a mistake was recognised."
    return f"the first stage that differs: {chosen.stage} ({chosen.name} beside {chosen.expected_name})."


def _draw(reports: list[tuple[str, Report]], path: str) -> None:
    report = next(report for _, report in reports if not report.passed)
    stage = draw_difference(report, path)
    say(f"{os.fspath(path)} shows the {stage}." if stage else "there is nothing to draw: no numbers differ.")


def _print_comparisons(reports: list[tuple[str, Report]]) -> None:
    for name, report in reports:
        if is_terminal(sys.stdout):
            _print_table(name, report.comparisons)
            continue
        for entry in report.comparisons:
            print(one_line(name), *map(one_line, _cells(entry)), sep="\t", flush=True)


def _cells(entry: Comparison) -> tuple[str, ...]:
    one, other = entry.shapes
    shapes = one if one == other else f"{one} / {other}"
    largest, mean = ("" if value is None else f"{value:.1e}" for value in (entry.largest, entry.mean))
    correlation = "" if entry.correlation is None else f"{entry.correlation:.4f}"
    verdict = "same" if entry.is_same else "DIFFERS"
    return entry.stage, entry.name, entry.expected_name, shapes, largest, mean, correlation, verdict


def _print_table(recording: str, comparisons: Sequence[Comparison]) -> None:
    rows: list[list[Cell]] = []
    for entry in comparisons:
        stage, name, expected_name, *figures, verdict = _cells(entry)
        rows.append([stage, f"{name}, {expected_name}", *figures, (verdict, "green" if entry.is_same else "bold red")])
    fold: Column = {"overflow": "fold"}
    narrow: Column = {"no_wrap": True, "min_width": 7}
    figure = {**narrow, **RIGHT}
    columns = {"stage": {"no_wrap": True}, "what, beside what": fold, "shape": fold}
    columns |= {"largest": figure, "mean": figure, "correl.": figure, "verdict": narrow}
    print_table(columns, rows, title=recording)
