"""Applications of the SPL toolkit, by the SPL compiler and its standalone runtime: skipped where there is no `sc`.

The toolkit is the one that `fastctc spl` writes. Each application is compiled once, in a directory of its own; what it
prints is compared with what the package reads in the same recordings.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile

import fastctc
from conftest import DATA, ROOT

PROGRAMS = Path(__file__).parent / "programs"
MODEL = ROOT / "models" / "digits"
SPEECH = sorted((DATA / "speech").glob("*.wav"))
CALL = DATA / "speech" / "call-two-channels.wav"
MONO = DATA / "speech" / "two-nine-three-four-zero.wav"
TEXT = "two nine three four zero"
OPTIONS = ("-a", "--c++std=c++11")

pytestmark = pytest.mark.skipif(
    shutil.which("sc") is None or "STREAMS_INSTALL" not in os.environ, reason="the SPL compiler is not set up"
)


class Application:
    """A compiled application."""

    def __init__(self, program: Path) -> None:
        self.program = program

    def start(self, *arguments: str, **values: object) -> subprocess.Popen[str]:
        command = [str(self.program), "-c", *arguments, *(f"{name}={value}" for name, value in values.items())]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, *arguments: str, status: int = 0, **values: object) -> list[str]:
        """The lines that it prints; of one that has to fail its traces."""
        process = self.start(*arguments, **values)
        printed, traced = process.communicate(timeout=300)
        assert (process.returncode == 0) == (status == 0), printed + traced
        return (traced if status else printed).splitlines()


def sc(folder: Path, main: str, toolkit: Path) -> subprocess.CompletedProcess[str]:
    command = ["sc", *OPTIONS, "-M", main, "-t", str(toolkit)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def toolkit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = fastctc.write_spl_toolkit(tmp_path_factory.mktemp("toolkits"))
    subprocess.run(["spl-make-toolkit", "-i", str(made)], check=True)
    return made


@pytest.fixture(scope="session")
def build(toolkit: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Application]:
    """Compiles a program of this folder, maybe with another text in place of one of its own."""

    @cache
    def compiled(name: str, before: str = "", after: str = "") -> Application:
        folder = tmp_path_factory.mktemp(name)
        source = (PROGRAMS / f"{name}.spl").read_text(encoding="utf-8")
        assert before in source
        (folder / f"{name}.spl").write_text(source.replace(before, after), encoding="utf-8")
        result = sc(folder, name, toolkit)
        assert result.returncode == 0, result.stdout + result.stderr
        return Application(folder / "output" / "bin" / "standalone")

    return compiled


@pytest.fixture(scope="session")
def sample(toolkit: Path) -> Callable[..., Application]:
    def made(name: str, main: str = "") -> Application:
        command = ["make", "-C", str(toolkit / "samples" / name), "standalone"]
        command += [f"MAIN=com.teracloud.streamsx.stt.sample::{main}"] if main else []
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr
        return Application(next((toolkit / "samples" / name / "output").glob(f"{main or '.'}/bin/standalone")))

    return made


@cache
def recognizer() -> fastctc.Recognizer:
    return fastctc.load(MODEL)


@cache
def texts(path: Path) -> list[str]:
    """Of each channel."""
    return [channel.text for channel in recognizer().transcribe(path, channels="split").channels]


@cache
def live_texts(path: Path) -> list[str]:
    """Of each channel, as a stream reads it."""
    found = []
    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    for channel in samples.T:
        stream = recognizer().stream(sample_rate=rate_hz)
        results = [*stream.push(np.ascontiguousarray(channel)), *stream.finish()]
        found.append(" ".join(result.text for result in results if result.is_final and result.text))
    return found


@pytest.mark.parametrize("mode", ["complete", "utterance", "partial"])
def test_calls_that_alternate(build: Callable[..., Application], tmp_path: Path, mode: str) -> None:
    calls = [tmp_path / f"{n} {path.name}" for n, path in enumerate([*SPEECH, *SPEECH][:8])]
    for n, call in enumerate(calls):
        shutil.copy([*SPEECH, *SPEECH][n], call)
    files = tmp_path / "files"
    files.write_text("".join(f"{call}\n" for call in calls))
    application = build("Calls", "resultMode: complete", f"resultMode: {mode}")
    read = texts if mode == "complete" else live_texts
    for width in (1, 3, 4):
        lines = application.run(model=MODEL, files=files, width=width)
        assert sorted(line for line in lines if line.startswith("end|")) == sorted(f"end|{call}" for call in calls)
        said: dict[tuple[str, int], list[str]] = {}
        for line in lines:
            kind, *rest = line.split("|")
            assert kind in ("text", "end"), line
            if kind == "text" and rest[2]:
                said.setdefault((rest[0], int(rest[1])), []).append(rest[2])
        expected = {(str(call), n): text for call in calls for n, text in enumerate(read(call))}
        assert {key: " ".join(parts) for key, parts in said.items()} == expected


@pytest.mark.parametrize("path", [MONO, CALL], ids=lambda path: path.stem)
@pytest.mark.parametrize("mode", ["mix", "split", "interleave"])
@pytest.mark.parametrize("rate", [0, 8000])
def test_channels_in_every_arrangement(build: Callable[..., Application], path: Path, mode: str, rate: int) -> None:
    lines = build("Arrangements").run(model=MODEL, file=path, mode=mode, rate=rate)
    ways = ("direct", "two operators", "one operator")
    if mode == "mix" and path == CALL:  # two speakers at once: what is right is nobody's measure
        assert {line.rsplit("|", 1)[0] for line in lines} == {f"{way}|0" for way in ways}
        assert len({line.rsplit("|", 1)[1] for line in lines}) == 1
        return
    assert sorted(lines) == sorted(f"{way}|{n}|{text}" for way in ways for n, text in enumerate(texts(path)))


def test_every_output_function(build: Callable[..., Application]) -> None:
    lines = build("Functions").run(model=MODEL, file=MONO)
    transcript = recognizer().transcribe(MONO, decoder=fastctc.DecoderOptions(kind="beam", n_best=10))
    words = transcript.words
    assert lines[0] == f"call|{TEXT}|1|true|0|true||16000"
    sure, first, last = (float(value) for value in lines[1].split("|"))
    assert (sure, first, last) == pytest.approx((transcript.confidence, words[0].start_s, words[-1].end_s), abs=1e-3)
    for line, word in zip(lines[2:7], words, strict=True):
        text, *numbers = line.split("|")
        assert text == word.text
        assert [float(number) for number in numbers] == pytest.approx(
            [word.confidence, word.start_s, word.end_s], abs=1e-3
        )
    assert lines[7] == "true|true|two"
    assert lines[8:11] == [reading.text for reading in transcript.alternatives[:3]]
    places = dict(line.split("|", 1) for line in lines[11:])
    assert set(places) == {"Nine", "three four"}
    assert places["Nine"] == f"{words[1].start_s:g}|true"


def test_applications_of_version_1(build: Callable[..., Application]) -> None:
    assert build("Nemo").run(model=MODEL, file=MONO) == [TEXT]
    assert build("Onnx").run(model=MODEL, file=MONO, streaming="false") == [f"final|{TEXT}"]
    lines = build("Onnx").run(model=MODEL, file=MONO, streaming="true")
    assert lines[-1] == f"final|{TEXT}"
    assert len(lines) > 1
    assert all(TEXT.startswith(line.removeprefix("partial|")) for line in lines[:-1])


BROKEN = {
    "empty": (0, "the file is empty"),
    "cut in its header": (30, "ends before"),
    "header alone": (44, "a header and no audio"),
    "truncated": (60001, "is truncated"),
}


@pytest.mark.parametrize("name", [*BROKEN, "none"])
def test_files_that_are_errors(build: Callable[..., Application], tmp_path: Path, name: str) -> None:
    path = tmp_path / f"{name}.wav"
    n_bytes, reason = BROKEN.get(name, (0, "there is no such file"))
    if name in BROKEN:
        path.write_bytes(MONO.read_bytes()[:n_bytes])
    lines = build("Errors").run(model=MODEL, file=path)
    for port in ("path", "source"):
        (said,) = [line for line in lines if line.startswith(f"{port}|")]
        assert str(path) in said
        assert reason in said
    texts_of_whole = [line for line in lines if line.startswith("text|two nine")]
    assert len(texts_of_whole) == (2 if name == "truncated" else 0)
    printed = "\n".join(build("Fails").run(model=MODEL, file=path, status=1))
    exception = next(line for line in printed.splitlines() if "CDISR5030E" in line)
    assert str(path) in exception
    assert reason in exception


def test_contradictions_and_parameters_are_named(build: Callable[..., Application]) -> None:
    lines = build("Errors").run(model=MODEL, file=MONO, rate=8000)
    (said,) = [line for line in lines if line.startswith("audio|")]
    assert "The tuple says sampleRate 16000, the parameter sampleRate is 8000" in said
    assert str(MONO) in said
    for values, parameter in (({"model": "/nowhere"}, "modelPath"), ({"conversations": 0}, "maxConversations")):
        printed = build("Fails").run(**{"model": MODEL, "file": MONO, **values}, status=1)
        assert any("CDISR5030E" in line and f"Parameter {parameter}" in line for line in printed)


def test_samples(sample: Callable[..., Application], tmp_path: Path) -> None:
    lines = sample("OneFile").run(model=MODEL, file=MONO)
    assert lines[0] == TEXT
    assert [line.split()[1] for line in lines[1:]] == TEXT.split()
    assert all(re.fullmatch(r"\d+\.\d\d \w+", line) for line in lines[1:])

    for path in SPEECH:
        shutil.copy(path, tmp_path)
    lines = sample("ManyCalls").run("-k", "15", model=MODEL, directory=tmp_path)
    expected = {f"{tmp_path / path.name}: {texts(path)[0]}" for path in SPEECH}
    assert set(lines) == expected | {f"{tmp_path / CALL.name} channel 1: {texts(CALL)[1]}"}

    lines = sample("TwoChannelCall").run(model=MODEL, file=CALL)
    assert [line for line in lines if "..." not in line] == [f"channel {n}: {t}" for n, t in enumerate(texts(CALL))]
    assert any(line.startswith("channel 0: ... ") for line in lines)


def test_live_calls_over_tcp(sample: Callable[..., Application]) -> None:
    send = sample("LiveCalls", "SendCalls")
    server = sample("LiveCalls", "LiveCalls").start("-k", "25", model=MODEL, hotWord="nine", port=18123)
    time.sleep(8)  # it listens when the model is loaded
    send.run(first=CALL, second=MONO, port=18123)
    printed = server.communicate(timeout=60)[0]
    assert server.returncode == 0
    for call, path in (("first", CALL), ("second", MONO)):
        block = printed.split(f"conversation {call}\n")[1]
        spoken = [line.strip() for line in block[: re.search(r"^\S|\Z", block, re.MULTILINE).start()].splitlines()]  # type: ignore[union-attr]
        roles = [re.sub(r"^[\d.]+ ", "", line) for line in spoken]
        assert roles == [f"{role}: {text}" for role, text in zip(("caller", "agent"), texts(path), strict=False)]


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("call = getConversationId()", "call = getUtteranceWordsSpeakers()", "CDISP"),
        ("rstring said,", "list<int32> said,", "CDISP"),
        ("maxAlternatives: 3", "maxAlternatives: 0", "STT0007E"),
        ("keywordsToBeSpotted", "keywords", "CDISP"),
    ],
)
def test_mistakes_stop_the_compiler(toolkit: Path, tmp_path: Path, before: str, after: str, message: str) -> None:
    source = (PROGRAMS / "Functions.spl").read_text(encoding="utf-8")
    assert before in source
    (tmp_path / "Functions.spl").write_text(source.replace(before, after), encoding="utf-8")
    result = sc(tmp_path, "Functions", toolkit)
    assert result.returncode != 0
    assert message in result.stdout + result.stderr


def test_speakers_are_refused_with_the_reason(toolkit: Path, tmp_path: Path) -> None:
    source = (PROGRAMS / "Nemo.spl").read_text(encoding="utf-8").replace("composite Nemo", "composite Speakers")
    source = source.replace(
        "rstring transcription> Transcripts = NeMoSTT", "list<int32> who> Transcripts = SpeechToText"
    )
    source = re.sub(
        r"tokensPath.*?numThreads: 2;",
        "output Transcripts: who = getUtteranceWordsSpeakers();",
        source,
        flags=re.DOTALL,
    )
    source = source.replace("printStringLn(transcription)", "println(who)")
    (tmp_path / "Speakers.spl").write_text(source, encoding="utf-8")
    result = sc(tmp_path, "Speakers", toolkit)
    assert result.returncode != 0
    assert "STT0009E" in result.stdout + result.stderr
    assert "getChannel() tells who speaks" in result.stdout + result.stderr
