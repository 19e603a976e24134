"""`fastctc info`: properties and their sources, for people and for programs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from cli_fakes import FakeLoader
from fastctc.cli import main
from fastctc.errors import ModelNotFoundError


def test_piped_is_one_property_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "m"], load=FakeLoader()) == 0
    assert capsys.readouterr() == (
        "model\tm\tthe command line\nsample_rate_hz\t16000\tthe manifest\nblank_id\t3\t[graph]\n",
        "",
    )


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "m", "--json"], load=FakeLoader()) == 0
    assert json.loads(capsys.readouterr().out)["properties"] == [
        {"name": "model", "value": "m", "source": "the command line"},
        {"name": "sample_rate_hz", "value": "16000", "source": "the manifest"},
        {"name": "blank_id", "value": "3", "source": "[graph]"},
    ]


def test_a_table_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "100")
    assert main(["info", "m"], load=FakeLoader()) == 0
    out = capsys.readouterr().out
    for cell in ("property", "value", "source", "sample_rate_hz", "16000", "the manifest", "[graph]"):
        assert cell in out
    assert "\t" not in out


def test_options_reach_the_model() -> None:
    load = FakeLoader()
    assert main(["info", "m", "--normalize", "per_feature", "--provider", "CUDA", "--library", "x.so"], load=load) == 0
    [(model, options)] = load.calls
    assert (model, options["normalize"]) == ("m", "per_feature")
    assert (options["session"].provider, options["session"].library) == ("CUDA", "x.so")


def test_a_model_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "nowhere"], load=FakeLoader(ModelNotFoundError("nowhere: there is no such model."))) == 1
    assert capsys.readouterr() == ("", "fastctc: nowhere: there is no such model.\n")


def test_the_demo_model(demo_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every property of the manifest is found, and said to come from it."""
    assert main(["info", str(demo_model)]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert all(len(line) == 3 and line[0] and line[2] for line in lines)
    properties = {name: (value, source) for name, value, source in lines}
    value, source = properties["blank_id"]
    assert value == "52"
    assert "fastctc.json" in source
    assert properties["frontend.n_mels"][0] == "80"
    assert properties["frontend.normalize"][0] == "none"


def test_no_model_is_the_demo_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info"]) == 0
    first = capsys.readouterr().out.splitlines()[0].split("\t")
    assert (first[0], first[2]) == ("model", "default: the demo model")
    assert Path(first[1], "fastctc.json").is_file()
