"""The whole way, C++ and reference, against NeMo: features, log-probs, tokens, text."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastctc
import fastctc.reference
import tolerances
from conftest import DATA, external
from fastctc.edits import count_edits

IMPLEMENTATIONS = {"core": fastctc.load, "reference": fastctc.reference.load}
GOLDEN = {
    "dhd.2934z": "two-nine-three-four-zero.wav",
    "004": "five-five.wav",
    "kokoro_bf_emma_000": "kokoro_bf_emma_000.wav",
    "kokoro_bf_emma_008": "kokoro_bf_emma_008.wav",
}
EXTERNAL_GOLDEN = {
    "numbers": "speech/read/misc/numbers.wav",
    "long_theo_60s_16k": "speech/digits/long_theo_60s_16k.wav",
    "heldout_theo_07_16k": "speech/digits/heldout_theo_07_16k.wav",
}


@pytest.fixture(scope="module", params=sorted(IMPLEMENTATIONS))
def recognizer(request: pytest.FixtureRequest) -> Any:
    return IMPLEMENTATIONS[request.param]()


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    with np.load(DATA / "golden" / "digits.npz") as file:
        return dict(file)


def check_every_stage(recognizer: Any, recording: Path, golden: dict[str, Any], key: str) -> None:
    features = recognizer.features(recording)
    assert features.shape == golden[f"{key}/features"].shape
    assert np.abs(features - golden[f"{key}/features"]).max() <= tolerances.LOG_MEL

    log_probs = recognizer.log_probs(golden[f"{key}/features"])
    assert log_probs.shape == golden[f"{key}/logprobs"].shape
    assert np.abs(log_probs - golden[f"{key}/logprobs"]).max() <= tolerances.LOG_PROBS

    assert [token.id for token in recognizer.decode(golden[f"{key}/logprobs"]).tokens] == golden[f"{key}/ids"].tolist()
    assert recognizer.decode(recognizer.log_probs(features)).text == str(golden[f"{key}/text"])
    assert recognizer.transcribe(recording).text == str(golden[f"{key}/text"])


@pytest.mark.parametrize("key", sorted(GOLDEN))
def test_every_stage_equals_nemo(recognizer: Any, golden: dict[str, Any], key: str) -> None:
    check_every_stage(recognizer, DATA / "speech" / GOLDEN[key], golden, key)


@pytest.mark.parametrize("key", sorted(EXTERNAL_GOLDEN))
def test_every_stage_equals_nemo_on_external_speech(recognizer: Any, golden: dict[str, Any], key: str) -> None:
    check_every_stage(recognizer, external(EXTERNAL_GOLDEN[key]), golden, key)


def test_the_two_implementations_agree_on_the_whole_transcript() -> None:
    core, reference = fastctc.load(), fastctc.reference.load()
    for recording in sorted((DATA / "speech").glob("*.wav")):
        a, b = core.transcribe(recording, channel=0), reference.transcribe(recording, channel=0)
        assert (a.text, a.duration_s) == (b.text, b.duration_s)
        assert [(w.text, w.start_s, w.end_s) for w in a.words] == [(w.text, w.start_s, w.end_s) for w in b.words]
        assert [t.id for t in a.tokens] == [t.id for t in b.tokens]
        np.testing.assert_allclose(
            [t.confidence for t in a.tokens], [t.confidence for t in b.tokens], atol=tolerances.CONFIDENCE
        )


def digits(wanted: Callable[[dict[str, Any]], bool]) -> tuple[Path, list[dict[str, Any]], dict[str, dict[str, Any]]]:
    folder = external("speech/digits")
    entries = [e for e in json.loads((folder / "manifest.json").read_text()) if e["channels"] == 1 and wanted(e)]
    expected = {e["audio"]: e for e in json.loads((folder / "expected.json").read_text())}
    assert entries
    return folder, entries, expected


@pytest.mark.parametrize("rate", [16000, 8000])
def test_word_error_rate_on_held_out_speakers_equals_nemos(recognizer: Any, rate: int) -> None:
    """`expected.json` is the graph's greedy output over NeMo's own features."""
    folder, entries, expected = digits(lambda e: e["sample_rate"] == rate and e["text"] != "")
    ours = theirs = words = 0
    for entry, result in zip(entries, recognizer.transcribe([folder / e["audio"] for e in entries]), strict=True):
        reference = entry["text"].split()
        ours += count_edits(reference, result.text.split())
        theirs += count_edits(reference, expected[entry["audio"]]["offline"].split())
        words += len(reference)
        assert result.text == expected[entry["audio"]]["offline"], entry["audio"]
    assert words > 100
    assert ours == theirs
    assert ours / words < 0.06


def test_noise_gives_no_words(recognizer: Any) -> None:
    folder, entries, _ = digits(lambda e: e["text"] == "")
    assert [result.text for result in recognizer.transcribe([folder / e["audio"] for e in entries])] == [""] * len(
        entries
    )
