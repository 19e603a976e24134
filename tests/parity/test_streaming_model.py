"""Cache-aware graphs: C++ and the reference against NeMo's streaming loop, the offline graphs, and each other."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import onnx_graphs
import tolerances
from conftest import DATA, ROOT
from fastctc import _core
from fastctc.errors import AudioError, EngineError, Error, ModelError, ModelNotFoundError, OptionError
from fastctc.installed.onnxruntime_library import find_library
from fastctc.reference import streaming_model as reference
from fastctc.types import SessionOptions

TINY = DATA / "tiny"
DEMO = ROOT / "models" / "digits"
GOLDEN = DATA / "golden"
LOOK_AHEADS = (13, 6, 1, 0)
# An exact graph, and the offline graph with its look-ahead.
EXACT = {
    "stream_exact_r13": "offline",
    "stream_exact_r13_x4": "offline",
    "stream_exact_r13_x8": "offline",
    "stream_exact_r6": "offline_r6",
    "stream_exact_r1": "offline_r1",
    "stream_exact_r0": "offline_r0",
}
# Metadata of a bare export: what NeMo doesn't write is taken away.
BARE: dict[str, str | None] = dict.fromkeys(
    ["window_size", "chunk_shift", "subsampling_factor"]
    + [f"cache_last_{cache}_dim{i}" for cache in ("channel", "time") for i in (1, 2, 3)]
)

Features = NDArray[np.float32]
Load = Callable[..., Any]


def core_session() -> dict[str, Any]:
    return dataclasses.asdict(SessionOptions(library=find_library()[0]))


def load_core(path: Path) -> Any:
    return _core.StreamingModel(os.fspath(path), core_session())


def load_reference(path: Path) -> Any:
    return reference.StreamingModel(path)


@pytest.fixture(params=[load_core, load_reference], ids=["core", "reference"])
def load(request: pytest.FixtureRequest) -> Load:
    return request.param


models: dict[tuple[Load, Path], Any] = {}


def loaded(load: Load, path: Path) -> Any:
    """A configured model, opened once."""
    if (load, path) not in models:
        models[load, path] = load(path)
        models[load, path].configure()
    return models[load, path]


def stream_of(model: Any, start: str = "aligned") -> Any:
    kind = _core.AcousticStream if isinstance(model, _core.StreamingModel) else reference.AcousticStream
    return kind(model, start)


def run(model: Any, features: Features, cuts: list[int] | None = None, start: str = "aligned") -> Features:
    """Log-probs of features that are pushed in pieces, every window run as soon as it is ready."""
    stream = stream_of(model, start)
    parts = []
    for piece in np.split(features, cuts or [], axis=1):
        stream.push(np.ascontiguousarray(piece))
        while stream.ready:
            stream.step()
        parts.append(stream.take())
    return np.concatenate([*parts, run_out(stream)])


def run_out(stream: Any) -> Features:
    stream.finish()
    while stream.ready:
        stream.step()
    assert stream.done
    assert stream.n_pending_frames == 0
    taken: Features = stream.take()
    return taken


def offline(path: Path, features: Features) -> Features:
    if (load_core, path) not in models:
        models[load_core, path] = _core.AcousticModel(os.fspath(path), core_session())
        models[load_core, path].configure()
    (log_probs,) = models[load_core, path].run([features])
    return np.asarray(log_probs)


def noise(n_frames: int, seed: int = 0) -> Features:
    """Values like log-mel's."""
    return (np.random.default_rng(seed).standard_normal((80, n_frames)) * 3 - 5).astype(np.float32)


def speech(name: str) -> Features:
    golden = np.load(GOLDEN / "e2e_tiny_offline.npz")
    return np.ascontiguousarray(golden[f"{name}/feats"][0, :, : int(golden[f"{name}/length"][0])])


def tiny_stream(look_ahead: int) -> Path:
    return TINY / ("stream.onnx" if look_ahead == 13 else f"stream_r{look_ahead}.onnx")


def assert_close(actual: Features, expected: Features, tolerance: float, what: object = "") -> None:
    assert actual.shape == expected.shape, what
    assert actual.dtype == np.float32
    assert len(actual) == 0 or np.abs(actual - expected).max() <= tolerance, what


