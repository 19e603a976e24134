"""`fastctc spl`: the SPL toolkit as a directory or an archive."""

from __future__ import annotations

import argparse
import shlex

from fastctc.cli.messages import library_messages, say
from fastctc.installed.spl_toolkit import ARCHIVE_ENDINGS, write_spl_toolkit

__all__ = ["run"]


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; returns the exit status. Raises Error where the toolkit can't be made."""
    with library_messages(say):
        made = write_spl_toolkit(arguments.output, onnxruntime=arguments.onnxruntime)
    print(made)
    name = shlex.quote(str(made))
    if made.name.endswith(ARCHIVE_ENDINGS):
        say(f"next, where Streams is: tar -xzf {name} && spl-make-toolkit -i com.teracloud.streamsx.stt")
    else:
        say(f"next: spl-make-toolkit -i {name}")
    return 0
