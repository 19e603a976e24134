"""Language models: C++ = reference = the back-off formula = KenLM."""

from __future__ import annotations

import gzip
import itertools
import json
import math
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import external
from fastctc import _core
from fastctc.errors import ModelError, ModelNotFoundError, OptionError
from fastctc.reference.language_model import LanguageModel, Ngrams, parse_arpa
from tolerances import LM_SCORE_KENLM, LM_SCORE_TWIN, LM_SCORE_TWIN_RELATIVE

LN_10 = math.log(10)
LETTERS = ["<unk>", "<s>", "</s>", "a", "b", "c", "d", "é", "e", "unheard-of"]


class Core:
    @staticmethod
    def read(path: Path) -> Any:
        return _core.LanguageModel.read(path)

    @staticmethod
    def score_words(model: Any, words: list[str], bos: bool, eos: bool) -> list[float]:
        return model.score_words([model.find(word) for word in words], bos, eos)


class Reference:
    read = LanguageModel.read

    @staticmethod
    def score_words(model: Any, words: list[str], bos: bool, eos: bool) -> list[float]:
        return model.score_words(words, bos, eos)


both = pytest.mark.parametrize("path", [Core, Reference], ids=["core", "reference"])


@pytest.fixture(scope="module")
def letters(data: Path) -> Path:
    return data / "lm" / "letters.arpa"


def arpa(ngrams: Ngrams, order: int) -> str:
    """The n-grams as a file, in the order in which they come."""
    lines = ["\\data\\", *(f"ngram {n}={sum(len(one) == n for one in ngrams)}" for n in range(1, order + 1))]
    for n in range(1, order + 1):
        lines += ["", f"\\{n}-grams:"]
        for words, (prob, backoff) in ngrams.items():
            if len(words) == n:
                lines.append(f"{prob!r}\t{' '.join(words)}" + (f"\t{backoff!r}" if n < order else ""))
    return "\n".join([*lines, "", "\\end\\", ""])


def by_the_formula(ngrams: Ngrams, history: list[str], word: str) -> float:
    """The log10 of P(word | history) with no state but the whole history.

    That of the longest n-gram that ends the text, and the back-off weights of all longer contexts.
    """
    known = {("<unk>",): (-100.0, 0.0), **ngrams}
    text = [one if (one,) in known else "<unk>" for one in [*history, word]]
    for start in range(len(text)):
        if tuple(text[start:]) in known:
            contexts = [tuple(text[longer:-1]) for longer in range(start)]
            return known[tuple(text[start:])][0] + sum(known.get(one, (0, 0.0))[1] for one in contexts)
    raise AssertionError


@both
def test_all_texts_of_five_words(path: Any, letters: Path) -> None:
    """Against the formula over the whole history, from <s> and from nothing."""
    ngrams, order = parse_arpa(letters.read_bytes(), "letters")
    assert order == 4
    model = path.read(letters)
    for words in itertools.product(LETTERS, repeat=4):
        for bos in (False, True):
            text = ["<s>"] * bos + [*words, "</s>"]
            expected = [by_the_formula(ngrams, text[:end], text[end]) for end in range(bos, len(text))]
            found = path.score_words(model, list(words), bos, True)
            assert found == pytest.approx(
                [LN_10 * one for one in expected], abs=LM_SCORE_TWIN, rel=LM_SCORE_TWIN_RELATIVE
            )


def test_equal_states_are_equal_histories(letters: Path) -> None:
    """A state of the core is one of the reference, and no two are one."""
    core, twin = Core.read(letters), Reference.read(letters)
    states = {core.start: twin.start, core.empty: twin.empty}
    open_ = list(states)
    while open_:
        state = open_.pop()
        assert core.score_end(state) == pytest.approx(
            twin.score_end(states[state]), abs=LM_SCORE_TWIN, rel=LM_SCORE_TWIN_RELATIVE
        )
        for word in LETTERS:
            score, after = core.score(state, core.find(word))
            expected, twin_after = twin.score(states[state], word)
            assert score == pytest.approx(expected, abs=LM_SCORE_TWIN, rel=LM_SCORE_TWIN_RELATIVE)
            if after not in states:
                states[after] = twin_after
                open_.append(after)
            assert states[after] == twin_after
    assert len(set(states.values())) == len(states) == core.n_states > 10


