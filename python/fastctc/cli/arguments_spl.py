"""What `fastctc spl` accepts."""

from __future__ import annotations

import argparse
from typing import Any

__all__ = ["add_spl"]

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


def add_spl(commands: Any) -> argparse.ArgumentParser:
    """`fastctc spl OUTPUT`."""
    spl = commands.add_parser("spl", help="make the SPL toolkit for Streams", description=SPL, epilog=SPL_EPILOG)
    spl.add_argument("output", metavar="OUTPUT", help="directory or archive (.tgz) to be made")
    spl.add_argument(
        "--onnxruntime", metavar="FILE", help="ONNX Runtime's library (default: the installed onnxruntime's)"
    )
    return spl
