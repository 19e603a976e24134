"""Recordings of any length: C++ and the reference, against one run of the offline graph and against each other."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import fastctc
import fastctc.reference
import tolerances
from conftest import DATA, ROOT, external, run_alone
from fastctc import _core
from fastctc.core_options import core_fields
from fastctc.reference import long_form as reference
from fastctc.types import LongFormOptions, ModelOptions, SpeechSegment, Transcript, VadOptions

RATE_HZ = 16000
DEMO = ROOT / "models" / "digits"
SENTENCES = {
    "two-nine-three-four-zero.wav": "two nine three four zero",
    "five-five.wav": "five five",
    "kokoro_bf_emma_008.wav": "two seven",
}
WHOLE = LongFormOptions(one_shot_max_s=79)
PARTS = LongFormOptions(one_shot_max_s=5, window_s=12, overlap_s=4)
Floats = NDArray[np.float32]


def load_core(path: Path = DEMO, **options: Any) -> Any:
    return fastctc.load(path, options=ModelOptions(**options))


def load_reference(path: Path = DEMO, **options: Any) -> Any:
    return fastctc.reference.load(path, options=ModelOptions(**options))


@pytest.fixture(params=[load_core, load_reference], ids=["core", "reference"])
def load(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return request.param


def tiled(seconds: float) -> tuple[Floats, str]:
    """The sentences in turn with pauses of 0.4 to 0.8 s until `seconds` are full, and their text."""
    random = np.random.default_rng(1)
    recordings = [soundfile.read(DATA / "speech" / name, dtype="float32")[0] for name in SENTENCES]
    samples: list[Floats] = []
    texts: list[str] = []
    n_samples = 0
    while n_samples < seconds * RATE_HZ:
        index = len(texts) % len(recordings)
        samples += [recordings[index], np.zeros(int(random.uniform(0.4, 0.8) * RATE_HZ), np.float32)]
        texts.append(list(SENTENCES.values())[index])
        n_samples += len(samples[-2]) + len(samples[-1])
    return np.concatenate(samples), " ".join(texts)


def check_same(one: Transcript, other: Transcript) -> None:
    """Texts and times alike, figures as near as two ways of computing them allow."""
    assert (one.text, one.duration_s) == (other.text, other.duration_s)
    assert [(w.text, w.start_s, w.end_s) for w in one.words] == [(w.text, w.start_s, w.end_s) for w in other.words]
    assert [(t.id, t.start_s, t.end_s) for t in one.tokens] == [(t.id, t.start_s, t.end_s) for t in other.tokens]
    np.testing.assert_allclose(
        [t.confidence for t in one.tokens], [t.confidence for t in other.tokens], atol=tolerances.CONFIDENCE
    )
    assert one.confidence == pytest.approx(other.confidence, abs=tolerances.CONFIDENCE)
    assert len(one.speech) == len(other.speech)


# The methods


def test_the_method_turns_one_sample_past_one_shot_max_s(load: Callable[..., Any]) -> None:
    samples, _ = tiled(2)
    options = LongFormOptions(one_shot_max_s=2)
    methods = {
        "": ("one_shot", "steps"),
        "offline.onnx": ("one_shot", "windows"),
        "exact-80ms.onnx": ("stream", "stream"),
    }
    for graph, (short, longer) in methods.items():
        recognizer = load(graph=graph) if graph else load()
        assert recognizer.transcribe(samples[:0], long_form=options).method == short
        assert recognizer.transcribe(samples[:32000], long_form=options).method == short
        assert recognizer.transcribe(samples[:32001], long_form=options).method == longer


def test_steps_are_one_run(load: Callable[..., Any]) -> None:
    recognizer = load()
    samples, text = tiled(60)
    for n_samples in (RATE_HZ, 143359, 143360, 143361, len(samples)):
        part = samples[:n_samples]
        steps = recognizer.transcribe(part, long_form=replace(PARTS, one_shot_max_s=0))
        assert steps.method == "steps"
        check_same(steps, recognizer.transcribe(part, long_form=WHOLE))
    assert steps.text == text


@pytest.mark.parametrize("graph", ["stream_exact_r13_x4", "stream_exact_r13_x8"])
@pytest.mark.parametrize("seconds", [1, 9.03, 60])
def test_steps_give_the_log_probs_of_one_run(graph: str, seconds: float) -> None:
    """On the tiny model too, over noise and speech; C++: test_long_form.cpp."""
    from fastctc.reference.acoustic_model import AcousticModel
    from fastctc.reference.fbank import compute_features
    from fastctc.reference.streaming_model import StreamingModel

    samples = np.resize(soundfile.read(DATA / "audio" / "speech.wav", dtype="float32")[0], int(seconds * RATE_HZ))
    samples = samples + np.random.default_rng(0).normal(0, 0.01, len(samples)).astype(np.float32)
    offline = AcousticModel(DATA / "tiny" / "offline.onnx")
    offline.configure()
    stream = StreamingModel(DATA / "tiny" / f"{graph}.onnx")
    stream.configure()
    frontend = fastctc.types.FrontendOptions()
    whole = offline.run([compute_features(samples, frontend)[0]])[0]
    steps = reference.run_steps(samples, frontend, stream)
    assert steps.shape == whole.shape
    assert np.abs(steps - whole).max() <= tolerances.LOG_PROBS


def extend_position_table(source: Path, target: Path, n_frames: int) -> None:
    """An offline graph with NeMo's sinusoids (RelPositionalEncoding) for n_frames instead of 1000 output frames."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load(source)
    values = {node.output[0]: node.attribute[0].t for node in model.graph.node if node.op_type == "Constant"}
    tables = [tensor for tensor in values.values() if len(tensor.dims) == 3 and tensor.dims[1] == 1999]
    bounds = [tensor for name, tensor in values.items() if "pos_enc" in name and not tensor.dims]
    centres = [tensor for tensor in bounds if numpy_helper.to_array(tensor) == 1000]
    assert len(tables) == 1
    assert len(centres) == 2
    width = tables[0].dims[2]
    angles = np.arange(n_frames - 1, -n_frames, -1)[:, None] * 10000.0 ** (-np.arange(0, width, 2) / width)
    rows = np.stack([np.sin(angles), np.cos(angles)], axis=2).reshape(1, -1, width).astype(np.float32)
    kept = rows[:, n_frames - 1000 : n_frames + 999]
    np.testing.assert_allclose(kept, numpy_helper.to_array(tables[0]), atol=2e-4)  # NeMo computes them in float32
    tables[0].CopyFrom(numpy_helper.from_array(rows, tables[0].name))
    for centre in centres:
        centre.CopyFrom(numpy_helper.from_array(np.array(n_frames), centre.name))
    onnx.save(model, target)