@both
def test_counts_and_words(path: Any, letters: Path) -> None:
    model = path.read(letters)
    assert (model.order, model.n_words) == (4, 9)
    assert [model.n_grams(n) for n in range(6)] == [0, 9, 14, 7, 3, 0]
    if path is Reference:
        assert [word for word in LETTERS if not model.is_known(word)] == ["<unk>", "unheard-of"]
    else:
        assert sorted(model.word(id_) for id_ in range(9)) == sorted(LETTERS[:-1])
        assert [model.word(model.find(word)) for word in LETTERS[:-1]] == LETTERS[:-1]
        assert model.find("<unk>") == model.find("unheard-of") == model.find("") == 0


@st.composite
def models(draw: st.DrawFn) -> tuple[Ngrams, int]:
    """Any n-grams whose contexts are there; ends of n-grams may lack (as SRILM prunes them)."""
    order = draw(st.integers(1, 4))
    figures = st.integers(-4000, 0).map(lambda value: value / 1000)
    backoffs = st.one_of(st.just(0.0), st.integers(-2000, 500).map(lambda value: value / 1000))
    words = ["</s>", "<s>", *draw(st.permutations(["<unk>", "a", "b", "ć"]))[: draw(st.integers(1, 4))]]
    longest: list[tuple[str, ...]] = [(word,) for word in words]
    known = set(longest)
    for _ in range(1, order):
        longest = [(*draw(st.sampled_from(longest)), draw(st.sampled_from(words))) for _ in range(6)]
        known.update(longest)
    shuffled = draw(st.permutations(sorted(known)))
    return {words: (draw(figures), draw(backoffs) if len(words) < order else 0.0) for words in shuffled}, order


@settings(max_examples=150, deadline=None)
@given(model=models(), texts=st.lists(st.lists(st.sampled_from(LETTERS[:5]), max_size=6), min_size=1, max_size=6))
def test_any_model_in_any_order(tmp_path_factory: Any, model: tuple[Ngrams, int], texts: list[list[str]]) -> None:
    ngrams, order = model
    folder = tmp_path_factory.mktemp("lm")
    (folder / "a.arpa").write_text(arpa(ngrams, order), encoding="utf-8")
    assert parse_arpa((folder / "a.arpa").read_bytes(), "") == (ngrams, order)
    core = Core.read(folder / "a.arpa")
    core.write(folder / "a.lm")
    twin = Reference.read(folder / "a.arpa")
    for other in (core, Core.read(folder / "a.lm")):
        assert (other.order, other.n_words) == (twin.order, twin.n_words)
        for text in texts:
            expected = [by_the_formula(ngrams, text[:end], text[end]) for end in range(len(text))]
            assert Core.score_words(other, text, False, False) == pytest.approx(
                [LN_10 * one for one in expected], abs=LM_SCORE_TWIN, rel=LM_SCORE_TWIN_RELATIVE
            )
            assert Core.score_words(other, text, True, True) == pytest.approx(
                twin.score_words(text), abs=LM_SCORE_TWIN, rel=LM_SCORE_TWIN_RELATIVE
            )


def ngrams_of(text: str) -> list[list[str]]:
    return [line.split("\t")[1].split() for line in text.split("\n") if "\t" in line]


def random_texts(ngrams: list[list[str]], n_words: int) -> Iterator[tuple[list[str], bool, bool]]:
    """Stretches of the model's own n-grams, of its words, of unknown words and of marks."""
    generator = random.Random(1)
    words = [ngram[0] for ngram in ngrams if len(ngram) == 1]
    total = 0
    while total < n_words:
        text: list[str] = []
        for _ in range(generator.randint(1, 8)):
            kind = generator.random()
            if kind < 0.5:
                text += generator.choice(ngrams)
            elif kind < 0.8:
                text.append(generator.choice(words))
            elif kind < 0.9:
                text.append(f"zzz{total}")
            else:
                text.append(generator.choice(["<s>", "</s>", "<unk>"]))
        total += len(text)
        yield text, generator.random() < 0.5, generator.random() < 0.5


