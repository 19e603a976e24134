"""The C ABI of the library that the package carries, called as any language calls it, against fastctc itself."""

from __future__ import annotations

import ctypes as c
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

import fastctc
from conftest import DATA, ROOT
from fastctc.installed.onnxruntime_library import find_library

RECORDINGS = sorted((DATA / "speech").glob("*.wav"))
MODEL = ROOT / "models" / "digits"
Floats = npt.NDArray[np.float32]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the package carries a shared library on Linux")


class Word(c.Structure):
    _fields_ = (
        ("text", c.c_char_p),
        ("start_s", c.c_double),
        ("end_s", c.c_double),
        ("confidence", c.c_float),
        ("score", c.c_float),
    )


class Token(c.Structure):
    _fields_ = (
        ("id", c.c_int),
        ("piece", c.c_char_p),
        ("start_s", c.c_double),
        ("end_s", c.c_double),
        ("log_prob", c.c_float),
        ("confidence", c.c_float),
    )


class Alternative(c.Structure):
    _fields_ = (
        ("text", c.c_char_p),
        ("n_words", c.c_size_t),
        ("n_tokens", c.c_size_t),
        ("score", c.c_double),
        ("acoustic_score", c.c_double),
        ("lm_score", c.c_double),
        ("bonus_score", c.c_double),
    )


class Segment(c.Structure):
    _fields_ = (
        ("channel", c.c_size_t),
        ("start_s", c.c_double),
        ("end_s", c.c_double),
        ("text", c.c_char_p),
        ("n_words", c.c_size_t),
        ("confidence", c.c_float),
    )


class Api:
    """Functions by name; those that return a status raise on one that is not FASTCTC_OK."""

    RETURNS: dict[str, Any] = {  # noqa: RUF012
        "text": c.c_char_p,
        "method": c.c_char_p,
        "last_error": c.c_char_p,
        "version": c.c_char_p,
        "audio_samples": c.POINTER(c.c_float),
        "confidence": c.c_float,
        "duration_s": c.c_double,
        "start_s": c.c_double,
        "end_s": c.c_double,
        "transcript": c.c_void_p,
        "channel": c.c_void_p,
        "free": None,
    }

    def __init__(self, path: Path) -> None:
        self.library = c.CDLL(str(path))

    def value(self, name: str, *arguments: Any) -> Any:
        function = getattr(self.library, f"fastctc_{name}")
        kind = next((kind for end, kind in self.RETURNS.items() if name.endswith(end)), c.c_size_t)
        function.restype = kind
        return function(*arguments)

    def call(self, name: str, *arguments: Any) -> None:
        function = getattr(self.library, f"fastctc_{name}")
        function.restype = c.c_int
        status = function(*arguments)
        if status != 0:
            raise RuntimeError(f"{status}: {self.value('last_error').decode()}")

    def make(self, name: str, *arguments: Any) -> c.c_void_p:
        handle = c.c_void_p()
        self.call(name, *arguments, c.byref(handle))
        return handle

    def options(self, **given: Any) -> c.c_void_p:
        handle = self.make("options_new")
        self.call("options_set_json", handle, json.dumps(given).encode())
        return handle

    def words(self, count: int, get: Callable[[int, Any], None]) -> tuple[fastctc.Word, ...]:
        words = []
        for index in range(count):
            word = Word()
            get(index, c.byref(word))
            values = {field.name: getattr(word, field.name) for field in fields(fastctc.Word)}
            words.append(fastctc.Word(**{**values, "text": word.text.decode()}))
        return tuple(words)

    def tokens(self, count: int, get: Callable[[int, Any], None]) -> tuple[fastctc.Token, ...]:
        tokens = []
        for index in range(count):
            token = Token()
            get(index, c.byref(token))
            values = (token.start_s, token.end_s, token.log_prob, token.confidence)
            tokens.append(fastctc.Token(token.id, token.piece.decode(), *values))
        return tuple(tokens)

    def transcript(self, handle: Any) -> fastctc.Transcript:
        handle = c.c_void_p(handle if isinstance(handle, int) else handle.value)
        tokens = self.tokens(
            self.value("transcript_n_tokens", handle),
            lambda index, token: self.call("transcript_token", handle, c.c_size_t(index), token),
        )
        return fastctc.Transcript(
            self.value("transcript_text", handle).decode(),
            self.words(
                self.value("transcript_n_words", handle),
                lambda index, word: self.call("transcript_word", handle, c.c_size_t(index), word),
            ),
            tokens,
            self.value("transcript_confidence", handle),
            self.value("transcript_duration_s", handle),
            self.value("transcript_method", handle).decode(),
            alternatives=tuple(self.alternatives(handle)),
        )

    def alternatives(self, handle: c.c_void_p) -> Iterator[fastctc.Alternative]:
        for index in range(self.value("transcript_n_alternatives", handle)):
            one = Alternative()
            self.call("transcript_alternative", handle, c.c_size_t(index), c.byref(one))

            def get(word_index: int, word: Any, index: int = index) -> None:
                self.call("transcript_alternative_word", handle, c.c_size_t(index), c.c_size_t(word_index), word)

            def get_token(token_index: int, token: Any, index: int = index) -> None:
                self.call("transcript_alternative_token", handle, c.c_size_t(index), c.c_size_t(token_index), token)

            scores = (one.score, one.acoustic_score, one.lm_score, one.bonus_score)
            words, tokens = self.words(one.n_words, get), self.tokens(one.n_tokens, get_token)
            yield fastctc.Alternative(one.text.decode(), words, *scores, tokens=tokens)