def test_steps_give_the_log_probs_of_one_run_beyond_the_table(tmp_path: Path) -> None:
    """Three minutes in one run of a graph whose table was made longer; C++ gives the same text and times."""
    extend_position_table(DEMO / "offline.onnx", tmp_path / "offline.onnx", 2500)
    (tmp_path / "tokens.txt").write_bytes((DEMO / "tokens.txt").read_bytes())
    samples, text = tiled(180)
    offline = load_core(tmp_path, normalize="none")
    whole = offline.log_probs(offline.features(samples))
    frontend = fastctc.types.FrontendOptions()
    graphs = load_reference()._graphs
    steps = reference.run_steps(samples, frontend, graphs.long_form())
    assert steps.shape == whole.shape
    assert np.abs(steps - whole).max() <= tolerances.LOG_PROBS
    one_run = offline.transcribe(samples, long_form=LongFormOptions(one_shot_max_s=200))
    result = load_core().transcribe(samples)
    assert (one_run.method, result.method) == ("one_shot", "steps")
    assert result.text == text
    check_same(result, one_run)


def test_beyond_the_position_table_steps_equal_single_chunks() -> None:
    """The offline graph can't go there; chunk by chunk (1040 ms look-ahead) is another way to the same numbers."""
    samples, text = tiled(150)
    steps = load_core().transcribe(samples)
    chunks = load_core(graph="exact-1040ms.onnx").transcribe(samples)
    assert (steps.method, chunks.method) == ("steps", "stream")
    assert steps.text == text
    check_same(steps, chunks)


