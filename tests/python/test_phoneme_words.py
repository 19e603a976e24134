"""Real speech through a real phoneme model: lexicon and language model make words of it."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fastctc
from conftest import external
from fastctc import DecoderOptions, HotWords, LanguageModel, Lexicon, ModelOptions
from fastctc.edits import count_edits

# Measured with flashlight-text and KenLM by those who rebuilt the model (its README), on these sets.
WORD_ERROR_RATES = {"librivox": 0.141, "cards": 0.286, "harvard_speechbrain": 0.147, "misc": 0.12}
WORD_END_LOG_PROB = -12.0  # of the others, at the frame that is put behind the end


@pytest.fixture(scope="module")
def recognizer() -> fastctc.Recognizer:
    folder = external("models/phoneme")
    options = ModelOptions(graph="model_waveform.onnx", frontend_preset="waveform", blank_id=190)
    return fastctc.load(folder, options=options, normalize="none")


@pytest.fixture(scope="module")
def decoder(recognizer: fastctc.Recognizer, tmp_path_factory: pytest.TempPathFactory) -> DecoderOptions:
    text = gzip.decompress((external("models/phoneme") / "lexicon.txt.gz").read_bytes()).decode()
    entries = [line.split("\t") for line in text.splitlines()]
    path = tmp_path_factory.mktemp("lexicon") / "lexicon.txt"
    # As its README says: no words of one letter but a, i, o; one piece for both signs of /g/.
    kept = [entry for entry in entries if len(entry[0]) > 1 or entry[0] in "aio"]
    path.write_text("".join(f"{word}\t{pieces.replace(chr(0x261), 'g')}\n" for word, pieces in kept), encoding="utf-8")
    return DecoderOptions(
        kind="beam",
        beam_size=100,
        beam_threshold=25.0,
        lexicon=Lexicon(path, recognizer, word_end="<wb>"),
        language_model=LanguageModel(external("text") / "en-us-small.arpa.gz"),
        lm_weight=0.8,
        word_bonus=0.5,
    )


def log_probs_of(recognizer: fastctc.Recognizer, path: Path) -> Any:
    """Both signs of /g/ as one, and a last frame that ends a word."""
    log_probs = recognizer.log_probs(recognizer.features(path)).astype(np.float64)
    one, other = recognizer.pieces.index("g"), recognizer.pieces.index(chr(0x261))
    log_probs[:, one] = np.logaddexp(log_probs[:, one], log_probs[:, other])
    log_probs[:, other] = -100
    last = np.full((1, log_probs.shape[1]), WORD_END_LOG_PROB)
    last[0, recognizer.pieces.index("<wb>")] = 0
    return np.concatenate([log_probs, last]).astype(np.float32)


@pytest.mark.parametrize("name", list(WORD_ERROR_RATES))
def test_words_are_no_worse_than_its_readme(recognizer: fastctc.Recognizer, decoder: DecoderOptions, name: str) -> None:
    folder = external("speech/read")
    entries = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    n_edits = n_words = 0
    for entry in (entry for entry in entries if entry["audio"].startswith(f"{name}/")):
        said = entry["text"].lower().replace("mister", "mr").split()
        result = recognizer.decode(log_probs_of(recognizer, folder / entry["audio"]), decoder)
        n_edits += count_edits(result.text.split(), said)
        n_words += len(said)
        assert [word.text for word in result.words] == result.text.split()
    assert n_words > 5
    assert round(n_edits / n_words, 3) <= WORD_ERROR_RATES[name]


# Read in these recordings, in the lexicon, and lost without help, wholly or in part.
LISTED = ["clubs", "spades", "disposed", "hurt", "thin", "tear", "sheet", "mend", "four"]


def recall_and_other_edits(
    recognizer: fastctc.Recognizer, decoder: DecoderOptions, entries: list[tuple[Any, list[str]]]
) -> tuple[int, int, list[str]]:
    """How often listed words are found where they are said, edits of the others, and the texts."""
    n_found = n_edits = 0
    texts = []
    for log_probs, said in entries:
        texts.append(recognizer.decode(log_probs, decoder).text)
        found = texts[-1].split()
        n_found += sum(min(found.count(word), said.count(word)) for word in LISTED)
        n_edits += count_edits([w for w in found if w not in LISTED], [w for w in said if w not in LISTED])
    return n_found, n_edits, texts


def test_hot_words_raise_recall_and_lower_nothing_else(recognizer: fastctc.Recognizer, decoder: DecoderOptions) -> None:
    """Phrases are matched as the lexicon spells them: phonemes have no letters. Thousands of others change nothing."""
    folder = external("speech/read")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    entries = [
        (log_probs_of(recognizer, folder / entry["audio"]), entry["text"].lower().replace("mister", "mr").split())
        for entry in manifest
    ]
    n_said = sum(said.count(word) for _, said in entries for word in LISTED)
    plain, plain_edits, plain_texts = recall_and_other_edits(recognizer, decoder, entries)
    hot_words = HotWords(recognizer, LISTED, lexicon=decoder.lexicon)
    hot, hot_edits, hot_texts = recall_and_other_edits(recognizer, replace(decoder, hot_words=hot_words), entries)
    assert plain < n_said - 5
    assert hot >= plain + 5
    assert hot_edits <= plain_edits

    lines = gzip.decompress((external("models/phoneme") / "lexicon.txt.gz").read_bytes()).decode().splitlines()
    words = sorted({word for line in lines if (word := line.split("\t")[0]).isalpha() and len(word) > 4})
    random = np.random.default_rng(1)
    others = {" ".join(phrase): 5.0 for phrase in random.choice(words, (3000, 3))}
    many = HotWords(recognizer, {**dict.fromkeys(LISTED, 5.0), **others}, lexicon=decoder.lexicon)
    assert recall_and_other_edits(recognizer, replace(decoder, hot_words=many), entries)[2] == hot_texts
    alone = HotWords(recognizer, others, lexicon=decoder.lexicon)
    assert recall_and_other_edits(recognizer, replace(decoder, hot_words=alone), entries)[2] == plain_texts
