"""Beam search: C++ = reference = every path counted out, with and without language model, hot words and lexicon."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fastctc import _core
from fastctc.errors import ModelError, OptionError
from fastctc.reference.aligner import align
from fastctc.reference.beam import BeamDecoder
from fastctc.reference.hot_words import HotWords
from fastctc.reference.language_model import LanguageModel
from fastctc.reference.lexicon import Lexicon
from fastctc.reference.vocabulary import Vocabulary
from fastctc.types import ConfidenceOptions, DecoderOptions

LogProbs = NDArray[np.float32]

# Words "a", "ab", "b", "c" and what continuation pieces make of them; one piece that ends a word within.
PIECES = ["\u2581a", "b", "\u2581b", "\u2581c", "b\u2581a", "<blk>"]
BLANK = 5
ARPA = """\\data\\
ngram 1=6
ngram 2=4
ngram 3=2

\\1-grams:
-1.2 <unk>
-99 <s> -0.4
-0.9 </s>
-0.5 a -0.3
-0.8 ab -0.2
-1.1 c

\\2-grams:
-0.2 <s> a -0.1
-0.6 a ab
-0.3 ab a -0.25
-0.7 a </s>

\\3-grams:
-0.1 <s> a ab
-0.4 ab a </s>

\\end\\
"""
TOKEN_ARPA = ARPA.replace(" ab ", " b ").replace(" ab\n", " b\n").replace(" a", " \u2581a").replace(" c", " \u2581c")
PHRASES = [("a", 0.7), ("ab c", 2.0), ("b", -0.9), ("ab a", 1.1)]
ENTRIES = [("one", [0]), ("won", [0]), ("two", [2, 1]), ("three", [0, 1]), ("three", [3]), ("four", [3, 3])]
WORDS = [("one two", 2.0), ("WON", 0.7), ("three", -0.9), ("four one", 1.1)]
ALLOWED = [("a", [0]), ("ab", [0, 1]), ("c", [3])]
EVERYTHING = {"beam_size": 100_000, "beam_threshold": 1e9, "min_token_log_prob": -1e30}
SCORES = 1e-5
"""Between sums of exponentials in another order."""


class Case:
    """The same options for the C++ decoder and for the twin."""

    def __init__(self, folder: Path, name: str) -> None:
        path = folder / "tokens.txt"
        path.write_text("".join(f"{piece} {i}\n" for i, piece in enumerate(PIECES)), encoding="utf-8")
        self.core_vocabulary = _core.Vocabulary.read(path)
        self.vocabulary = Vocabulary.read(path)
        self.core: dict[str, Any] = {"kind": "beam"}
        self.twin: dict[str, Any] = {"kind": "beam"}
        for part in name.split("+"):
            getattr(self, f"_{part}")(folder)

    def _plain(self, _: Path) -> None:
        pass

    def _bonus(self, _: Path) -> None:
        self._both(word_bonus=0.8)

    def _lm(self, folder: Path) -> None:
        self._model(folder, ARPA)

    def _token_lm(self, folder: Path) -> None:
        self._model(folder, TOKEN_ARPA)
        self._both(lm_unit="token")

    def _no_end(self, _: Path) -> None:
        self._both(score_sentence_end=False)

    def _hot(self, _: Path) -> None:
        self.core["hot_words"] = _core.HotWords(self.core_vocabulary, PHRASES)
        self.twin["hot_words"] = HotWords(self.vocabulary, PHRASES)

    def _lexicon(self, _: Path) -> None:
        self.core["lexicon"] = _core.Lexicon(ENTRIES, len(PIECES))
        self.twin["lexicon"] = Lexicon(ENTRIES, len(PIECES))

    def _words(self, _: Path) -> None:
        self.core["hot_words"] = _core.HotWords(self.core_vocabulary, WORDS, lexicon=self.core["lexicon"])
        self.twin["hot_words"] = HotWords(self.vocabulary, WORDS, lexicon=self.twin["lexicon"])

    def _allowed(self, _: Path) -> None:
        self.core["lexicon"] = _core.Lexicon(ALLOWED, len(PIECES), "allow")
        self.twin["lexicon"] = Lexicon(ALLOWED, len(PIECES), "allow")

    def _model(self, folder: Path, text: str) -> None:
        path = folder / "model.arpa"
        path.write_text(text, encoding="utf-8")
        self.core["language_model"] = _core.LanguageModel.read(str(path))
        self.twin["language_model"] = LanguageModel.read(path)
        self._both(lm_weight=0.7, word_bonus=0.4, unknown_word_score=-1.5)

    def _both(self, **options: Any) -> None:
        self.core |= options
        self.twin |= options

    def core_decoder(self, **options: Any) -> Any:
        return _core.BeamDecoder(self.core_vocabulary, {**self.core, **options})

    def twin_decoder(self, **options: Any) -> BeamDecoder:
        return BeamDecoder(self.vocabulary, DecoderOptions(**{**self.twin, **options}))


CASES = ["plain", "bonus", "lm", "lm+no_end", "token_lm", "hot", "lm+hot", "lexicon", "lexicon+lm", "lexicon+hot"]
CASES += ["lexicon+words", "lexicon+words+lm", "allowed", "allowed+lm+hot"]


@pytest.fixture(scope="module")
def make_case(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Case]:
    cases: dict[str, Case] = {}

    def make(name: str) -> Case:
        if name not in cases:
            cases[name] = Case(tmp_path_factory.mktemp("beam"), name)
        return cases[name]

    return make


@st.composite
def lattices(draw: st.DrawFn, longest: int = 5, with_ties: bool = False) -> LogProbs:
    """Natural log-probs of random frames, peaky or flat, some tokens impossible."""
    n_frames = draw(st.integers(1, longest))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if with_ties:
        weights = random.integers(0, 4, (n_frames, len(PIECES))).astype(np.float64)
        weights[:, BLANK] += 1
    else:
        weights = random.dirichlet(np.full(len(PIECES), draw(st.sampled_from([0.2, 0.5, 2.0]))), n_frames)
        weights[:, BLANK] += 1e-6
        if draw(st.booleans()):
            weights[random.random(weights.shape) < 0.2] = 0
            weights[:, BLANK] += 1e-3
    with np.errstate(divide="ignore"):
        return np.log(weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def ids_of(hypothesis: Any) -> tuple[int, ...]:
    return tuple(token[0] for token in hypothesis[0])


def count_out(case: Case, log_probs: LogProbs) -> list[tuple[float, float, tuple[Any, ...]]]:
    """(score, acoustic score, prefix) of every text: all paths summed, all ways of a lexicon to read it."""
    acoustic: dict[tuple[int, ...], float] = {}
    values = log_probs.astype(np.float64)
    for path in itertools.product(range(len(PIECES)), repeat=len(values)):
        text = tuple(token for token, _ in itertools.groupby(path) if token != BLANK)
        total = float(values[np.arange(len(path)), list(path)].sum())
        if total > -np.inf:
            acoustic[text] = float(np.logaddexp(acoustic.get(text, -np.inf), total))
    decoder = case.twin_decoder()
    found = []
    for text, total in acoustic.items():
        prefixes: list[tuple[Any, ...]] = [()]
        for token in text:
            prefixes = [(*prefix, (token, word)) for prefix in prefixes for word in decoder._words(prefix, token)]
        for prefix in prefixes:
            fusion = decoder._finish(prefix)
            found.append((total + fusion.lm + fusion.bonus, total, prefix))
    return sorted(found, key=lambda entry: -entry[0])


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=120, deadline=None)
@given(log_probs=lattices(longest=4))
def test_the_search_finds_what_counting_out_finds(
    make_case: Callable[[str], Case], name: str, log_probs: LogProbs
) -> None:
    case = make_case(name)
    expected = count_out(case, log_probs)
    core, twin = case.core_decoder(**EVERYTHING, n_best=50), case.twin_decoder(**EVERYTHING, n_best=50)
    core.step(log_probs)
    twin.step(log_probs)
    n = min(50, len(expected))
    found, its_twin = core.n_best(50), twin.n_best(50)
    assert len(found) == len(its_twin) == n
    for (score, _, _), hypothesis, other in zip(expected, found, its_twin, strict=False):
        assert hypothesis[1] == pytest.approx(score, abs=SCORES)
        assert other.score == pytest.approx(score, abs=SCORES)
        assert hypothesis[1] == pytest.approx(sum(hypothesis[2:5]), abs=1e-9)
    # Where the best stands alone it is the same text, with the same scores of each kind.
    if n == 1 or expected[0][0] - expected[1][0] > SCORES:
        _, total, prefix = expected[0]
        assert ids_of(found[0]) == its_twin[0].token_ids == tuple(token for token, _ in prefix)
        assert found[0][2] == pytest.approx(total, abs=SCORES)
        assert found[0][5] == its_twin[0].words
        assert found[0][3:5] == (
            pytest.approx(its_twin[0].lm_score, abs=SCORES),
            pytest.approx(its_twin[0].bonus_score, abs=SCORES),
        )


def is_clear(scores: Sequence[float]) -> bool:
    """No two are so near that rounding may swap them."""
    ordered = np.sort([score for score in scores if score > -np.inf])
    return bool(np.all(np.diff(ordered) > 1e-7)) if len(ordered) > 1 else True


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=60, deadline=None)
@given(log_probs=lattices(longest=12), data=st.data())
def test_a_small_beam_is_the_twins(
    make_case: Callable[[str], Case], name: str, log_probs: LogProbs, data: st.DataObject
) -> None:
    """Pruning is a part of the definition: both drop the same prefixes."""
    case = make_case(name)
    options = {
        "beam_size": data.draw(st.integers(1, 8)),
        "beam_threshold": data.draw(st.sampled_from([1.0, 4.0, 50.0])),
        "max_tokens": data.draw(st.sampled_from([0, 1, 2, 3])),
        "min_token_log_prob": data.draw(st.sampled_from([-1e30, -3.0])),
        "blank_skip_prob": data.draw(st.sampled_from([1.0, 0.9])),
    }
    core, twin = case.core_decoder(**options), case.twin_decoder(**options)
    for frame in log_probs:
        core.step(frame[None])
        twin.step(frame[None])
        assume(is_clear([entry.score for entry in twin._beam.values()]))
        found, expected = core.n_best(8), twin.n_best(8)
        assume(is_clear([entry.score for entry in expected]))
        assert [ids_of(entry) for entry in found] == [entry.token_ids for entry in expected]
        assert [entry[1] for entry in found] == pytest.approx([entry.score for entry in expected], abs=SCORES)
        assert core.n_stable_tokens == twin.n_stable_tokens
        partial = core.partial()
        assert ids_of(partial) == twin.partial().token_ids
        assert partial[1] == pytest.approx(twin.partial().score, abs=SCORES)


@settings(max_examples=200, deadline=None)
@given(log_probs=lattices(longest=4, with_ties=True))
def test_ties_have_an_order(make_case: Callable[[str], Case], log_probs: LogProbs) -> None:
    """Equal scores by equal sums: the token ids that come first."""
    case = make_case("plain")
    first, second = case.core_decoder(beam_size=3), case.core_decoder(beam_size=3)
    first.step(log_probs)
    for frame in log_probs:
        second.step(frame[None])
    assert first.n_best(3) == second.n_best(3)
    for one, other in itertools.pairwise(first.n_best(3)):
        assert one[1] >= other[1]
        if one[1] == other[1]:
            assert ids_of(one) < ids_of(other)


@settings(max_examples=60, deadline=None)
@given(log_probs=lattices(longest=40), data=st.data())
def test_any_split_is_one_shot(make_case: Callable[[str], Case], log_probs: LogProbs, data: st.DataObject) -> None:
    case = make_case(data.draw(st.sampled_from(CASES)))
    whole, split = (case.core_decoder(beam_size=6, n_best=6) for _ in range(2))
    split.step(log_probs[::-1].copy())
    split.reset()
    whole.step(log_probs)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(log_probs)), max_size=5)))
    for begin, end in itertools.pairwise([0, *cuts, len(log_probs)]):
        split.step(log_probs[begin:end])
        split.n_best(2)
    assert split.n_best(6) == whole.n_best(6)


# Without the lexicons, whose homophones are always equally good.
@pytest.mark.parametrize("name", [name for name in CASES if not name.startswith("lexicon")])
@settings(max_examples=40, deadline=None)
@given(first=lattices(longest=6), second=lattices(longest=6))
def test_a_search_that_carries_on_is_the_twins(
    make_case: Callable[[str], Case], name: str, first: LogProbs, second: LogProbs
) -> None:
    case = make_case(name)
    core, twin = case.core_decoder(beam_size=6), case.twin_decoder(beam_size=6)
    for decoder in (core, twin):
        decoder.step(first)
    assume(is_clear([entry.score for entry in twin._beam.values()]))
    for decoder in (core, twin):
        decoder.carry_on()
    for frame in second:
        core.step(frame[None])
        twin.step(frame[None])
        assume(is_clear([entry.score for entry in twin._beam.values()]))
        found, expected = core.n_best(6), twin.n_best(6)
        assume(is_clear([entry.score for entry in expected]))
        assert [ids_of(entry) for entry in found] == [entry.token_ids for entry in expected]
        assert [entry[1] for entry in found] == pytest.approx([entry.score for entry in expected], abs=SCORES)
        assert tuple(core.partial_ids()) == ids_of(core.partial()) == twin.partial().token_ids


@pytest.mark.parametrize("name", ["lm", "token_lm", "hot", "lm+hot", "bonus", "allowed+lm+hot"])
@settings(max_examples=40, deadline=None)
@given(tokens=st.lists(st.integers(0, 4), min_size=2, max_size=12), data=st.data())
def test_what_stands_before_a_cut_is_known_behind_it(
    make_case: Callable[[str], Case], name: str, tokens: list[int], data: st.DataObject
) -> None:
    """Where the audio leaves no choice, the scores of the parts are those of the whole, wherever it is cut."""
    frames = np.full((2 * len(tokens), len(PIECES)), -60.0, np.float32)
    frames[np.arange(0, len(frames), 2), tokens] = 0.0
    frames[1::2, BLANK] = 0.0
    cut = 2 * data.draw(st.integers(1, len(tokens) - 1))
    case = make_case(name)
    options = {"min_token_log_prob": -30.0, "beam_threshold": 1e9}
    whole, parts = case.core_decoder(**options), case.core_decoder(**options)
    whole.step(frames)
    parts.step(frames[:cut])
    first = parts.partial()
    parts.carry_on()
    parts.step(frames[cut:])
    second, expected = parts.best(), whole.best()
    assert ids_of(first) + ids_of(second) == ids_of(expected) == tuple(tokens)
    assert first[3] + second[3] == pytest.approx(expected[3], abs=SCORES)
    assert first[4] + second[4] == pytest.approx(expected[4], abs=SCORES)
    assert second[1] == pytest.approx(sum(second[2:5]), abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(log_probs=lattices(longest=30))
def test_stable_tokens_stay(make_case: Callable[[str], Case], log_probs: LogProbs) -> None:
    decoder = make_case("lm").core_decoder(beam_size=4)
    stable: tuple[int, ...] = ()
    for frame in log_probs:
        decoder.step(frame[None])
        partial = ids_of(decoder.partial())
        assert partial[: len(stable)] == stable
        assert ids_of(decoder.best())[: len(stable)] == stable
        stable = partial[: decoder.n_stable_tokens]


@settings(max_examples=60, deadline=None)
@given(log_probs=lattices(longest=30))
def test_times_are_the_aligners(make_case: Callable[[str], Case], log_probs: LogProbs) -> None:
    confidence = ConfidenceOptions(measure="tsallis", alpha=0.5, aggregation="mean")
    fields = {"measure": "tsallis", "alpha": 0.5, "aggregation": "mean"}
    decoder = make_case("lm").core_decoder(beam_size=8, confidence=fields)
    decoder.step(log_probs)
    best = decoder.best()
    expected = align(log_probs, ids_of(best), BLANK, confidence)
    for found, token in zip(best[0], expected.tokens, strict=True):
        assert found[:3] == token[:3]
        assert found[3:] == pytest.approx(token[3:], abs=1e-4)


def test_hours_need_no_more_memory(make_case: Callable[[str], Case]) -> None:
    """Tokens that all prefixes share are aligned for good at certain blanks; their log-probs are let go."""
    case = make_case("lm")
    random = np.random.default_rng(3)
    n_frames = 20_000
    weights = random.dirichlet(np.full(len(PIECES), 0.1), n_frames)
    weights[::3] = 1e-9
    weights[::3, BLANK] = 1
    log_probs = np.log(np.maximum(weights, 1e-9) / np.maximum(weights, 1e-9).sum(1, keepdims=True)).astype(np.float32)
    decoder = case.core_decoder(beam_size=4)
    for begin in range(0, n_frames, 50):
        decoder.step(log_probs[begin : begin + 50])
    best = decoder.best()
    expected = align(log_probs[:600], ids_of(best)[: sum(token[2] <= 600 for token in best[0])], BLANK)
    assert [token[:3] for token in best[0][: len(expected.tokens) - 1]] == [tuple(t[:3]) for t in expected.tokens[:-1]]
    assert len(best[0]) > 5000


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"beam_size": 0}, "beam_size"),
        ({"beam_size": -1}, "beam_size"),
        ({"beam_size": 4, "n_best": 5}, "n_best"),
        ({"n_best": 0}, "n_best"),
        ({"beam_threshold": 0.0}, "beam_threshold"),
        ({"beam_threshold": float("nan")}, "beam_threshold"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"blank_skip_prob": 0.0}, "blank_skip_prob"),
        ({"lm_weight": -0.1}, "lm_weight"),
        ({"word_bonus": float("inf")}, "word_bonus"),
        ({"min_token_log_prob": float("nan")}, "min_token_log_prob"),
        ({"confidence": {"alpha": 0.0}}, "confidence.alpha"),
        ({"confidence": {"measure": "certainty"}}, "confidence.measure"),
        ({"beam": 3}, "decoder.beam"),
        ({"beam_size": "many"}, "beam_size"),
        ({"language_model": "model.arpa"}, "language_model"),
    ],
)
def test_options_out_of_range_are_named(make_case: Callable[[str], Case], options: dict[str, Any], name: str) -> None:
    with pytest.raises(OptionError) as caught:
        make_case("plain").core_decoder(**options)
    assert name in str(caught.value)


def test_hot_words_and_lexicons_of_another_model_are_refused(make_case: Callable[[str], Case]) -> None:
    case, other = make_case("plain"), _core.Vocabulary(["\u2581a", "<blk>"])
    for name, value in (
        ("hot_words", _core.HotWords(other, [("a", 1.0)])),
        ("lexicon", _core.Lexicon([("a", [0])], 2)),
    ):
        with pytest.raises(OptionError, match="6"):
            case.core_decoder(**{name: value})


def test_frames_that_can_not_be_decoded_are_named(make_case: Callable[[str], Case]) -> None:
    case = make_case("plain")
    good = np.log(np.full((2, len(PIECES)), 1 / len(PIECES), np.float32))
    for bad in (np.nan, np.inf):
        log_probs = np.concatenate([good, good])
        log_probs[3, 1] = bad
        for decoder in (case.core_decoder(), case.twin_decoder()):
            with pytest.raises(ModelError, match="frame 3"):
                decoder.step(log_probs)
    impossible = np.full((1, len(PIECES)), -np.inf, np.float32)
    for decoder in (case.core_decoder(), case.twin_decoder()):
        decoder.step(good)
        with pytest.raises(ModelError, match="Frame 2"):
            decoder.step(impossible)
        decoder.reset()
        decoder.step(good)
    with pytest.raises(OptionError, match="6 tokens"):
        case.core_decoder().step(good[:, :4].copy())