@both
def test_kenlms_scores_on_letters(path: Any, letters: Path) -> None:
    """Stored ones (tools/kenlm_goldens.py): KenLM needs a compiler to install."""
    model = path.read(letters)
    goldens = json.loads((letters.parent / "kenlm.json").read_text(encoding="utf-8"))
    assert len(goldens) == 1000
    for golden in goldens:
        found = [score / LN_10 for score in path.score_words(model, golden["text"], golden["bos"], golden["eos"])]
        assert found == pytest.approx(golden["log10_probs"], abs=LM_SCORE_KENLM), golden["text"]


def test_kenlms_scores_in_100000_contexts(tmp_path: Path) -> None:
    packed = external("text") / "en-us-small.arpa.gz"
    plain = tmp_path / "en.arpa"
    plain.write_bytes(gzip.decompress(packed.read_bytes()))
    kenlm = pytest.importorskip("kenlm", reason="pip install kenlm to compare with it").Model(str(plain))
    model = Core.read(packed)
    assert [model.n_grams(n) for n in (1, 2, 3)] == [30001, 151782, 80000]
    model.write(tmp_path / "en.lm")
    model = Core.read(tmp_path / "en.lm")
    for text, bos, eos in random_texts(ngrams_of(plain.read_text(encoding="utf-8")), 100_000):
        expected = [score for score, _, _ in kenlm.full_scores(" ".join(text), bos=bos, eos=eos)]
        found = [score / LN_10 for score in Core.score_words(model, text, bos, eos)]
        assert np.abs(np.subtract(found, expected)).max() < LM_SCORE_KENLM, text


def test_the_reference_on_a_real_model() -> None:
    packed = external("text") / "en-us-small.arpa.gz"
    core, twin = Core.read(packed), Reference.read(packed)
    plain = gzip.decompress(packed.read_bytes()).decode()
    for text, bos, eos in random_texts(ngrams_of(plain), 20_000):
        assert Core.score_words(core, text, bos, eos) == pytest.approx(
            twin.score_words(text, bos, eos), abs=LM_SCORE_TWIN, rel=LM_SCORE_TWIN_RELATIVE
        )


@both
@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: "made by hand\n\n" + text,
        lambda text: text.replace("\t", "  ").replace(" a b", " a\t b "),
        lambda text: text.replace("<unk>", "<UNK>"),
        lambda text: text.rstrip("\n"),
        lambda text: text.replace("\n\\", "\n\n \n\\") + "\n \n",
        lambda text: text.replace("-0.05\t<s>", "-.5E-1\t<s>").replace("-99", "-9.9e+1"),
        lambda text: text.replace("a a a a", "a a a a\t0"),
    ],
    ids=["crlf", "bom", "comment", "blanks", "UNK", "no_last_line_end", "empty_lines", "exponents", "zero_backoff"],
)
def test_files_that_are_as_good(path: Any, letters: Path, tmp_path: Path, change: Any) -> None:
    file = tmp_path / "changed.arpa"
    text = letters.read_text(encoding="utf-8")
    file.write_bytes(change(text).encode())
    assert file.read_bytes() != letters.read_bytes()
    model, plain = path.read(file), path.read(letters)
    for words in itertools.product(LETTERS, repeat=3):
        assert path.score_words(model, list(words), True, True) == path.score_words(plain, list(words), True, True)


GOOD = (
    "\\data\\\nngram 1=3\nngram 2=2\n\n\\1-grams:\n-1\t</s>\n-99\t<s>\t-1\n-1\ta\t-1\n\n"
    "\\2-grams:\n-1\t<s> a\n-1\ta a\n\n\\end\\\n"
)


def test_the_good_file_of_the_next_test(tmp_path: Path) -> None:
    file = tmp_path / "good.arpa"
    file.write_text(GOOD, encoding="utf-8")
    assert Core.read(file).n_grams(2) == 2


