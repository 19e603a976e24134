"""What the commands that recognise recordings accept."""

from __future__ import annotations

import argparse
from typing import Any

from fastctc.cli.arguments.shared import (
    FORMATS,
    add_channel,
    add_channel_names,
    add_decoder,
    add_model,
    add_model_options,
    add_vad,
)
from fastctc.cli.arguments.values import STDIN, numbers, whole

__all__ = ["add_align", "add_listen", "add_plot", "add_stream", "add_transcribe", "add_tune"]

MILLISECONDS = "a whole number of milliseconds"

TRANSCRIBE = """\
Prints what was said in recordings (WAV, FLAC, OGG, Opus, MP3; any sample rate)."""

TRANSCRIBE_EPILOG = """\
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

STREAM = """\
Recognises raw audio while it comes through a pipe. On a terminal the sentence in progress is shown in place, what may
still change of it dimmed; each sentence that is complete is a line of standard output, written at once."""

STREAM_EPILOG = """\
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

LISTEN = """\
Recognises what the microphone hears, as fastctc stream does; Ctrl-C ends it. It needs the package sounddevice:
pip install 'fastctc[listen]'."""

ALIGN = """\
Finds when each word of a text is said in a recording: the most likely alignment of the text to the model's
log-probs."""

PLOT = """\
Draws words, waveform, log-mel and token posteriors of a recording over one time axis, ready for a paper. It needs the
package matplotlib: pip install 'fastctc[plot]'."""

PLOT_EPILOG = """\
results:
  One picture, by the end of its name PNG, SVG or PDF; it is complete or absent. A part from --start to --end is
  recognised as a recording of its own. In SVG and PDF text stays text.

examples:
  fastctc plot talk.wav -o talk.svg --start 12 --end 16
  fastctc plot talk.wav -o talk.png --text "what is said in it" --dpi 600"""

TUNE = """\
Decodes recordings whose texts are known with every pair of weights, or with random ones, and tells which makes the
fewest word errors."""

TUNE_EPILOG = """\
results:
  A line a pair: LM WEIGHT<TAB>WORD BONUS<TAB>EDITS<TAB>WORDS<TAB>WORD ERROR RATE; a table on a terminal, best first.

examples:
  fastctc tune dev.tsv --model exports/en --lm en.lm
  fastctc tune dev.tsv --lm en.lm --lm-weights 0.3,0.4,0.5 --word-bonuses 0,1 --beam 64
  fastctc tune dev.tsv --lm en.lm --lm-weights 0.2,1.2 --word-bonuses=-1,2 --random 30 --seed 7"""


def add_transcribe(commands: Any) -> None:
    """`fastctc transcribe FILE...`."""
    parser = commands.add_parser(
        "transcribe", help="print what was said in recordings", description=TRANSCRIBE, epilog=TRANSCRIBE_EPILOG
    )
    parser.add_argument("files", metavar="FILE", nargs="+", help="recording; - is standard input")
    parser.add_argument(
        "--model",
        metavar="DIR|NAME",
        help="model directory (an ONNX graph and its tokens), graph, or name (fastctc models; default: the demo model)",
    )
    parser.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    parser.add_argument("--output-dir", metavar="DIR", help="write each result to a file in DIR; resumes there")
    parser.add_argument("--force", action="store_true", help="with --output-dir: redo results that are there already")
    add_channel(parser)
    parser.add_argument(
        "--split-channels", action="store_true", help="transcribe each channel on its own, as one conversation"
    )
    add_channel_names(parser)
    parser.add_argument(
        "--latency-ms",
        type=whole(0, MILLISECONDS),
        metavar="N",
        help="recognise as a live stream with this look-ahead would (0, 80, 480, 1040: what the model has)",
    )
    add_vad(parser)
    add_decoder(parser)
    parser.add_argument(
        "--threads", type=whole(1), metavar="N", help="threads to compute with (default: the processors available)"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress, notices or summary on standard error")
    add_model_options(parser)


def add_stream(commands: Any) -> None:
    """`fastctc stream -`."""
    parser = commands.add_parser(
        "stream", help="recognise raw audio as it comes", description=STREAM, epilog=STREAM_EPILOG
    )
    parser.add_argument(
        "source", metavar="-", nargs="?", default=STDIN, help="standard input (default), or a file or named pipe"
    )
    parser.add_argument(
        "--rate",
        type=whole(1000, "a whole number of Hz"),
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
        type=whole(1, "a number of channels"),
        default=1,
        metavar="N",
        help="interleaved channels, each a stream of its own (default: 1)",
    )
    add_channel_names(parser)
    _add_live(parser)


def add_listen(commands: Any) -> None:
    """`fastctc listen`."""
    parser = commands.add_parser("listen", help="recognise what the microphone hears", description=LISTEN)
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
        type=whole(0, MILLISECONDS),
        metavar="N",
        help="look-ahead: 0, 80, 480, 1040, what the model has; more is more exact (default: the longest)",
    )
    add_vad(parser)
    add_decoder(parser)
    parser.add_argument("--timestamps", action="store_true", help="put the time before each line")
    parser.add_argument("--json", action="store_true", help="print JSON lines")
    parser.add_argument("--partials", action="store_true", help="with --json: print partial results too")
    parser.add_argument("--threads", type=whole(1), metavar="N", default=1, help="threads to compute with (default: 1)")
    parser.add_argument("--quiet", action="store_true", help="no notices on standard error")
    add_model_options(parser)


