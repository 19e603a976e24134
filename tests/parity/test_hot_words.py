"""Hot words: C++ = reference = bonuses counted in the text, for every segmentation; of a lexicon, in the tokens."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastctc import _core
from fastctc.errors import OptionError
from fastctc.reference import hot_words as reference
from fastctc.reference.case_folding import fold_case
from fastctc.reference.lexicon import Lexicon
from fastctc.reference.vocabulary import Vocabulary
from tolerances import HOT_WORDS

SENTENCEPIECE = ["▁", "▁a", "a", "b", "▁b", "ab", "▁ab", "B", "▁c", "c", "b▁a", "▁a▁b", "é", ".", "北", "<s>", "<unk>"]
WITH_BYTES = ["▁a", "a", "▁b", "b", "北", "<s>", "<0x20>", "<0x41>", "<0xC2>", "<0xA0>", "<0xC3>", "<0xA9>", "<0x89>"]
CHARACTERS = [" ", "a", "b", "c", "A", "ab", "é", ".", "北", "<pad>"]
BARRED = ["|", "a", "b", "c", "A", "'", "é", "."]
NO_SPACE = ["a", "b", "c", "ab", "É", "é"]
WORDPIECE = ["a", "##a", "b", "##b", "ab", "##c", "B", ".", "##é", "▁", "[UNK]", "##"]
STYLES = {
    "sentencepiece": SENTENCEPIECE,
    "bytes": WITH_BYTES,
    "characters": CHARACTERS,
    "barred": BARRED,
    "no_space": NO_SPACE,
    "wordpiece": WORDPIECE,
}
WORDS = ["a", "b", "ab", "aa", "ba", "bc", "é", "abc", "aab", "A", "É", "a.b", "北", "北a", "."]


def pieces_of(style: str) -> list[str]:
    return [*STYLES[style], "<blk>"]


class Core:
    @staticmethod
    def vocabulary(pieces: list[str]) -> Any:
        return _core.Vocabulary(pieces)

    hot_words = _core.HotWords
    lexicon = _core.Lexicon


class Reference:
    vocabulary = Vocabulary
    hot_words = reference.HotWords
    lexicon = Lexicon


both = pytest.mark.parametrize("path", [Core, Reference], ids=["core", "reference"])


def make(path: Any, pieces: list[str], phrases: list[tuple[str, float]], **options: Any) -> Any:
    return path.hot_words(path.vocabulary(pieces), phrases, **options)


def pay(hot_words: Any, ids: list[int]) -> list[float]:
    """What every token is paid, and the end."""
    state = hot_words.start
    paid = []
    for token in ids:
        state, delta = hot_words.step(state, token)
        paid.append(delta)
    return [*paid, hot_words.finish(state)]


def spellable(pieces: list[str], phrases: list[tuple[str, float]], ignore_case: bool) -> list[tuple[str, float]]:
    """Those that both take; they refuse the same ones."""
    vocabulary, core = Vocabulary(pieces), _core.Vocabulary(pieces)

    def takes(path: Any, phrase: tuple[str, float]) -> bool:
        try:
            path.hot_words(vocabulary if path is Reference else core, [phrase], ignore_case)
        except OptionError:
            return False
        return True

    kept = [phrase for phrase in phrases if takes(Reference, phrase)]
    assert kept == [phrase for phrase in phrases if takes(Core, phrase)]
    return kept


phrases_of_words = st.lists(
    st.tuples(
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join),
        st.sampled_from([1.0, 2.5, -1.5, 0.0, 1 / 3, 7.0]),
    ),
    max_size=5,
)


@settings(max_examples=500, deadline=None)
@given(style=st.sampled_from(sorted(STYLES)), phrases=phrases_of_words, ignore_case=st.booleans(), data=st.data())
def test_core_is_reference_and_the_sum_is_that_of_the_text(
    style: str, phrases: list[tuple[str, float]], ignore_case: bool, data: st.DataObject
) -> None:
    pieces = pieces_of(style)
    phrases = spellable(pieces, phrases, ignore_case)
    ids = data.draw(st.lists(st.integers(0, len(pieces) - 2), max_size=14))
    core, twin = (make(path, pieces, phrases, ignore_case=ignore_case) for path in (Core, Reference))
    paid = pay(core, ids)
    assert paid == pytest.approx(pay(twin, ids), abs=HOT_WORDS)
    assert sum(paid) == pytest.approx(twin.total(Vocabulary(pieces).text(ids)), abs=HOT_WORDS)
    assert max([0.0, *paid[:-1]]) <= core.max_delta + HOT_WORDS
    assert core.n_phrases == len(phrases)


@both
def test_every_segmentation_of_every_short_text(path: Any) -> None:
    """Against occurrences that a regular expression finds, for all sequences of up to five tokens."""
    pieces = ["▁a", "a", "▁b", "b", "▁ab", "▁", "ba▁", "<blk>"]
    bonuses = {"a": 1.0, "ab": 2.0, "b a": 4.0, "a a": 8.0, "aba": 16.0}
    hot_words = make(path, pieces, list(bonuses.items()))
    vocabulary = Vocabulary(pieces)
    n_found = 0
    for length in range(5):
        for ids in itertools.product(range(7), repeat=length):
            words = " ".join(vocabulary.text(ids).split())
            expected = sum(
                bonus * len(re.findall(rf"(?<!\S)(?={phrase}(?!\S))", words)) for phrase, bonus in bonuses.items()
            )
            assert sum(pay(hot_words, list(ids))) == expected, vocabulary.text(ids)
            n_found += expected > 0
    assert n_found > 500


@both
def test_a_phrase_is_paid_while_it_is_spelled_and_withdrawn_when_it_does_not_finish(path: Any) -> None:
    pieces = ["▁new", "▁york", "▁yo", "yo", "er", "▁", "n", "e", "w", "<blk>"]
    hot_words = make(path, pieces, [("New York", 8.0)])
    steps = 2**-20
    assert pay(hot_words, [0, 1]) == pytest.approx([3.0, 5.0, 0.0], abs=steps)
    assert pay(hot_words, [5, 6, 7, 8, 5, 3]) == pytest.approx([0, 1, 1, 1, 1, 2, -6], abs=steps)
    paid = pay(hot_words, [0, 2, 4])
    assert paid == pytest.approx([3, 3, -6, 0], abs=steps)
    assert sum(paid) == 0  # exactly
    assert sum(pay(hot_words, [0, 1, 4])) == 0
    assert sum(pay(hot_words, [0, 1, 0, 1])) == 16
    assert sum(pay(hot_words, [4, 1])) == 0


@both
def test_disfavoured_phrases_cost_nothing_before_they_are_complete(path: Any) -> None:
    hot_words = make(path, ["▁a", "b", "<blk>"], [("ab", -3.0)])
    assert pay(hot_words, [0, 1, 0]) == [0, 0, -3, 0]
    assert pay(hot_words, [0, 1]) == [0, 0, -3]
    assert pay(hot_words, [0, 1, 1]) == [0, 0, 0, 0]


@both
def test_case(path: Any) -> None:
    pieces = ["▁", "F", "f", "a", "S", "s", "t", "Σ", "σ", "ς", "İ", "i", "ß", "ẞ", "<blk>"]  # noqa: RUF001
    texts = ["Fast", "fast", "faSt"]
    ids = [[0] + [pieces.index(character) for character in text] for text in texts]
    for phrase in texts:
        folded = make(path, pieces, [(phrase, 1.0)])
        assert [sum(pay(folded, one)) for one in ids] == [1, 1, 1]
        exact = make(path, pieces, [(phrase, 1.0)], ignore_case=False)
        assert [sum(pay(exact, one)) for one in ids] == [float(text == phrase) for text in texts]
    for left, right in [("Σ", "ς"), ("ẞ", "ß")]:
        assert sum(pay(make(path, pieces, [(left, 1.0)]), [pieces.index(right)])) == 1
    assert sum(pay(make(path, pieces, [("İ", 1.0)]), [pieces.index("i")])) == 0  # two characters folded


def test_the_case_table_is_pythons() -> None:
    """Every letter whose case is older than Unicode 13, Python 3.10's own: folded in the core as in the reference."""
    pieces = ["<blk>", "▁"]
    codes = (*range(0x41, 0x600), *range(0x1E00, 0x2000), *range(0x10400, 0x10450))
    pieces += [chr(code) for code in codes if chr(code).isalpha()]
    vocabulary = _core.Vocabulary(pieces, 0)
    n_changed = 0
    for token, character in enumerate(pieces[2:], 2):
        folded = fold_case(character)
        n_changed += folded != character
        hot_words = _core.HotWords(vocabulary, [(character, 1.0)])
        others = {token, pieces.index(folded) if folded in pieces else token, 2 + token % 100}
        for other in sorted(others):
            expected = float(fold_case(pieces[other]) == folded)
            assert sum(pay(hot_words, [other])) == expected, (character, pieces[other])
    assert n_changed > 500


