"""What the commands that make and change models accept."""

from __future__ import annotations

from typing import Any

from fastctc.cli.arguments.shared import add_audio, add_model_options
from fastctc.cli.arguments.values import seconds, whole

__all__ = ["add_adopt", "add_check", "add_export", "add_info", "add_optimize", "add_quantize"]

INFO = """\
Prints every resolved property of a model and where its value came from: an option, the manifest fastctc.json, the
graph's metadata, or the names and shapes of the graph. Piped: one property a line, NAME<TAB>VALUE<TAB>SOURCE."""

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

OPTIMIZE = """\
Makes a model faster: reads its graphs, for recordings and for streams, writes others that compute the same with less
work, and runs both over audio before it uses them. It needs the package onnx: pip install 'fastctc[export]'."""

OPTIMIZE_EPILOG = """\
results:
  DIR gets NAME.optimized.onnx beside each graph NAME.onnx, one file of weights for all, and a manifest fastctc.json
  that names them; with OUTPUT a copy gets them and DIR stays as it is. The originals stay, and run everywhere else.
  A line a graph: NAME<TAB>FILE<TAB>NODES BEFORE<TAB>AFTER<TAB>MS BEFORE<TAB>AFTER<TAB>LARGEST DIFFERENCE of
  log-probs; a table on a terminal. The time is that of one step of a stream, or of 10 s of audio, on one thread.
  A graph that would differ by more than 1e-4 is refused, and nothing is changed.

examples:
  fastctc optimize exports/en
  fastctc optimize exports/en exports/en-fast --audio call.wav"""

QUANTIZE = """\
Makes a model small, and with int8 fast on CPUs that have VNNI or AMX: rounds the weights of its products, runs old and
new graphs over calibration audio, leaves in float what moves the log-probs most, and refuses a result whose words
change too much. Optimize the model first. It needs the package onnx: pip install 'fastctc[export]'."""

QUANTIZE_EPILOG = """\
kinds:
  int8        a scale for every column of weights; activations in steps of their row's range, or of the range that a
              layer normalisation gave them over the calibration audio. A quarter of the size. No row depends on
              another: a batch, a chunk and a stream give the same results.
  int8-block, int4-block
              a scale for every 128 or 32 weights: small; faster than float where few frames run at a time
  fp16        stored in half the size, widened when loaded

results:
  DIR gets NAME.KIND.onnx beside each graph, one file of weights for all, and a manifest that names them; with OUTPUT
  a new directory gets only these, the tokens and what else is no graph. A line a graph: NAME<TAB>FILE<TAB>PRODUCTS
  <TAB>LEFT IN FLOAT<TAB>MB BEFORE<TAB>AFTER<TAB>CPU MS PER SECOND OF AUDIO BEFORE<TAB>AFTER<TAB>LARGEST<TAB>MEAN
  DIFFERENCE of log-probs<TAB>WORDS CHANGED<TAB>WORDS<TAB>WORD ERROR RATE BEFORE<TAB>AFTER; a table on a terminal.

examples:
  fastctc quantize exports/en exports/en-int8 --list dev.tsv
  fastctc quantize exports/en --kind int4-block --audio call.wav --audio talk.wav"""


