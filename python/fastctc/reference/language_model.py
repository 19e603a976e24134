"""Twin of `cpp/src/decoding/language_model.cpp`: back-off n-grams by their formula."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from typing import NoReturn

from fastctc.errors import ModelError
from fastctc.reference.model_files import read_packed

__all__ = ["LanguageModel", "parse_arpa"]

LN_10 = math.log(10)
HIGHEST_ORDER = 32
MOST_NGRAMS = 0xFFFFFFF0
LARGEST_LOG10 = 1e6
MISSING_UNKNOWN = -100.0
"""log10 P of an unknown word in a model without <unk>; KenLM's unknown_missing_logprob."""

State = tuple[str, ...]
Ngrams = dict[State, tuple[float, float]]
"""By words: log10 of probability and back-off weight."""

NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)


class LanguageModel:
    """An n-gram model of any order; states are the words of the history that can matter.

    Args:
        ngrams: All of them; <s> and </s> among those of one word.
        order: Length of the longest; None: as they are.
    """

    def __init__(self, ngrams: Ngrams, order: int | None = None) -> None:
        self._ngrams = {("<unk>",): (MISSING_UNKNOWN, 0.0), **ngrams}
        self._has_unknown = ("<unk>",) in ngrams
        self.order = order or max(map(len, ngrams))
        self.n_words = self.n_grams(1) + (not self._has_unknown)
        # n-grams that lead on: their words start a longer one, or they have a back-off weight.
        followed = {ngram[:-1] for ngram in self._ngrams if len(ngram) > 1}
        self._contexts = followed | {ngram for ngram, (_, backoff) in self._ngrams.items() if backoff != 0}
        self.empty: State = ()
        self.start: State = self._shorten(("<s>",))

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> LanguageModel:
        """Reads ARPA, plain or gzip. Raises ModelNotFoundError; ModelError that names file and line."""
        what = f"Language model '{os.fspath(path)}'"
        return cls(*parse_arpa(read_packed(path, what), what))

    def n_grams(self, n: int) -> int:
        """Number of n-grams of order n, as in the ARPA file."""
        return sum(len(ngram) == n for ngram in self._ngrams) - (n == 1 and not self._has_unknown)

    @property
    def words(self) -> list[str]:
        """All of them, <unk>, <s> and </s> too."""
        return [ngram[0] for ngram in self._ngrams if len(ngram) == 1]

    def is_known(self, word: str) -> bool:
        """Whether the word is one of the model's; <unk> is none."""
        return word not in ("<unk>", "<UNK>") and (word,) in self._ngrams

    def score(self, state: State, word: str) -> tuple[float, State]:
        """Natural log of P(word | state) and the state that follows."""
        if (word,) not in self._ngrams:
            word = "<unk>"
        return LN_10 * self._log10_prob(state, word), self._shorten((*state, word))

    def score_end(self, state: State) -> float:
        """Natural log of P(</s> | state)."""
        return self.score(state, "</s>")[0]

    def score_words(self, words: Sequence[str], bos: bool = True, eos: bool = True) -> list[float]:
        """Natural log of P of each word of a text, and of </s> with `eos`."""
        state = self.start if bos else self.empty
        scores = []
        for word in words:
            score, state = self.score(state, word)
            scores.append(score)
        return [*scores, self.score_end(state)] if eos else scores

    def _log10_prob(self, history: State, word: str) -> float:
        """Katz back-off (1987), as ARPA files write it."""
        ngram = (*history, word)
        if ngram in self._ngrams:
            return self._ngrams[ngram][0]
        _, backoff = self._ngrams.get(history, (0.0, 0.0))
        return backoff + self._log10_prob(history[1:], word)

    def _shorten(self, history: State) -> State:
        """The longest end of the history that starts a longer n-gram or has a back-off weight."""
        while history and history not in self._contexts:
            history = history[1:]
        return history


def parse_arpa(data: bytes, what: str) -> tuple[Ngrams, int]:
    """The n-grams of an ARPA file and its order. Raises ModelError that names the line."""
    return ArpaParser(data, what).parse()