# Exact graphs: a stream is the offline result


@pytest.mark.parametrize("graph", EXACT)
def test_exact_streams_equal_offline_for_every_length(load: Load, graph: str) -> None:
    model = loaded(load, TINY / f"{graph}.onnx")
    chunk = model.geometry["chunk_frames"]
    borders = {chunk * k - 7 + offset for k in (1, 2) for offset in (-1, 0, 1, 2, 8, 9)}
    for n_frames in sorted({*range(1, 20), *borders, 97, 213, 300}):
        features = noise(n_frames, seed=n_frames)
        expected = offline(TINY / f"{EXACT[graph]}.onnx", features)
        assert_close(run(model, features), expected, tolerances.LOG_PROBS_STREAM, n_frames)


@pytest.mark.parametrize("graph", EXACT)
def test_exact_streams_equal_nemos_offline_log_probs(load: Load, graph: str) -> None:
    model = loaded(load, TINY / f"{graph}.onnx")
    golden = np.load(GOLDEN / f"e2e_tiny_{EXACT[graph]}.npz")
    for name in ("speech", "speech2", "speech3"):
        expected = golden[f"{name}/logprobs"][0, : int(golden[f"{name}/enc_len"][0])]
        assert_close(run(model, speech(name)), expected, tolerances.LOG_PROBS, name)


@pytest.mark.parametrize("graph", ["exact-1040ms", "exact-1040ms-x8"])
def test_exact_streams_of_the_demo_model_equal_nemos_offline_log_probs(load: Load, graph: str) -> None:
    model = loaded(load, DEMO / f"{graph}.onnx")
    golden = np.load(GOLDEN / "digits.npz")
    names = [key.removesuffix("/features") for key in golden.files if key.endswith("/features")]
    assert len(names) == 7
    for name in names:
        assert_close(run(model, golden[f"{name}/features"]), golden[f"{name}/logprobs"], tolerances.LOG_PROBS, name)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    graph=st.sampled_from([*EXACT]),
    n_frames=st.integers(0, 300),
    cuts=st.lists(st.integers(0, 300), max_size=40),
    seed=st.integers(0, 9),
)
def test_any_split_of_the_frames_gives_the_offline_log_probs(
    load: Load, graph: str, n_frames: int, cuts: list[int], seed: int
) -> None:
    features = noise(n_frames, seed)
    actual = run(loaded(load, TINY / f"{graph}.onnx"), features, sorted(min(cut, n_frames) for cut in cuts))
    assert_close(actual, offline(TINY / f"{EXACT[graph]}.onnx", features), tolerances.LOG_PROBS_STREAM)


def test_frames_come_out_as_soon_as_their_window_is_full(load: Load) -> None:
    """The first window takes chunk - 7 frames, NeMo's own first chunk; every other one a chunk."""
    for graph, first in (("stream_exact_r13", 105), ("stream_exact_r6", 49), ("stream_exact_r1", 9)):
        model = loaded(load, TINY / f"{graph}.onnx")
        stream, features, moments = stream_of(model), noise(300), []
        for frame in range(300):
            stream.push(np.ascontiguousarray(features[:, frame : frame + 1]))
            if stream.ready:
                stream.step()
                moments.append(frame + 1)
        chunk = model.geometry["chunk_frames"]
        assert moments == list(range(first, 301, chunk))
        assert stream.n_output_frames == len(moments) * model.output_frames


# NeMo's own graphs


@pytest.mark.parametrize("look_ahead", LOOK_AHEADS)
def test_nemo_pad_equals_nemos_pad_and_drop_loop(load: Load, look_ahead: int) -> None:
    golden = np.load(GOLDEN / "streaming_tiny.npz")
    model = loaded(load, tiny_stream(look_ahead))
    for name in ("speech", "speech2", "speech3"):
        actual = run(model, speech(name), [100, 101], start="nemo_pad")
        expected = golden[f"{name}/r{look_ahead}/nemo_pad"]
        # NeMo's loop drops a remainder of less than 8 frames at the end.
        assert len(expected) <= len(actual) <= len(expected) + 1, name
        assert_close(actual[: len(expected)], expected, tolerances.LOG_PROBS, name)