@pytest.mark.parametrize("graph", ["", "offline.onnx", "exact-480ms.onnx"])
@pytest.mark.parametrize("vad", [VadOptions(), VadOptions(kind="energy")], ids=["all", "speech"])
def test_the_two_implementations_agree(graph: str, vad: VadOptions) -> None:
    samples, _ = tiled(16)
    samples = np.concatenate([samples, np.zeros(5 * RATE_HZ, np.float32), samples[: 4 * RATE_HZ]])
    for options in (PARTS, replace(PARTS, window_s=7.3, overlap_s=1.7), LongFormOptions(one_shot_max_s=79)):
        options = replace(options, vad=vad)
        one = load_core(graph=graph or None).transcribe(samples, long_form=options)
        other = load_reference(graph=graph or None).transcribe(samples, long_form=options)
        assert one.method == other.method
        check_same(one, other)
        assert one.speech == other.speech
        assert bool(one.speech) == (vad.kind != "none")


@pytest.mark.parametrize("graph", ["full_offline", "full_offline_unmasked", "offline_r0"])
def test_the_two_implementations_agree_on_windows_that_are_normalised(graph: str) -> None:
    """Full attention, each window's features normalised by themselves."""
    paths = [DATA / "audio" / f"{name}.wav" for name in ("speech", "speech2", "speech3")]
    samples = np.concatenate([soundfile.read(path, dtype="float32")[0] for path in paths])
    normalize = "per_feature" if "full" in graph else "none"
    model = {"graph": f"{graph}.onnx", "normalize": normalize}
    for options in (PARTS, LongFormOptions(one_shot_max_s=0, window_s=8, overlap_s=2)):
        one = load_core(DATA / "tiny", **model).transcribe(samples, long_form=options)
        other = load_reference(DATA / "tiny", **model).transcribe(samples, long_form=options)
        assert one.method == other.method == "windows"
        assert len(one.tokens) > 40
        assert [(t.id, t.start_s) for t in one.tokens] == [(t.id, t.start_s) for t in other.tokens]


# Windows


def test_windows_lose_and_double_no_word(load: Callable[..., Any]) -> None:
    samples, text = tiled(75)
    recognizer = load(graph="offline.onnx")
    whole = recognizer.transcribe(samples[: 79 * RATE_HZ], long_form=WHOLE)
    for options in (PARTS, LongFormOptions()):
        windows = recognizer.transcribe(samples, long_form=options)
        assert windows.method == "windows"
        assert windows.text == whole.text == text
        # Two windows may read a word a frame apart.
        starts = np.array([[word.start_s for word in result.words] for result in (windows, whole)])
        assert np.abs(starts[0] - starts[1]).max() <= recognizer.frame_s + 1e-9


def test_windows_lose_and_double_no_word_of_real_speakers() -> None:
    folder = external("speech/digits")
    entries = [e for e in json.loads((folder / "manifest.json").read_text()) if e["channels"] == 1]
    names = [e["audio"] for e in entries if e["sample_rate"] == RATE_HZ and e["text"]]
    recognizer = load_core(graph="offline.onnx")
    n_words = 0
    for seed in range(3):
        random = np.random.default_rng(seed)
        parts: list[Floats] = []
        while sum(map(len, parts)) < 70 * RATE_HZ:
            samples, _ = soundfile.read(folder / names[random.integers(len(names))], dtype="float32")
            parts += [samples, random.normal(0, 1e-3, random.integers(5000, 13000)).astype(np.float32)]
        recording = np.concatenate(parts)[: 79 * RATE_HZ]
        whole = recognizer.transcribe(recording, long_form=WHOLE)
        windows = recognizer.transcribe(recording)
        assert windows.method == "windows"
        assert windows.text == whole.text
        n_words += len(whole.words)
    assert n_words > 250


def test_windows_of_a_waveform_model() -> None:
    """A real full-attention model: its phonemes depend a little on what a window holds, but none is lost or doubled."""
    model = external("models/phoneme")
    recordings = sorted(external("speech/read").glob("librivox/*.wav"))
    samples = np.concatenate([soundfile.read(path, dtype="float32")[0] for path in recordings])
    recognizer = load_core(model, graph="model_waveform.onnx", tokens="tokens.txt", normalize="none")
    whole = recognizer.transcribe(samples, long_form=LongFormOptions(one_shot_max_s=1000))
    windows = recognizer.transcribe(samples, long_form=LongFormOptions(one_shot_max_s=0, window_s=12, overlap_s=4))
    assert (whole.method, windows.method) == ("one_shot", "windows")
    one, other = ([token.piece for token in result.tokens] for result in (whole, windows))
    n_same = sum(block.size for block in SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks())
    assert len(one) > 200
    assert n_same >= 0.96 * max(len(one), len(other))


