"""N-gram language models for beam search."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from fastctc import _core
from fastctc.errors import OptionError

__all__ = ["LanguageModel", "resolve_language_model"]


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


def resolve_language_model(value: Any) -> _core.LanguageModel | None:
    """The core's, of a model or its path; the last ones read are kept. Raises as the class, OptionError."""
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
