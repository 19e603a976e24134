"""What beam search may use beside the audio: language models, hot words, lexicons."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from fastctc import _core
from fastctc.decoding.second_pass import check_rescoring
from fastctc.errors import OptionError
from fastctc.types import ConfidenceOptions, DecoderOptions

if TYPE_CHECKING:
    from fastctc.recognizer import Recognizer

__all__ = ["DEFAULT_BONUS", "Decoder", "HotWords", "LanguageModel", "Lexicon", "decoder_fields", "resolve_decoder"]

Decoder: TypeAlias = "Literal['greedy', 'beam'] | DecoderOptions | None"
"""How log-probs become text: a kind with its defaults, or all the options; None: greedy."""

DEFAULT_BONUS = 5.0
"""Of a hot phrase, natural logarithm: e^5, 150 times as likely."""


class LanguageModel:
    """A back-off n-gram model over words or tokens, immutable and shared between threads."""

    def __init__(self, path: str | os.PathLike[str], *, on_progress: Callable[[float], object] | None = None) -> None:
        """Reads ARPA (plain or gzip), or the binary form that `save` and `fastctc lm build` write (memory-mapped).

        Args:
            path: the file.
            on_progress: called while ARPA is read, with the part that is done, 0 to 1.

        Raises:
            ModelNotFoundError: there is no such file.
            ModelError: it is no such model; the message names the line.
        """
        self._path = os.fspath(path)
        self._core = _core.LanguageModel.read(self._path, on_progress)

    def __repr__(self) -> str:
        return f"LanguageModel({self._path!r}, order {self.order}, {self.n_words} words)"

    @property
    def order(self) -> int:
        """Of the longest n-grams."""
        return self._core.order

    @property
    def n_words(self) -> int:
        """Different ones, <unk>, <s> and </s> among them."""
        return self._core.n_words

    @property
    def n_grams(self) -> tuple[int, ...]:
        """How many n-grams there are of each order, from 1; as in the ARPA file."""
        return tuple(self._core.n_grams(n) for n in range(1, self.order + 1))

    @property
    def n_bytes(self) -> int:
        """Size of the binary form."""
        return self._core.n_bytes

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the binary form, whole or not at all."""
        self._core.write(os.fspath(path))

    def score(self, text: str, *, begin: bool = True, end: bool = True) -> float:
        """Natural logarithm of the probability of a sentence of words joined by spaces.

        Args:
            text: the sentence.
            begin: it starts one (after <s>).
            end: it ends there (</s> is scored).
        """
        ids = [self._core.find(word) for word in text.split()]
        return float(sum(self._core.score_words(ids, begin, end)))


class HotWords:
    """Phrases that recognition prefers, for one model. Immutable, shared between threads."""

    def __init__(
        self,
        recognizer: Recognizer,
        phrases: Iterable[str] | Mapping[str, float],
        *,
        bonus: float = DEFAULT_BONUS,
        ignore_case: bool = True,
        lexicon: Lexicon | None = None,
    ) -> None:
        """Every way to spell the phrases with the model's pieces counts.

        Args:
            recognizer: the model.
            phrases: phrases with the same bonus, or each with its own.
            bonus: natural logarithm, added once an occurrence of a phrase; negative: it is disfavoured.
            ignore_case: upper and lower case are the same, as far as the model can spell them.
            lexicon: a closed one: phrases of its words count as it spells them (homophones gain alike).

        Raises:
            OptionError: a phrase is empty or can't be spelled, or words are not in the lexicon; the message names all.
        """
        self._core = _hot_words(recognizer._core.vocabulary, phrases, bonus, ignore_case, lexicon)

    def __repr__(self) -> str:
        return f"HotWords({self._core.n_phrases} phrases)"


