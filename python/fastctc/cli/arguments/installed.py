"""What the commands about what is on this machine accept: models, language models, the toolkit, the installation."""

from __future__ import annotations

from typing import Any

__all__ = ["add_cache", "add_doctor", "add_lm", "add_models", "add_spl"]

LM = """\
Makes fastctc's binary form of n-gram language models, which loads at once: it is mapped into memory. The scores are
those of the ARPA file, and KenLM's."""

LM_BUILD_EPILOG = """\
The file is complete or absent. KenLM's own binary files are not read: give the ARPA file that they were made of.

examples:
  fastctc lm build en.arpa.gz en.lm
  fastctc lm info en.lm"""

MODELS = """\
Models that can be named instead of a directory, as in --model NAME: what there is, and what is downloaded. A model is
downloaded when it is named and not here, never otherwise. Downloading needs the packages huggingface_hub and filelock:
pip install 'fastctc[hub]'."""

MODELS_EPILOG = """\
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

SPL = """\
Makes the SPL toolkit for Teracloud and IBM Streams out of this installation:
the sources of its operators, fastctc's headers and library, and ONNX Runtime's
library. Where it is used neither Python nor fastctc is needed. Linux only."""

SPL_EPILOG = """\
results:
  The toolkit is a directory com.teracloud.streamsx.stt: OUTPUT itself, if that
  is its name, else one in OUTPUT. A toolkit that is there is brought up to date:
  what Streams has generated in it stays, what the toolkit no longer has goes. A
  directory that fastctc hasn't written is refused. After an interruption run the
  command again. OUTPUT that ends in .tgz or .tar.gz is an archive of the same,
  replaced if it is there: unpack it where no older toolkit is. What was made is
  printed.

examples:
  fastctc spl toolkits
  spl-make-toolkit -i toolkits/com.teracloud.streamsx.stt
  fastctc spl stt.tgz --onnxruntime /opt/onnxruntime/lib/libonnxruntime.so.1"""

DOCTOR = """\
Checks the installation: versions, the processor's instruction set, the ONNX Runtime library found and how, its
providers, and a recording transcribed with the demo model. Exit status 1 if a check failed."""

CACHE = """\
Prints where optimized sessions of large models are kept, how many, and their size on disk. They are made again when
they are needed, and the longest unused go when they fill 16 GB. The place: the directory that FASTCTC_HOME names, else
the platform's for such files."""


def add_lm(commands: Any) -> None:
    """`fastctc lm ACTION`."""
    parser = commands.add_parser(
        "lm", help="build and describe language models", description=LM, epilog=LM_BUILD_EPILOG
    )
    actions = parser.add_subparsers(dest="action", title="actions", metavar="ACTION", required=True)
    build = actions.add_parser("build", help="make the binary form", description=LM, epilog=LM_BUILD_EPILOG)
    build.add_argument("input", metavar="IN", help="ARPA file, plain or gzip")
    build.add_argument("output", metavar="OUT", help="file to be made; replaced if it is there")
    build.add_argument("--quiet", action="store_true", help="no progress or summary on standard error")
    info = actions.add_parser(
        "info", help="print order and counts", description="Prints a model's order, counts and sizes."
    )
    info.add_argument("model", metavar="FILE", help="ARPA file, or the binary form")
    info.add_argument("--json", action="store_true", help="print one JSON object")


def add_models(commands: Any) -> None:
    """`fastctc models ACTION`."""
    parser = commands.add_parser("models", help="list and download models", description=MODELS, epilog=MODELS_EPILOG)
    actions = parser.add_subparsers(dest="action", title="actions", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="print the models that can be named", epilog=MODELS_EPILOG)
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


def add_spl(commands: Any) -> None:
    """`fastctc spl OUTPUT`."""
    parser = commands.add_parser("spl", help="make the SPL toolkit for Streams", description=SPL, epilog=SPL_EPILOG)
    parser.add_argument("output", metavar="OUTPUT", help="directory or archive (.tgz) to be made")
    parser.add_argument(
        "--onnxruntime", metavar="FILE", help="ONNX Runtime's library (default: the installed onnxruntime's)"
    )


def add_doctor(commands: Any) -> None:
    """`fastctc doctor`."""
    parser = commands.add_parser("doctor", help="check the installation", description=DOCTOR)
    parser.add_argument("--library", metavar="PATH", default="", help="ONNX Runtime library to check (default: found)")


def add_cache(commands: Any) -> None:
    """`fastctc cache`."""
    parser = commands.add_parser("cache", help="show or clear what is kept of large models", description=CACHE)
    parser.add_argument("--clear", action="store_true", help="remove it")
