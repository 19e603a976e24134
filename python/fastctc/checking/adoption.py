"""Adopts an export made elsewhere: finds its properties, asks for the rest, checks it, and writes its manifest."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

import fastctc.reference
from fastctc.checking.rnnt import refuse_rnnt_export
from fastctc.checking.stages import LARGEST_LOG_PROB_DIFFERENCE, compare_stages, run_stages
from fastctc.errors import Error, ModelError, OutputError
from fastctc.new_files import write_file
from fastctc.recognizer import Recognizer, load
from fastctc.reference.fbank import compute_features
from fastctc.reference.model_directory import ModelDirectory
from fastctc.reference.model_graphs import ModelGraphs
from fastctc.reference.recognizer import make_recognizer
from fastctc.reference.streaming_model import has_several_chunks
from fastctc.types import FrontendOptions, ModelOptions, Property, SessionOptions

__all__ = ["NORMALIZATIONS", "Adopted", "Reading", "adopt_directory", "make_manifest"]

Floats = NDArray[np.float32]

Normalization: TypeAlias = Literal["none", "per_feature", "all_features"]

MANIFEST = "fastctc.json"
NORMALIZATIONS: tuple[Normalization, ...] = ("none", "per_feature", "all_features")
"""The kinds of NeMo's models. Other kinds need numbers, or belong to other toolkits."""
STATED_FIELDS = ("sample_rate_hz", "n_mels", "normalize")
"""Fields of the front end that are always written, also if the preset has the same value."""


class Reading(NamedTuple):
    """What the model reads in a recording with one kind of normalisation."""

    normalize: str
    confidence: float
    """Mean probability per frame of the best path."""
    text: str


@dataclass(frozen=True)
class Adopted:
    """The result of `adopt`: what was found and written."""

    manifest: Path
    properties: tuple[Property, ...]
    texts: tuple[str, ...]
    """Of the recordings."""
    left_out: tuple[str, ...] = ()
    """Graphs of several attention chunks per step that the manifest doesn't name."""


Ask = Callable[[Sequence[Reading]], "str | None"]
Recordings = Callable[[int], Sequence[Floats]]


def adopt_directory(
    directory: str | os.PathLike[str],
    recordings: Recordings,
    *,
    options: ModelOptions | None = None,
    session: SessionOptions | None = None,
    ask_normalize: Ask | None = None,
    force: bool = False,
) -> Adopted:
    """Writes `fastctc.json` into a directory that holds graphs and tokens, after the model has run.

    Args:
        directory: The model directory.
        recordings: Gives samples [n] at a rate in Hz, of what the model is checked on.
        options: What the caller knows.
        session: How ONNX Runtime runs the graphs.
        ask_normalize: Asked for the normalisation if nothing tells it, with what the model reads for each kind; returns
            None if it can't tell either. None: nobody is asked.
        force: Replace a manifest that is there.

    Raises:
        ModelNotFoundError: The directory, or a file of it, is not there.
        ModelError: It is no CTC model, something isn't told, sources contradict each other, or the model's stages in
            the core and in the reference differ.
        OutputError: There is a manifest already, or it can't be written.
    """
    path = Path(directory)
    options = options or ModelOptions()
    refuse_rnnt_export(path)
    manifest = path / MANIFEST
    if manifest.exists() and not force:
        raise OutputError(f"{manifest} is there already. Give force (--force) to replace it.")
    with _set_aside(manifest):
        twin = _Twin(path, options)
        if not twin.tells_normalize():
            readings = _readings(twin, recordings)
            chosen = None if ask_normalize is None else ask_normalize(readings)
            if chosen is None:
                raise ModelError(
                    f"{path}: nothing tells how its features are normalised, and it is never guessed. Say it with the "
                    "option normalize (--normalize): none for NeMo's 'NA' (the streaming FastConformer models), "
                    "per_feature for most others."
                )
            options = replace(options, normalize=chosen)  # type: ignore[arg-type]
        recognizer = load(path, options=options, session=session)
        texts = _verify(path, recognizer, recordings(recognizer.sample_rate_hz), twin, options)
        properties = tuple(recognizer.properties)
        long_form, aside = _find_long_form(twin, options, recordings(recognizer.sample_rate_hz)[0])
        text = json.dumps(make_manifest(properties, long_form, aside), indent=2, ensure_ascii=False)
        write_file(manifest, text + "\n")
        try:
            load(path, session=session)
        except Error:
            manifest.unlink(missing_ok=True)
            raise
    return Adopted(manifest, properties, texts, aside)


