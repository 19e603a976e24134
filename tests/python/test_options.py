"""One door for options: dataclasses, the command line and SPL's parameters against the core's tables of fields."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import typing
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

import fastctc
from conftest import ROOT
from fastctc import _core
from fastctc.cli.arguments import parse

GROUPS: dict[str, Any] = json.loads(_core.describe_options())
DATACLASSES: dict[str, Any] = {
    "load": fastctc.ModelOptions,
    "session": fastctc.SessionOptions,
    "frontend": fastctc.FrontendOptions,
    "recording": fastctc.LongFormOptions,
    "stream": fastctc.StreamOptions,
    "conversation": fastctc.ConversationOptions,
}
PYTHON_ONLY = {"rescorer", "rescore_weight", "channel_names"}
"""Of Python's second pass over alternatives, and names that only its results carry."""
NOT_GIVEN: tuple[Any, ...] = (None, "", -1, 0, {})
"""What stands in C++ for a field that Python leaves None."""


def paths(options: list[dict[str, Any]], prefix: str = "") -> set[str]:
    """Names with dots of all options, groups left out."""
    found: set[str] = set()
    for option in options:
        name = prefix + option["name"]
        found |= paths(option["fields"], name + ".") if "fields" in option else {name}
    return found


def check_dataclass(cls: Any, options: list[dict[str, Any]], where: str) -> None:
    names = {option["name"] for option in options}
    missing = names - {entry.name for entry in fields(cls)}
    assert not missing, f"{cls.__name__} in types.py lacks {missing}, which the table of {where} has"
    unknown = {entry.name for entry in fields(cls)} - names - PYTHON_ONLY
    assert not unknown, f"the table of {where} lacks {unknown}, which {cls.__name__} has"
    hints = typing.get_type_hints(cls, {**vars(fastctc), **vars(fastctc.types), **vars(typing)})
    default = cls()
    for option in options:
        name, value = option["name"], getattr(default, option["name"])
        if "fields" in option:
            assert is_dataclass(value)
            check_dataclass(type(value), option["fields"], f"{where}.{name}")
        elif value is None:
            assert option["default"] in NOT_GIVEN, f"{where}.{name}: {option['default']} there, None in Python"
        else:
            value = list(value) if isinstance(value, tuple) else value
            assert value == option["default"], f"{where}.{name}: {option['default']} there, {value} in Python"
        choices = set(typing.get_args(hints[name])) - {type(None)}
        if option["choices"]:
            assert choices == set(option["choices"]), f"{where}.{name}"


@pytest.mark.parametrize("group", DATACLASSES)
def test_dataclasses_have_what_the_table_has(group: str) -> None:
    check_dataclass(DATACLASSES[group], GROUPS[group], group)


@pytest.mark.parametrize("group", ["load", "session", "recording", "stream"])
def test_the_module_takes_what_the_table_has(group: str) -> None:
    """By name, each with its default; and no other name."""
    doors: dict[str, Callable[[dict[str, Any]], object]] = {
        "load": lambda options: _core.Recognizer.load("/nowhere", options, {}),
        "session": lambda options: _core.Recognizer.load("/nowhere", {}, options),
        "recording": lambda options: _core.LongForm(digits(), options),
        "stream": lambda options: _core.Stream(digits(), options),
    }
    take = doors[group]
    for option in GROUPS[group]:
        value = {} if "fields" in option else option["default"]
        with contextlib.suppress(fastctc.ModelNotFoundError):  # /nowhere: the options were taken
            take({option["name"]: value})
    with pytest.raises(fastctc.OptionError, match=r"There is no option (session\.)?colour; there are "):
        take({"colour": 1})


def digits() -> Any:
    return fastctc.load(ROOT / "models" / "digits")._core