def pointer(samples: npt.NDArray[Any]) -> c.c_void_p:
    return c.c_void_p(samples.ctypes.data)


@pytest.fixture(scope="module")
def api() -> Api:
    return Api(Path(fastctc.get_library_dir()) / "libfastctc.so")


@pytest.fixture(scope="module")
def recognizer(api: Api) -> Iterator[c.c_void_p]:
    options = api.options(session={"library": find_library()[0]})
    handle = api.make("recognizer_load", str(MODEL).encode(), options)
    api.value("options_free", options)
    yield handle
    api.value("recognizer_free", handle)


@pytest.fixture(scope="module")
def twin() -> fastctc.Recognizer:
    return fastctc.load(MODEL)


def test_the_package_and_its_library_are_of_one_version(api: Api) -> None:
    assert api.value("version").decode() == fastctc.__version__
    assert (Path(fastctc.get_include()) / "fastctc" / "recognizer.h").is_file()
    assert (Path(fastctc.get_cmake_dir()) / "fastctcConfigVersion.cmake").is_file()


@pytest.mark.parametrize("options", [{}, {"decoder": {"kind": "beam", "n_best": 3, "hot_words": {"nine": 2.5}}}])
@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_recordings_are_transcribed_alike(
    api: Api, recognizer: c.c_void_p, twin: fastctc.Recognizer, path: Path, options: dict[str, Any]
) -> None:
    audio = api.make("audio_read_wav", str(path).encode())
    n_samples = api.value("audio_n_samples", audio)
    rate_hz = api.value("audio_sample_rate_hz", audio)
    samples = api.value("audio_samples", audio, -1)
    # soundfile is the twin of the WAV reader.
    expected, its_rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    assert (n_samples, rate_hz) == (len(expected), its_rate_hz)
    mono = np.ctypeslib.as_array(samples, (n_samples,))
    np.testing.assert_array_equal(mono, expected.mean(axis=1, dtype=np.float32))

    given = api.options(**options)
    handle = api.make("transcribe", recognizer, samples, c.c_size_t(n_samples), rate_hz, given)
    decoder = fastctc.DecoderOptions(**options.get("decoder", {}))
    assert api.transcript(handle) == twin.transcribe(mono, sample_rate=rate_hz, decoder=decoder)
    for name, one in (("transcript", handle), ("audio", audio), ("options", given)):
        api.value(f"{name}_free", one)