@contextmanager
def _set_aside(manifest: Path) -> Iterator[None]:
    """Removes the old manifest, and restores it if no new one is written."""
    if not manifest.exists():
        yield
        return
    aside = manifest.with_name(f"{MANIFEST}.before")
    manifest.replace(aside)
    try:
        yield
    except BaseException:
        aside.replace(manifest)
        raise
    aside.unlink()


class _Twin:
    """The model in the reference, which opens each graph once, whatever the normalisation turns out to be."""

    def __init__(self, path: Path, options: ModelOptions) -> None:
        self._path = path
        self.options = options

    @cached_property
    def _directory(self) -> ModelDirectory:
        return ModelDirectory.open(self._path, self.options)

    @cached_property
    def graphs(self) -> ModelGraphs:
        """Raises ModelError, ModelNotFoundError."""
        return ModelGraphs(self._directory, self.options, SessionOptions())

    def tells_normalize(self) -> bool:
        """Whether anything does: an option, a manifest, the graph."""
        if self.options.normalize is not None or self.options.frontend.get("normalize") is not None:
            return True
        is_told = bool(self._directory.manifest.get("onnx_asr"))
        return is_told or "normalize_type" in self.graphs.first.graph()["metadata"]

    def recognizer(self, options: ModelOptions) -> fastctc.reference.Recognizer:
        """With the normalisation of these options."""
        return make_recognizer(self._directory, self.graphs, options)


def _readings(twin: _Twin, recordings: Recordings) -> list[Reading]:
    """What the model makes of the first recording, surest first: a hint to who is asked, and no more than that."""
    readings = []
    with suppress(ModelError):  # it has graphs for streams alone, or can't be loaded, as will be said
        model = twin.recognizer(replace(twin.options, normalize="none"))
        samples = recordings(model.sample_rate_hz)[0]
        for kind in NORMALIZATIONS:
            features, n_frames = compute_features(samples, replace(model.frontend, normalize=kind))
            log_probs = model.log_probs(features[:, :n_frames])
            confidence = float(np.exp(log_probs.max(axis=1)).mean()) if len(log_probs) else 0.0
            readings.append(Reading(kind, confidence, model.decode(log_probs).text))
    return sorted(readings, key=lambda reading: -reading.confidence)


def _verify(
    path: Path, recognizer: Recognizer, recordings: Sequence[Floats], twin: _Twin, options: ModelOptions
) -> tuple[str, ...]:
    """Texts of the recordings, after the core and the reference gave the same at every stage."""
    if _offline_graph(recognizer.properties) is None:  # streams alone: no stages of one run to compare
        return tuple(recognizer.transcribe(samples).text for samples in recordings)
    reference = twin.recognizer(options)
    texts = []
    for samples in recordings:
        found, expected = run_stages("core", recognizer, samples), run_stages("reference", reference, samples)
        different = [entry for entry in compare_stages(found, expected) if not entry.is_same]
        if different:
            raise ModelError(
                f"{path} can't be adopted: the core and the reference differ in {different[0].stage}, by "
                f"{different[0].largest}. Please report it."
            )
        texts.append(found.text or "")
    return tuple(texts)


def _find_long_form(twin: _Twin, options: ModelOptions, samples: Floats) -> tuple[str | None, tuple[str, ...]]:
    """The file of the graph for long recordings, None: none; and those that are like it, but not to be used.

    A graph of several attention chunks per step looks like one for streams with seconds of look-ahead. Only an exact
    graph equals one run over everything, so each is compared with the offline graph. Among the equal ones the graph
    with the longest steps is taken.
    """
    graphs = twin.graphs
    streaming = {name: graphs.cache_aware(name) for name in graphs.names if name != "offline"}
    several = {name: stream for name, stream in streaming.items() if has_several_chunks(stream)}
    if not several or (graphs.offline is None and len(several) == len(streaming)):
        return None, ()  # there is nothing to compare it with, and nothing else to use
    model = twin.recognizer(options)
    chosen = None
    for name in sorted(several, key=lambda name: -several[name].output_frames):
        if graphs.offline is None or chosen is not None:
            break
        # Several steps long: a graph that is not exact differs at the start of each step.
        n_frames = min(3 * several[name].output_frames, graphs.offline.max_encoder_frames or 1 << 30) - 1
        features = np.resize(model.features(samples).T, (n_frames * graphs.subsampling_factor, model.frontend.n_mels)).T
        features = np.ascontiguousarray(features)
        found, whole = model.log_probs(features, graph=name), model.log_probs(features)
        if found.shape == whole.shape and np.abs(found - whole).max(initial=0) <= LARGEST_LOG_PROB_DIFFERENCE:
            chosen = name
    files = {name: Path(stream.path).name for name, stream in several.items()}
    return files.pop(chosen) if chosen else None, tuple(files.values())


def make_manifest(
    properties: Sequence[Property], long_form: str | None = None, left_out: Sequence[str] = ()
) -> dict[str, Any]:
    """The manifest with all resolved properties.

    Args:
        properties: Of the recogniser.
        long_form: The file that is no graph for streams, but for long recordings.
        left_out: Files that are neither.
    """
    values = {entry.name: entry.value for entry in properties}
    graphs = {name: value for name, value in values.items() if name.startswith("streaming_") and name.endswith("ms")}
    graphs = {name: value for name, value in graphs.items() if value not in (long_form, *left_out)}
    if (offline := _offline_graph(properties)) is not None:
        graphs = {"offline": offline, **graphs}
    if long_form is not None:
        graphs["long_form"] = long_form
    manifest: dict[str, Any] = {
        "fastctc": 1,
        "graphs": graphs,
        "tokens": values["tokens"],
        "frontend": _frontend(values),
        "subsampling": {"factor": int(values["subsampling_factor"])},
    }
    if "subsampling_causal" in values:
        manifest["subsampling"]["causal"] = values["subsampling_causal"] == "true"
    for name in ("blank_id", "max_encoder_frames"):
        if name in values:
            manifest[name] = int(values[name])
    for name in ("text_style", "log_probs_kind"):
        if name in values:
            manifest[name] = values[name]
    return manifest


def _frontend(values: dict[str, str]) -> dict[str, Any]:
    """The preset, and the fields that differ from it."""
    preset = values["frontend.preset"]
    usual = dict(FrontendOptions.preset(preset).to_pairs())  # type: ignore[arg-type]
    fields: dict[str, Any] = {"preset": preset}
    for name, usual_value in usual.items():
        value = values.get(f"frontend.{name}", usual_value)
        if name in STATED_FIELDS or not _equal(value, usual_value):
            fields[name] = _parsed(value)
    return fields


def _equal(value: str, other: str) -> bool:
    return value == other or _parsed(value) == _parsed(other)


def _parsed(value: str) -> Any:
    """The value for JSON: numbers and truth values as such, lists of numbers as lists."""
    with suppress(ValueError):
        return json.loads(value)
    with suppress(ValueError):
        return [float(part) for part in value.split(",")]
    return value


def _offline_graph(properties: Sequence[Property]) -> str | None:
    """Its file; None: all are for streams."""
    values = {entry.name: entry.value for entry in properties}
    streams = {value for name, value in values.items() if name.startswith("streaming_")}
    return None if values["graph"] in streams else values["graph"]