COMMAND_LINE = {
    "beam": "decoder.beam_size",
    "alternatives": "decoder.n_best",
    "lm": "decoder.language_model",
    "lm_weight": "decoder.lm_weight",
    "word_bonus": "decoder.word_bonus",
    "hot_word": "decoder.hot_words",
    "lexicon": "decoder.lexicon",
    "vad": "vad.kind",
    "latency_ms": "latency_ms",
    "rate": "sample_rate_hz",
    "partials": "partial_results",
}
"""Arguments of `fastctc stream` and the options that they set."""
NOT_ON_THE_COMMAND_LINE = {
    # Of experts, who write a line of Python.
    *("decoder.kind", "decoder.beam_threshold", "decoder.max_tokens", "decoder.min_token_log_prob"),
    *("decoder.blank_skip_prob", "decoder.lm_unit", "decoder.unknown_word_score", "decoder.score_sentence_end"),
    *("decoder.confidence.measure", "decoder.confidence.alpha", "decoder.confidence.normalization"),
    *("decoder.confidence.aggregation", "start"),
    *("endpoint.silence_after_speech_s", "endpoint.silence_without_speech_s", "endpoint.max_length_s"),
    *("vad.model", "vad.threshold", "vad.min_level_db", "vad.snr_db", "vad.min_speech_s", "vad.min_silence_s"),
    "vad.padding_s",
}


def test_the_command_line_has_what_the_table_has() -> None:
    known = paths(GROUPS["stream"])
    arguments = vars(parse(["stream"]))
    assert set(COMMAND_LINE) <= set(arguments), "an argument is gone"
    assert set(COMMAND_LINE.values()) <= known, "an option is gone"
    undecided = known - set(COMMAND_LINE.values()) - NOT_ON_THE_COMMAND_LINE
    assert not undecided, f"give {undecided} an argument, or say here why there is none"
    assert known >= NOT_ON_THE_COMMAND_LINE, "no such option any more"


SPL = ROOT / "spl" / "com.teracloud.streamsx.stt"
SPL_STREAM = {"latencyMs": "latency_ms", "sampleRate": "sample_rate_hz", "resultMode": "partial_results"} | {
    "beamSize": "decoder.beam_size",
    "maxAlternatives": "decoder.n_best",
    "languageModel": "decoder.language_model",
    "hotWords": "decoder.hot_words",
    "lexicon": "decoder.lexicon",
    "endpointSilenceMs": "endpoint.silence_after_speech_s",
}
SPL_LOAD = {"tokensPath": "tokens", "blankId": "blank_id"}
SPL_SESSION = {"numThreads": "intra_op_threads", "provider": "provider"}
NOT_IN_SPL = NOT_ON_THE_COMMAND_LINE - {"endpoint.silence_after_speech_s"} | {
    *("decoder.lm_weight", "decoder.word_bonus", "vad.kind"),
}


def test_spl_parameters_have_what_the_table_has() -> None:
    model = (SPL / "com.teracloud.streamsx.stt" / "SpeechToText" / "SpeechToText.xml.in").read_text(encoding="utf-8")
    text = model[model.index("<parameters>") :]
    parameters = {"".join(names) for names in re.findall(r'<parameter name="(\w+)"|<name>(\w+)</name>', text)}
    named = SPL_STREAM | SPL_LOAD | SPL_SESSION
    assert set(named) <= parameters, f"SpeechToText.xml.in lacks {set(named) - parameters}"
    known = paths(GROUPS["stream"])
    assert set(SPL_STREAM.values()) <= known
    assert set(SPL_LOAD.values()) <= paths(GROUPS["load"])
    assert set(SPL_SESSION.values()) <= paths(GROUPS["session"])
    undecided = known - set(SPL_STREAM.values()) - NOT_IN_SPL
    assert not undecided, f"give {undecided} a parameter, or say here why there is none"


def test_the_page_of_options_is_up_to_date(tmp_path: Path) -> None:
    tool = ROOT / "tools" / "make_options_page.py"
    subprocess.run([sys.executable, str(tool), str(tmp_path / "options.md")], check=True)
    made = (tmp_path / "options.md").read_text(encoding="utf-8")
    committed = (ROOT / "docs" / "options.md").read_text(encoding="utf-8")
    assert made == committed, "run: python tools/make_options_page.py docs/options.md"


def test_names_and_values_may_be_any_mapping() -> None:
    entries = MappingProxyType({"session.intra_op.allow_spinning": "0"})
    session = fastctc.SessionOptions(config_entries=entries)
    model = fastctc.ModelOptions(frontend=MappingProxyType({"dither": 0.0}))
    assert fastctc.load(ROOT / "models" / "digits", session=session, options=model).sample_rate_hz > 0