def test_hot_words_of_a_lexicon_are_its_words(
    api: Api, recognizer: c.c_void_p, twin: fastctc.Recognizer, tmp_path: Path
) -> None:
    path = tmp_path / "words.txt"
    words = {"II": "two", "III": "three", "IV": "four", "V": "five", "IX": "nine", "nil": "zero"}
    path.write_text("".join(f"{word} \u2581{piece}\n" for word, piece in words.items()), encoding="utf-8")
    samples, rate_hz = soundfile.read(DATA / "speech" / "two-nine-three-four-zero.wav", dtype="float32")
    lexicon = fastctc.Lexicon(path, twin)
    texts = []
    choices: list[dict[str, float]] = [{}, {"v": 30.0}, {"IX": -30.0, "III nil": 2.0}]
    for phrases in choices:
        options: dict[str, Any] = {"kind": "beam", "n_best": 3, "hot_words": phrases}
        given = api.options(decoder={**options, "lexicon": str(path)})
        handle = api.make("transcribe", recognizer, pointer(samples), c.c_size_t(len(samples)), rate_hz, given)
        expected = twin.transcribe(samples, decoder=fastctc.DecoderOptions(**options, lexicon=lexicon))
        assert api.transcript(handle) == expected
        texts.append(expected.text)
        for name, one in (("transcript", handle), ("options", given)):
            api.value(f"{name}_free", one)
    assert texts[:2] == ["II IX III IV nil", "II V III V nil"]
    assert "IX" not in texts[2]
    given = api.options(decoder={"kind": "beam", "lexicon": {"path": str(path)}, "hot_words": ["VI nil X"]})
    with pytest.raises(RuntimeError, match="doesn't have these words of hot phrases: 'VI', 'X'"):
        api.make("transcribe", recognizer, pointer(samples), c.c_size_t(len(samples)), rate_hz, given)
    api.value("options_free", given)


