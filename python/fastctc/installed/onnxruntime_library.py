"""Where the ONNX Runtime library is: one copy for the process, the user's."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
from pathlib import Path

__all__ = ["find_library"]

VARIABLE = "FASTCTC_ONNXRUNTIME"
# The shared library inside the wheels of onnxruntime, onnxruntime-gpu and onnxruntime-openvino (Linux since 1.19),
# and not the provider libraries beside it.
_LIBRARY_NAME = re.compile(r"libonnxruntime\.so(\.[0-9]+)*|libonnxruntime(\.[0-9]+)*\.dylib|onnxruntime\.dll")


def find_library(library: str | os.PathLike[str] = "") -> tuple[str, str]:
    """Path of the ONNX Runtime library and where it was found; onnxruntime itself is not imported.

    Order: the argument, the environment variable FASTCTC_ONNXRUNTIME, the installed onnxruntime wheel, and last the
    system's search, for which the path is empty.
    """
    named = os.fspath(library)
    if named:
        return named, "option library"
    named = os.environ.get(VARIABLE, "")
    if named:
        return named, f"environment variable {VARIABLE}"
    package = _wheel_directory()
    if package is None:
        return "", "system"
    files = sorted(path for path in package.iterdir() if _LIBRARY_NAME.fullmatch(path.name)) if package.is_dir() else []
    if files:
        return str(files[-1]), f"wheel onnxruntime {_wheel_version(package)}".rstrip()
    return "", f"system (the wheel onnxruntime {_wheel_version(package)} carries no library; 1.19 and later do)"


def _wheel_directory() -> Path | None:
    try:
        spec = importlib.util.find_spec("onnxruntime")  # a top-level name: finds without importing
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations))) / "capi"


def _wheel_version(package: Path) -> str:
    # The distribution that owns the files: onnxruntime, -gpu, -openvino, ... all install the same directory.
    for info in sorted(package.parent.parent.glob("onnxruntime*.dist-info")):
        name = info.name.removesuffix(".dist-info").rpartition("-")[0]
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return ""