@pytest.mark.parametrize("look_ahead", LOOK_AHEADS)
def test_aligned_equals_the_loop_over_nemos_graph_and_decodes_as_offline(load: Load, look_ahead: int) -> None:
    golden = np.load(GOLDEN / "streaming_tiny.npz")
    model = loaded(load, tiny_stream(look_ahead))
    actual = run(model, speech("speech2"), [7, 200])
    assert_close(actual, golden[f"speech2/r{look_ahead}/aligned"], tolerances.LOG_PROBS)

    nemo = np.load(GOLDEN / f"e2e_tiny_offline{'' if look_ahead == 13 else f'_r{look_ahead}'}.npz")
    for name in ("speech", "speech2", "speech3"):
        expected = nemo[f"{name}/logprobs"][0, : int(nemo[f"{name}/enc_len"][0])]
        assert greedy(run(model, speech(name))) == greedy(expected), name


def greedy(log_probs: Features) -> list[int]:
    best = log_probs.argmax(axis=1)
    kept = np.concatenate([[True], best[1:] != best[:-1]]) & (best != log_probs.shape[1] - 1)
    return [int(token) for token in best[kept]]


@pytest.mark.parametrize("graph", ["exact-480ms", "exact-80ms", "exact-0ms"])
def test_core_equals_reference_on_the_demo_model(graph: str) -> None:
    features = noise(333)
    core, twin = (run(loaded(load, DEMO / f"{graph}.onnx"), features) for load in (load_core, load_reference))
    assert_close(core, twin, tolerances.LOG_PROBS_TWIN)


# Batches

POOL = 4
OPERATIONS = ["push", "push", "push", "step", "step", "step", "finish", "reset", "close", "detach", "split_step"]


class Pool:
    """Streams over one exact graph with what was pushed into each, and what the offline graph says of it."""

    def __init__(self, load: Load) -> None:
        self.model = loaded(load, TINY / "stream_exact_r1.onnx")
        self.is_core = load is load_core
        self.next_seed = 0
        self.streams: list[Any] = [stream_of(self.model) for _ in range(POOL)]
        self.pushed: list[Features] = [noise(0)] * POOL
        self.taken: list[list[Features]] = [[] for _ in range(POOL)]
        self.is_finished = [False] * POOL

    def begin(self, i: int) -> None:
        self.pushed[i], self.taken[i], self.is_finished[i] = noise(0), [], False

    def push(self, i: int, n_frames: int) -> None:
        if self.is_finished[i]:
            return
        self.next_seed += 1
        features = noise(n_frames, self.next_seed)
        self.streams[i].push(features)
        self.pushed[i] = np.concatenate([self.pushed[i], features], axis=1)

    def ready(self, n_rotated: int) -> list[Any]:
        """All ready streams but one now and then, in an order that changes."""
        order = list(np.roll(np.arange(POOL), n_rotated))[: POOL - n_rotated % 2]
        return [self.streams[i] for i in order if self.streams[i].ready]

    def step(self, n_rotated: int) -> None:
        ready = self.ready(n_rotated)
        assert self.model.step(ready) == [""] * len(ready)
        for i, stream in enumerate(self.streams):
            self.taken[i].append(stream.take())

    def split_step(self, i: int, number: int) -> None:
        """gather, something happens to a stream of the batch, compute, scatter."""
        ready = self.ready(number)
        if not self.is_core or not ready:
            return
        batch = self.model.gather(ready)
        assert not any(stream.ready for stream in ready)
        if number % 4 == 0:
            self.reset(i)
        elif number % 4 == 1:
            ready = [None if stream is self.streams[i] else stream for stream in ready]
            self.close(i)
        else:
            self.push(i, number)
        if number % 5:
            self.model.compute(batch)
        assert self.model.scatter(batch, ready) == [""] * len(ready)

    def reset(self, i: int) -> None:
        self.streams[i].reset()
        self.begin(i)

    def close(self, i: int) -> None:
        self.streams[i] = stream_of(self.model)
        self.begin(i)

    def apply(self, operation: str, i: int, number: int) -> None:
        if operation == "push":
            self.push(i, number)
        elif operation == "step":
            self.step(number)
        elif operation == "split_step":
            self.split_step(i, number)
        elif operation == "finish":
            self.streams[i].finish()
            self.is_finished[i] = True
        elif operation == "reset":
            self.reset(i)
        elif operation == "close":
            self.close(i)
        elif self.is_core:
            self.streams[i].detach()

    def check(self) -> None:
        for stream in self.streams:
            stream.finish()
        while any(stream.ready for stream in self.streams):
            self.step(0)
        for i, stream in enumerate(self.streams):
            assert stream.done
            actual = np.concatenate([*self.taken[i], stream.take()])
            expected = offline(TINY / "offline_r1.onnx", self.pushed[i])
            assert_close(actual, expected, tolerances.LOG_PROBS_STREAM, i)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    schedule=st.lists(
        st.tuples(st.sampled_from(OPERATIONS), st.integers(0, POOL - 1), st.integers(0, 60)), min_size=8, max_size=60
    )
)
def test_streams_in_a_batch_equal_streams_alone(load: Load, schedule: list[tuple[str, int, int]]) -> None:
    pool = Pool(load)
    for i in range(POOL):
        pool.push(i, 20 + 30 * i)
    for operation, i, number in schedule:
        pool.apply(operation, i, number)
    pool.check()


