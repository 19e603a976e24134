"""What beam search may use beside the audio, and how decoders are asked for."""

from fastctc.decoding.hot_words import DEFAULT_BONUS, HotWords
from fastctc.decoding.language_model import LanguageModel
from fastctc.decoding.lexicon import Lexicon
from fastctc.decoding.options import Decoder, decoder_fields, resolve_decoder, with_decoder

__all__ = [
    "DEFAULT_BONUS",
    "Decoder",
    "HotWords",
    "LanguageModel",
    "Lexicon",
    "decoder_fields",
    "resolve_decoder",
    "with_decoder",
]
