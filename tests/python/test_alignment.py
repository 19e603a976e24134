"""Forced alignment as users ask for it, and the formats of words with times."""

from __future__ import annotations

import json
import re
import shutil
import struct
import tempfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

import fastctc
from conftest import DATA, ROOT, run_alone
from fastctc import Conversation, LongFormOptions, ModelOptions, Transcript, Word
from fastctc.cli import main
from fastctc.errors import AlignmentError, ModelNotFoundError, OptionError, VocabularyError
from fastctc.output.word_formats import to_ctm, to_textgrid, to_tsv
from fastctc.reference import load as load_reference

RECORDING = DATA / "speech" / "two-nine-three-four-zero.wav"
TEXT = "two nine three four zero"


@pytest.fixture(scope="module")
def model() -> fastctc.Recognizer:
    return fastctc.load(ROOT / "models" / "digits")


@pytest.mark.parametrize("text", [TEXT, TEXT.upper(), f"  {TEXT}\n"])
def test_the_text_that_was_found_is_found_there(model: fastctc.Recognizer, text: str) -> None:
    found, aligned = model.transcribe(RECORDING), model.align(RECORDING, text)
    assert aligned.text == TEXT
    assert [(word.text, word.start_s, word.end_s) for word in aligned.words] == [
        (word.text, word.start_s, word.end_s) for word in found.words
    ]
    assert aligned.duration_s == found.duration_s


def test_a_wrong_word_fits_worse(model: fastctc.Recognizer) -> None:
    right, wrong = model.align(RECORDING, TEXT), model.align(RECORDING, "two nine three eight zero")
    assert sum(token.log_prob for token in right.tokens) > sum(token.log_prob for token in wrong.tokens)


def test_what_can_not_be_aligned_is_named(model: fastctc.Recognizer) -> None:
    with pytest.raises(AlignmentError, match="caf\u00e9"):
        model.align(RECORDING, "two caf\u00e9")
    with pytest.raises(AlignmentError, match=r"needs \d+ frames .* has \d+"):
        model.align(RECORDING, f"{TEXT} " * 20)
    with pytest.raises(OptionError, match="vad"):
        model.align(RECORDING, TEXT, long_form=LongFormOptions(vad=fastctc.VadOptions(kind="energy")))


def test_every_way_to_give_a_recording(model: fastctc.Recognizer) -> None:
    expected = [(word.text, word.start_s) for word in model.align(RECORDING, TEXT).words]
    samples, rate_hz = soundfile.read(RECORDING, dtype="float32")
    assert [(word.text, word.start_s) for word in model.align(samples, TEXT).words] == expected
    two = np.stack([np.zeros_like(samples), samples], axis=1)
    aligned = model.align(two, TEXT, channel=1, sample_rate=rate_hz)
    assert [(word.text, word.start_s) for word in aligned.words] == expected
    slow = model.align(samples, TEXT, sample_rate=8000)  # at half the speed
    assert slow.duration_s == pytest.approx(2 * len(samples) / rate_hz)


def test_the_reference_aligns_the_same(model: fastctc.Recognizer) -> None:
    """Words, tokens, their times and scores; in one run and in steps."""
    samples, _ = soundfile.read(RECORDING, dtype="float32")
    long_form = LongFormOptions(one_shot_max_s=3.0)
    reference = load_reference(ROOT / "models" / "digits")
    for audio, text, method in ((samples, TEXT, "one_shot"), (np.tile(samples, 3), f"{TEXT} " * 3, "steps")):
        found, expected = (
            implementation.align(audio, text, long_form=long_form) for implementation in (model, reference)
        )
        assert found.method == expected.method == method
        assert found.text == expected.text == text.strip()
        for word, other in zip(found.words, expected.words, strict=True):
            assert (word.text, word.start_s, word.end_s) == (other.text, other.start_s, other.end_s)
            assert word.score == pytest.approx(other.score, abs=1e-4)
            assert word.confidence == pytest.approx(other.confidence, abs=1e-4)