def test_the_same_streams_in_the_same_order_equal_streams_alone(load: Load) -> None:
    """The case in which the caches are fed again as they came out."""
    model = loaded(load, TINY / "stream_exact_r6.onnx")
    sources = [noise(400, seed) for seed in range(3)]
    streams = [stream_of(model) for _ in sources]
    for stream, source in zip(streams, sources, strict=True):
        stream.push(source)
        stream.finish()
    while streams[0].ready:
        assert model.step(streams) == ["", "", ""]
    for stream, source in zip(streams, sources, strict=True):
        assert_close(stream.take(), offline(TINY / "offline_r6.onnx", source), tolerances.LOG_PROBS_STREAM)


def test_streams_that_a_graph_would_couple_run_alone(load: Load, tmp_path: Path) -> None:
    graph = onnx_graphs.edit_streaming_graph(TINY / "stream_exact_r1.onnx", tmp_path / "coupled.onnx", couples=True)
    model = load(graph)
    told = properties(model)
    if load is load_core:
        assert told["batching"] == ("one at a time", "graph (probe run)")
        assert properties(load(TINY / "stream_exact_r1.onnx"))["batching"] == ("stacked", "graph (probe run)")
    sources = [noise(60, 1), noise(60, 2) * 5]
    streams = [stream_of(model) for _ in sources]
    for stream, source in zip(streams, sources, strict=True):
        stream.push(source)
        stream.finish()
    while streams[0].ready:
        assert model.step(streams) == ["", ""]
    alone = load_core(graph)
    alone.configure()
    for stream, source in zip(streams, sources, strict=True):
        assert_close(stream.take(), run(alone, source), tolerances.LOG_PROBS_TWIN)


# Faults of one stream


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_feature_that_is_not_finite_touches_its_stream_alone(load: Load, value: float) -> None:
    model = loaded(load, TINY / "stream_exact_r1.onnx")
    good, bad = stream_of(model), stream_of(model)
    features = noise(100)
    broken = features.copy()
    broken[3, 50] = value
    good.push(features)
    bad.push(features[:, :40].copy())
    with pytest.raises(AudioError, match="not a finite number"):
        bad.push(broken)
    assert bad.n_pending_frames == 40
    while bad.ready:
        assert model.step([good, bad]) == ["", ""]
    assert_close(run_out(good), offline(TINY / "offline_r1.onnx", features), tolerances.LOG_PROBS_STREAM)
    assert_close(run_out(bad), offline(TINY / "offline_r1.onnx", features[:, :40].copy()), tolerances.LOG_PROBS_STREAM)