class ArpaParser:
    """Reads line by line; `number` is that of the current line."""

    def __init__(self, data: bytes, what: str) -> None:
        self.what = what
        lines = data.split(b"\n")
        self.lines = lines[:-1] if lines[-1] == b"" else lines
        self.number = 0
        self.line = ""
        self.ngrams: Ngrams = {}
        self.duplicates: list[int] = []
        """Lines of n-grams that are there already."""

    def parse(self) -> tuple[Ngrams, int]:
        while self.line != "\\data\\":
            self.next_filled(r"no line \data\ up to here: this is no ARPA file.")
        counts: list[int] = []
        self.next_filled("no counts.")
        while self.line.startswith("ngram "):
            match = re.fullmatch(r"ngram[ \t]+([0-9]+)[ \t]*=[ \t]*([0-9]+)", self.line, re.ASCII)
            if match is None or int(match[1]) != len(counts) + 1:
                self.fail(f"'{self.line}' is not the count of {len(counts) + 1}-grams.")
            if len(counts) == HIGHEST_ORDER or int(match[2]) > MOST_NGRAMS:
                self.fail("a higher order, or more n-grams, than are supported.")
            counts.append(int(match[2]))
            self.next_filled("the file ends after its counts: it is cut off.")
        if not counts:
            self.fail("no line `ngram 1=COUNT`.")
        for n, count in enumerate(counts, 1):
            self.parse_section(n, count, n == len(counts))
        if self.line != "\\end\\":
            self.fail(f"'{self.line}' where \\end\\ is due.")
        while self.number < len(self.lines):
            self.next("")
            if self.line.strip(" \t"):
                self.fail("text after \\end\\.")
        return self.ngrams, len(counts)

    def parse_section(self, n: int, count: int, is_highest: bool) -> None:
        if self.line != f"\\{n}-grams:":
            self.fail(f"'{self.line}' where \\{n}-grams: is due.")
        first = self.number
        for index in range(count):
            self.next(f"the file ends after {index} of {count} {n}-grams.")
            if not self.line.strip(" \t") or self.line.lstrip(" \t").startswith("\\"):
                self.fail(f"the section ends after {index} {n}-grams, but {count} are announced.")
            self.parse_ngram(n, is_highest)
        if n == 1 and not {("<s>",), ("</s>",)} <= set(self.ngrams):
            self.number = first
            self.fail("the 1-grams lack <s> or </s>.")
        self.next_filled(f"the file ends after its {n}-grams, without \\end\\.")
        if not self.line.startswith("\\"):
            self.fail(f"more {n}-grams than the {count} announced.")
        self.fail_on_duplicates()

    def fail_on_duplicates(self) -> None:
        if self.duplicates:
            self.number = self.duplicates[0]
            self.fail("this n-gram is there twice.")

    def parse_ngram(self, n: int, is_highest: bool) -> None:
        fields = re.split("[ \t]+", self.line.strip(" \t"))
        if len(fields) not in (n + 1, n + 2):
            self.fail(f"{len(fields)} fields.")
        log10_prob = self.number_of(fields[0])
        log10_backoff = self.number_of(fields[n + 1]) if len(fields) > n + 1 else 0.0
        words = tuple("<unk>" if word == "<UNK>" else word for word in fields[1 : n + 1])
        if log10_prob > 0:
            self.fail(f"the log-prob {fields[0]} is above 0.")
        if is_highest and log10_backoff != 0:
            self.fail("a back-off weight in the highest order.")
        if any((word,) not in self.ngrams for word in words) and n > 1:
            self.fail(f"a word of {words} is no 1-gram.")
        if n > 1 and words[:-1] not in self.ngrams:
            self.fail(f"{words[:-1]} is no {n - 1}-gram.")
        if words in self.ngrams:
            self.duplicates.append(self.number)
            if n == 1:
                self.fail_on_duplicates()
        self.ngrams[words] = (log10_prob, log10_backoff)

    def number_of(self, text: str) -> float:
        if NUMBER.fullmatch(text) is None or not abs(float(text)) <= LARGEST_LOG10:
            self.fail(f"'{text}' is no number.")
        return float(text)

    def next(self, at_end: str) -> None:
        self.number += 1
        if self.number > len(self.lines):
            self.fail(at_end)
        line = self.lines[self.number - 1].removesuffix(b"\r")
        if b"\0" in line:
            self.fail("a NUL byte.")
        try:
            self.line = line.decode()
        except UnicodeDecodeError:
            self.fail("not UTF-8.")

    def next_filled(self, at_end: str) -> None:
        self.next(at_end)
        while not self.line.strip(" \t"):
            self.next(at_end)
        self.line = self.line.strip(" \t")

    def fail(self, message: str) -> NoReturn:
        raise ModelError(f"{self.what}, line {self.number}: {message}")
