"""The public headers: every standard, nobody else's names."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import fastctc

NO_EXCEPTION = "enum Code { OTHER, NO_EXCEPTION };\n"
WARNINGS = ("-Wall", "-Wextra", "-Wshadow", "-Wundef", "-Werror", "-pedantic-errors", "-fsyntax-only")


def headers() -> list[Path]:
    found = sorted((Path(fastctc.get_include()) / "fastctc").glob("*.h"))
    assert len(found) > 20
    return found


def compile_text(driver: str, language: str, standard: str, text: str) -> None:
    if shutil.which(driver) is None:
        pytest.skip(f"{driver} not found")
    command = [driver, "-x", language, f"-std={standard}", *WARNINGS, "-I", fastctc.get_include(), "-"]
    result = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("driver", ["g++", "clang++"])
@pytest.mark.parametrize("standard", ["c++14", "c++17"])
def test_the_cpp_headers_compile_beside_names_of_streams(driver: str, standard: str) -> None:
    """SPL's own headers have an enumerator that old headers of ONNX Runtime define as a macro."""
    everything = "".join(f"#include <fastctc/{path.name}>\n" for path in headers())
    compile_text(driver, "c++", standard, everything + NO_EXCEPTION + everything)
    compile_text(driver, "c++", standard, NO_EXCEPTION + everything)
    compile_text(driver, "c++", standard, "#define NO_EXCEPTION\n" + everything)


def test_each_header_stands_alone() -> None:
    for path in headers():
        compile_text("g++", "c++", "c++14", f"#include <fastctc/{path.name}>\n")


@pytest.mark.parametrize(
    ("driver", "language", "standard"),
    [("gcc", "c", "c99"), ("gcc", "c", "c11"), ("clang", "c", "c99")]
    + [(driver, "c++", standard) for driver in ("g++", "clang++") for standard in ("c++98", "gnu++98", "c++11")],
)
def test_the_c_header_compiles_everywhere(driver: str, language: str, standard: str) -> None:
    include = "#include <fastctc/c_api.h>\n"
    compile_text(driver, language, standard, include + NO_EXCEPTION + include)
    compile_text(driver, language, standard, NO_EXCEPTION + include)


def test_no_header_knows_onnxruntime() -> None:
    for path in headers():
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\bOrt\w*|onnxruntime", text), path
        assert "NO_EXCEPTION" not in text, path