@both
@pytest.mark.parametrize(
    ("old", "new", "line", "core_says"),
    [
        ("\n\\end\\\n", "", 13, r"the file ends after its 2-grams, without \\end\\"),
        (GOOD[GOOD.index("-1\ta a") :], "", 12, "the file ends after 1 2-grams, but line 3 announces 2. It is cut off"),
        (GOOD[GOOD.index("\\2-grams") :], "", 10, "the file ends after its 1-grams, without"),
        (GOOD[6:], "", 2, "no line `ngram 1=COUNT`"),
        ("1=3", "1=4", 9, "the section ends after 3 1-grams, but line 2 announces 4. The counts are wrong"),
        ("1=3", "1=2", 8, "more 1-grams than the 2 that line 2 announces"),
        ("2=2", "2=3", 13, "the section ends after 2 2-grams, but line 3 announces 3"),
        ("2=2", "2=1", 12, "more 2-grams than the 1 that line 3 announces"),
        ("2=2", "2=-1", 3, "'ngram 2=.*' is no `ngram N=COUNT`"),
        ("2=2", "2=1.5", 3, "'ngram 2=.*' is no `ngram N=COUNT`"),
        ("2=2", "2=99999999999", 3, "more n-grams of an order than are supported"),
        ("2=2", "3=2", 3, "'ngram 3=2' where the count of 2-grams is due"),
        ("ngram 2=2\n", "".join(f"ngram {n}=0\n" for n in range(2, 40)), 34, "an order above 32, the highest"),
        ("\\2-grams:", "\\3-grams:", 10, r"'\\3-grams:' where \\2-grams: is due"),
        ("-1\ta\t-1", "-1x\ta\t-1", 8, "'-1x' is no log-prob"),
        ("-1\ta\t-1", "nan\ta\t-1", 8, "'nan' is no log-prob"),
        ("-1\ta\t-1", "-inf\ta\t-1", 8, "'-inf' is no log-prob"),
        ("-1\ta\t-1", "-1e400\ta\t-1", 8, "'-1e400' is no log-prob"),
        ("-1\ta\t-1", "-1000001\ta\t-1", 8, "a number beyond a million"),
        ("-1\ta\t-1", "0.1\ta\t-1", 8, "the log-prob 0.1 is above 0"),
        ("-1\ta\t-1", "-1\ta\tb", 8, "'b' is no back-off weight"),
        ("-1\ta\t-1", "-1\ta\t-1 2", 8, "more fields"),
        ("-1\ta\t-1", "-1", 8, "no word after the log-prob"),
        ("-1\ta\t-1", "-1\t</s>\t-1", 8, "the 1-gram '</s>' is on line 6 too"),
        ("-1\ta a", "-1\ta b", 12, "the word 'b' is no 1-gram"),
        ("-1\ta a", "-1\ta <unk>", 12, "the word '<unk>' is no 1-gram"),
        ("-1\ta a", "-1\ta", 12, "fewer than 2 words"),
        ("-1\ta a", "-1\ta a a", 12, r"'a' is no back-off weight \(more than 2 words\?\)"),
        ("-1\ta a", "-1\ta a\t-0.5", 12, "a back-off weight in the highest order"),
        ("-1\ta a", "-1\t<s> a", 12, "this 2-gram is on line 11 too"),
        ("<s>", "<t>", 5, "the 1-grams lack <s>, the start of a sentence"),
        ("</s>", "<t>", 5, "the 1-grams lack </s>, the end of a sentence"),
        ("\\end\\", "\\end", 14, r"'\\end' where \\end\\ is due"),
        ("\\end\\\n", "\\end\\\n\n\nmore\n", 17, r"text after \\end\\"),
        ("-1\ta\t-1", "-1\ta\x00\t-1", 8, "a NUL byte"),
        ("\\data\\", "\\date\\", 15, r"no line \\data\\ up to here: this is no ARPA file"),
    ],
)
def test_what_is_wrong_and_where(path: Any, tmp_path: Path, old: str, new: str, line: int, core_says: str) -> None:
    file = tmp_path / "wrong.arpa"
    assert old in GOOD
    file.write_bytes(GOOD.replace(old, new).encode())
    with pytest.raises(ModelError, match=f"wrong.arpa', line {line}: " + (core_says if path is Core else "")):
        path.read(file)