def test_a_stream_whose_output_is_not_finite_fails_alone(load: Load, tmp_path: Path) -> None:
    graph = onnx_graphs.edit_streaming_graph(TINY / "stream_exact_r1.onnx", tmp_path / "nan.onnx", nan_above=1000)
    model = load(graph)
    model.configure()
    features = noise(100)
    poisoned = features.copy()
    poisoned[3, 50] = 2000
    good, bad, other = streams = [stream_of(model) for _ in range(3)]
    for stream, source in zip(streams, (features, poisoned, features), strict=True):
        stream.push(source)
        stream.finish()
    failures = []
    while good.ready:
        ready = [stream for stream in streams if stream.ready]
        messages = model.step(ready)
        failures += [(stream, message) for stream, message in zip(ready, messages, strict=True) if message]
    assert [stream for stream, _ in failures] == [bad]
    assert bad.failure == failures[0][1]
    assert "not finite" in bad.failure
    assert not bad.ready
    assert not bad.done
    expected = offline(TINY / "offline_r1.onnx", features)
    for stream in (good, other):
        assert_close(stream.take(), expected, tolerances.LOG_PROBS_STREAM)
    kept = bad.take()
    assert_close(kept, expected[: len(kept)], tolerances.LOG_PROBS_STREAM)
    assert 0 < len(kept) <= 50 // 8 + 1
    for order in (lambda: bad.push(features), bad.finish):
        with pytest.raises(EngineError, match="not finite"):
            order()
    bad.reset()
    bad.push(features)
    assert_close(run_out(bad), expected, tolerances.LOG_PROBS_STREAM)


def test_a_run_that_fails_for_one_stream_is_repeated_for_the_others(load: Load, tmp_path: Path) -> None:
    graph = onnx_graphs.edit_streaming_graph(TINY / "stream_exact_r1.onnx", tmp_path / "fails.onnx", fail_above=1000)
    model = load(graph)
    model.configure()
    features = noise(60)
    poisoned = features.copy()
    poisoned[3, 2] = 2000
    good, bad, other = streams = [stream_of(model) for _ in range(3)]
    for stream, source in zip(streams, (features, poisoned, features), strict=True):
        stream.push(source)
    messages = model.step(streams)
    assert messages[0] == messages[2] == ""
    assert "ONNX Runtime failed on 1 x 25 input frames" in messages[1]
    assert bad.n_output_frames == 0
    assert bad.ready  # it keeps its window
    with pytest.raises(EngineError, match="ONNX Runtime failed"):
        bad.step()
    for stream in (good, other):
        assert_close(run_out(stream), offline(TINY / "offline_r1.onnx", features), tolerances.LOG_PROBS_STREAM)


def test_a_stream_refuses_what_it_cannot_take(load: Load) -> None:
    model = loaded(load, TINY / "stream_exact_r1.onnx")
    stream = stream_of(model)
    for shape in ((64, 10), (81, 10), (80,)):
        with pytest.raises(OptionError):
            stream.push(np.zeros(shape, np.float32))
    stream.push(noise(5))
    with pytest.raises(OptionError, match="window"):
        stream.step()
    with pytest.raises(OptionError, match="window"):
        model.step([stream])
    stream.finish()
    stream.finish()
    with pytest.raises(OptionError, match="finished"):
        stream.push(noise(5))
    with pytest.raises(OptionError, match="another model"):
        loaded(load, TINY / "stream_exact_r6.onnx").step([stream])
    with pytest.raises(OptionError, match=r"twice|no window"):
        model.step([stream, stream])
    stream.step()
    assert stream.done
    with pytest.raises(OptionError, match="aligned or nemo_pad"):
        stream_of(model, "padded")


def test_a_stream_in_two_threads_is_an_error() -> None:
    model = loaded(load_core, DEMO / "exact-1040ms-x8.onnx")
    stream = stream_of(model)
    stream.push(noise(20000))

    def use(_: int) -> str:
        try:
            while stream.ready:
                stream.step()
        except Error as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(2) as pool:
        told = [message for message in pool.map(use, range(2)) if message]
    assert len(told) == 1
    assert "in use by another thread" in told[0]


# What configure() finds


def properties(model: Any, **known: Any) -> dict[str, tuple[str, str]]:
    """name -> (value, source)."""
    rows = [dataclasses.astuple(row) if dataclasses.is_dataclass(row) else row for row in model.configure(**known)]  # type: ignore[arg-type]
    return {name: (value, source) for name, value, source in rows}


