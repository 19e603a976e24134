"""What the command line accepts; the arguments of a command, parsed and checked together."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from fastctc.cli.arguments import installed, models, recordings
from fastctc.cli.arguments.values import STDIN

__all__ = ["STDIN", "parse"]

DESCRIPTION = "Speech to text on a CPU with NVIDIA NeMo FastConformer-CTC models, equal to NeMo's own results."

EPILOG = """\
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


def _build() -> tuple[_Parser, dict[str, _Parser]]:
    """The parser, and those of the commands by name."""
    top = _Parser(prog="fastctc", description=DESCRIPTION, epilog=EPILOG)
    top.add_argument("--version", action=_Version)
    commands = top.add_subparsers(dest="command", title="commands", metavar="COMMAND", required=True)
    for add in (
        recordings.add_transcribe,
        recordings.add_stream,
        recordings.add_listen,
        models.add_info,
        models.add_export,
        models.add_adopt,
        models.add_check,
        models.add_optimize,
        models.add_quantize,
        installed.add_lm,
        installed.add_models,
        recordings.add_align,
        recordings.add_plot,
        recordings.add_tune,
        installed.add_spl,
        installed.add_doctor,
        installed.add_cache,
    ):
        add(commands)
    return top, commands.choices


class _Formatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30)


class _Parser(argparse.ArgumentParser):
    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=_Formatter, **options)