def test_contexts_that_are_no_ngrams(letters: Path, tmp_path: Path) -> None:
    """As with KenLM: nothing would lead to the n-gram. Ends of n-grams may lack."""
    file = tmp_path / "wrong.arpa"
    text = letters.read_text(encoding="utf-8")
    file.write_text(text.replace("a a a a", "b a a b").replace("a b c c", "b c c a"), encoding="utf-8")
    assert Core.read(file).n_grams(4) == 3
    file.write_text(text.replace("a a a a", "c c c a"), encoding="utf-8")
    message = "line 45: its first words, 'c c c', are no 3-gram of this file, so that nothing leads to this 4-gram"
    with pytest.raises(ModelError, match=message):
        Core.read(file)
    with pytest.raises(ModelError, match=r"line 45: .*no 3-gram"):
        Reference.read(file)


def test_duplicates_far_apart(letters: Path, tmp_path: Path) -> None:
    file = tmp_path / "wrong.arpa"
    file.write_text(letters.read_text(encoding="utf-8").replace("<unk> a\t", "<s> b\t"), encoding="utf-8")
    with pytest.raises(ModelError, match=r"line 32: this 2-gram is on line 20 too"):
        Core.read(file)


@both
def test_other_encodings(path: Any, letters: Path, tmp_path: Path) -> None:
    file = tmp_path / "other.arpa"
    text = letters.read_text(encoding="utf-8")
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(ModelError, match=r"line 15: .*not UTF-8"):
        path.read(file)
    file.write_bytes(text.encode("utf-16"))
    with pytest.raises(ModelError, match="is UTF-16"):
        path.read(file)
    file.write_bytes(text.encode("utf-16-le"))
    with pytest.raises(ModelError, match=r"NUL|no line"):
        path.read(file)


@both
def test_gzip(path: Any, letters: Path, tmp_path: Path) -> None:
    file = tmp_path / "letters.arpa.gz"
    packed = gzip.compress(letters.read_bytes())
    file.write_bytes(packed)
    words = ["a", "b", "c", "c", "x"]
    expected = path.score_words(path.read(letters), words, True, True)
    assert path.score_words(path.read(file), words, True, True) == expected
    half = len(letters.read_bytes()) // 2
    file.write_bytes(gzip.compress(letters.read_bytes()[:half]) + gzip.compress(letters.read_bytes()[half:]))
    assert path.score_words(path.read(file), words, True, True) == expected  # members follow each other
    for damaged in (packed[:-12], packed[:100], packed[:60] + b"\0\1\2\3" + packed[64:], packed[:-6] + b"abcdef"):
        file.write_bytes(damaged)
        with pytest.raises(ModelError, match=r"letters.arpa.gz' is damaged|letters.arpa.gz', line"):
            path.read(file)


@both
def test_files_that_are_not_there(path: Any, tmp_path: Path) -> None:
    for name in ("none.arpa", "a\0b", ""):
        with pytest.raises(ModelNotFoundError):
            path.read(name if not name else f"{tmp_path}/{name}")
    with pytest.raises(ModelError, match="director"):
        path.read(tmp_path)
    (tmp_path / "empty.arpa").touch()
    with pytest.raises(ModelError, match=r"line 1: no line \\data\\"):
        path.read(tmp_path / "empty.arpa")


def test_kenlms_binary_is_named(tmp_path: Path) -> None:
    file = tmp_path / "model.binary"
    file.write_bytes(b"mmap lm http://kheafield.com/code format version 5\n\0" + bytes(200))
    with pytest.raises(ModelError, match=r"is in KenLM's binary form.*fastctc lm build MODEL.arpa OUT"):
        Core.read(file)


def test_the_binary_form(letters: Path, tmp_path: Path) -> None:
    model = Core.read(letters)
    file = tmp_path / "letters.lm"
    file.write_text("what was here", encoding="utf-8")
    model.write(file)
    assert [entry.name for entry in tmp_path.iterdir()] == ["letters.lm"]
    assert file.stat().st_size == model.n_bytes
    mapped = Core.read(file)
    mapped.write(tmp_path / "again.lm")
    assert (tmp_path / "again.lm").read_bytes() == file.read_bytes()
    if sys.platform != "win32":  # which keeps mapped files
        mapped.write(file)
    assert mapped.score_words([3, 4, 5]) == model.score_words([3, 4, 5])
    with pytest.raises(ModelError, match=r"nowhere.*can't be written"):
        model.write(tmp_path / "nowhere" / "x.lm")
    with pytest.raises(ModelError, match="can't be written: give the path of a file"):
        model.write(tmp_path)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["again.lm", "letters.lm"]


def test_binaries_of_others(letters: Path, tmp_path: Path) -> None:
    file = tmp_path / "letters.lm"
    Core.read(letters).write(file)
    good = file.read_bytes()
    for cut in (16, 40, 87, 88, 200, len(good) - 8, len(good) - 1):
        file.write_bytes(good[:cut])
        with pytest.raises(ModelError, match=r"cut off.*fastctc lm build"):
            Core.read(file)
    for bytes_, message in [
        (good[:16] + good[16:20][::-1] + good[20:], "another byte order"),
        (good[:16] + b"\7\7\7\7" + good[20:], "its byte order is none"),
        (good[:20] + (2).to_bytes(4, sys.byteorder) + good[24:], "version 2 .* this release reads 1"),
        (good + bytes(8), "cut off or damaged: it has"),
    ]:
        file.write_bytes(bytes_)
        with pytest.raises(ModelError, match=message):
            Core.read(file)


def test_every_changed_word_of_a_binary_is_an_error_or_harmless(letters: Path, tmp_path: Path) -> None:
    """No bound is missed: scores of what still loads are finite, and no state leads out."""
    file = tmp_path / "letters.lm"
    Core.read(letters).write(file)
    good = file.read_bytes()
    n_refused = 0
    for offset in range(0, len(good), 4):
        for value in (0xFFFFFFFF, 0x7F800001, 0x80000000, 1000, 0):
            changed = good[:offset] + value.to_bytes(4, sys.byteorder) + good[offset + 4 :]
            file.write_bytes(changed)
            try:
                model = Core.read(file)
            except ModelError:
                n_refused += 1
                continue
            for word in ("a", "b", "x", "</s>"):
                for state in range(model.n_states):
                    score, after = model.score(state, model.find(word))
                    assert math.isfinite(score)
                    assert after < model.n_states
            assert model.n_words == 9
    assert n_refused > len(good) / 4


def test_progress_and_its_errors(tmp_path: Path) -> None:
    words = [f"w{n}" for n in range(100_000)]
    file = tmp_path / "large.arpa"
    file.write_text(arpa({(word,): (-1.0, 0.0) for word in ["<s>", "</s>", *words]}, 1), encoding="utf-8")
    seen: list[float] = []
    _core.LanguageModel.read(file, seen.append)
    assert len(seen) == 4
    assert seen == sorted(seen)
    assert 0 <= seen[0] < 0.5 < seen[-1] <= 1

    def stop(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _core.LanguageModel.read(file, stop)


def test_ids_and_states_out_of_range(letters: Path) -> None:
    model = Core.read(letters)
    with pytest.raises(OptionError, match="Word id 9 is not in the language model"):
        model.word(9)
    with pytest.raises(OptionError, match="Word id 9"):
        model.score(0, 9)
    with pytest.raises(OptionError, match="Word id 9"):
        model.score_words([0, 9])
    for state in (model.n_states, 2**32 - 1):
        with pytest.raises(OptionError, match=f"State {state}"):
            model.score(state, 0)
        with pytest.raises(OptionError, match=f"State {state}"):
            model.score_end(state)