@pytest.mark.parametrize(
    ("graph", "chunk"),
    [("stream", 112), ("stream_r6", 56), ("stream_r1", 16), ("stream_r0", 8), ("stream_exact_r13_x8", 896)],
)
def test_a_bare_export_tells_its_geometry_by_running(load: Load, tmp_path: Path, graph: str, chunk: int) -> None:
    bare = onnx_graphs.edit_streaming_graph(TINY / f"{graph}.onnx", tmp_path / "bare.onnx", metadata=BARE)
    model = load(bare)
    told = properties(model)
    run_of_graph = "graph (probe run)"
    assert told["subsampling_factor"] == ("8", run_of_graph)
    assert told["dropped_frames"] == ("2", run_of_graph)
    assert told["chunk_frames"] == (str(chunk), run_of_graph)
    assert told["window_frames"] == (str(chunk + 9), run_of_graph)
    assert told["cache_last_channel"] == ("3 x 70 x 64", "graph, graph (probe run)")
    assert told["cache_last_time"] == ("3 x 64 x 8", "graph, graph (probe run)")
    assert told["log_probs_kind"] == ("log_probs", "graph (output logprobs)")
    assert model.geometry == {
        "window_frames": chunk + 9,
        "chunk_frames": chunk,
        "subsampling_factor": 8,
        "dropped_frames": 2,
        "log_probs_kind": "log_probs",
    }
    assert model.output_frames == chunk // 8
    features = noise(150)
    assert_close(run(model, features), run(loaded(load, TINY / f"{graph}.onnx"), features), 0)


def test_the_caller_and_the_metadata_come_first(load: Load) -> None:
    told = properties(load(TINY / "stream.onnx"), window_frames=121, dropped_frames=2)
    assert told["window_frames"] == ("121", "option")
    assert told["dropped_frames"] == ("2", "option")
    assert told["chunk_frames"] == ("112", "ONNX metadata")
    assert told["subsampling_factor"] == ("8", "ONNX metadata")
    assert told["cache_last_channel"][1] == told["cache_last_time"][1] == "ONNX metadata"


def test_cache_sizes_may_stand_in_the_graph_alone(load: Load, tmp_path: Path) -> None:
    graph = onnx_graphs.edit_streaming_graph(
        TINY / "stream_r1.onnx",
        tmp_path / "fixed.onnx",
        metadata=BARE,
        shapes={"cache_last_channel": {2: 70}, "cache_last_time_next": {3: 8}},
    )
    told = properties(load(graph))
    assert told["cache_last_channel"] == ("3 x 70 x 64", "graph")
    assert told["cache_last_time"] == ("3 x 64 x 8", "graph")


def test_a_graph_may_leave_its_number_of_features_open(load: Load, tmp_path: Path) -> None:
    graph = onnx_graphs.edit_streaming_graph(
        TINY / "stream_exact_r1.onnx", tmp_path / "open.onnx", shapes={"audio_signal": {1: None}}
    )
    model = load(graph)
    assert model.graph()["n_features"] == 0
    model.configure()
    assert model.graph()["n_features"] == 80
    features = noise(40)
    assert_close(run(model, features), offline(TINY / "offline_r1.onnx", features), tolerances.LOG_PROBS_STREAM)


