"""Programs that find the installed library with CMake and with pkg-config, link it, and run; the wheel's as well.

The trees: the package's own, and what `cmake --install` makes of the build tree that FASTCTC_BUILD_TREE names.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import fastctc
from conftest import ROOT
from fastctc.installed.onnxruntime_library import find_library

CONSUMERS = ROOT / "tests" / "install" / "consumers"
EXAMPLES = ROOT / "examples" / "cpp"
MODEL = ROOT / "models" / "digits"
RECORDING = MODEL / "two-nine-three-four-zero.wav"
TEXT = "two nine three four zero"
# Compiler's driver, standard, source.
PROGRAMS = {
    "c99": ("cc", "c99", EXAMPLES / "offline.c"),
    "cpp98": ("c++", "c++98", CONSUMERS / "cpp" / "c_api.cpp"),
    "cpp11": ("c++", "c++11", CONSUMERS / "cpp" / "c_api.cpp"),
    "cpp14": ("c++", "c++14", EXAMPLES / "offline.cpp"),
    "cpp17": ("c++", "c++17", EXAMPLES / "offline.cpp"),
}

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="tried on Linux only")


def run(*command: object, **environment: str) -> str:
    result = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, env={**os.environ, **environment}, check=False
    )
    assert result.returncode == 0, f"{command}:\n{result.stdout}\n{result.stderr}"
    return result.stdout


def need(*tools: str) -> None:
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not found")


@pytest.fixture(scope="module", params=["wheel", "build"])
def prefix(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where include/ and lib/ are."""
    need("cc", "c++")
    if request.param == "wheel":
        return Path(fastctc.get_include()).parent
    tree = os.environ.get("FASTCTC_BUILD_TREE")
    if not tree:
        pytest.skip("FASTCTC_BUILD_TREE names no build tree to install from")
    need("cmake")
    folder = tmp_path_factory.mktemp("install") / "fastctc tree"  # a space must not matter
    for component in ("runtime", "development"):
        run("cmake", "--install", ROOT / tree, "--prefix", folder, "--component", component)
    return folder


@pytest.fixture(scope="module")
def moved(prefix: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same tree elsewhere."""
    folder = tmp_path_factory.mktemp("moved") / "there"
    for name in ("include", "lib"):
        shutil.copytree(prefix / name, folder / name, symlinks=True)
    return folder


def check(program: Path) -> None:
    library = find_library()[0]
    environment = {"FASTCTC_ONNXRUNTIME": library} if library else {}
    assert TEXT in run(program, MODEL, RECORDING, **environment)


def build_with_cmake(prefix: Path, project: str, folder: Path) -> None:
    run(
        "cmake", "-S", CONSUMERS / project, "-B", folder, f"-Dfastctc_ROOT={prefix}", f"-DEXAMPLES={EXAMPLES}",
        "-DFASTCTC_WANTED=0.1", "-DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF",
    )  # fmt: skip
    run("cmake", "--build", folder)


def build_with_pkg_config(prefix: Path, name: str, folder: Path) -> Path:
    driver, standard, source = PROGRAMS[name]
    flags = run("pkg-config", "--cflags", "--libs", "fastctc >= 0.1", PKG_CONFIG_PATH=str(prefix / "lib" / "pkgconfig"))
    command = (
        f"{driver} -std={standard} -Wall -Wextra -Werror -pedantic-errors -I'{EXAMPLES}' '{source}' "
        f"{flags.strip()} '-Wl,-rpath,{prefix / 'lib'}' -o '{folder / name}'"
    )
    run("sh", "-c", command)
    return folder / name


@pytest.mark.parametrize("project", ["c", "cpp"])
def test_cmake_finds_it(prefix: Path, tmp_path: Path, project: str) -> None:
    need("cmake")
    build_with_cmake(prefix, project, tmp_path)
    for name in ("c99",) if project == "c" else ("cpp98", "cpp11", "cpp14", "cpp17"):
        check(tmp_path / name)


@pytest.mark.parametrize("name", PROGRAMS)
def test_pkg_config_finds_it(prefix: Path, tmp_path: Path, name: str) -> None:
    need("pkg-config")
    check(build_with_pkg_config(prefix, name, tmp_path))


def test_the_tree_may_be_moved(moved: Path, tmp_path: Path) -> None:
    need("cmake", "pkg-config")
    build_with_cmake(moved, "c", tmp_path / "c")
    build_with_cmake(moved, "cpp", tmp_path / "cpp")
    for name in ("c/c99", "cpp/cpp98", "cpp/cpp11", "cpp/cpp14", "cpp/cpp17"):
        check(tmp_path / name)
    check(build_with_pkg_config(moved, "c99", tmp_path))
    check(build_with_pkg_config(moved, "cpp17", tmp_path))
    files = [path for path in moved.rglob("*") if path.suffix in (".cmake", ".pc")]
    assert len(files) >= 4
    for path in files:
        assert str(ROOT) not in path.read_text(), path


def test_another_major_version_is_not_taken(prefix: Path, tmp_path: Path) -> None:
    need("cmake")
    result = subprocess.run(
        ["cmake", "-S", CONSUMERS / "c", "-B", tmp_path, f"-Dfastctc_ROOT={prefix}", "-DFASTCTC_WANTED=1.0"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode != 0
    assert "1.0" in result.stderr


def test_the_wheels_of_fastctc_and_onnxruntime_find_each_other(tmp_path: Path) -> None:
    """No path is named anywhere: pip install is enough."""
    need("c++")
    package = Path(fastctc.get_include()).parent
    if not (package.parent / "onnxruntime" / "capi").is_dir():
        pytest.skip("onnxruntime is installed elsewhere")
    command = (
        f"c++ -std=c++14 '-I{fastctc.get_include()}' '{EXAMPLES / 'offline.cpp'}' '-L{fastctc.get_library_dir()}' "
        f"-lfastctc '-Wl,-rpath,{fastctc.get_library_dir()}' -o '{tmp_path / 'offline'}'"
    )
    run("sh", "-c", command)
    assert TEXT in run(tmp_path / "offline", MODEL, RECORDING, FASTCTC_ONNXRUNTIME="")
