"""What `fastctc export`, `adopt` and `check` accept."""

from __future__ import annotations

import argparse
import math
from typing import Any

__all__ = ["add_adopt", "add_check", "add_export"]

EXPORT = """\
Makes a model directory from a NeMo CTC model: the graph for recordings, one for live streams of every look-ahead that
the model was trained with, one for long recordings, all over one file of weights, and everything that has to be known
of the model. It needs NeMo: pip install 'fastctc[nemo]'; pip install --no-deps nemo_toolkit==3.0.0."""

EXPORT_EPILOG = """\
results:
  OUT appears complete or not at all. Before that every graph has been run beside NeMo's PyTorch model, over recordings
  and short cuts of them; one that differs by more than 1e-4 in log-prob is refused. Its README.md says what was found.
  Hybrid RNN-T/CTC models give their CTC branch. sherpa-onnx runs the directory too, and onnx-asr where it has the
  model's front end.

examples:
  fastctc export nemo stt_en.nemo exports/en
  fastctc export nemo stt_en_fastconformer_hybrid_large_streaming_multi exports/en --license CC-BY-4.0
  fastctc export nemo model.nemo exports/mine --latency-ms 480 --max-audio 1200 --audio call.wav"""

ADOPT = """\
Takes an export that a script of yours has made (an ONNX graph and its tokens): finds its properties, asks for those
that nothing tells, checks that the model runs, and writes fastctc.json."""

ADOPT_EPILOG = """\
results:
  A line a property: NAME<TAB>VALUE<TAB>SOURCE; a table on a terminal. Without a terminal what nothing tells is an error
  that names the option to give. How the features are normalised is never guessed: with --audio a reading for each kind
  is shown, so that you can see which is right.

examples:
  fastctc adopt exports/mine
  fastctc adopt exports/mine --normalize none --audio call.wav"""

CHECK = """\
Runs the same recordings through NeMo (if there), the NumPy reference and the C++ core, and compares them stage by
stage: samples, features, log-probs, tokens, text; then the log-probs of every graph for streams and long recordings. It
names the usual mistakes when it sees their signature."""

CHECK_EPILOG = """\
results:
  A line a comparison: AUDIO<TAB>STAGE<TAB>WHAT<TAB>WITH WHAT<TAB>SHAPES<TAB>LARGEST<TAB>MEAN DIFFERENCE<TAB>
  CORRELATION<TAB>VERDICT; a table on a terminal; then what was recognised of mistakes, one a line.
  With --features or --log-probs the values of a program of yours are compared with what is right for the model.

exit status:
  0 all the same; 1 something differs, or the model can't be used; 2 usage.

examples:
  fastctc check exports/en call.wav
  fastctc check exports/en call.wav --nemo stt_en.nemo --picture difference.png
  fastctc check exports/en call.wav --features my_features.npy"""


def add_export(commands: Any) -> argparse.ArgumentParser:
    """`fastctc export nemo MODEL OUT`."""
    export = commands.add_parser(
        "export", help="make a model directory from a NeMo model", description=EXPORT, epilog=EXPORT_EPILOG
    )
    export.add_argument("kind", metavar="nemo", choices=("nemo",), help="what the model is of: nemo")
    export.add_argument("source", metavar="MODEL", help=".nemo file, or the name of a published model")
    export.add_argument("output", metavar="OUT", help="directory to be made")
    export.add_argument(
        "--latency-ms",
        type=_milliseconds,
        metavar="N",
        help="look-ahead of the graph for recordings (default: the model's own default, its longest as a rule)",
    )
    export.add_argument(
        "--max-audio",
        type=_seconds,
        metavar="S",
        help="longest audio of one run, in seconds (default: what the model's position table holds, 400 s as a rule)",
    )
    _add_audio(export, "recording to check the graphs on, and to show the text of")
    export.add_argument("--license", metavar="TEXT", help="licence of the model, for its card")
    export.add_argument("--language", metavar="CODE", help="language of the model, for its card")
    export.add_argument("--quiet", action="store_true", help="no progress or summary on standard error")
    return export


def add_adopt(commands: Any, add_model_options: Any) -> argparse.ArgumentParser:
    """`fastctc adopt DIR`."""
    adopt = commands.add_parser("adopt", help="describe an export of your own", description=ADOPT, epilog=ADOPT_EPILOG)
    adopt.add_argument("model", metavar="DIR", help="model directory")
    _add_audio(adopt, "recording to check the model on")
    adopt.add_argument("--preset", choices=("nemo", "nemo_legacy", "kaldi"), help="front end, where nothing tells")
    adopt.add_argument("--blank-id", type=_number, metavar="N", help="id of the blank (default: found)")
    adopt.add_argument("--subsampling", type=_positive, metavar="N", help="input frames an output frame")
    adopt.add_argument("--force", action="store_true", help="replace a fastctc.json that is there")
    add_model_options(adopt)
    return adopt


def add_check(commands: Any, add_model_options: Any) -> argparse.ArgumentParser:
    """`fastctc check DIR AUDIO...`."""
    check = commands.add_parser(
        "check", help="compare a model with NeMo, stage by stage", description=CHECK, epilog=CHECK_EPILOG
    )
    check.add_argument("model", metavar="DIR", help="model directory")
    check.add_argument("files", metavar="AUDIO", nargs="+", help="recording")
    check.add_argument("--nemo", metavar="MODEL", help="the .nemo file that the model was exported from")
    check.add_argument("--features", metavar="FILE.npy", help="features of yours of the one recording")
    check.add_argument("--log-probs", metavar="FILE.npy", help="log-probs of yours of the one recording")
    check.add_argument("--picture", metavar="FILE.png", help="draw the first stage that differs (needs matplotlib)")
    add_model_options(check)
    return check


def _add_audio(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument(
        "--audio", metavar="FILE", action="append", help=f"{what}; may be given again (default: the demo model's)"
    )


def _milliseconds(text: str) -> int:
    return _whole(text, 0, "a whole number of milliseconds from 0")


def _number(text: str) -> int:
    return _whole(text, 0, "a whole number from 0")


def _positive(text: str) -> int:
    return _whole(text, 1, "a whole number from 1")


def _whole(text: str, least: int, what: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds
