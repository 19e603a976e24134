"""How a decoder is asked for."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from typing import Any, Literal, TypeAlias

from fastctc import _core
from fastctc.decoding.hot_words import resolve_hot_words
from fastctc.decoding.language_model import resolve_language_model
from fastctc.decoding.lexicon import resolve_lexicon
from fastctc.errors import OptionError
from fastctc.second_pass import check_rescoring
from fastctc.types import ConfidenceOptions, DecoderOptions

__all__ = ["Decoder", "decoder_fields", "resolve_decoder", "with_decoder"]

Decoder: TypeAlias = "Literal['greedy', 'beam'] | DecoderOptions | None"
"""How log-probs become text: a kind with its defaults, or all the options; None: greedy."""


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
    """The dict that the C++ core takes. Raises as the classes that it uses, OptionError on values of other types."""
    if not isinstance(options.confidence, ConfidenceOptions):
        raise OptionError(f"decoder.confidence must be a ConfidenceOptions, not {options.confidence!r}.")
    check_rescoring(options)
    result = {entry.name: getattr(options, entry.name) for entry in fields(options)}
    del result["rescorer"], result["rescore_weight"]  # of the second pass, which is not the core's
    result["confidence"] = asdict(options.confidence)
    result["language_model"] = resolve_language_model(options.language_model)
    result["lexicon"] = resolve_lexicon(options.lexicon)
    result["hot_words"] = resolve_hot_words(options.hot_words, vocabulary, options.lexicon)
    return result


def with_decoder(options: Any, decoder: Decoder, name: str) -> Any:
    """Options of recordings or streams with a decoder that was given beside them. Raises OptionError on two."""
    if decoder is None:
        return options
    chosen = resolve_decoder(decoder)
    if options.decoder not in (DecoderOptions(), chosen):
        raise OptionError(f"decoder={decoder!r} contradicts {name}.decoder={options.decoder!r}. Give one.")
    return replace(options, decoder=chosen)
