"""The package as its users see it."""

from __future__ import annotations

import inspect
import json
import logging
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastctc
import fastctc.models.named
import fastctc.reference
from conftest import DATA, ROOT
from fastctc import keywords

RECORDING = DATA / "speech" / "two-nine-three-four-zero.wav"


def parameters(function: Callable[..., Any], *passed_on: Callable[..., Any]) -> dict[str, tuple[Any, Any]]:
    """Kind and default by name; `passed_on`: what takes the rest of the keywords."""
    found = {}
    for each in (function, *passed_on):
        for name, entry in inspect.signature(each).parameters.items():
            if entry.kind != entry.VAR_KEYWORD and (each is function or entry.kind == entry.KEYWORD_ONLY):
                found[name] = (entry.kind, entry.default)
    return found


def test_the_reference_has_the_same_functions() -> None:
    reference = fastctc.reference
    assert parameters(fastctc.load) == parameters(reference.load)
    assert parameters(fastctc.transcribe) == parameters(reference.transcribe, reference.Recognizer.transcribe)


@pytest.mark.parametrize("name", ["features", "log_probs", "decode", "transcribe"])
def test_the_reference_recognizer_has_the_same_methods(name: str) -> None:
    core, reference = (getattr(module.Recognizer, name) for module in (fastctc, fastctc.reference))
    assert parameters(core) == parameters(reference)


def calls_of_keywords() -> list[Callable[..., Any]]:
    recognizer = fastctc.load()
    return [
        fastctc.transcribe,
        recognizer.transcribe,
        recognizer.transcribe_each,
        recognizer.stream,
        recognizer.transcribe_stream,
        recognizer.transcribe_stream_async,
        lambda *_, **keywords: fastctc.StreamPool(recognizer, **keywords),
    ]


def test_an_unknown_keyword_is_named_when_the_call_is_made() -> None:
    for call in calls_of_keywords():
        with pytest.raises(
            TypeError, match=r"has no keyword 'canal'; it has .*decoder, .*sample_rate, .*vad\."
        ) as error:
            call([RECORDING], canal=0)
        assert ("channel" in str(error.value)) == ("long_form" in str(error.value))


def test_keywords_are_typed_as_they_are_taken() -> None:
    """What completes names reads the typed dictionaries; what is called are functions with defaults."""
    for typed, call in (
        (keywords.TranscribeKeywords, fastctc.Recognizer.transcribe_each),
        (keywords.StreamKeywords, keywords.resolve_stream_options),
        (keywords.LoadKeywords, fastctc.load),
    ):
        taken = {
            name: str(entry.annotation)
            for name, entry in inspect.signature(call).parameters.items()
            if entry.kind == entry.KEYWORD_ONLY
        }
        assert {name: kind.__forward_arg__ for name, kind in typed.__annotations__.items()} == taken
    for some in (keywords.MixKeywords, keywords.SplitKeywords):
        assert set(some.__annotations__) < set(keywords.TranscribeKeywords.__annotations__)
    load_keywords = set(keywords.LoadKeywords.__annotations__)
    assert set(keywords.LoadMixKeywords.__annotations__) == load_keywords | set(keywords.MixKeywords.__annotations__)


def test_everything_public_is_documented() -> None:
    for name in fastctc.__all__:
        thing = getattr(fastctc, name)
        if inspect.isclass(thing) or inspect.isfunction(thing):
            assert thing.__doc__, name


def test_the_version_stands_in_one_place() -> None:
    from importlib.metadata import version

    assert f"project(fastctc VERSION {fastctc.__version__} " in (ROOT / "CMakeLists.txt").read_text()
    assert fastctc.__version__ == version("fastctc")


def test_a_transcript_reads_well_and_serialises() -> None:
    result = fastctc.transcribe(RECORDING)
    assert str(result) == "two nine three four zero"
    assert "two nine three four zero" in repr(result)
    assert "5 words" in repr(result)
    assert "nine" in repr(result.words[1])
    back = json.loads(json.dumps(result.to_dict()))
    assert back["text"] == result.text
    assert [word["text"] for word in back["words"]] == result.text.split()
    assert pickle.loads(pickle.dumps(result)) == result
    assert 0 < result.confidence <= 1


def test_word_times_are_in_order_and_inside_the_recording() -> None:
    result = fastctc.transcribe(RECORDING)
    times = [time for word in result.words for time in (word.start_s, word.end_s)]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] <= result.duration_s


def test_the_demo_model_is_announced_once(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fastctc.models.named, "_announced", False)
    with caplog.at_level(logging.WARNING, logger="fastctc"):
        fastctc.load()
        fastctc.load()
    messages = [record.message for record in caplog.records if "demo model" in record.message]
    assert len(messages) == 1
    assert "model='DIR'" in messages[0]


def test_the_library_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    fastctc.load(session=fastctc.SessionOptions(intra_op_threads=2)).transcribe([RECORDING, np.zeros(8000, np.float32)])
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_import_is_light() -> None:
    """Heavy libraries load when they are needed."""
    code = "import sys, fastctc; print([m for m in ('onnxruntime', 'soundfile', 'rich', 'torch') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_options_mirror_the_core() -> None:
    from fastctc import _core

    for preset in ("nemo", "nemo_legacy", "kaldi", "waveform"):
        mirrored = dict(fastctc.FrontendOptions.preset(preset).to_pairs())
        core = dict(_core.frontend_preset(preset))
        assert list(mirrored) == list(core)
        for name, text in core.items():
            is_number = text.replace(".", "").replace("-", "").replace("e", "").isdigit()
            assert (float(mirrored[name]) == float(text)) if is_number else (mirrored[name] == text), name