@both
def test_punctuation_and_scripts_without_spaces(path: Any) -> None:
    pieces = ["▁in", "▁", "北", "京", "住", ".", ",", "'", "s", "-", "<blk>"]
    hot_words = make(path, pieces, [("in", 1.0), ("北京", 10.0)])

    def total(text: str) -> float:
        return sum(pay(hot_words, [pieces.index("▁in" if part == "i" else part) for part in text.replace("in", "i")]))

    assert total("in.") == total("i") == 1
    assert total("in,in") == 2
    assert total("in's") == total("in-s") == 0
    assert total("住北京") == total("北京住") == total("in北京,") - 1 == 10
    assert total("北住京") == 0


@both
def test_phrases_that_no_piece_spells(path: Any) -> None:
    pieces = ["▁ab", "c", "▁d", "<blk>"]
    with pytest.raises(OptionError, match=r"can't spell these hot phrases: .*'xy'.*'abd'.*'c c'") as caught:
        make(path, pieces, [("abc", 1.0), ("xy", 1.0), ("d ab", 2.0), ("abd", 1.0), ("c c", 1.0), ("c", 1.0)])
    for fine in ("abc", "d ab", "c"):
        assert f"'{fine}'," not in str(caught.value)
        assert f"'{fine}' (" not in str(caught.value)
        assert f"'{fine}']" not in str(caught.value)
    make(path, ["▁x▁a", "b▁y", "<blk>"], [("a", 1.0), ("ab", 1.0)])  # the pieces reach past them
    with pytest.raises(OptionError, match="'c'"):
        make(path, ["a", "##c", "<blk>"], [("c", 1.0)])
    with pytest.raises(OptionError, match="'a b'"):
        make(path, ["a", "b", "<blk>"], [("a b", 1.0)])  # no space


