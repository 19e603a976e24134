"""Finding and opening the ONNX Runtime library, each time in a process of its own: there is one library per process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT
from fastctc.installed import onnxruntime_library as engine

OPEN = """
import sys
from fastctc import _core
try:
    for library in sys.argv[1:]:
        info = _core.open_engine(library)
        print("opened", info["library"], info["version"], *info["providers"])
except Exception as error:
    print(type(error).__name__, error)
"""


def open_in_process(*libraries: str, variable: str = "") -> str:
    environment = {key: value for key, value in os.environ.items() if key != engine.VARIABLE}
    if variable:
        environment[engine.VARIABLE] = variable
    done = subprocess.run(
        [sys.executable, "-c", OPEN, *libraries],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # nothing is printed by the library, or by ONNX Runtime
    return done.stdout


@pytest.fixture(scope="session")
def wheel_library() -> str:
    path, source = engine.find_library()
    if not path:
        pytest.skip(f"no ONNX Runtime library is found: {source}")
    return path


def build_library(path: Path, source: str) -> str:
    compiler = next((found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))), None)
    if compiler is None:
        pytest.skip("no C compiler to build a library that is not ONNX Runtime")
    code = path.with_suffix(".c")
    code.write_text(source)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", path, code], check=True, timeout=60)
    return str(path)


FAKE = """
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
struct OrtApiBase { const void* (*GetApi)(uint32_t); const char* (*GetVersionString)(void); };
static const void* get_api(uint32_t version) { GET_API }
static const char* get_version(void) { return VERSION; }
static const struct OrtApiBase base = {get_api, get_version};
const struct OrtApiBase* OrtGetApiBase(void) { return &base; }
"""


def test_opens_the_wheels_library(wheel_library: str) -> None:
    opened = open_in_process(wheel_library, "", wheel_library)
    assert opened.count("opened") == 3
    assert "CPUExecutionProvider" in opened


def test_symbolic_links_are_the_same_library(wheel_library: str, tmp_path: Path) -> None:
    link = tmp_path / "libonnxruntime.so"
    link.symlink_to(wheel_library)
    assert open_in_process(wheel_library, str(link)).count("opened") == 2


def test_another_library_later_is_an_error(wheel_library: str, tmp_path: Path) -> None:
    copy = shutil.copy(wheel_library, tmp_path)
    message = open_in_process(wheel_library, str(copy))
    assert "OptionError This process already runs ONNX Runtime from" in message


def test_the_environment_variable(wheel_library: str) -> None:
    assert f"opened {wheel_library}" in open_in_process("", variable=wheel_library)
    message = open_in_process("", variable="/nowhere/libonnxruntime.so")
    assert message.startswith("EngineNotFoundError")
    assert "named by FASTCTC_ONNXRUNTIME" in message


def test_missing_library(tmp_path: Path) -> None:
    message = open_in_process(str(tmp_path / "libonnxruntime.so.1"))
    assert message.startswith("EngineNotFoundError The ONNX Runtime library can't be opened. Tried:")
    assert str(tmp_path) in message
    assert "pip install" in message


def test_a_file_that_is_no_library(tmp_path: Path) -> None:
    path = tmp_path / "libonnxruntime.so.1"
    path.write_text("no library")
    assert open_in_process(str(path)).startswith("EngineNotFoundError")
    assert open_in_process(str(tmp_path)).startswith("EngineNotFoundError")


@pytest.mark.skipif(os.name == "nt", reason="builds with a Unix compiler")
def test_another_library_is_not_onnx_runtime(tmp_path: Path) -> None:
    path = build_library(tmp_path / "other.so", "int answer(void) { return 42; }")
    assert "is not ONNX Runtime: it has no OrtGetApiBase" in open_in_process(path)


@pytest.mark.skipif(os.name == "nt", reason="builds with a Unix compiler")
@pytest.mark.parametrize(
    ("version", "get_api", "message"),
    [
        # Asked for an API that it doesn't have, ONNX Runtime prints; so an old one must not be asked.
        ('"1.15.1"', "abort();", "is ONNX Runtime 1.15.1; fastctc needs 1.16 or newer"),
        ('"0.9.0"', "abort();", "is ONNX Runtime 0.9.0; fastctc needs"),
        ('"unknown"', "abort();", "is ONNX Runtime unknown; fastctc needs"),
        ("NULL", "abort();", "is ONNX Runtime of an unknown version"),
        ('"9.0.0"', "return NULL;", "is ONNX Runtime 9.0.0; fastctc needs"),
    ],
)
def test_a_library_that_is_too_old(version: str, get_api: str, message: str, tmp_path: Path) -> None:
    source = FAKE.replace("VERSION", version).replace("GET_API", get_api)
    opened = open_in_process(build_library(tmp_path / "libonnxruntime.so.1.15.1", source))
    assert opened.startswith("EngineNotFoundError")
    assert message in opened


def test_a_failed_opening_can_be_followed_by_a_good_one(wheel_library: str) -> None:
    code = OPEN.replace("for library in sys.argv[1:]:", "for library in sys.argv[2:]:").replace(
        "try:",
        "from fastctc.errors import EngineNotFoundError\n"
        "try:\n    _core.open_engine(sys.argv[1])\nexcept EngineNotFoundError:\n    pass\ntry:",
        1,
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "/nowhere.so", wheel_library],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout.startswith(f"opened {wheel_library}")


def test_lives_beside_pythons_onnxruntime(wheel_library: str) -> None:
    """The module has a copy of ONNX Runtime of its own: both run in one process, whichever comes first."""
    code = """
