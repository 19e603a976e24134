"""What the command line accepts."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from fastctc.cli.arguments_models import add_adopt, add_check, add_export
from fastctc.cli.arguments_spl import add_spl

__all__ = ["STDIN", "parse"]

STDIN = "-"

_DESCRIPTION = "Speech to text on a CPU with NVIDIA NeMo FastConformer-CTC models, equal to NeMo's own results."

_EPILOG = """\
examples:
  fastctc transcribe talk.wav
  fastctc transcribe *.flac --model exports/en --output-dir transcripts
  fastctc transcribe call.wav --split-channels
  arecord -t raw -f S16_LE -r 16000 | fastctc stream -
  fastctc listen
  fastctc export nemo stt_en.nemo exports/en
  fastctc optimize exports/en
  fastctc models list
  fastctc quantize exports/en exports/en-int8 --audio call.wav
  fastctc lm build en.arpa.gz en.lm
  fastctc align talk.wav "what is said in it"
  fastctc plot talk.wav -o talk.svg
  fastctc spl toolkits
  fastctc doctor

fastctc COMMAND --help tells more about a command."""

_TRANSCRIBE = """\
Prints what was said in recordings (WAV, FLAC, OGG, Opus, MP3; any sample rate)."""

_TRANSCRIBE_EPILOG = """\
results:
  One file: its text. Several files: one line each, FILE<TAB>TEXT, in the order of the arguments, each as soon as
  those before it are done. json: one object a line, with the key "file"; times in seconds. With --output-dir nothing
  is printed: each file's result is written to DIR/NAME.txt (.json, .srt, .vtt). A result is complete or absent; results
  that are there already are skipped, so an interrupted run goes on when the same command runs again.
  With --split-channels the result is a conversation: a line [00:01.2] CHANNEL: TEXT whenever a channel speaks after a
  pause, in order of time; srt and vtt name the channel in each cue. The text of several files follows a line "# FILE".

exit status:
  0 all done; 1 some files failed (each is named, the rest is done) or the model or output can't be used; 2 usage;
  130 interrupted.

