"""Beam search, language models and hot words as users ask for them, on the demo model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import fastctc
from conftest import DATA, ROOT, external
from fastctc import DecoderOptions, HotWords, LanguageModel, Lexicon
from fastctc.cli import main
from fastctc.errors import ModelError, ModelNotFoundError, OptionError
from fastctc.reference import load as load_reference

RECORDING = DATA / "speech" / "two-nine-three-four-zero.wav"
TEXT = "two nine three four zero"
WORDS = ["zero", "oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
BEAM = DecoderOptions(kind="beam")


@pytest.fixture(scope="module")
def model() -> fastctc.Recognizer:
    return fastctc.load(ROOT / "models" / "digits")


@pytest.fixture(scope="module")
def arpa(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of digits: "five" is nearly all that is ever said."""
    lines = [f"{-0.1 if word == 'five' else -6.0}\t{word}" for word in WORDS]
    entries = ["-3\t<unk>", "-99\t<s>", "-1\t</s>", *lines]
    path = tmp_path_factory.mktemp("lm") / "digits.arpa"
    text = f"\\data\\\nngram 1={len(entries)}\n\n\\1-grams:\n" + "\n".join(entries) + "\n\n\\end\\\n"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def noisy() -> Any:
    """Digits under so much noise that the model is in doubt."""
    samples, rate_hz = soundfile.read(RECORDING, dtype="float32")
    noise = np.random.default_rng(2).standard_normal(len(samples)) * 0.05
    assert rate_hz == 16000
    return (samples + noise).astype(np.float32)


def test_beam_search_reads_what_greedy_search_reads(model: fastctc.Recognizer) -> None:
    greedy, beam = model.transcribe(RECORDING), model.transcribe(RECORDING, decoder="beam")
    assert beam.text == greedy.text == TEXT
    assert [(word.text, word.start_s, word.end_s) for word in beam.words] == [
        (word.text, word.start_s, word.end_s) for word in greedy.words
    ]
    assert beam.alternatives == ()


def test_alternatives_are_in_order_and_add_up(model: fastctc.Recognizer, noisy: Any) -> None:
    result = model.transcribe(noisy, decoder=DecoderOptions(kind="beam", n_best=5))
    assert len(result.alternatives) == 5
    assert result.alternatives[0].text == result.text
    scores = [entry.score for entry in result.alternatives]
    assert scores == sorted(scores, reverse=True)
    assert len({tuple(word.text for word in entry.words) for entry in result.alternatives}) > 1
    for entry in result.alternatives:
        assert entry.score == pytest.approx(entry.acoustic_score + entry.lm_score + entry.bonus_score)
    assert len(json.loads(json.dumps(result.to_dict()))["alternatives"]) == 5


@pytest.mark.parametrize("n_best", [1, 3])
def test_the_reference_decodes_the_same(model: fastctc.Recognizer, noisy: Any, arpa: Path, n_best: int) -> None:
    reference = load_reference(ROOT / "models" / "digits")
    decoder = DecoderOptions(kind="beam", beam_size=8, n_best=n_best, language_model=arpa, hot_words={"nine": 2.0})
    log_probs = model.log_probs(model.features(noisy))
    found, expected = model.decode(log_probs, decoder), reference.decode(log_probs, decoder)
    assert found.text == expected.text
    assert [entry.text for entry in found.alternatives] == [entry.text for entry in expected.alternatives]
    assert [entry.score for entry in found.alternatives] == pytest.approx(
        [entry.score for entry in expected.alternatives], abs=1e-5
    )
    assert [(word.text, word.start_s) for word in found.words] == [(word.text, word.start_s) for word in expected.words]


def test_a_language_model_decides_where_the_audio_does_not(model: fastctc.Recognizer, noisy: Any, arpa: Path) -> None:
    plain = model.transcribe(noisy, decoder="beam").text.split()
    for language_model in (arpa, str(arpa), LanguageModel(arpa)):
        decoder = DecoderOptions(kind="beam", language_model=language_model, lm_weight=1.5)
        assert model.transcribe(noisy, decoder=decoder).text.split().count("five") > plain.count("five")


def test_a_hot_word_is_preferred_and_a_negative_one_avoided(model: fastctc.Recognizer, noisy: Any) -> None:
    plain = model.transcribe(noisy, decoder="beam").text.split()
    hot = model.transcribe(noisy, decoder=DecoderOptions(kind="beam", hot_words={"five": 8.0})).text.split()
    assert hot.count("five") > plain.count("five")
    cold = DecoderOptions(kind="beam", hot_words=HotWords(model, {"nine": -30.0}))
    assert "nine" not in model.transcribe(RECORDING, decoder=cold).text.split()


