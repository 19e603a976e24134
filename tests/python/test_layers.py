"""Who may know whom (ARCHITECTURE.md): the includes of the C++ core and the imports of the package."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from conftest import ROOT

SOURCES = ROOT / "cpp" / "src"
PACKAGE = ROOT / "python" / "fastctc"

BASE = {"base", "options"}
STAGES = BASE | {"model", "audio", "frontend", "text", "decoding", "acoustic", "vad", "loading"}
KNOWS = {
    "base": set(),
    "options": {"base"},
    "model": BASE,
    "audio": BASE,
    "frontend": BASE | {"audio"},
    "text": BASE,
    "decoding": BASE | {"text"},
    "acoustic": BASE | {"model"},
    "vad": BASE | {"audio", "acoustic"},
    "loading": BASE | {"model", "acoustic"},
    "": STAGES,  # recognizer.cpp and configuration.cpp
    "longform": STAGES | {""},
    "live": STAGES | {""},
}
"""The folders of cpp/src whose headers, public or private, the files of each may include, beside their own."""
FLOORS = ("engine", "operators", "session", "graph", "steps")
"""Of acoustic/: each knows those before it."""


def includes(path: Path) -> list[str]:
    return re.findall(r'^\s*#\s*include\s*["<]([^">]+)[">]', path.read_text(encoding="utf-8"), flags=re.MULTILINE)


def cpp_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in (".h", ".cpp", ".inc"))


def home(header: str) -> str:
    """The folder of cpp/src that a public header belongs to: where the source of its name is, or that has its name."""
    found = {path.parent for path in SOURCES.rglob(f"{header.removesuffix('.h')}.cpp") if path.parent.name != "c_api"}
    assert len(found) < 2, f"{header} has two sources: {found}"
    if not found:
        return header.removesuffix(".h") if (SOURCES / header.removesuffix(".h")).is_dir() else "base"
    path = found.pop().relative_to(SOURCES)
    return path.parts[0] if path.parts else ""


def test_every_folder_has_its_floor() -> None:
    folders = {path.name for path in SOURCES.iterdir() if path.is_dir()}
    assert folders == {*KNOWS, "c_api"} - {""}
    assert {path.name for path in (SOURCES / "acoustic").iterdir() if path.is_dir()} == set(FLOORS)


@pytest.mark.parametrize("folder", KNOWS)
def test_a_folder_includes_only_those_below(folder: str) -> None:
    files = cpp_files(SOURCES / folder) if folder else sorted(SOURCES.glob("*.*"))
    assert files
    for path in files:
        for name in includes(path):
            if name.startswith("fastctc/"):
                target = home(name.removeprefix("fastctc/"))
            elif "/" in name and (SOURCES / name).exists():
                target = name.split("/")[0]
            else:  # the standard library, ONNX Runtime, JSON; or a private header without its folder
                assert not list(SOURCES.rglob(name)) or (SOURCES / name).exists(), f"{path.name}: {name} has no folder"
                continue
            assert target in KNOWS[folder] | {folder}, f"{path.relative_to(SOURCES)} includes {name}"


@pytest.mark.parametrize("floor", range(len(FLOORS)))
def test_the_floors_of_the_acoustic_stage(floor: int) -> None:
    above = FLOORS[floor + 1 :]
    for path in cpp_files(SOURCES / "acoustic" / FLOORS[floor]):
        found = [name for name in includes(path) if name.startswith(tuple(f"acoustic/{name}/" for name in above))]
        assert not found, f"{path.name} includes {found}"


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
    for folder, private in ((SOURCES / "c_api", ("options/", "c_api/")), (ROOT / "cpp" / "program", ())):
        files = cpp_files(folder)
        assert files
        for path in files:
            ours = [name for name in includes(path) if "/" in name and not name.startswith(("fastctc/", "nlohmann/"))]
            assert all(name.startswith(private) for name in ours), f"{path.name} includes {ours}"


def local_imports(path: Path) -> set[str]:
    """Modules of fastctc that a file imports, at any depth, those for type checking too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.split(".")[0] == "fastctc"}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "fastctc":
            module = node.module or ""
            found |= {f"{module}.{alias.name}" if module == "fastctc" else module for alias in node.names}
    return found


VALUES = {"types", "errors"}
CORE = VALUES | {"_core"}
"""What wraps the C++ module."""
PYTHON_KNOWS = {
    "types": set(),
    "errors": set(),
    "edits": set(),
    "batching": set(),
    "second_pass": VALUES,
    "new_files": VALUES,
    "loaded_model": CORE,
    "models": VALUES,
    "installed": CORE | {"new_files"},
    "audio": CORE,
    "conversation": CORE,
    "reference": VALUES | {"second_pass"},
    "decoding": CORE | {"second_pass", "loaded_model", "edits"},
    "core_options": CORE | {"decoding"},
    "vad": CORE | {"audio", "core_options", "installed"},
    "keywords": VALUES | {"audio", "decoding", "vad"},
    "stream": CORE | {"audio", "core_options", "keywords", "loaded_model", "second_pass"},
    "stream_async": VALUES | {"stream"},
    "recognizer": CORE
    | {"audio", "batching", "conversation", "core_options", "decoding", "installed", "keywords", "models"}
    | {"second_pass", "stream", "stream_async", "vad"},
    "output": VALUES | {"audio", "decoding", "keywords", "recognizer", "reference"},
    "checking": VALUES | {"new_files", "recognizer", "reference"},
    "export": VALUES | {"edits", "installed", "new_files", "reference"},
}
"""What each file or folder of the package, by its top-level name, may import beside itself. All are for `cli`."""


def top_level_names() -> set[str]:
    names = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    return names | {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}


def knows(name: str) -> set[str]:
    """Top-level names that a file or folder of the package imports, type checking included."""
    paths = sorted((PACKAGE / name).rglob("*.py")) or [PACKAGE / f"{name}.py"]
    found = {module.split(".")[1] for path in paths for module in local_imports(path) if "." in module}
    return found - {name, "__version__"}


def test_every_name_of_the_package_has_its_floor() -> None:
    assert top_level_names() == {*PYTHON_KNOWS, "cli"}
    assert "_core" not in knows("cli")


@pytest.mark.parametrize("name", PYTHON_KNOWS)
def test_a_name_of_the_package_imports_only_those_it_may(name: str) -> None:
    assert knows(name) <= PYTHON_KNOWS[name]


def test_imports_have_no_circle() -> None:
    """Type checking included: whoever reads a file finds what it stands on, never itself."""
    open_names = {name: knows(name) & top_level_names() for name in top_level_names()}
    while free := {name for name, others in open_names.items() if not others & set(open_names)}:
        open_names = {name: others for name, others in open_names.items() if name not in free}
    assert not open_names, f"These import each other: {open_names}"


def test_only_their_commands_import_the_graph_passes() -> None:
    """They need onnx, and NeMo, which those who transcribe don't have."""
    for path in sorted((PACKAGE / "cli").rglob("*.py")):
        if path.stem not in ("check", "export", "optimize", "quantize"):
            assert not [name for name in local_imports(path) if name.startswith("fastctc.export")], path


def test_the_command_line_uses_the_public_api() -> None:
    for path in sorted((PACKAGE / "cli").rglob("*.py")):
        private = [
            name
            for name in local_imports(path)
            if name.split(".")[-1].startswith("_") and name != "fastctc.__version__"
        ]
        assert not private, f"{path.name} imports {private}"