def test_the_score_of_a_word_is_its_mean_log_prob_a_frame(model: fastctc.Recognizer) -> None:
    aligned = model.align(RECORDING, TEXT)
    for word in aligned.words:
        tokens = [token for token in aligned.tokens if word.start_s <= token.start_s < word.end_s]
        n_frames = sum(round((token.end_s - token.start_s) / model.frame_s) for token in tokens)
        assert word.score == pytest.approx(sum(token.log_prob for token in tokens) / n_frames, abs=1e-5)
    wrong = model.align(RECORDING, "two nine three eight zero")
    assert [min(range(5), key=lambda place: wrong.words[place].score)] == [3]


def test_the_models_sentencepiece_model_cuts_the_text(model: fastctc.Recognizer, tmp_path: Path) -> None:
    """tokenizer.model in the directory, or what the manifest or the option names: its pieces, not the fewest."""
    folder = tmp_path / "model"
    shutil.copytree(ROOT / "models" / "digits", folder)
    pieces = [(piece, -9.0 if len(piece) > 2 else -1.0) for piece in model.pieces[1:-1]]
    (folder / "tokenizer.model").write_bytes(unigram_model(pieces))
    short = fastctc.load(folder).align(RECORDING, "two Nine")
    assert [token.piece for token in short.tokens] == ["\u2581t", "wo", "\u2581", "ni", "ne"]
    assert [word.text for word in short.words] == ["two", "nine"]
    assert [token.piece for token in model.align(RECORDING, "two Nine").tokens] == ["\u2581two", "\u2581nine"]
    assert load_reference(folder).align(RECORDING, "two Nine").tokens[2].piece == "\u2581"
    assert [p.source for p in fastctc.load(folder).properties if p.name == "tokenizer"] == ["file name"]

    (folder / "own").mkdir()
    (folder / "tokenizer.model").rename(folder / "own" / "pieces.model")
    assert len(fastctc.load(folder).align(RECORDING, "two").tokens) == 1
    named = fastctc.load(folder, options=ModelOptions(tokenizer="own/pieces.model"))
    assert len(named.align(RECORDING, "two").tokens) == 2
    manifest = json.loads((folder / "fastctc.json").read_text(encoding="utf-8"))
    manifest["tokenizer"] = "own/pieces.model"
    (folder / "fastctc.json").write_text(json.dumps(manifest), encoding="utf-8")
    for load in (fastctc.load, load_reference):
        assert len(load(folder).align(RECORDING, "two").tokens) == 2
    (folder / "own" / "pieces.model").write_bytes(unigram_model([*pieces, ("\u2581other", -1.0)]))
    broken = fastctc.load(folder)
    assert broken.transcribe(RECORDING).text == TEXT  # who only transcribes needs none
    with pytest.raises(VocabularyError, match=r"other.*another model"):
        broken.align(RECORDING, TEXT)
    (folder / "own" / "pieces.model").unlink()
    for load in (fastctc.load, load_reference):
        with pytest.raises(ModelNotFoundError, match=r"pieces\.model"):
            load(folder)


def unigram_model(pieces: list[tuple[str, float]]) -> bytes:
    """SentencePiece's file format: ModelProto.pieces = 1 (piece = 1, score = 2, type = 3), no normaliser."""

    def message(field: int, content: bytes) -> bytes:
        assert len(content) < 128
        return bytes([field << 3 | 2, len(content)]) + content

    entries = [message(1, b"<unk>") + b"\x18\x02"]
    entries += [message(1, piece.encode()) + b"\x15" + struct.pack("<f", score) for piece, score in pieces]
    return b"".join(message(1, entry) for entry in entries)