def test_hot_words_raise_recall_and_lower_nothing_else(model: fastctc.Recognizer) -> None:
    """On real recordings of held-out speakers: the words that the model misses most."""
    folder = external("speech/digits")
    entries = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    files = {entry["audio"]: entry["text"] for entry in entries if entry.get("text") and isinstance(entry["text"], str)}
    assert len(files) > 10
    recall = {}
    for name, decoder in {
        "plain": BEAM,
        "hot": DecoderOptions(kind="beam", hot_words={"eight": 1.5, "two": 1.5}),
    }.items():
        results = model.transcribe([folder / file for file in files], decoder=decoder)
        recall[name] = {
            kind: sum(
                min(result.text.split().count(word), text.split().count(word))
                for result, text in zip(results, files.values(), strict=True)
                for word in words
            )
            for kind, words in {"listed": ["eight", "two"], "others": set(WORDS) - {"eight", "two"}}.items()
        }
    assert recall["hot"]["listed"] >= recall["plain"]["listed"]
    assert recall["hot"]["others"] >= recall["plain"]["others"]


def test_a_lexicon_finds_its_words_only(model: fastctc.Recognizer, tmp_path: Path) -> None:
    spelled = model.transcribe(RECORDING)
    lines = {}
    for word in spelled.words:
        pieces = [t.piece for t in spelled.tokens if word.start_s <= t.start_s < word.end_s]
        lines[word.text] = f"{word.text.upper()} {' '.join(pieces)}\n"
    path = tmp_path / "lexicon.txt"
    path.write_text("".join(lines.values()), encoding="utf-8")
    decoder = DecoderOptions(kind="beam", lexicon=Lexicon(path, model))
    result = model.transcribe(RECORDING, decoder=decoder)
    assert result.text == TEXT.upper()
    assert [word.start_s for word in result.words] == [word.start_s for word in spelled.words]


def test_readings_of_segments_make_readings_of_the_recording(model: fastctc.Recognizer, noisy: Any) -> None:
    """With speech detection: every choice of one reading a segment, best sums first; the reference makes the same."""
    pause = np.zeros(16000, np.float32)
    audio = np.concatenate([noisy, pause, noisy * 0.9, pause])
    decoder = DecoderOptions(kind="beam", beam_size=8, n_best=4)
    result = model.transcribe(audio, vad="energy", decoder=decoder)
    assert len(result.speech) == 2
    parts = []
    for segment in result.speech:
        begin, end = (round(time_s * 16000) for time_s in (segment.start_s, segment.end_s))
        parts.append(model.transcribe(audio[begin:end], decoder=decoder).alternatives)
    sums = sorted((a.score + b.score for a in parts[0] for b in parts[1]), reverse=True)[:4]
    assert [entry.score for entry in result.alternatives] == pytest.approx(sums, abs=1e-4)
    first = result.alternatives[0]
    assert (first.text, first.words) == (result.text, result.words)
    assert len({entry.text for entry in result.alternatives}) > 1
    for entry in result.alternatives:
        assert entry.score == pytest.approx(entry.acoustic_score + entry.lm_score + entry.bonus_score)
        assert entry.text == " ".join(word.text for word in entry.words)
    expected = load_reference(ROOT / "models" / "digits").transcribe(audio, vad="energy", decoder=decoder)
    assert [entry.text for entry in expected.alternatives] == [entry.text for entry in result.alternatives]
    assert [entry.score for entry in expected.alternatives] == pytest.approx(sums, abs=1e-3)
    assert model.transcribe(pause, vad="energy", decoder=decoder).alternatives[0].text == ""
    assert model.transcribe(audio, vad="energy", decoder="beam").alternatives == ()