def test_the_message_names_what_is_missing() -> None:
    vocabulary = _core.Vocabulary(["▁ab", "c", "▁d", "<blk>"])
    with pytest.raises(OptionError) as caught:
        _core.HotWords(vocabulary, [("Zü c", 1.0), ("abd", 1.0), ("d c", 1.0)])
    assert str(caught.value) == (
        "The model's vocabulary can't spell these hot phrases: 'Zü c' (no piece has 'z', 'ü'); 'abd' (no piece goes on "
        "with 'd' after 'ab'); 'd c' (no piece goes on with a space after 'd')."
    )


@both
@pytest.mark.parametrize("phrase", ["", "  ", " \u3000", "a\ufffd"])
def test_texts_that_are_no_phrases(path: Any, phrase: str) -> None:
    with pytest.raises(OptionError, match=r"empty|U\+FFFD"):
        make(path, ["▁a", "<blk>"], [("a", 1.0), (phrase, 1.0)])


@both
@pytest.mark.parametrize("bonus", [float("nan"), float("inf"), -float("inf"), 1e7])
def test_bonuses_that_are_none(path: Any, bonus: float) -> None:
    with pytest.raises(OptionError, match="bonus of hot phrase 'a'"):
        make(path, ["▁a", "<blk>"], [("a", bonus)])


def test_states_and_tokens_out_of_range() -> None:
    hot_words = make(Core, ["▁a", "<blk>"], [("a", 1.0)])
    with pytest.raises(OptionError, match="State 99"):
        hot_words.step(99, 0)
    with pytest.raises(OptionError, match="State 99"):
        hot_words.finish(99)
    for token in (-1, 2):
        with pytest.raises(OptionError, match=f"Token id {token}"):
            hot_words.step(0, token)