class Lexicon:
    """Words and how a model's tokens spell them: only these are found. Immutable, shared between threads."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        recognizer: Recognizer,
        *,
        word_end: str = "",
        out_of_lexicon: Literal["forbid", "allow"] = "forbid",
    ) -> None:
        """Reads `word piece piece ...` a line, plain or gzip; a word may have several lines.

        Args:
            path: the file.
            recognizer: the model.
            word_end: a piece put after every spelling, as "<wb>".
            out_of_lexicon: "allow" finds other words too, each at `DecoderOptions.unknown_word_score`; for
                vocabularies that mark where words start.

        Raises:
            ModelNotFoundError: there is no such file.
            ModelError: it is no lexicon of this model; the message names the line.
        """
        self._path = os.fspath(path)
        self._core = _core.Lexicon.read(self._path, recognizer._core.vocabulary, word_end, out_of_lexicon)

    def __repr__(self) -> str:
        return f"Lexicon({self._path!r}, {self._core.n_words} words)"


def resolve_decoder(decoder: Any) -> DecoderOptions:
    """All the options. Raises OptionError on what is none."""
    if decoder is None:
        return DecoderOptions()
    if isinstance(decoder, DecoderOptions):
        return decoder
    if decoder in ("greedy", "beam"):
        return DecoderOptions(kind=decoder)
    raise OptionError(f"decoder must be 'greedy', 'beam' or a DecoderOptions, not {decoder!r}.")


def decoder_fields(options: DecoderOptions, vocabulary: _core.Vocabulary) -> dict[str, Any]:
    """The dict that the C++ core takes. Raises as the classes above, OptionError on values of other types."""
    if not isinstance(options.confidence, ConfidenceOptions):
        raise OptionError(f"decoder.confidence must be a ConfidenceOptions, not {options.confidence!r}.")
    check_rescoring(options)
    result = {entry.name: getattr(options, entry.name) for entry in fields(options)}
    del result["rescorer"], result["rescore_weight"]  # of the second pass, which is not the core's
    result["confidence"] = asdict(options.confidence)
    result["language_model"] = _language_model(options.language_model)
    result["lexicon"] = _lexicon(options.lexicon)
    result["hot_words"] = _as_hot_words(options.hot_words, vocabulary, options.lexicon)
    return result


def _language_model(value: Any) -> _core.LanguageModel | None:
    if value is None:
        return None
    if isinstance(value, LanguageModel):
        return value._core
    if not isinstance(value, (str, os.PathLike)):
        raise OptionError(f"decoder.language_model must be a LanguageModel or a path, not {value!r}.")
    try:
        state = os.stat(value)  # noqa: PTH116  # any path
    except OSError:
        return LanguageModel(value)._core  # it says what is wrong
    return _read_once(os.fspath(value), state.st_mtime_ns, state.st_size)._core


@lru_cache(maxsize=4)
def _read_once(path: str, mtime_ns: int, size: int) -> LanguageModel:  # noqa: ARG001  # they tell versions apart
    return LanguageModel(path)


def _as_hot_words(value: Any, vocabulary: _core.Vocabulary, lexicon: Lexicon | None) -> _core.HotWords | None:
    if value is None:
        return None
    if isinstance(value, HotWords):
        return value._core
    if isinstance(value, str) or not isinstance(value, (Mapping, Sequence, set, frozenset)):
        raise OptionError(f"decoder.hot_words must be HotWords, a list of phrases or a mapping, not {value!r}.")
    return _hot_words(vocabulary, value, DEFAULT_BONUS, True, lexicon) if value else None


def _hot_words(
    vocabulary: _core.Vocabulary, phrases: Any, bonus: float, ignore_case: bool, lexicon: Lexicon | None
) -> _core.HotWords:
    pairs = phrases.items() if isinstance(phrases, Mapping) else ((phrase, bonus) for phrase in phrases)
    entries = []
    for phrase, its_bonus in pairs:
        if not isinstance(phrase, str) or isinstance(its_bonus, bool) or not isinstance(its_bonus, (int, float)):
            raise OptionError(f"A hot phrase is a string with a number as bonus, not {phrase!r}: {its_bonus!r}.")
        entries.append((phrase, float(its_bonus)))
    return _core.HotWords(vocabulary, entries, ignore_case, None if lexicon is None else lexicon._core)


def _lexicon(value: Any) -> _core.Lexicon | None:
    if value is None or isinstance(value, Lexicon):
        return None if value is None else value._core
    raise OptionError(f"decoder.lexicon must be a fastctc.Lexicon, not {value!r}.")


def with_decoder(options: Any, decoder: Decoder, name: str) -> Any:
    """Options of recordings or streams with a decoder that was given beside them. Raises OptionError on two."""
    if decoder is None:
        return options
    chosen = resolve_decoder(decoder)
    if options.decoder not in (DecoderOptions(), chosen):
        raise OptionError(f"decoder={decoder!r} contradicts {name}.decoder={options.decoder!r}. Give one.")
    return replace(options, decoder=chosen)