def add_info(commands: Any) -> None:
    """`fastctc info MODEL`."""
    parser = commands.add_parser("info", help="print a model's properties and their sources", description=INFO)
    parser.add_argument("model", metavar="MODEL", nargs="?", help="model directory or graph (default: the demo model)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_model_options(parser)


def add_export(commands: Any) -> None:
    """`fastctc export nemo MODEL OUT`."""
    parser = commands.add_parser(
        "export", help="make a model directory from a NeMo model", description=EXPORT, epilog=EXPORT_EPILOG
    )
    parser.add_argument("kind", metavar="nemo", choices=("nemo",), help="what the model is of: nemo")
    parser.add_argument("source", metavar="MODEL", help=".nemo file, or the name of a published model")
    parser.add_argument("output", metavar="OUT", help="directory to be made")
    parser.add_argument(
        "--latency-ms",
        type=whole(0, "a whole number of milliseconds"),
        metavar="N",
        help="look-ahead of the graph for recordings (default: the model's own default, its longest as a rule)",
    )
    parser.add_argument(
        "--max-audio",
        type=seconds,
        metavar="S",
        help="longest audio of one run, in seconds (default: what the model's position table holds, 400 s as a rule)",
    )
    add_audio(parser, "recording to check the graphs on, and to show the text of")
    parser.add_argument("--license", metavar="TEXT", help="licence of the model, for its card")
    parser.add_argument("--language", metavar="CODE", help="language of the model, for its card")
    parser.add_argument("--quiet", action="store_true", help="no progress or summary on standard error")


def add_adopt(commands: Any) -> None:
    """`fastctc adopt DIR`."""
    parser = commands.add_parser("adopt", help="describe an export of your own", description=ADOPT, epilog=ADOPT_EPILOG)
    parser.add_argument("model", metavar="DIR", help="model directory")
    add_audio(parser, "recording to check the model on")
    parser.add_argument("--preset", choices=("nemo", "nemo_legacy", "kaldi"), help="front end, where nothing tells")
    parser.add_argument("--blank-id", type=whole(0), metavar="N", help="id of the blank (default: found)")
    parser.add_argument("--subsampling", type=whole(1), metavar="N", help="input frames an output frame")
    parser.add_argument("--force", action="store_true", help="replace a fastctc.json that is there")
    add_model_options(parser)


def add_check(commands: Any) -> None:
    """`fastctc check DIR AUDIO...`."""
    parser = commands.add_parser(
        "check", help="compare a model with NeMo, stage by stage", description=CHECK, epilog=CHECK_EPILOG
    )
    parser.add_argument("model", metavar="DIR", help="model directory")
    parser.add_argument("files", metavar="AUDIO", nargs="+", help="recording")
    parser.add_argument("--nemo", metavar="MODEL", help="the .nemo file that the model was exported from")
    parser.add_argument("--features", metavar="FILE.npy", help="features of yours of the one recording")
    parser.add_argument("--log-probs", metavar="FILE.npy", help="log-probs of yours of the one recording")
    parser.add_argument("--picture", metavar="FILE.png", help="draw the first stage that differs (needs matplotlib)")
    add_model_options(parser)


def add_optimize(commands: Any) -> None:
    """`fastctc optimize DIR`."""
    parser = commands.add_parser("optimize", help="make a model faster", description=OPTIMIZE, epilog=OPTIMIZE_EPILOG)
    parser.add_argument("model", metavar="DIR", help="model directory")
    parser.add_argument("output", metavar="OUTPUT", nargs="?", help="directory to be made (default: DIR itself)")
    add_audio(parser, "recording to check the new graphs on")
    parser.add_argument(
        "--only",
        metavar="NAME",
        action="append",
        help="graph to optimize, as the manifest names it (offline, streaming_80ms, ...); may be given again",
    )
    add_model_options(parser)


def add_quantize(commands: Any) -> None:
    """`fastctc quantize DIR`."""
    parser = commands.add_parser("quantize", help="make a model small", description=QUANTIZE, epilog=QUANTIZE_EPILOG)
    parser.add_argument("model", metavar="DIR", help="model directory")
    parser.add_argument("output", metavar="OUTPUT", nargs="?", help="directory to be made (default: DIR itself)")
    parser.add_argument(
        "--kind", metavar="KIND", default="int8", help="int8, int8-block, int4-block or fp16 (default: int8)"
    )
    parser.add_argument(
        "--audio", metavar="FILE", action="append", default=[], help="calibration audio; may be given again"
    )
    parser.add_argument(
        "--list", metavar="LIST", help="calibration audio and what is said in it: RECORDING<TAB>TEXT a line"
    )
    parser.add_argument(
        "--max-wer-increase",
        type=float,
        metavar="PERCENT",
        default=0.5,
        help="by how much the word error rate may rise, absolute; with --audio, how many of the words may change "
        "(default: 0.5)",
    )
    parser.add_argument(
        "--max-drift",
        type=float,
        metavar="X",
        default=0.1,
        help="mean difference of log-probs beyond which products are left in float (default: 0.1)",
    )
    add_model_options(parser)