@both
def test_no_phrases_at_all(path: Any) -> None:
    assert pay(make(path, ["▁a", "<blk>"], []), [0, 0]) == [0, 0, 0]


# Pieces, those that start words, spaces.
ALPHABETS: dict[str, tuple[list[str], str, str]] = {
    "sentencepiece": (["\u2581a", "b", "\u2581b", "c", "\u2581", "<s>", "<blk>"], "\u2581a \u2581b", "\u2581"),
    "phonemes": (["a", "b", "\u025b", "wb", "<blk>"], "", ""),
    "barred": (["<pad>", "|", "a", "b", "c"], "", "|"),
    "wordpiece": (["a", "##a", "b", "##b", "c", "[PAD]"], "a b c", ""),
    "characters": (["a", "b", "c", "d", "<blk>"], "", ""),
}
Entries = list[tuple[str, list[int]]]


class Counted:
    """Phrases of a lexicon's words, found token by token."""

    def __init__(self, name: str, entries: Entries, phrases: list[tuple[str, float]], ignore_case: bool) -> None:
        pieces, starts, spaces = ALPHABETS[name]
        self.starts = {pieces.index(piece) for piece in starts.split()}
        self.spaces = {pieces.index(piece) for piece in spaces.split()}
        last = {ids[-1] for _, ids in entries}
        if len(last) == 1 and all({*ids[:-1]} - self.spaces and not last & {*ids[:-1]} for _, ids in entries):
            self.spaces |= last  # the end of words
        self.bonuses: dict[tuple[tuple[int, bool], ...], float] = {}
        for phrase, bonus in phrases:
            choices = [sorted(self.spellings(entries, word, ignore_case)) for word in phrase.split()]
            for chosen in list(itertools.product(*choices))[:64]:
                tokens = tuple(self.marked([token for ids in chosen for token in ids]))
                self.bonuses[tokens] = max(self.bonuses.get(tokens, bonus), bonus)
        self.is_allowed = all(self.bonuses) and all(
            self.spellings(entries, word, ignore_case) for phrase, _ in phrases for word in phrase.split()
        )

    @staticmethod
    def spellings(entries: Entries, word: str, ignore_case: bool) -> set[tuple[int, ...]]:
        found = {tuple(ids) for other, ids in entries if other == word}
        if ignore_case and not found:
            found = {tuple(ids) for other, ids in entries if other.lower() == word.lower()}
        return found

    def marked(self, ids: list[int]) -> list[tuple[int, bool]]:
        """Tokens that are no spaces, each with whether a word starts there."""
        places = [place for place, token in enumerate(ids) if token not in self.spaces]
        has_words = bool(self.starts or self.spaces)
        starts = [
            has_words and (n == 0 or ids[place] in self.starts or place - places[n - 1] > 1)
            for n, place in enumerate(places)
        ]
        return [(ids[place], start) for place, start in zip(places, starts, strict=True)]

    def total(self, ids: list[int]) -> float:
        tokens = self.marked(ids)
        starts = [start or not (self.starts or self.spaces) for _, start in tokens] + [True]
        total = 0.0
        for phrase, bonus in self.bonuses.items():
            for begin in range(len(tokens) - len(phrase) + 1):
                end = begin + len(phrase)
                is_there = tuple(tokens[begin + 1 : end]) == phrase[1:] and tokens[begin][0] == phrase[0][0]
                total += bonus if is_there and starts[begin] and starts[end] else 0.0
        return total


@settings(max_examples=500, deadline=None)
@given(name=st.sampled_from(sorted(ALPHABETS)), ignore_case=st.booleans(), data=st.data())
def test_words_of_a_lexicon_count_as_it_spells_them(name: str, ignore_case: bool, data: st.DataObject) -> None:
    pieces, _, _ = ALPHABETS[name]
    blank_id = Vocabulary(pieces).blank_id
    tokens = st.sampled_from([token for token in range(len(pieces)) if token != blank_id])
    words = st.sampled_from(["one", "won", "One", "two", "\u00e9"])
    spelling = st.lists(tokens, min_size=1, max_size=3)
    if name == "phonemes" and data.draw(st.booleans()):
        spelling = spelling.map(lambda ids: [*ids, 3])
    entries = data.draw(st.lists(st.tuples(words, spelling), min_size=1, max_size=12))
    said = st.sampled_from([word for word, _ in entries])
    if data.draw(st.booleans()):
        said = said.map(str.upper)
    phrase = st.lists(said, min_size=1, max_size=3).map(" ".join)
    phrases = data.draw(st.lists(st.tuples(phrase, st.sampled_from([1.0, 2.5, -1.5, 1 / 3])), max_size=4))
    part = st.one_of(st.sampled_from([ids for _, ids in entries]), st.lists(tokens, min_size=1, max_size=2))
    ids = [token for one in data.draw(st.lists(part, max_size=7)) for token in one]

    counted = Counted(name, entries, phrases, ignore_case)
    made = []
    for path in (Core, Reference):
        lexicon = path.lexicon(entries, len(pieces))
        if counted.is_allowed:
            made.append(make(path, pieces, phrases, ignore_case=ignore_case, lexicon=lexicon))
        else:
            with pytest.raises(OptionError, match="lexicon"):
                make(path, pieces, phrases, ignore_case=ignore_case, lexicon=lexicon)
    if not made:
        return
    core, twin = made
    paid = pay(core, ids)
    assert paid == pytest.approx(pay(twin, ids), abs=HOT_WORDS)
    assert sum(paid) == pytest.approx(counted.total(ids), abs=HOT_WORDS)
    assert max([0.0, *paid[:-1]]) <= core.max_delta + HOT_WORDS
    assert core.n_phrases == len(phrases)


@both
def test_of_many_spellings_the_first_count(path: Any) -> None:
    pieces = ["a", "b", "c", "d", "e", "<blk>"]
    lexicon = path.lexicon([("x", [token]) for token in (3, 1, 4, 0, 2)], len(pieces))
    hot_words = make(path, pieces, [("x x x", 1.0)], lexicon=lexicon)
    counted = [ids for ids in itertools.product(range(5), repeat=3) if sum(pay(hot_words, list(ids))) == 1]
    assert counted == list(itertools.product(range(5), repeat=3))[:64]


@both
def test_words_that_a_lexicon_does_not_have(path: Any) -> None:
    pieces = ["\u2581a", "b", "\u2581", "<blk>"]
    lexicon = path.lexicon([("a", [0]), ("ab", [0, 1]), ("blank", [3]), ("space", [2])], len(pieces))
    phrases = [("ab x", 1.0), ("A", 1.0), ("x b", 1.0), ("blank", 1.0)]
    for ignore_case, missing in ((True, "'x', 'b', 'blank'"), (False, "'x', 'A', 'b', 'blank'")):
        with pytest.raises(OptionError) as caught:
            make(path, pieces, phrases, ignore_case=ignore_case, lexicon=lexicon)
        assert str(caught.value) == (
            f"The lexicon doesn't have these words of hot phrases: {missing}. Add them, or leave them out."
        )
    for phrase, why in {" ": "empty", "a\ufffd": "damaged", "space": "'space' with spaces alone"}.items():
        with pytest.raises(OptionError, match=why):
            make(path, pieces, [(phrase, 1.0)], lexicon=lexicon)
    with pytest.raises(OptionError, match="bonus of hot phrase 'ab'"):
        make(path, pieces, [("ab", 1e7)], lexicon=lexicon)
    with pytest.raises(OptionError, match=r"made for a vocabulary of 4 tokens.* 2"):
        make(path, ["\u2581a", "<blk>"], [("a", 1.0)], lexicon=lexicon)


@both
def test_an_open_lexicon_changes_nothing(path: Any) -> None:
    pieces = ["\u2581a", "b", "<blk>"]
    lexicon = path.lexicon([("b", [0])], len(pieces), "allow")
    assert sum(pay(make(path, pieces, [("ab", 2.0)], lexicon=lexicon), [0, 1])) == 2
