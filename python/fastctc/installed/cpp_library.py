"""Where the C++ library, its headers and its CMake files are, which this package has for C++ and C programs.

And where the sources of the SPL toolkit are, which contains that library.
"""

from __future__ import annotations

import sys
from pathlib import Path

import fastctc
from fastctc.errors import Error

__all__ = ["find_operators_library", "get_cmake_dir", "get_include", "get_library_dir", "get_spl_toolkit"]


def get_include() -> str:
    """Directory of the headers, for `-I`: `#include <fastctc/recognizer.h>`, and `<fastctc/c_api.h>` for C.

    Raises:
        Error: this installation has none.
    """
    return str(_part("include/fastctc/c_api.h").parent.parent)


def get_library_dir() -> str:
    """Directory of the library, for `-L` and the run path; `pkgconfig` in it is for PKG_CONFIG_PATH.

    Raises:
        Error: this installation has none.
    """
    return str(_part("lib/pkgconfig/fastctc.pc").parent.parent)


def find_operators_library() -> str:
    """The library, for `register_custom_ops_library` of ONNX Runtime's session options; "" if there is none."""
    found = [path for root in fastctc.__path__ for path in Path(root, "lib").glob("libfastctc.*") if path.is_file()]
    return next((str(path) for path in found if path.suffix in (".so", ".dylib")), "")


def get_cmake_dir() -> str:
    """Directory of fastctcConfig.cmake: `cmake -Dfastctc_DIR=$(python -c 'import fastctc; print(...)')`.

    Raises:
        Error: this installation has none.
    """
    return str(_part("lib/cmake/fastctc/fastctcConfig.cmake").parent)


def get_spl_toolkit() -> str:
    """Directory of the SPL toolkit's sources, from which `write_spl_toolkit` makes the toolkit.

    Raises:
        Error: this installation has none.
    """
    if sys.platform != "linux":
        raise Error("The SPL toolkit is part of fastctc on Linux alone, where Streams runs: install fastctc there.")
    return str(_part("spl/com.teracloud.streamsx.stt/.fastctc-files").parent)


def _part(name: str) -> Path:
    # An editable installation has two package directories: the sources, and what CMake installed.
    for root in fastctc.__path__:
        path = Path(root) / name
        if path.is_file():
            return path
    raise Error(f"This installation has no {name}. Install fastctc again, from a wheel or from its sources.")
