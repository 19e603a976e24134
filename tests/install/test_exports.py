"""What the shared library exports is what is listed, and nothing else."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

import fastctc
from conftest import ROOT
from install.exports import cpp_names, exported

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="symbols of ELF")


@pytest.fixture(scope="module")
def symbols() -> list[str]:
    if shutil.which("nm") is None:
        pytest.skip("nm not found")
    return exported(Path(fastctc.get_library_dir()) / "libfastctc.so")


def test_c_functions_are_those_of_the_header(symbols: list[str]) -> None:
    names = {name for name in symbols if "::" not in name}
    header = (ROOT / "cpp" / "include" / "fastctc" / "c_api.h").read_text(encoding="utf-8")
    declared = set(re.findall(r"^FASTCTC_API [^;(]*?\b(fastctc_\w+)\(", header, flags=re.MULTILINE))
    assert len(declared) > 60
    assert names == declared | {"RegisterCustomOps"}  # ONNX Runtime's own name for it


def test_cpp_names_are_those_of_the_list(symbols: list[str]) -> None:
    """After a change of the API: `python tests/install/exports.py LIBRARY > tests/install/cpp_exports.txt`."""
    listed = set((ROOT / "tests" / "install" / "cpp_exports.txt").read_text(encoding="utf-8").splitlines())
    found = cpp_names(symbols)
    assert found == listed, f"new: {sorted(found - listed)}; gone: {sorted(listed - found)}"
    assert all(name.startswith("fastctc::") for name in listed)
