"""Words that are the only ones, or the preferred ones, of beam search."""

from __future__ import annotations

import os
from typing import Any, Literal

from fastctc import _core
from fastctc.errors import OptionError
from fastctc.loaded_model import LoadedModel

__all__ = ["Lexicon", "resolve_lexicon"]


class Lexicon:
    """Words and how a model's tokens spell them: only these are found. Immutable, shared between threads."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        recognizer: LoadedModel,
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


def resolve_lexicon(value: Any) -> _core.Lexicon | None:
    """The core's. Raises OptionError on what is no lexicon."""
    if value is None or isinstance(value, Lexicon):
        return None if value is None else value._core
    raise OptionError(f"decoder.lexicon must be a fastctc.Lexicon, not {value!r}.")
