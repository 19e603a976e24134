"""The decoder that the command line asks for."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from fastctc.errors import OptionError
from fastctc.types import DecoderOptions

if TYPE_CHECKING:
    from fastctc.recognizer import Recognizer

__all__ = ["decoder_options"]


def decoder_options(arguments: argparse.Namespace, recognizer: Recognizer) -> DecoderOptions | None:
    """Beam search if one of its options is given, else None: greedy.

    Raises:
        Error: a file of them can't be used.
    """
    given = {
        "beam_size": arguments.beam,
        "n_best": arguments.alternatives,
        "lm_weight": arguments.lm_weight,
        "word_bonus": arguments.word_bonus,
    }
    options = {name: value for name, value in given.items() if value is not None}
    phrases = _phrases(arguments)
    of_lexicon = arguments.lexicon or arguments.word_end or arguments.out_of_lexicon
    if not (options or phrases or arguments.lm or of_lexicon):
        return None
    if arguments.lm_weight is not None and not arguments.lm:
        raise OptionError("--lm-weight weighs the model of --lm FILE: give that too.")
    if (arguments.word_end or arguments.out_of_lexicon) and not arguments.lexicon:
        raise OptionError("--word-end and --out-of-lexicon tell of the words of --lexicon FILE: give that too.")
    if arguments.alternatives is not None and arguments.beam is None:
        options["beam_size"] = max(DecoderOptions.beam_size, arguments.alternatives)
    from fastctc.decoding import HotWords, LanguageModel, Lexicon

    lexicon = None
    if arguments.lexicon:
        lexicon = Lexicon(
            arguments.lexicon,
            recognizer,
            word_end=arguments.word_end or "",
            out_of_lexicon=arguments.out_of_lexicon or "forbid",
        )
    return DecoderOptions(
        kind="beam",
        language_model=LanguageModel(arguments.lm) if arguments.lm else None,
        hot_words=HotWords(recognizer, phrases, lexicon=lexicon) if phrases else None,
        lexicon=lexicon,
        **options,
    )


def _phrases(arguments: argparse.Namespace) -> dict[str, float]:
    """Phrases and bonuses of the files, then of the command line."""
    from fastctc.decoding import DEFAULT_BONUS

    entries: list[tuple[str, str]] = []
    for name in arguments.hot_words or ():
        try:
            lines = Path(name).read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise OptionError(f"--hot-words {name} can't be read: {error.strerror or error}.") from error
        except UnicodeDecodeError as error:
            raise OptionError(f"--hot-words {name} is not UTF-8: {error}.") from error
        entries += [(line, f"{name}, line {number}") for number, line in enumerate(lines, 1) if line.strip()]
    entries += [(text, f"--hot-word {text!r}") for text in arguments.hot_word or ()]
    phrases = {}
    for text, where in entries:
        phrase, mark, bonus = text.rpartition(":")
        if not mark:
            phrase, bonus = text, str(DEFAULT_BONUS)
        try:
            phrases[phrase.strip()] = float(bonus)
        except ValueError:
            raise OptionError(f"{where}: {bonus!r} is no number. Write PHRASE or PHRASE:BONUS.") from None
    return phrases
