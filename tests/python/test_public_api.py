"""The package as its users see it."""

from __future__ import annotations

import inspect
import json
import logging
import pickle
import subprocess
import sys

import numpy as np
import pytest

import fastctc
import fastctc.models.named
import fastctc.reference
from conftest import DATA, ROOT

RECORDING = DATA / "speech" / "two-nine-three-four-zero.wav"


@pytest.mark.parametrize("name", ["load", "transcribe"])
def test_the_reference_has_the_same_functions(name: str) -> None:
    core, reference = (inspect.signature(getattr(module, name)) for module in (fastctc, fastctc.reference))
    assert list(core.parameters) == list(reference.parameters)
    for key, parameter in core.parameters.items():
        assert parameter.default == reference.parameters[key].default
        assert parameter.kind == reference.parameters[key].kind


@pytest.mark.parametrize("name", ["features", "log_probs", "decode", "transcribe"])
def test_the_reference_recognizer_has_the_same_methods(name: str) -> None:
    core, reference = (inspect.signature(getattr(m.Recognizer, name)) for m in (fastctc, fastctc.reference))
    assert list(core.parameters) == list(reference.parameters)
    for key, parameter in core.parameters.items():
        assert parameter.default == reference.parameters[key].default


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