def add_align(commands: Any) -> None:
    """`fastctc align AUDIO TEXT`."""
    parser = commands.add_parser("align", help="find when a known text is said", description=ALIGN)
    parser.add_argument("audio", metavar="AUDIO", help="recording")
    parser.add_argument("text", metavar="TEXT", help="what is said in it, or a file that holds it")
    add_model(parser)
    parser.add_argument("--format", choices=FORMATS, default="tsv", help="default: tsv")
    add_model_options(parser)


def add_plot(commands: Any) -> None:
    """`fastctc plot AUDIO -o FILE`."""
    parser = commands.add_parser(
        "plot", help="draw a recording and what was heard in it", description=PLOT, epilog=PLOT_EPILOG
    )
    parser.add_argument("audio", metavar="AUDIO", help="recording")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        required=True,
        help="picture to be made: a name that ends in .png, .svg or .pdf",
    )
    add_model(parser)
    add_channel(parser)
    parser.add_argument("--start", type=float, default=0.0, metavar="S", help="second that it starts with (default: 0)")
    parser.add_argument(
        "--end", type=float, metavar="S", help="second that it ends with (default: the recording's end)"
    )
    parser.add_argument(
        "--text", metavar="TEXT", help="what is said there, or a file that holds it: its words are aligned, not found"
    )
    parser.add_argument(
        "--dpi",
        type=whole(1, "a whole number of dots an inch"),
        default=300,
        metavar="N",
        help="dots an inch, of images (default: 300)",
    )
    parser.add_argument("--width", type=float, metavar="IN", help="inches (default: 7.2; longer recordings wider)")
    add_decoder(parser)
    add_model_options(parser)


def add_tune(commands: Any) -> None:
    """`fastctc tune LIST`."""
    parser = commands.add_parser("tune", help="find the weights of beam search", description=TUNE, epilog=TUNE_EPILOG)
    parser.add_argument("list", metavar="LIST", help="recordings and what is said in them: RECORDING<TAB>TEXT a line")
    add_model(parser)
    parser.add_argument(
        "--lm-weights", type=numbers, metavar="X,X", default=(0.0, 0.25, 0.5, 0.75, 1.0, 1.5), help="to be tried"
    )
    parser.add_argument("--word-bonuses", type=numbers, metavar="X,X", default=(0.0, 0.5, 1.0, 2.0), help="to be tried")
    parser.add_argument(
        "--random", type=whole(1), metavar="N", help="try N pairs drawn from between the least and greatest of them"
    )
    parser.add_argument("--seed", type=whole(0), metavar="N", default=0, help="of what is drawn (default: 0)")
    add_decoder(parser)
    add_model_options(parser)
