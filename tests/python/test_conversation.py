"""Two-channel calls: `channels="split"`, from every kind of recording, in every format."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import fastctc
from conftest import DATA, external
from fastctc.cli import main
from fastctc.errors import AudioError, OptionError
from fastctc.output.formats import FORMATS, to_json
from fastctc.types import Conversation, ConversationOptions, LongFormOptions, Transcript, Word, clock_time

CALL = DATA / "speech" / "call-two-channels.wav"
SAID = [(0, "two nine three four zero"), (1, "five five")]


@pytest.fixture(scope="module")
def recognizer() -> fastctc.Recognizer:
    return fastctc.load()


def said(conversation: Conversation) -> list[tuple[int, str]]:
    return [(segment.channel, segment.text) for segment in conversation.segments]


def call_samples() -> tuple[np.ndarray[Any, np.dtype[np.float32]], int]:
    samples, rate = soundfile.read(CALL, dtype="float32")
    return samples, rate


class TestRecordings:
    @pytest.mark.parametrize("subtype", ["ULAW", "ALAW", "PCM_16"])
    def test_a_telephone_call(self, recognizer: fastctc.Recognizer, subtype: str, tmp_path: Path) -> None:
        """8 kHz, as telephone switches record it: half of the samples, after a low-pass at a quarter of the rate."""
        samples, rate = call_samples()
        spectrum = np.fft.rfft(samples, axis=0)
        spectrum[len(spectrum) // 2 :] = 0
        narrow = np.fft.irfft(spectrum, len(samples), axis=0)[::2]
        soundfile.write(tmp_path / "call.wav", narrow, rate // 2, subtype=subtype)
        assert soundfile.info(tmp_path / "call.wav").subtype == subtype
        call = recognizer.transcribe(tmp_path / "call.wav", channels="split")
        assert said(call) == SAID
        wide = recognizer.transcribe(CALL, channels="split")
        for a, b in zip(call.segments, wide.segments, strict=True):
            assert a.start_s == pytest.approx(b.start_s, abs=0.17)

    def test_each_channel_equals_that_channel_alone(self, recognizer: fastctc.Recognizer) -> None:
        call = recognizer.transcribe(CALL, channels="split")
        assert call.channels == tuple(recognizer.transcribe(CALL, channel=channel) for channel in (0, 1))
        assert call.duration_s == call.channels[0].duration_s

    def test_recordings_of_any_length(self, recognizer: fastctc.Recognizer) -> None:
        """In steps: the call three times over."""
        samples, rate = call_samples()
        long = np.concatenate([samples] * 3)
        call = recognizer.transcribe(
            long, sample_rate=rate, channels="split", long_form=LongFormOptions(one_shot_max_s=4.0)
        )
        assert {transcript.method for transcript in call.channels} == {"steps"}
        assert said(call) == SAID * 3
        period_s = len(samples) / rate
        for number, segment in enumerate(call.segments):
            assert segment.start_s == pytest.approx(
                number // 2 * period_s + call.segments[number % 2].start_s, abs=0.09
            )

    def test_turns_of_an_external_call(self, recognizer: fastctc.Recognizer) -> None:
        """24 s at 8 kHz, eight turns; the texts are what the graph makes of NeMo's own features."""
        folder = external("speech/digits")
        [truth] = [entry for entry in json.loads((folder / "manifest.json").read_text()) if entry["channels"] == 2]
        entries = json.loads((folder / "expected.json").read_text())
        [expected] = [entry for entry in entries if entry["audio"] == truth["audio"]]
        call = recognizer.transcribe(folder / truth["audio"], channels="split")
        assert [transcript.text for transcript in call.channels] == expected["offline"]
        # A turn may hold a pause, and so several segments.
        turns = [channel for channel, _ in groupby(segment.channel for segment in call.segments)]
        assert turns == [turn[0] for turn in truth["segments"]]
        for segment in call.segments:
            assert any(
                turn[0] == segment.channel and turn[1] - 0.1 < segment.start_s < segment.end_s < turn[2] + 0.1
                for turn in truth["segments"]
            )

    def test_one_channel(self, recognizer: fastctc.Recognizer) -> None:
        assert said(recognizer.transcribe(DATA / "speech" / "five-five.wav", channels="split")) == [(0, "five five")]

    def test_many_recordings_and_one_that_is_none(self, recognizer: fastctc.Recognizer) -> None:
        results = recognizer.transcribe([CALL, "missing.wav", CALL], channels="split", on_error="return")
        assert isinstance(results[1], AudioError)
        assert [said(result) for result in results if isinstance(result, Conversation)] == [SAID, SAID]

    def test_nothing_said(self, recognizer: fastctc.Recognizer) -> None:
        call = recognizer.transcribe(np.zeros((16000, 2), np.float32), channels="split")
        assert (call.segments, call.text, len(call.channels), call.duration_s) == ((), "", 2, 1.0)

    def test_speech_alone(self, recognizer: fastctc.Recognizer) -> None:
        call = recognizer.transcribe(CALL, channels="split", vad="energy")
        assert said(call) == SAID
        assert all(transcript.speech for transcript in call.channels)

    def test_progress(self, recognizer: fastctc.Recognizer) -> None:
        done: list[tuple[int, float]] = []
        recognizer.transcribe(
            np.concatenate([call_samples()[0]] * 8),
            channels="split",
            long_form=LongFormOptions(one_shot_max_s=4.0),
            on_progress=lambda index, done_s: done.append((index, done_s)),
        )
        assert done == sorted(done)
        assert done[-1][0] == 0
        assert done[-1][1] > 8


class TestOptions:
    def test_names_and_pauses(self, recognizer: fastctc.Recognizer) -> None:
        call = fastctc.transcribe(
            CALL,
            recognizer,
            channels="split",
            conversation=ConversationOptions(pause_s=0.05, channel_names=("agent", "caller")),
        )
        assert call.channel_names == ("agent", "caller")
        assert call.text.startswith("[00:00.8] agent: ")
        assert len(call.segments) > 2

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            ({"channels": "both"}, "'mix' or 'split'"),
            ({"channels": "split", "channel": 1}, "Give one of them"),
            ({"channel": "split"}, "channels='split'"),
            ({"conversation": ConversationOptions()}, "channels='split'"),
            ({"channels": "split", "conversation": ConversationOptions(pause_s=-1)}, "pause_s"),
            ({"channels": "split", "conversation": ConversationOptions(pause_s=True)}, "pause_s"),
            ({"channels": "split", "conversation": ConversationOptions(channel_names=("a",))}, "2 channels"),
        ],
    )
    def test_that_can_not_be(self, recognizer: fastctc.Recognizer, options: dict[str, Any], says: str) -> None:
        transcribe: Any = recognizer.transcribe
        with pytest.raises(OptionError, match=says):
            transcribe(CALL, **options)


def conversation() -> Conversation:
    """Both speak at once; the names are what a format could stumble over."""
    first = Transcript("well then", (Word("well", 1.25, 1.75, 0.5), Word("then", 1.75, 4.0, 1.0)), duration_s=5.0)
    second = Transcript("x < y", (Word("x", 2.0, 2.5, 1.0), Word("<", 2.5, 2.6, 1.0), Word("y", 2.7, 3.0, 1.0)))
    return fastctc.make_conversation([first, second], ConversationOptions(channel_names=("A & B", "c\nd")))


class TestFormats:
    def test_text(self) -> None:
        assert FORMATS["text"](conversation()) == "[00:01.2] A & B: well then\n[00:02.0] c\nd: x < y\n"

    def test_srt(self) -> None:
        assert FORMATS["srt"](conversation()) == (
            "1\n00:00:01,250 --> 00:00:02,250\nA & B: well then\n\n2\n00:00:02,250 --> 00:00:03,250\nc d: x < y\n"
        )

    def test_vtt(self) -> None:
        assert FORMATS["vtt"](conversation()) == (
            "WEBVTT\n\n00:00:01.250 --> 00:00:02.250\n<v A &amp; B>well then\n\n"
            "00:00:02.250 --> 00:00:03.250\n<v c d>x &lt; y\n"
        )

    def test_json(self) -> None:
        back = json.loads(to_json(conversation(), file="call.wav"))
        assert list(back) == ["file", "segments", "channels", "duration_s"]
        assert back["segments"][0] == {
            "channel": 0,
            "start_s": 1.25,
            "end_s": 4.0,
            "text": "well then",
            "words": [
                {"text": "well", "start_s": 1.25, "end_s": 1.75, "confidence": 0.5, "score": 0.0},
                {"text": "then", "start_s": 1.75, "end_s": 4.0, "confidence": 1.0, "score": 0.0},
            ],
            "confidence": 0.75,
            "name": "A & B",
        }
        assert back["channels"][1]["name"] == "c\nd"
        assert back["channels"][1]["text"] == "x < y"
        assert back["duration_s"] == 5.0

    def test_it_reads_well(self) -> None:
        assert repr(conversation()) == "Conversation(2 channels, 2 segments, 5.00 s)"
        assert str(conversation()) == conversation().text
        assert repr(conversation().segments[0]) == "ConversationSegment(channel 0, 1.25-4.00 s, 'well then')"

    @pytest.mark.parametrize(
        ("seconds", "text"),
        [(0.0, "00:00.0"), (1.299, "00:01.2"), (0.3 - 1e-9, "00:00.3"), (59.99, "00:59.9"), (3600.05, "1:00:00.0")],
    )
    def test_clock(self, seconds: float, text: str) -> None:
        assert clock_time(seconds) == text


class TestCommandLine:
    def test_text(self, demo_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
        argv = ["transcribe", str(CALL), "--split-channels", "--model", str(demo_model)]
        assert main(argv) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line.split("] ")[1] for line in lines] == [
            "channel 0: two nine three four zero",
            "channel 1: five five",
        ]

    def test_several_files(self, demo_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        other = tmp_path / "other.wav"
        other.write_bytes(CALL.read_bytes())
        argv = ["transcribe", str(CALL), str(other), "--split-channels", "--channel-names", "a, b"]
        assert main([*argv, "--model", str(demo_model)]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line for line in lines if line.startswith("#")] == [f"# {CALL}", f"# {other}"]
        assert len(lines) == 6
        assert "] b: five five" in lines[2]

    @pytest.mark.parametrize("latency_ms", ["0", "1040"])
    def test_as_live_streams(self, latency_ms: str, demo_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
        argv = ["transcribe", str(CALL), "--split-channels", "--format", "json", "--model", str(demo_model)]
        assert main([*argv, "--latency-ms", latency_ms]) == 0
        result = json.loads(capsys.readouterr().out)
        assert [segment["channel"] for segment in result["segments"]] == [0, 1]
        assert {channel["method"] for channel in result["channels"]} == {"stream"}

    @pytest.mark.parametrize(
        ("argv", "says"),
        [
            (["--split-channels", "--channel", "1"], "--channel N"),
            (["--channel-names", "a,b"], "--split-channels"),
            (["--split-channels", "--channel-names", "a,,b"], "list of names"),
            (["--split-channels", "--channel-names", "a"], "2 channels"),
        ],
    )
    def test_wrong_usage(
        self, argv: list[str], says: str, demo_model: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["transcribe", str(CALL), *argv, "--model", str(demo_model)]) in (1, 2)
        assert says in capsys.readouterr().err
