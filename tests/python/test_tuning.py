"""The weights of beam search, tried on recordings whose texts are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastctc
from conftest import DATA, ROOT
from fastctc.cli import main
from fastctc.decoding.tuning import tune
from fastctc.edits import count_edits
from fastctc.errors import OptionError
from fastctc.types import DecoderOptions

RECORDING = DATA / "speech" / "two-nine-three-four-zero.wav"
TEXT = "two nine three four zero"
BEAM = DecoderOptions(kind="beam")


@given(found=st.lists(st.sampled_from("abc"), max_size=6), said=st.lists(st.sampled_from("abc"), max_size=6))
def test_edits_are_counted_by_their_definition(found: list[str], said: list[str]) -> None:
    def slow(a: list[str], b: list[str]) -> int:
        if not a or not b:
            return len(a) + len(b)
        return min(slow(a[1:], b) + 1, slow(a, b[1:]) + 1, slow(a[1:], b[1:]) + (a[0] != b[0]))

    assert count_edits(found, said) == slow(found, said)


def test_a_bonus_against_words_makes_errors_and_loses() -> None:
    model = fastctc.load(ROOT / "models" / "digits")
    log_probs = [model.log_probs(model.features(RECORDING))]
    trials = tune(model, log_probs, [TEXT], BEAM, lm_weights=[0.0], word_bonuses=[-40.0, 0.0, 0.5])
    assert [trial.word_bonus for trial in trials] == [0.0, 0.5, -40.0]
    assert trials[0].word_error_rate == 0
    assert trials[-1].word_error_rate > 0.5
    with pytest.raises(OptionError, match="Greedy"):
        tune(model, log_probs, [TEXT], DecoderOptions())
    with pytest.raises(OptionError, match="one word"):
        tune(model, log_probs, [""], BEAM)


def test_random_weights_lie_between_and_are_the_same_again() -> None:
    model = fastctc.load(ROOT / "models" / "digits")
    log_probs = [model.log_probs(model.features(RECORDING))]

    def pairs(seed: int) -> list[tuple[float, float]]:
        trials = tune(
            model, log_probs, [TEXT], BEAM, lm_weights=[0.0, 1.0], word_bonuses=[-40, 0.5, 1], n_random=12, seed=seed
        )
        assert [trial.n_edits for trial in trials] == sorted(trial.n_edits for trial in trials)
        return [(trial.lm_weight, trial.word_bonus) for trial in trials]

    first = pairs(1)
    assert len(set(first)) == 12
    assert all(0 <= weight <= 1 and -40 <= bonus <= 1 for weight, bonus in first)
    assert pairs(1) == first != pairs(2)
    wrong: dict[str, Any]
    for wrong in ({"n_random": 0}, {"lm_weights": []}, {"word_bonuses": [float("nan")]}):
        with pytest.raises(OptionError):
            tune(model, log_probs, [TEXT], BEAM, **wrong)


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "dev.tsv"
    path.write_text(f"{RECORDING}\t{TEXT}\n", encoding="utf-8")
    assert main(["tune", str(path), "--word-bonuses=-40,0.5"]) == 0
    out, err = capsys.readouterr()
    assert [line.split("\t")[1] for line in out.splitlines()] == ["-40", "0.5"]
    assert "--word-bonus 0.5" in err
    assert main(["tune", str(path), "--word-bonuses=-1,1", "--random", "3", "--seed", "5"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    path.write_text(f"{RECORDING}\n", encoding="utf-8")
    assert main(["tune", str(path)]) == 2
    assert "line 1" in capsys.readouterr().err
    assert main(["tune", str(tmp_path / "none.tsv")]) == 2