examples:
  fastctc transcribe talk.wav
  fastctc transcribe talk.wav --format srt > talk.srt
  fastctc transcribe calls/*.wav --model exports/en --format json --output-dir transcripts
  fastctc transcribe call.wav --channel 0
  fastctc transcribe call.wav --split-channels --channel-names agent,caller
  fastctc transcribe talk.wav --latency-ms 80
  ffmpeg -i film.mkv -f wav - | fastctc transcribe -"""

_STREAM = """\
Recognises raw audio while it comes through a pipe. On a terminal the sentence in progress is shown in place, what may
still change of it dimmed; each sentence that is complete is a line of standard output, written at once."""

_STREAM_EPILOG = """\
results:
  A line a segment: a segment ends after 1.2 s of silence, or after 20 s. With several channels its channel stands
  before it. --json: one object a line, times in seconds from the start of the stream.

exit status:
  0 the audio ended; 1 the audio, the model or the output can't be used; 2 usage; 130 interrupted (143 by SIGTERM);
  141 nobody reads the results. Whatever the end, what was recognised up to it is printed.

examples:
  ffmpeg -i http://radio -f s16le -ac 1 -ar 16000 - | fastctc stream -
  nc -l 9000 | fastctc stream --format mulaw --latency-ms 480 --json -
  fastctc stream --channels 2 --channel-names agent,caller --rate 8000 --timestamps - < call.raw"""

_LISTEN = """\
Recognises what the microphone hears, as fastctc stream does; Ctrl-C ends it. It needs the package sounddevice:
pip install 'fastctc[listen]'."""

_INFO = """\
Prints every resolved property of a model and where its value came from: an option, the manifest fastctc.json, the
graph's metadata, or the names and shapes of the graph. Piped: one property a line, NAME<TAB>VALUE<TAB>SOURCE."""

_OPTIMIZE = """\
Makes a model faster: reads its graphs, for recordings and for streams, writes others that compute the same with less
work, and runs both over audio before it uses them. It needs the package onnx: pip install 'fastctc[export]'."""

_OPTIMIZE_EPILOG = """\
results:
  DIR gets NAME.optimized.onnx beside each graph NAME.onnx, one file of weights for all, and a manifest fastctc.json
  that names them; with OUTPUT a copy gets them and DIR stays as it is. The originals stay, and run everywhere else.
  A line a graph: NAME<TAB>FILE<TAB>NODES BEFORE<TAB>AFTER<TAB>MS BEFORE<TAB>AFTER<TAB>LARGEST DIFFERENCE of
  log-probs; a table on a terminal. The time is that of one step of a stream, or of 10 s of audio, on one thread.
  A graph that would differ by more than 1e-4 is refused, and nothing is changed.

examples:
  fastctc optimize exports/en
  fastctc optimize exports/en exports/en-fast --audio call.wav"""

_QUANTIZE = """\
Makes a model small, and with int8 fast on CPUs that have VNNI or AMX: rounds the weights of its products, runs old and
new graphs over calibration audio, leaves in float what moves the log-probs most, and refuses a result whose words
change too much. Optimize the model first. It needs the package onnx: pip install 'fastctc[export]'."""

_QUANTIZE_EPILOG = """\
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

_LM = """\
Makes fastctc's binary form of n-gram language models, which loads at once: it is mapped into memory. The scores are
those of the ARPA file, and KenLM's."""

_LM_BUILD_EPILOG = """\
The file is complete or absent. KenLM's own binary files are not read: give the ARPA file that they were made of.

examples:
  fastctc lm build en.arpa.gz en.lm
  fastctc lm info en.lm"""

_MODELS = """\
Models that can be named instead of a directory, as in --model NAME: what there is, and what is downloaded. A model is
downloaded when it is named and not here, never otherwise. Downloading needs the packages huggingface_hub and filelock:
pip install 'fastctc[hub]'."""

_MODELS_EPILOG = """\
results:
  list: a line a model, NAME<TAB>STATE<TAB>SIZE<TAB>LANGUAGES<TAB>LOOK-AHEADS<TAB>LICENCE<TAB>TITLE; a table on a
  terminal. download, path: the model's directory. A download that was cut goes on when the command runs again.

environment:
  FASTCTC_HOME (the cache's directory), FASTCTC_OFFLINE=1, FASTCTC_CATALOG (another catalogue), HF_ENDPOINT, HF_TOKEN,
  HTTPS_PROXY, NO_PROXY.

examples:
  fastctc models list
  fastctc models download nemo-parakeet-ctc-0.6b-int8
  fastctc transcribe --model nemo-parakeet-ctc-0.6b-int8 talk.wav"""

_CACHE = """\
Prints where optimized sessions of large models are kept, how many, and their size on disk. They are made again when
they are needed, and the longest unused go when they fill 16 GB. The place: the directory that FASTCTC_HOME names, else
the platform's for such files."""

_DOCTOR = """\
Checks the installation: versions, the processor's instruction set, the ONNX Runtime library found and how, its
providers, and a recording transcribed with the demo model. Exit status 1 if a check failed."""


_FORMATS = ("text", "json", "srt", "vtt", "ctm", "tsv", "textgrid")

_ALIGN = """\
Finds when each word of a text is said in a recording: the most likely alignment of the text to the model's
log-probs."""


_PLOT = """\
Draws words, waveform, log-mel and token posteriors of a recording over one time axis, ready for a paper. It needs the
package matplotlib: pip install 'fastctc[plot]'."""

_PLOT_EPILOG = """\
results:
  One picture, by the end of its name PNG, SVG or PDF; it is complete or absent. A part from --start to --end is
  recognised as a recording of its own. In SVG and PDF text stays text.

examples:
  fastctc plot talk.wav -o talk.svg --start 12 --end 16
  fastctc plot talk.wav -o talk.png --text "what is said in it" --dpi 600"""

_TUNE = """\
Decodes recordings whose texts are known with every pair of weights, or with random ones, and tells which makes the
fewest word errors."""

_TUNE_EPILOG = """\
results:
  A line a pair: LM WEIGHT<TAB>WORD BONUS<TAB>EDITS<TAB>WORDS<TAB>WORD ERROR RATE; a table on a terminal, best first.

examples:
  fastctc tune dev.tsv --model exports/en --lm en.lm
  fastctc tune dev.tsv --lm en.lm --lm-weights 0.3,0.4,0.5 --word-bonuses 0,1 --beam 64
  fastctc tune dev.tsv --lm en.lm --lm-weights 0.2,1.2 --word-bonuses=-1,2 --random 30 --seed 7"""


class _Version(argparse.Action):
    """Looks the version up only when asked: `importlib.metadata` is slow to load."""

    def __init__(self, option_strings: Sequence[str], dest: str, **_: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, help="print the version and exit")

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        from fastctc.cli.doctor import installed_version

        print(f"fastctc {installed_version()}")
        parser.exit(0)


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The arguments of a command; `command` names it. Raises SystemExit as argparse does, 2 on wrong usage."""
    top, commands = _build()
    if not argv:
        top.print_help(sys.stderr)
        raise SystemExit(2)
    command = commands.get(argv[0])
    if command is None:
        return top.parse_args(argv)
    # Options may stand between files, which argparse allows only without subcommands; and all after "--" is a file,
    # which its releases treat differently when intermixed.
    arguments = list(argv[1:])
    literal: list[str] = []
    if "--" in arguments:
        at = arguments.index("--")
        arguments, literal = arguments[:at], arguments[at + 1 :]
    if argv[0] != "transcribe":
        namespace = command.parse_args([*arguments, *literal], argparse.Namespace(command=argv[0]))
        if argv[0] == "stream" and len(namespace.channel_names or ()) not in (0, namespace.channels):
            command.error(f"--channel-names must name {namespace.channels} channels, as --channels says")
        if argv[0] in ("stream", "listen") and namespace.partials and not namespace.json:
            command.error("--partials adds partial results to --json: give that too")
        if argv[0] == "check" and (namespace.features or namespace.log_probs) and len(namespace.files) > 1:
            command.error("--features and --log-probs are of one recording: give one")
        return namespace
    if literal:
        next(action for action in command._actions if action.dest == "files").nargs = "*"
    namespace = command.parse_intermixed_args(arguments, argparse.Namespace(command=argv[0]))
    namespace.files = [*(getattr(namespace, "files", None) or []), *literal]
    if namespace.files.count(STDIN) > 1:
        command.error("standard input (-) can be given once only")
    if namespace.format not in ("text", "json", "ctm") and len(namespace.files) > 1 and namespace.output_dir is None:
        command.error(
            f"results of several files as {namespace.format} can't share one output: give --output-dir DIR with it"
        )
    if namespace.split_channels and namespace.channel != "mean":
        command.error("--split-channels transcribes every channel, --channel N one: give one of them")
    if namespace.channel_names and not namespace.split_channels:
        command.error("--channel-names names the channels of --split-channels: give that too")
    if namespace.force and namespace.output_dir is None:
        command.error("--force redoes results in a directory: it needs --output-dir DIR")
    return namespace


def _build() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    top = _Parser(prog="fastctc", description=_DESCRIPTION, epilog=_EPILOG)
    top.add_argument("--version", action=_Version)
    commands = top.add_subparsers(
        dest="command", title="commands", metavar="COMMAND", required=True, parser_class=_Parser
    )
    transcribe = commands.add_parser(
        "transcribe", help="print what was said in recordings", description=_TRANSCRIBE, epilog=_TRANSCRIBE_EPILOG
    )
    _add_transcribe(transcribe)
    stream = commands.add_parser(
        "stream", help="recognise raw audio as it comes", description=_STREAM, epilog=_STREAM_EPILOG
    )
    _add_stream(stream)
    listen = commands.add_parser("listen", help="recognise what the microphone hears", description=_LISTEN)
    _add_listen(listen)
    info = commands.add_parser("info", help="print a model's properties and their sources", description=_INFO)
    info.add_argument("model", metavar="MODEL", nargs="?", help="model directory or graph (default: the demo model)")
    info.add_argument("--json", action="store_true", help="print one JSON object")
    _add_model_options(info)
    export = add_export(commands)
    adopt = add_adopt(commands, _add_model_options)
    check = add_check(commands, _add_model_options)
    optimize = commands.add_parser(
        "optimize", help="make a model faster", description=_OPTIMIZE, epilog=_OPTIMIZE_EPILOG
    )
    optimize.add_argument("model", metavar="DIR", help="model directory")
    optimize.add_argument("output", metavar="OUTPUT", nargs="?", help="directory to be made (default: DIR itself)")
    optimize.add_argument(
        "--audio",
        metavar="FILE",
        action="append",
        help="recording to check the new graphs on; may be given again (default: the demo model's)",
    )
    optimize.add_argument(
        "--only",
        metavar="NAME",
        action="append",
        help="graph to optimize, as the manifest names it (offline, streaming_80ms, ...); may be given again",
    )
    _add_model_options(optimize)
    quantize = commands.add_parser(
        "quantize", help="make a model small", description=_QUANTIZE, epilog=_QUANTIZE_EPILOG
    )
    _add_quantize(quantize)
    lm = commands.add_parser("lm", help="build and describe language models", description=_LM, epilog=_LM_BUILD_EPILOG)
    _add_lm(lm)
    models = commands.add_parser("models", help="list and download models", description=_MODELS, epilog=_MODELS_EPILOG)
    _add_models(models)
    align = commands.add_parser("align", help="find when a known text is said", description=_ALIGN)
    align.add_argument("audio", metavar="AUDIO", help="recording")
    align.add_argument("text", metavar="TEXT", help="what is said in it, or a file that holds it")
    align.add_argument("--model", metavar="DIR", help="model directory or graph (default: the demo model)")
    align.add_argument("--format", choices=_FORMATS, default="tsv", help="default: tsv")
    _add_model_options(align)
    plot = commands.add_parser(
        "plot", help="draw a recording and what was heard in it", description=_PLOT, epilog=_PLOT_EPILOG
    )
    _add_plot(plot)
    tune = commands.add_parser("tune", help="find the weights of beam search", description=_TUNE, epilog=_TUNE_EPILOG)
    tune.add_argument("list", metavar="LIST", help="recordings and what is said in them: RECORDING<TAB>TEXT a line")
    tune.add_argument("--model", metavar="DIR", help="model directory or graph (default: the demo model)")
    tune.add_argument(
        "--lm-weights", type=_numbers, metavar="X,X", default=(0.0, 0.25, 0.5, 0.75, 1.0, 1.5), help="to be tried"
    )
    tune.add_argument("--word-bonuses", type=_numbers, metavar="X,X", default=(0.0, 0.5, 1.0, 2.0), help="to be tried")
    tune.add_argument(
        "--random", type=_beam, metavar="N", help="try N pairs drawn from between the least and greatest of them"
    )
    tune.add_argument("--seed", type=_seed, metavar="N", default=0, help="of what is drawn (default: 0)")
    _add_decoder(tune)
    _add_model_options(tune)
    spl = add_spl(commands)
    doctor = commands.add_parser("doctor", help="check the installation", description=_DOCTOR)
    doctor.add_argument("--library", metavar="PATH", default="", help="ONNX Runtime library to check (default: found)")
    cache = commands.add_parser("cache", help="show or clear what is kept of large models", description=_CACHE)
    cache.add_argument("--clear", action="store_true", help="remove it")
    return top, {
        "transcribe": transcribe,
        "stream": stream,
        "listen": listen,
        "info": info,
        "export": export,
        "adopt": adopt,
        "check": check,
        "optimize": optimize,
        "quantize": quantize,
        "align": align,
        "plot": plot,
        "tune": tune,
        "lm": lm,
        "models": models,
        "spl": spl,
        "doctor": doctor,
        "cache": cache,
    }


class _Formatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30)


class _Parser(argparse.ArgumentParser):
    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=_Formatter, **options)


def _add_transcribe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", metavar="FILE", nargs="+", help="recording; - is standard input")
    parser.add_argument(
        "--model",
        metavar="DIR|NAME",
        help="model directory (an ONNX graph and its tokens), graph, or name (fastctc models; default: the demo model)",
    )
    parser.add_argument("--format", choices=_FORMATS, default="text", help="default: text")
    parser.add_argument("--output-dir", metavar="DIR", help="write each result to a file in DIR; resumes there")
    parser.add_argument("--force", action="store_true", help="with --output-dir: redo results that are there already")
    parser.add_argument(
        "--channel",
        type=_channel,
        default="mean",
        metavar="N|mean",
        help="channel, from 0, or the mean (default: mean)",
    )
    parser.add_argument(
        "--split-channels", action="store_true", help="transcribe each channel on its own, as one conversation"
    )
    _add_channel_names(parser)
    parser.add_argument(
        "--latency-ms",
        type=_latency,
        metavar="N",
        help="recognise as a live stream with this look-ahead would (0, 80, 480, 1040: what the model has)",
    )
    _add_vad(parser)
    _add_decoder(parser)
    parser.add_argument(
        "--threads", type=_threads, metavar="N", help="threads to compute with (default: the processors available)"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress, notices or summary on standard error")
    _add_model_options(parser)


def _add_stream(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source", metavar="-", nargs="?", default=STDIN, help="standard input (default), or a file or named pipe"
    )
    parser.add_argument(
        "--rate",
        type=_rate,
        metavar="N",
        help="sample rate in Hz (default: 8000 of mulaw and alaw, else the model's)",
    )
    parser.add_argument(
        "--format",
        choices=("s16le", "f32le", "mulaw", "alaw"),
        default="s16le",
        help="samples: 16-bit or float little-endian, or the telephone's 8 bits (default: s16le)",
    )
    parser.add_argument(
        "--channels",
        type=_channels,
        default=1,
        metavar="N",
        help="interleaved channels, each a stream of its own (default: 1)",
    )
    _add_channel_names(parser)
    _add_live(parser)


def _add_listen(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", metavar="N|NAME", help="number, or a part of the name, of the input device")
    parser.add_argument("--list-devices", action="store_true", help="print the input devices and exit")
    _add_live(parser)


def _add_live(parser: argparse.ArgumentParser) -> None:
    """What `stream` and `listen` have in common."""
    parser.add_argument(
        "--model",
        metavar="DIR",
        help="model directory with a cache-aware graph and its tokens, or the graph (default: the demo model)",
    )
    parser.add_argument(
        "--latency-ms",
        type=_latency,
        metavar="N",
        help="look-ahead: 0, 80, 480, 1040, what the model has; more is more exact (default: the longest)",
    )
    _add_vad(parser)
    _add_decoder(parser)
    parser.add_argument("--timestamps", action="store_true", help="put the time before each line")
    parser.add_argument("--json", action="store_true", help="print JSON lines")
    parser.add_argument("--partials", action="store_true", help="with --json: print partial results too")
    parser.add_argument("--threads", type=_threads, metavar="N", default=1, help="threads to compute with (default: 1)")
    parser.add_argument("--quiet", action="store_true", help="no notices on standard error")
    _add_model_options(parser)


def _add_lm(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(
        dest="action", title="actions", metavar="ACTION", required=True, parser_class=_Parser
    )
    build = actions.add_parser("build", help="make the binary form", description=_LM, epilog=_LM_BUILD_EPILOG)
    build.add_argument("input", metavar="IN", help="ARPA file, plain or gzip")
    build.add_argument("output", metavar="OUT", help="file to be made; replaced if it is there")
    build.add_argument("--quiet", action="store_true", help="no progress or summary on standard error")
    info = actions.add_parser(
        "info", help="print order and counts", description="Prints a model's order, counts and sizes."
    )
    info.add_argument("model", metavar="FILE", help="ARPA file, or the binary form")
    info.add_argument("--json", action="store_true", help="print one JSON object")


def _add_models(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(
        dest="action", title="actions", metavar="ACTION", required=True, parser_class=_Parser
    )
    listing = actions.add_parser("list", help="print the models that can be named", epilog=_MODELS_EPILOG)
    listing.add_argument("--json", action="store_true", help="print one JSON object a line, with all that is known")
    download = actions.add_parser("download", help="fetch models that are not here")
    download.add_argument("names", metavar="NAME", nargs="+", help="name of the catalogue")
    download.add_argument("--quiet", action="store_true", help="no progress or notices on standard error")
    path = actions.add_parser("path", help="print a downloaded model's directory")
    path.add_argument("name", metavar="NAME", help="name of the catalogue")
    remove = actions.add_parser("remove", help="delete downloaded models")
    remove.add_argument("names", metavar="NAME", nargs="+", help="name of the catalogue")
    remove.add_argument(
        "--forget", action="store_true", help="accept other files at the next download than those of the first"
    )


def _add_plot(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("audio", metavar="AUDIO", help="recording")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        required=True,
        help="picture to be made: a name that ends in .png, .svg or .pdf",
    )
    parser.add_argument("--model", metavar="DIR", help="model directory or graph (default: the demo model)")
    parser.add_argument(
        "--channel",
        type=_channel,
        default="mean",
        metavar="N|mean",
        help="channel, from 0, or the mean (default: mean)",
    )
    parser.add_argument("--start", type=float, default=0.0, metavar="S", help="second that it starts with (default: 0)")
    parser.add_argument(
        "--end", type=float, metavar="S", help="second that it ends with (default: the recording's end)"
    )
    parser.add_argument(
        "--text", metavar="TEXT", help="what is said there, or a file that holds it: its words are aligned, not found"
    )
    parser.add_argument("--dpi", type=_dpi, default=300, metavar="N", help="dots an inch, of images (default: 300)")
    parser.add_argument("--width", type=float, metavar="IN", help="inches (default: 7.2; longer recordings wider)")
    _add_decoder(parser)
    _add_model_options(parser)


def _add_channel_names(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--channel-names",
        type=_names,
        metavar="A,B",
        help="names of the channels, as agent,caller (default: channel 0, channel 1)",
    )


def _add_vad(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--vad",
        metavar="energy|FILE.onnx",
        help="recognise speech only: found by its level above the noise, or by Silero's model in FILE.onnx",
    )


def _add_decoder(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("beam search, which any of these asks for")
    group.add_argument("--beam", type=_beam, metavar="N", help="prefixes kept (default: 16)")
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
    group.add_argument("--alternatives", type=_beam, metavar="N", help="with json: the N best readings")


def _add_quantize(parser: argparse.ArgumentParser) -> None:
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
    _add_model_options(parser)


def _add_model_options(parser: argparse.ArgumentParser) -> None:
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


def _channel(text: str) -> int | str:
    if text == "mean":
        return text
    return _whole_number(text, 0, "a channel's number from 0, or mean")


def _threads(text: str) -> int:
    return _whole_number(text, 1, "a whole number from 1")


def _beam(text: str) -> int:
    return _whole_number(text, 1, "a whole number from 1")


def _dpi(text: str) -> int:
    return _whole_number(text, 1, "a whole number of dots an inch from 1")


def _seed(text: str) -> int:
    return _whole_number(text, 0, "a whole number from 0")


def _latency(text: str) -> int:
    return _whole_number(text, 0, "a whole number of milliseconds from 0")


def _rate(text: str) -> int:
    return _whole_number(text, 1000, "a whole number of Hz from 1000")


def _channels(text: str) -> int:
    return _whole_number(text, 1, "a number of channels from 1")


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(number) for number in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of numbers, as 0.5,1") from None


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of names, as agent,caller")
    return names


def _whole_number(text: str, least: int, what: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) < least:
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
    return int(text)