def test_a_cut_loses_nothing_of_what_was_said_before(model: fastctc.Recognizer, tmp_path: Path) -> None:
    """Segments of a stream that were cut at their longest: the language model's scores add up to the whole text's."""
    samples, _ = soundfile.read(RECORDING, dtype="float32")
    path = tmp_path / "pairs.arpa"
    said = TEXT.split()
    pairs = [f"-0.1\t{a} {b}" for a, b in zip(["<s>", *said], said, strict=False)]
    unigrams = ["-3\t<unk>", "-99\t<s>\t-1", "-2\t</s>", *(f"-2\t{word}\t-1" for word in WORDS)]
    header = f"\\data\\\nngram 1={len(unigrams)}\nngram 2={len(pairs)}\n"
    sections = ("\\1-grams:\n" + "\n".join(unigrams), "\\2-grams:\n" + "\n".join(pairs))
    path.write_text(f"{header}\n{sections[0]}\n\n{sections[1]}\n\n\\end\\\n", encoding="utf-8")
    lm = LanguageModel(path)
    decoder = DecoderOptions(kind="beam", beam_size=8, n_best=2, language_model=lm, lm_weight=0.2)
    endpoint = fastctc.EndpointOptions(0.0, 0.0, max_length_s=0.9)
    stream = model.stream(latency_ms=1040, decoder=decoder, endpoint=endpoint)
    results = [result for result in [*stream.push(samples), *stream.finish()] if result.is_final]
    assert [result.cause for result in results][:-1] == ["max_length"] * (len(results) - 1)
    assert len(results) > 1
    assert " ".join(result.text for result in results).split() == said
    found = sum(result.transcript.alternatives[0].lm_score for result in results)
    assert found == pytest.approx(0.2 * lm.score(TEXT), abs=1e-4)


def test_streams_decode_the_same(model: fastctc.Recognizer, arpa: Path) -> None:
    samples, _ = soundfile.read(RECORDING, dtype="float32")
    decoder = DecoderOptions(kind="beam", language_model=arpa, lm_weight=0.1, n_best=2)
    texts = []
    for size in (160, 5000, len(samples)):
        stream = model.stream(latency_ms=480, decoder=decoder, endpoint=False)
        results = [r for i in range(0, len(samples), size) for r in stream.push(samples[i : i + size])]
        [final] = [result for result in [*results, *stream.finish()] if result.is_final]
        assert len(final.transcript.alternatives) == 2
        texts.append((final.text, [word.start_s for word in final.transcript.words]))
    assert texts[0] == texts[1] == texts[2]
    assert texts[0][0] == TEXT


@pytest.mark.parametrize(
    ("decoder", "error", "why"),
    [
        ("viterbi", OptionError, "viterbi"),
        (DecoderOptions(kind="beam", beam_size=0), OptionError, "beam_size"),
        (DecoderOptions(language_model="x.arpa"), ModelNotFoundError, "x.arpa"),
        (DecoderOptions(hot_words=["nine"]), OptionError, "beam"),
        (DecoderOptions(kind="beam", hot_words="nine"), OptionError, "hot_words"),
        (DecoderOptions(kind="beam", hot_words=["na\u00efve caf\u00e9"]), OptionError, "caf\u00e9"),
        (DecoderOptions(kind="beam", lexicon="words.txt"), OptionError, "lexicon"),
        (DecoderOptions(kind="beam", n_best=17), OptionError, "n_best"),
    ],
)
def test_what_is_wrong_is_named(model: fastctc.Recognizer, decoder: Any, error: type[Exception], why: str) -> None:
    with pytest.raises(error, match=why):
        model.transcribe(RECORDING, decoder=decoder)


def test_models_and_lexicons_that_are_none(model: fastctc.Recognizer, tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("one \u2581on xyz\n", encoding="utf-8")
    with pytest.raises(ModelError, match="line 1"):
        Lexicon(path, model)
    with pytest.raises(ModelError):
        LanguageModel(path)
    with pytest.raises(ModelNotFoundError):
        LanguageModel(tmp_path / "none.arpa")


def test_the_command_line(arpa: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    phrases = tmp_path / "phrases.txt"
    phrases.write_text("nine three: 2\nfour\n", encoding="utf-8")
    options = ["--beam", "8", "--lm", str(arpa), "--lm-weight", "0.1", "--word-bonus", "0.5", "--alternatives", "3"]
    options += ["--hot-words", str(phrases), "--hot-word", "zero:1", "--format", "json", "--quiet"]
    for more in ([], ["--latency-ms", "480"]):
        assert main(["transcribe", str(RECORDING), *options, *more]) == 0
        result = json.loads(capsys.readouterr().out)
        assert result["text"] == TEXT
        if not more:
            assert len(result["alternatives"]) == 3
            assert result["alternatives"][0]["bonus_score"] > 0
    for wrong, why in (
        (["--hot-word", "nine:much"], "much"),
        (["--lm-weight", "1"], "--lm FILE"),
        (["--hot-words", str(tmp_path / "none")], "can't be read"),
    ):
        assert main(["transcribe", str(RECORDING), "--quiet", *wrong]) == 2
        assert why in capsys.readouterr().err