import sys, numpy, onnxruntime
from fastctc import _core
model = _core.AcousticModel(sys.argv[2], {"library": sys.argv[1]})
model.configure()
features = numpy.ones((80, 100), numpy.float32)
session = onnxruntime.InferenceSession(sys.argv[2], providers=["CPUExecutionProvider"])
expected = session.run(None, {"audio_signal": features[None], "length": numpy.array([100])})[0][0]
print(abs(model.run([features])[0] - expected).max() < 1e-5)
"""
    graph = ROOT / "models" / "digits" / "offline.onnx"
    done = subprocess.run(
        [sys.executable, "-c", code, wheel_library, graph], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "True"
    assert done.stderr == ""


# Where Python looks


def fake_wheel(site: Path, names: list[str], distribution: str = "onnxruntime", version: str = "1.21.0") -> Path:
    capi = site / "onnxruntime" / "capi"
    capi.mkdir(parents=True)
    (site / "onnxruntime" / "__init__.py").write_text("raise RuntimeError('imported')\n")
    for name in names:
        (capi / name).touch()
    info = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
    return capi


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(engine.VARIABLE, raising=False)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "onnxruntime", raising=False)
    return tmp_path


def test_order_of_places(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert engine.find_library() == ("", "system")
    capi = fake_wheel(site, ["libonnxruntime.so.1.21.0", "libonnxruntime_providers_shared.so", "_pybind_state.py"])
    sys.path_importer_cache.clear()
    assert engine.find_library() == (str(capi / "libonnxruntime.so.1.21.0"), "wheel onnxruntime 1.21.0")
    monkeypatch.setenv(engine.VARIABLE, "/opt/lib.so")
    assert engine.find_library() == ("/opt/lib.so", "environment variable FASTCTC_ONNXRUNTIME")
    assert engine.find_library(Path("/mine/lib.so")) == ("/mine/lib.so", "option library")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["libonnxruntime.1.21.0.dylib"], "libonnxruntime.1.21.0.dylib"),
        (["onnxruntime.dll", "onnxruntime_providers_shared.dll"], "onnxruntime.dll"),
        (["libonnxruntime.so", "libonnxruntime_providers_cuda.so"], "libonnxruntime.so"),
    ],
)
def test_library_names_of_other_systems(site: Path, names: list[str], expected: str) -> None:
    capi = fake_wheel(site, names, "onnxruntime-gpu")
    sys.path_importer_cache.clear()
    assert engine.find_library() == (str(capi / expected), "wheel onnxruntime 1.21.0")


def test_a_wheel_without_a_library_is_named(site: Path) -> None:
    fake_wheel(site, ["libonnxruntime_providers_shared.so"], version="1.18.1")
    sys.path_importer_cache.clear()
    path, source = engine.find_library()
    assert path == ""
    assert "1.18.1 carries no library; 1.19 and later do" in source