@pytest.mark.parametrize(
    ("known", "message"),
    [
        ({"chunk_frames": 56}, "chunk_frames is 56 by the option, but 112 by the ONNX metadata"),
        ({"window_frames": 120}, "window_frames is 120 by the option, but 121 by the ONNX metadata"),
        ({"subsampling_factor": 4}, "subsampling_factor is 4 by the option, but 8 by the ONNX metadata"),
        ({"dropped_frames": 1}, "dropped_frames is 1 by the option, but 2 by (a run of the graph|the graph)"),
    ],
)
def test_a_caller_who_contradicts_is_told(load: Load, known: dict[str, int], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        load(TINY / "stream.onnx").configure(**known)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (
            {"chunk_shift": "56", "window_size": "65"},
            "chunk_frames is 56 by the ONNX metadata, but 112 by (a run of the graph|the graph)",
        ),
        (
            {"chunk_shift": "224", "window_size": "233"},
            "chunk_frames is 224 by the ONNX metadata, but 112 by (a run of the graph|the graph)",
        ),
        ({"window_size": "122"}, "window_frames is 122 by the ONNX metadata, but 121 by"),
        ({"subsampling_factor": "4"}, "subsampling_factor is 4 by the ONNX metadata, but 8 by"),
        ({"cache_last_channel_dim1": "4"}, "cache_last_channel_dim1 is 4 by the ONNX metadata, but 3 by"),
        ({"cache_last_time_dim2": "63"}, "cache_last_time_dim2 is 63 by the ONNX metadata, but 64 by"),
        ({"cache_last_channel_dim2": "71"}, "can't run over (the )?caches"),
        ({"cache_last_time_dim3": "7"}, "can't run over (the )?caches"),
        ({"chunk_shift": "many"}, "its metadata has chunk_shift = 'many'"),
        ({"window_size": "0"}, "its metadata has window_size = '0'"),
    ],
)
def test_metadata_that_contradict_the_graph_are_an_error(
    load: Load, tmp_path: Path, metadata: dict[str, str | None], message: str
) -> None:
    graph = onnx_graphs.edit_streaming_graph(TINY / "stream.onnx", tmp_path / "graph.onnx", metadata=metadata)
    with pytest.raises(ModelError, match=message):
        load(graph).configure()


@pytest.mark.parametrize("known", [{"window_frames": 0}, {"chunk_frames": 0}, {"chunk_frames": 10**7}])
def test_a_geometry_out_of_range_is_an_error(load: Load, known: dict[str, int]) -> None:
    with pytest.raises(OptionError, match=next(iter(known))):
        load(TINY / "stream.onnx").configure(**known)


def test_an_unknown_kind_is_an_error(load: Load) -> None:
    with pytest.raises(OptionError, match="log_probs_kind"):
        load(TINY / "stream.onnx").configure(log_probs_kind="scores")


def test_streams_need_a_configured_model(load: Load) -> None:
    with pytest.raises(OptionError, match="configure"):
        stream_of(load(TINY / "stream.onnx"))


# What the graph gives


def test_logits_are_normalised(load: Load, tmp_path: Path) -> None:
    graph = onnx_graphs.edit_streaming_graph(
        TINY / "stream_exact_r1.onnx",
        tmp_path / "logits.onnx",
        activation="Identity",
        rename={"logprobs": "logits"},
    )
    model = load(graph)
    assert properties(model)["log_probs_kind"] == ("logits", "graph (output logits)")
    features = noise(120)
    assert_close(run(model, features), offline(TINY / "offline_r1.onnx", features), tolerances.LOG_PROBS_STREAM)


def test_probabilities_are_refused(load: Load, tmp_path: Path) -> None:
    graph = onnx_graphs.edit_streaming_graph(
        TINY / "stream_exact_r1.onnx", tmp_path / "softmax.onnx", activation="Softmax"
    )
    model = load(graph)
    model.configure()
    stream = stream_of(model)
    stream.push(noise(30))
    (message,) = model.step([stream])
    assert "gives probabilities" in message


# Graphs that can't stream


def test_a_graph_for_whole_recordings_is_refused(load: Load) -> None:
    with pytest.raises(ModelError, match="no cache inputs"):
        load(TINY / "offline.onnx")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({"shapes": {"audio_signal": {0: 1}}}, "batch of audio_signal is fixed at 1"),
        ({"shapes": {"cache_last_time": {0: 1}}}, "batch of cache_last_time is fixed at 1"),
        ({"drop": "cache_last_time_next"}, "cache_last_time_next|its caches"),
        ({"drop": "cache_last_channel_next_len"}, "cache_last_channel_next_len|its caches"),
        ({"drop": "encoded_lengths"}, "encoded_lengths|lengths in and out"),
        ({"drop": "cache_last_channel_len"}, "cache_last_channel_len|its caches"),
    ],
)
def test_a_graph_without_all_it_takes_is_refused(
    load: Load, tmp_path: Path, edit: dict[str, Any], message: str
) -> None:
    graph = onnx_graphs.edit_streaming_graph(TINY / "stream_r1.onnx", tmp_path / "graph.onnx", **edit)
    with pytest.raises(ModelError, match=message):
        load(graph)


def test_a_missing_graph_is_named(load: Load, tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"nothing\.onnx"):
        load(tmp_path / "nothing.onnx")
