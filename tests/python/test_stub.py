"""The stub of the C++ module is what pybind11-stubgen generates from the module itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT


@pytest.mark.skipif(sys.version_info < (3, 11), reason="the stub is generated on one version of Python")
def test_the_stub_is_up_to_date(tmp_path: Path) -> None:
    pytest.importorskip("pybind11_stubgen")
    tool = ROOT / "tools" / "make_stub.py"
    subprocess.run([sys.executable, str(tool), str(tmp_path / "_core.pyi")], check=True, capture_output=True, text=True)
    generated = (tmp_path / "_core.pyi").read_text(encoding="utf-8")
    committed = (ROOT / "python" / "fastctc" / "_core.pyi").read_text(encoding="utf-8")
    assert generated == committed, "run: python tools/make_stub.py python/fastctc/_core.pyi"
