"""Who may know whom (ARCHITECTURE.md): the includes of the C++ core and the imports of the package."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from conftest import ROOT

SOURCES = ROOT / "cpp" / "src"
PACKAGE = ROOT / "python" / "fastctc"
STAGES = ("alignment", "audio", "frontend", "acoustic", "decoding", "text", "vad")
SHARED_HEADERS = {"types.h", "options.h", "error.h", "export.h", "log.h", "version.h"}
OWN_HEADERS = {
    "audio": {"audio.h", "sample_reader.h"},
    "frontend": {"frontend.h"},
    "acoustic": {"acoustic_model.h", "session_cache.h", "streaming_model.h"},
    "alignment": {"aligner.h", "confidence.h", "decoder.h", "text_aligner.h", "vocabulary.h"},
    "decoding": {"confidence.h", "decoder.h", "endpoint.h", "hot_words.h", "language_model.h", "lexicon.h"}
    | {"aligner.h", "vocabulary.h"},  # the aligner gives beam search its times
    "text": {"vocabulary.h"},
    "vad": set(),
}
COMMON_SOURCES = {
    "case_folding.h",
    "case_folding.inc",
    "external_data.h",
    "options_text.h",
    "log_message.h",
    "mapped_file.h",
    "onnx_fields.h",
    "processor.h",
    "protobuf.h",
    "utf8.h",
    "frame_scorer.h",
    "shared_library.h",
}


def includes(path: Path) -> list[str]:
    return re.findall(r'^\s*#\s*include\s*["<]([^">]+)[">]', path.read_text(encoding="utf-8"), flags=re.MULTILINE)


def cpp_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in (".h", ".cpp", ".inc"))


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_includes_no_sibling(stage: str) -> None:
    files = cpp_files(SOURCES / stage)
    assert files
    for path in files:
        for name in includes(path):
            if name.startswith("fastctc/"):
                header = name.removeprefix("fastctc/")
                assert header in SHARED_HEADERS | OWN_HEADERS[stage], f"{path.name} includes {name}"
            elif "/" in name and name.split("/")[0] in STAGES:
                assert name.split("/")[0] == stage, f"{path.name} includes {name}"
            elif (SOURCES / name).exists():
                assert name in COMMON_SOURCES, f"{path.name} includes {name}"


def test_long_recordings_are_driven_through_public_headers() -> None:
    """`longform/` stands above the stages, beside recognizer.cpp, which picks recordings for it."""
    for path in cpp_files(SOURCES / "longform"):
        private = [name for name in includes(path) if "/" in name and not name.startswith(("fastctc/", "longform/"))]
        assert set(private) <= {"frontend/normalize.h"}, f"{path.name} includes {private}"
    for path in cpp_files(SOURCES):
        if path.parent.name != "longform" and any(name.startswith("longform/") for name in includes(path)):
            assert path.name in ("long_form.cpp", "recognizer.cpp"), path


def test_only_the_acoustic_stage_includes_onnxruntime() -> None:
    for path in cpp_files(ROOT / "cpp"):
        found = [name for name in includes(path) if "onnxruntime" in name]
        assert not found or path.is_relative_to(SOURCES / "acoustic"), f"{path} includes {found}"


def test_nothing_under_cpp_includes_python() -> None:
    for path in cpp_files(ROOT / "cpp"):
        assert not [name for name in includes(path) if name.startswith("pybind11") or name == "Python.h"], path


def test_public_headers_need_the_standard_library_alone() -> None:
    for path in sorted((ROOT / "cpp" / "include" / "fastctc").glob("*.h")):
        for name in includes(path):
            standard = name == "stddef.h" if path.name == "c_api.h" else "/" not in name and "." not in name
            assert name.startswith("fastctc/") or standard, f"{path.name} includes {name}"


def test_c_and_the_program_stand_on_the_public_headers() -> None:
    for folder, private in ((SOURCES / "c_api", {"json_object.h"}), (ROOT / "cpp" / "program", set())):
        files = cpp_files(folder)
        assert files
        for path in files:
            ours = [name for name in includes(path) if "/" in name or (SOURCES / name).exists()]
            others = {name for name in ours if not name.startswith(("fastctc/", "c_api/", "nlohmann/"))}
            assert others <= private, f"{path.name} includes {others}"


def local_imports(path: Path) -> set[str]:
    """Modules of fastctc that a file imports, at any depth, those for type checking alone left out."""
    found: set[str] = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        child
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for child in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in typing_only:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.split(".")[0] == "fastctc"}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "fastctc":
            module = node.module or ""
            found |= {f"{module}.{alias.name}" if module == "fastctc" else module for alias in node.names}
    return found


def test_types_and_errors_import_nothing_local() -> None:
    for name in ("types.py", "errors.py"):
        assert local_imports(PACKAGE / name) == set()
    assert local_imports(PACKAGE / "second_pass.py") <= {"fastctc.types", "fastctc.errors"}


def test_the_reference_never_imports_the_core() -> None:
    files = sorted((PACKAGE / "reference").glob("*.py"))
    assert len(files) > 5
    for path in files:
        for name in local_imports(path):
            allowed = name in ("fastctc.types", "fastctc.errors", "fastctc.second_pass") or name.startswith(
                "fastctc.reference"
            )
            assert allowed, f"{path.name} imports {name}"


def test_only_the_named_modules_import_the_core() -> None:
    users = {path.stem for path in PACKAGE.glob("*.py") if any("_core" in name for name in local_imports(path))}
    assert users <= {"__init__", "recognizer", "audio", "conversation", "decoding", "installation", "stream", "vad"}


def test_the_graph_passes_stand_alone() -> None:
    """They need onnx, and NeMo, which those who transcribe don't have; only their commands import them."""
    files = sorted((PACKAGE / "export").glob("*.py"))
    assert len(files) > 1
    for path in files:
        # library: where the operators' kernels are.
        allowed = tuple(f"fastctc.{name}" for name in ("errors", "export", "library", "reference", "tuning", "types"))
        assert all(name.startswith(allowed) for name in local_imports(path)), path
    for path in sorted(PACKAGE.rglob("*.py")):
        is_command = path.parent.name == "cli" and path.stem in ("check", "export", "optimize", "quantize")
        if path.parent.name != "export" and not is_command:
            assert not [name for name in local_imports(path) if name.startswith("fastctc.export")], path


def test_nothing_imports_the_command_line() -> None:
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.parent.name == "cli" or path.name == "__main__.py":
            continue
        assert not [name for name in local_imports(path) if name.startswith("fastctc.cli")], path


def test_the_command_line_uses_the_public_api() -> None:
    for path in sorted((PACKAGE / "cli").glob("*.py")):
        private = [
            name
            for name in local_imports(path)
            if name.split(".")[-1].startswith("_") and name != "fastctc.__version__"
        ]
        assert not private, f"{path.name} imports {private}"