def test_an_hour_of_audio_needs_little_memory() -> None:
    """Features, log-probs and alignment as a whole, in a process of their own: far below 500 MB."""
    script = """
import sys, numpy as np, soundfile, fastctc
samples, rate_hz = soundfile.read(sys.argv[1], dtype="float32")
n = int(3600 * rate_hz / len(samples)) + 1
with soundfile.SoundFile(sys.argv[2], "w", rate_hz, 1, "PCM_16") as file:
    for _ in range(n):
        file.write(samples)
result = fastctc.load(sys.argv[3]).align(sys.argv[2], "two nine three four zero " * n)
starts = np.array([word.start_s for word in result.words]).reshape(n, 5)
starts -= np.arange(n)[:, None] * len(samples) / rate_hz
print(len(result.words) // n, np.ptp(starts, axis=0).max())
"""
    with tempfile.TemporaryDirectory() as folder:
        arguments = [str(RECORDING), str(Path(folder) / "hour.wav"), str(ROOT / "models" / "digits")]
        printed, peak_bytes = run_alone(script, *arguments)
    n_words, spread_s = map(float, printed.split())
    assert peak_bytes < 500e6
    assert n_words == 5
    assert spread_s < 0.25  # each repetition is aligned where it is, up to the phase of the frames


def words(texts: list[str]) -> tuple[Word, ...]:
    return tuple(Word(text, 0.5 * i, 0.5 * i + 0.24, 0.9) for i, text in enumerate(texts))


WORDS = st.lists(st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1, max_size=9), max_size=6)


@given(texts=WORDS)
def test_formats_are_read_back(texts: list[str]) -> None:
    """By the published grammars: NIST's CTM, and Praat's TextGrid."""
    result = Transcript(" ".join(texts), words(texts), duration_s=4.0)
    ctm = [line.split(" ") for line in to_ctm(result, file="a b").splitlines()]
    assert [fields[4] for fields in ctm] == texts
    for fields, word in zip(ctm, result.words, strict=True):
        assert fields[:2] == ["a_b", "1"]
        assert float(fields[2]) == pytest.approx(word.start_s)
        assert float(fields[3]) == pytest.approx(0.24)
    header, *rows = to_tsv(result).splitlines()
    assert header.split("\t") == ["start_s", "end_s", "word", "confidence", "score"]
    assert [row.split("\t")[2] for row in rows] == texts

    grid = to_textgrid(result)
    intervals = re.findall(r'xmin = ([\d.]+)\n\s+xmax = ([\d.]+)\n\s+text = "((?:[^"]|"")*)"\n', grid)
    assert len(intervals) == int(re.findall(r"intervals: size = (\d+)", grid)[0])
    assert [text.replace('""', '"') for _, _, text in intervals if text] == texts
    # From 0 to the end, each where the one before ended.
    assert [start for start, _, _ in intervals] == ["0.000", *(end for _, end, _ in intervals[:-1])] if texts else True
    assert intervals[-1][1] == "4.000"


def test_a_conversation_has_its_channels() -> None:
    channels = Transcript("a", words(["a"]), duration_s=1.0), Transcript("b c", words(["b", "c"]), duration_s=1.0)
    result = Conversation((), channels, ("agent", "caller"), 1.0)
    assert [line.split(" ")[1] for line in to_ctm(result).splitlines()] == ["1", "2", "2"]
    assert [row.split("\t")[0] for row in to_tsv(result).splitlines()] == ["channel", "agent", "caller", "caller"]
    assert re.findall(r"name = (.*)", to_textgrid(result)) == ['"agent"', '"caller"']


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "text.txt"
    text.write_text(TEXT + "\n", encoding="utf-8")
    for argument in (TEXT, str(text)):
        assert main(["align", str(RECORDING), argument]) == 0
        _, *rows = capsys.readouterr().out.splitlines()
        assert [row.split("\t")[2] for row in rows] == TEXT.split()
    assert main(["align", str(RECORDING), TEXT, "--format", "ctm"]) == 0
    assert capsys.readouterr().out.startswith(f"{RECORDING.stem} 1 ")
    assert main(["align", str(RECORDING), "two caf\u00e9"]) == 1
    assert "caf\u00e9" in capsys.readouterr().err
    assert main(["transcribe", str(RECORDING), "--format", "textgrid", "--output-dir", str(tmp_path), "--quiet"]) == 0
    assert "ooTextFile" in (tmp_path / f"{RECORDING.stem}.TextGrid").read_text(encoding="utf-8")