def slow_join(earlier: Floats, later: Floats, blank_id: int) -> int:
    """The definition of `find_join`, every run tried."""
    n_frames = len(earlier)
    blank = [earlier[f].argmax() == blank_id and later[f].argmax() == blank_id for f in range(n_frames)]
    runs = [(s, e) for s in range(n_frames) for e in range(s + 1, n_frames + 1) if all(blank[s:e])]
    if not runs:
        sums = [earlier[f, blank_id] + later[f, blank_id] for f in range(n_frames)]
        return sums.index(max(sums))
    longest = max(e - s for s, e in runs)
    return min((abs((s + e) // 2 - n_frames / 2), (s + e) // 2) for s, e in runs if e - s == longest)[1]


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_windows_are_joined_where_the_definition_says(data: st.DataObject) -> None:
    """C++: test_long_form.cpp."""
    n_frames, n_tokens = data.draw(st.integers(1, 14)), data.draw(st.integers(2, 4))
    blank_id = data.draw(st.integers(0, n_tokens - 1))
    values = st.lists(st.integers(-3, 0), min_size=n_frames * n_tokens, max_size=n_frames * n_tokens)
    bonus = data.draw(st.sampled_from([0.0, 2.5]))
    earlier, later = (np.array(data.draw(values), np.float32).reshape(n_frames, n_tokens) for _ in range(2))
    earlier[:, blank_id] += bonus
    later[:, blank_id] += bonus
    join = reference.find_join(earlier, later, blank_id)
    assert 0 <= join < n_frames
    assert join == slow_join(earlier, later, blank_id)


# Pieces


@pytest.fixture(scope="module", params=["", "offline.onnx", "exact-480ms.onnx"])
def core(request: pytest.FixtureRequest) -> _core.Recognizer:
    recognizer: Any = load_core(graph=request.param or None)
    return recognizer._core


PIECES = st.lists(st.tuples(st.sampled_from([0, 1, 7, 159, 1280, 12345, 70000]), st.integers(1, 50)), max_size=6)
"""(samples, how many times); what is left is the last piece."""


@given(pieces=PIECES)
@settings(max_examples=8, deadline=None)
@pytest.mark.parametrize("rate_hz", [16000, 8000])
@pytest.mark.parametrize("vad", ["none", "energy"])
def test_any_split_gives_the_same_transcript(
    core: _core.Recognizer, rate_hz: int, vad: Any, pieces: list[tuple[int, int]]
) -> None:
    samples = np.ascontiguousarray(tiled(8)[0][:: RATE_HZ // rate_hz])
    asked = LongFormOptions(one_shot_max_s=2, window_s=4, overlap_s=1.5, vad=VadOptions(kind=vad))
    options = core_fields(asked, core.vocabulary)
    whole = _core.LongForm(core, options)
    whole.push(samples, rate_hz)
    split = _core.LongForm(core, options)
    start, done_s = 0, 0.0
    for size in [size for size, times in pieces for _ in range(times)] + [len(samples)]:
        split.push(samples[start : start + size], rate_hz)
        start = min(start + size, len(samples))
        assert done_s <= split.done_s <= start / rate_hz
        done_s = split.done_s
    assert split.finish() == whole.finish()
    assert split.done_s == len(samples) / rate_hz


def test_telephone_audio(load: Callable[..., Any]) -> None:
    import soxr

    samples, text = tiled(20)
    telephone = soxr.resample(samples, RATE_HZ, 8000)
    for graph in (None, "offline.onnx"):
        result = load(graph=graph).transcribe(telephone, sample_rate=8000, long_form=PARTS)
        assert result.text == text
        assert result.duration_s == pytest.approx(len(samples) / RATE_HZ, abs=1e-3)


def test_options_out_of_range(load: Callable[..., Any]) -> None:
    recognizer = load()
    for wrong in (
        {"one_shot_max_s": -1},
        {"window_s": 0.1},
        {"overlap_s": 0.0},
        {"overlap_s": 15.1},
        {"window_s": 1e9},
    ):
        with pytest.raises(fastctc.OptionError, match=next(iter(wrong))):
            recognizer.transcribe(np.zeros(10, np.float32), long_form=LongFormOptions(**wrong))
    with pytest.raises(fastctc.OptionError, match="no option windows; there are one_shot_max_s"):
        _core.LongForm(load_core()._core, {"windows": 3})


# Through Python


def test_a_file_is_read_block_by_block_with_its_progress(tmp_path: Path) -> None:
    samples, text = tiled(100)
    soundfile.write(tmp_path / "long.flac", samples, RATE_HZ)
    short = DATA / "speech" / "five-five.wav"
    recognizer = load_core()
    progress: list[tuple[int, float]] = []
    results = recognizer.transcribe(
        [short, tmp_path / "long.flac", short], on_progress=lambda index, done_s: progress.append((index, done_s))
    )
    assert [result.text for result in results] == ["five five", text, "five five"]
    assert [result.method for result in results] == ["one_shot", "steps", "one_shot"]
    done_s = [done_s for index, done_s in progress if index == 1]
    assert len(done_s) > 3
    assert done_s == sorted(done_s)
    assert 0 < done_s[-1] <= results[1].duration_s
    assert json.loads(json.dumps(results[1].to_dict()))["method"] == "steps"


def test_speech_alone(tmp_path: Path) -> None:
    samples = np.concatenate(
        [soundfile.read(DATA / "speech" / name, dtype="float32")[0] for name in list(SENTENCES)[:2]]
    )
    quiet = np.zeros(20 * RATE_HZ, np.float32)
    soundfile.write(tmp_path / "a.wav", np.concatenate([quiet, samples, quiet]), RATE_HZ)
    result = fastctc.transcribe(tmp_path / "a.wav", DEMO, vad="energy")
    assert result.text == "two nine three four zero five five"
    assert 19.7 < result.speech[0].start_s < 20.3
    assert result.speech[-1].end_s < 21 + len(samples) / RATE_HZ
    assert result.to_dict()["speech"][0] == {"start_s": result.speech[0].start_s, "end_s": result.speech[0].end_s}
    assert all(isinstance(segment, SpeechSegment) for segment in result.speech)
    assert fastctc.transcribe(quiet, DEMO, vad="energy") == Transcript("", duration_s=20.0, method="one_shot")
    with pytest.raises(fastctc.OptionError, match="contradicts"):
        load_core().transcribe(
            quiet, vad="energy", long_form=LongFormOptions(vad=VadOptions(kind="silero", model="x.onnx"))
        )


def test_nobody_waits_for_a_recording_that_nobody_wants_any_more(tmp_path: Path) -> None:
    """Ten hours of silence, most of them a hole in the file; its reader stops at the next block."""
    header_end = 44
    soundfile.write(tmp_path / "long.wav", np.zeros(1, np.int16), RATE_HZ)
    size = 10 * 3600 * RATE_HZ * 2
    with (tmp_path / "long.wav").open("r+b") as file:
        file.truncate(header_end + size)
        file.seek(40)
        file.write(size.to_bytes(4, "little"))
    progress: list[float] = []
    results = load_core().transcribe_each(
        [tmp_path / "long.wav", DATA / "speech" / "five-five.wav"],
        threads=2,
        on_progress=lambda index, done_s: progress.append(done_s) if index == 0 else None,
    )
    index, result = next(results)
    assert (index, str(result)) == (1, "five five")
    results.close()
    n_blocks = len(progress)
    assert n_blocks < 10 * 3600 / 17 / 2  # of 16.4 s


def test_memory_does_not_grow_with_the_recording(tmp_path: Path) -> None:
    """1 and 10 minutes; kept whole, the samples of the difference alone would be 35 MB."""
    samples, _ = tiled(60)
    soundfile.write(tmp_path / "1.wav", samples, RATE_HZ)
    soundfile.write(tmp_path / "10.wav", np.tile(samples, 10), RATE_HZ)
    program = (
        "import sys, fastctc\n"
        "recognizer = fastctc.load(sys.argv[1], options=fastctc.ModelOptions(graph=sys.argv[2] or None))\n"
        "assert recognizer.transcribe(sys.argv[3]).method == sys.argv[4]\n"
    )
    for graph, method in (("", "steps"), ("offline.onnx", "windows")):
        recordings = [str(tmp_path / name) for name in ("1.wav", "10.wav")]
        peaks = [run_alone(program, str(DEMO), graph, recording, method)[1] / 2**20 for recording in recordings]
        assert peaks[1] - peaks[0] < 12, (method, peaks)