def test_a_batch_of_int16_is_transcribed_alike(api: Api, recognizer: c.c_void_p, twin: fastctc.Recognizer) -> None:
    samples, rate_hz = soundfile.read(RECORDINGS[0], dtype="int16")
    samples = np.ascontiguousarray(samples if samples.ndim == 1 else samples[:, 0])
    handle = api.make("transcribe_int16", recognizer, pointer(samples), c.c_size_t(len(samples)), rate_hz, None)
    assert api.transcript(handle) == twin.transcribe(samples, sample_rate=rate_hz)
    api.value("transcript_free", handle)

    floats = (samples / np.float32(32768)).astype(np.float32)
    pieces = [floats, floats[: len(floats) // 2]]
    handles = (c.c_void_p * 2)()
    pointers = (c.c_void_p * 2)(*(piece.ctypes.data for piece in pieces))
    sizes = (c.c_size_t * 2)(*map(len, pieces))
    api.call("transcribe_batch", recognizer, pointers, sizes, c.c_size_t(2), rate_hz, None, handles)
    expected = twin.transcribe(pieces, sample_rate=rate_hz, threads=1)
    assert [api.transcript(one).text for one in handles] == [one.text for one in expected]
    for one in handles:
        api.value("transcript_free", c.c_void_p(one))


def test_streams_give_the_same_results(api: Api, recognizer: c.c_void_p, twin: fastctc.Recognizer) -> None:
    samples, rate_hz = soundfile.read(DATA / "speech" / "two-nine-three-four-zero.wav", dtype="float32")
    given = api.options(latency_ms=80, endpoint={"silence_after_speech_s": 0.3})
    stream = api.make("stream_open", recognizer, given)
    options = fastctc.StreamOptions(
        latency_ms=80, sample_rate_hz=rate_hz, endpoint=fastctc.EndpointOptions(silence_after_speech_s=0.3)
    )
    with twin.stream(options=options) as expected_stream:
        for begin in [*range(0, len(samples), 3777), None]:
            if begin is None:
                api.call("stream_finish", stream)
                expected = list(expected_stream.finish())
            else:
                piece = np.ascontiguousarray(samples[begin : begin + 3777])
                api.call("stream_push", stream, pointer(piece), c.c_size_t(len(piece)), rate_hz)
                expected = list(expected_stream.push(piece))
            for want in expected:
                result = api.make("stream_next", stream)
                assert result.value
                transcript = api.value("result_transcript", result)
                got = fastctc.StreamResult(
                    bool(api.value("result_is_final", result)),
                    ("", "no_speech", "silence", "max_length", "finish")[api.value("result_cause", result)],
                    api.value("result_segment", result),
                    api.value("result_start_s", result),
                    api.value("result_end_s", result),
                    api.transcript(transcript),
                    api.value("result_n_stable_words", result),
                )
                assert got == want
                api.value("result_free", result)
            assert not api.make("stream_next", stream).value
    api.value("stream_free", stream)
    api.value("options_free", given)


def test_a_call_is_transcribed_alike(api: Api, recognizer: c.c_void_p, twin: fastctc.Recognizer) -> None:
    path = DATA / "speech" / "call-two-channels.wav"
    audio = api.make("audio_read_wav", str(path).encode())
    n_samples, rate_hz = api.value("audio_n_samples", audio), api.value("audio_sample_rate_hz", audio)
    channels = (c.POINTER(c.c_float) * 2)(*(api.value("audio_samples", audio, index) for index in range(2)))
    call = api.make("transcribe_channels", recognizer, channels, c.c_size_t(2), c.c_size_t(n_samples), rate_hz, None)
    expected = twin.transcribe(path, channels="split")
    assert api.value("conversation_n_segments", call) == len(expected.segments) > 0
    for index, want in enumerate(expected.segments):
        segment = Segment()
        api.call("conversation_segment", call, c.c_size_t(index), c.byref(segment))
        assert (segment.channel, segment.text.decode(), segment.n_words) == (want.channel, want.text, len(want.words))
        assert (segment.start_s, segment.end_s) == (want.start_s, want.end_s)
    assert api.transcript(api.value("conversation_channel", call, c.c_size_t(1))) == expected.channels[1]
    api.value("conversation_free", call)
    api.value("audio_free", audio)


@pytest.mark.parametrize(
    ("subtype", "kind"),
    [(subtype, "WAV") for subtype in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW")]
    + [("PCM_24", "WAVEX"), ("ULAW", "WAVEX"), ("PCM_16", "RF64")],
)
@pytest.mark.parametrize("n_channels", [1, 3])
def test_wav_files_are_read_as_libsndfile_reads_them(
    api: Api, tmp_path: Path, subtype: str, kind: str, n_channels: int
) -> None:
    random = np.random.default_rng(7)
    path = tmp_path / "audio.wav"
    soundfile.write(path, random.uniform(-1, 1, (501, n_channels)), 8000, format=kind, subtype=subtype)
    expected, _ = soundfile.read(path, dtype="float32", always_2d=True)
    audio = api.make("audio_read_wav", str(path).encode())
    assert api.value("audio_n_channels", audio) == n_channels
    for channel in range(n_channels):
        samples = np.ctypeslib.as_array(api.value("audio_samples", audio, channel), (501,))
        np.testing.assert_array_equal(samples, expected[:, channel])
    api.value("audio_free", audio)


def test_a_text_is_aligned_alike(api: Api, recognizer: c.c_void_p, twin: fastctc.Recognizer) -> None:
    samples, rate_hz = soundfile.read(MODEL / "two-nine-three-four-zero.wav", dtype="float32")
    text = "two nine three four zero"
    handle = api.make("align", recognizer, pointer(samples), c.c_size_t(len(samples)), rate_hz, text.encode(), None)
    assert api.transcript(handle).words == twin.align(samples, text, sample_rate=rate_hz).words
    api.value("transcript_free", handle)


def test_errors_are_those_of_the_package(api: Api, recognizer: c.c_void_p) -> None:
    with pytest.raises(RuntimeError, match=r"8: .*no such model"):
        api.make("recognizer_load", b"no such model", None)
    with pytest.raises(RuntimeError, match=r"4: .*latency_ms"):
        api.make("stream_open", recognizer, api.options(latency=80))
    with pytest.raises(RuntimeError, match=r"2: .*NULL"):
        api.make("stream_open", None, None)
