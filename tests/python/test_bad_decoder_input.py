"""What language models, lexicons, hot words, options and texts can have wrong: errors say what, where, what to do."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import pytest

import fastctc
from conftest import DATA, ROOT
from fastctc import DecoderOptions, HotWords, LanguageModel, Lexicon
from fastctc.cli import main
from fastctc.errors import AlignmentError, Error, ModelError, OptionError

RECORDING = DATA / "speech" / "two-nine-three-four-zero.wav"
ARPA = (
    "\\data\\\nngram 1=4\nngram 2=2\n\n\\1-grams:\n-1\t<unk>\n-1\t<s>\t-0.3\n-1\t</s>\n-1\tone\t-0.2\n\n"
    "\\2-grams:\n-0.5\t<s> one\n-0.4\tone </s>\n\n\\end\\\n"
)


@pytest.fixture(scope="module")
def model() -> fastctc.Recognizer:
    return fastctc.load(ROOT / "models" / "digits")


def reworded(old: str, new: str) -> bytes:
    assert old in ARPA
    return ARPA.replace(old, new).encode()


ARPAS: dict[str, tuple[bytes, str, str]] = {
    "cut in a line": (ARPA[:-20].encode(), "line 13", "is it cut off"),
    "cut before the end": (reworded("\\end\\\n", ""), "line 15.*cut off", "Fetch or make it again"),
    "cut gzip": (gzip.compress(ARPA.encode())[:-30], "cut off", "Fetch it again"),
    "too many announced": (reworded("ngram 2=2", "ngram 2=3"), "line 14.*line 3 announces 3", "correct them"),
    "too few announced": (reworded("ngram 2=2", "ngram 2=1"), "line 13.*line 3 announces", "Correct the count"),
    "orders in another order": (reworded("ngram 1=4\nngram 2=2", "ngram 2=2\nngram 1=4"), "line 2", "every order"),
    "sections in another order": (
        b"\\data\\\nngram 1=1\nngram 2=1\n\n\\2-grams:\n-1\ta a\n\n\\1-grams:\n-1\ta\n\n\\end\\\n",
        r"line 5.*\\1-grams: is due",
        "Put the sections in order",
    ),
    "a huge order": (
        b"\\data\\\n" + b"".join(b"ngram %d=1\n" % n for n in range(1, 400)),
        "line 34.*order above 32",
        "Prune",
    ),
    "a huge count": (reworded("ngram 1=4", "ngram 1=99999999999999"), "line 2.*more n-grams", "supported"),
    "an unknown word": (reworded("<s> one", "two one"), "line 12.*'two'", "is no 1-gram"),
    "UTF-16": (ARPA.encode("utf-16"), "UTF-16", "Save it as UTF-8"),
    "Latin-1": (ARPA.replace("one", "\u00e9t\u00e9").encode("latin-1"), "line 9.*not UTF-8", "Save the file as UTF-8"),
    "nothing": (b"", "no ARPA file", "lm build"),
    "KenLM's binary": (b"mmap lm http://kheafield.com/code format version 5\n\0" + bytes(99), "KenLM", "lm build"),
}


@pytest.mark.parametrize("name", list(ARPAS))
def test_language_models(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content, what, advice = ARPAS[name]
    path = tmp_path / "model.arpa"
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        LanguageModel(path)
    message = str(caught.value)
    assert str(path) in message
    assert re.search(what, message), message
    assert advice in message, message
    assert main(["transcribe", str(RECORDING), "--lm", str(path), "--quiet"]) == 1
    assert advice in capsys.readouterr().err


def test_what_looks_wrong_but_is_not(tmp_path: Path) -> None:
    """N-grams in any order, and a byte order mark."""
    path = tmp_path / "model.arpa"
    path.write_text(ARPA, encoding="utf-8")
    score = LanguageModel(path).score("one")
    for content in (
        reworded("-0.5\t<s> one\n-0.4\tone </s>", "-0.4\tone </s>\n-0.5\t<s> one"),
        b"\xef\xbb\xbf" + ARPA.encode(),
        ARPA.replace("\n", "\r\n").encode(),
    ):
        path.write_bytes(content)
        assert LanguageModel(path).score("one") == pytest.approx(score)


@pytest.mark.parametrize(
    ("content", "what", "advice"),
    [
        ("one \u2581one\ntwo \u2581t q\n".encode(), "line 2.*lacks.*'q'", "Spell the words in them"),
        (b"one\n", "line 1", "no spelling after the word 'one'"),
        ("one \u2581one\n".encode("utf-16"), "UTF-16", "Save it as UTF-8"),
        (b"\xe9t\xe9 n e\n", "line 1.*not UTF-8", "Save the file as UTF-8"),
        (b"\n", "is empty", "Write `word piece piece"),
    ],
)
def test_lexicons(model: fastctc.Recognizer, tmp_path: Path, content: bytes, what: str, advice: str) -> None:
    path = tmp_path / "words.txt"
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        Lexicon(path, model)
    message = str(caught.value)
    assert str(path) in message
    assert re.search(what, message), message
    assert advice in message


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"beam_size": 0}, "beam_size must be an integer from 1 to 100000, not 0"),
        ({"beam_size": "many"}, "beam_size must be an integer"),
        ({"n_best": 0}, "n_best must be an integer from 1 to 100000, not 0"),
        ({"n_best": 17}, "n_best must be an integer from 1 to 16, not 17"),
        ({"lm_weight": float("nan")}, "lm_weight must be a number from 0, not nan"),
        ({"hot_words": ["quiz", "one", "quay"]}, "can't spell.*'quiz' .no piece has 'q'.*'quay'"),
        ({"hot_words": [""]}, "Hot phrase 1 is empty"),
        ({"hot_words": {"one": float("inf")}}, "'one' must be a number from"),
        ({"hot_words": {"one": "much"}}, "'one': 'much'"),
        ({"hot_words": [3]}, "is a string"),
    ],
)
def test_options(model: fastctc.Recognizer, options: dict[str, Any], why: str) -> None:
    with pytest.raises(OptionError, match=why):
        model.transcribe(RECORDING, decoder=DecoderOptions(kind="beam", **options))
    with pytest.raises(OptionError, match=why):
        model.stream(latency_ms=1040, decoder=DecoderOptions(kind="beam", **options))


def test_hot_words_of_another_model(model: fastctc.Recognizer) -> None:
    from fastctc import _core

    others = HotWords(model, ["one"])
    others._core = _core.HotWords(_core.Vocabulary(["\u2581one", "<blk>"]), [("one", 5.0)])
    with pytest.raises(OptionError, match=r"vocabulary of 2 tokens.*53.*Make them with the model's own"):
        model.transcribe(RECORDING, decoder=DecoderOptions(kind="beam", hot_words=others))


def test_texts_to_align(model: fastctc.Recognizer, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AlignmentError, match=r"needs \d+ frames at least.*audio has 31. Check that the text belongs"):
        model.align(RECORDING, "one " * 200)
    with pytest.raises(AlignmentError, match=r"can't spell 'quiz': none goes on with 'q'.*Write it"):
        model.align(RECORDING, "one quiz")
    assert model.align(RECORDING, "").words == ()
    assert main(["align", str(RECORDING), "one " * 200]) == 1
    assert "Check that the text belongs" in capsys.readouterr().err


def test_all_are_errors_of_ours() -> None:
    assert all(issubclass(error, Error) for error in (AlignmentError, ModelError, OptionError))
