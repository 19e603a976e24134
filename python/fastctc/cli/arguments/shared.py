"""Options that several commands have."""

from __future__ import annotations

import argparse

from fastctc.cli.arguments.values import channel, names, whole

__all__ = [
    "FORMATS",
    "add_audio",
    "add_channel",
    "add_channel_names",
    "add_decoder",
    "add_model",
    "add_model_options",
    "add_vad",
]

FORMATS = ("text", "json", "srt", "vtt", "ctm", "tsv", "textgrid")


def add_model(parser: argparse.ArgumentParser) -> None:
    """The model, where any will do."""
    parser.add_argument("--model", metavar="DIR", help="model directory or graph (default: the demo model)")


def add_audio(parser: argparse.ArgumentParser, what: str) -> None:
    """Recordings to try a model on."""
    parser.add_argument(
        "--audio", metavar="FILE", action="append", help=f"{what}; may be given again (default: the demo model's)"
    )


def add_channel(parser: argparse.ArgumentParser) -> None:
    """One channel of a recording, or the mean."""
    parser.add_argument(
        "--channel", type=channel, default="mean", metavar="N|mean", help="channel, from 0, or the mean (default: mean)"
    )


def add_channel_names(parser: argparse.ArgumentParser) -> None:
    """What the channels are called."""
    parser.add_argument(
        "--channel-names",
        type=names,
        metavar="A,B",
        help="names of the channels, as agent,caller (default: channel 0, channel 1)",
    )


def add_vad(parser: argparse.ArgumentParser) -> None:
    """Speech detection."""
    parser.add_argument(
        "--vad",
        metavar="energy|FILE.onnx",
        help="recognise speech only: found by its level above the noise, or by Silero's model in FILE.onnx",
    )


def add_decoder(parser: argparse.ArgumentParser) -> None:
    """What beam search uses."""
    group = parser.add_argument_group("beam search, which any of these asks for")
    group.add_argument("--beam", type=whole(1), metavar="N", help="prefixes kept (default: 16)")
    group.add_argument("--lm", metavar="FILE", help="n-gram model: ARPA, or what fastctc lm build made of it")
    group.add_argument("--lm-weight", type=float, metavar="X", help="weight of its log-probs (default: 0.5)")
    group.add_argument("--word-bonus", type=float, metavar="X", help="added for each word (default: 0)")
    group.add_argument(
        "--hot-word", metavar="PHRASE[:X]", action="append", help="phrase to prefer, with its bonus (default: 5)"
    )
    group.add_argument("--hot-words", metavar="FILE", action="append", help="such phrases, one a line")
    group.add_argument("--lexicon", metavar="FILE", help="find only its words: WORD PIECE PIECE ... a line")
    group.add_argument("--word-end", metavar="PIECE", help="of the lexicon: put after every spelling, as <wb>")
    group.add_argument(
        "--out-of-lexicon",
        choices=("forbid", "allow"),
        metavar="WHAT",
        help="forbid other words (default), or allow them at a cost",
    )
    group.add_argument("--alternatives", type=whole(1), metavar="N", help="with json: the N best readings")


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """How any model is loaded."""
    group = parser.add_argument_group("where the model's directory or the default is not enough")
    group.add_argument(
        "--normalize",
        choices=("none", "per_feature", "all_features", "fixed", "utterance"),
        metavar="KIND",
        help="how features are normalised, where nothing in the directory tells: none, per_feature, all_features, "
        "fixed or utterance (NeMo's preprocessor.normalize; its NA is none)",
    )
    group.add_argument(
        "--provider", metavar="NAME", default="CPU", help="ONNX Runtime execution provider (default: CPU)"
    )
    group.add_argument(
        "--library", metavar="PATH", default="", help="ONNX Runtime library (default: the installed onnxruntime's)"
    )
