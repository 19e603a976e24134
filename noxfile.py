"""Every check of the project, each in an environment of its own: `nox` runs all, `nox -s tests` one."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import nox

nox.options.error_on_missing_interpreters = False
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "types", "tidy", "tests", "asan", "clang"]

# Also in .pre-commit-config.yaml, as are the pins and commands of lint: tests/python/test_checks.py compares them.
CPP_FOLDERS = ("cpp", "examples/cpp", "python/bindings", "tests/cpp", "tests/fuzz", "tests/install", "tests/spl", "spl")
# Pinned: formatters change their mind between versions.
RUFF = "ruff==0.17.6"
CLANG_FORMAT = "clang-format==23.1.5"
CODESPELL = "codespell[toml]==2.4.3"
CLANG_TIDY = "clang-tidy==23.1.4"
MYPY = "mypy==2.4.1"
ZIG = "ziglang==0.17.1"  # brings clang 22 and libc++
SILERO = "silero-vad==6.2.3"  # the version of tests/data/golden/silero.npz
NEMO = "nemo_toolkit==3.0.0"  # without its dependencies: pyproject.toml
# g++'s own; Python is not built with them, so they are loaded first.
SANITIZERS = ("libasan.so", "libubsan.so")
PARALLEL = ("-n", "auto", "--dist", "worksteal")
# -O1: compiles in about half the time that -O3 takes with sanitizers.
SANITIZED = ("-Ccmake.define.FASTCTC_SANITIZE=address,undefined", "-Ccmake.define.CMAKE_CXX_FLAGS_RELEASE=-O1 -DNDEBUG")
# The boundaries where bad input arrives. Memory growth is not measured here: the sanitizer keeps freed memory.
FAULT_TESTS = (
    "tests/python/test_audio.py",
    "tests/python/test_engine.py",
    "tests/python/test_model_directory.py",
    "tests/python/test_recognizer.py",
    "tests/python/test_stream_faults.py",
    "tests/parity/test_acoustic_model.py",
    "tests/parity/test_speech_detector.py",
    "tests/parity/test_vocabulary.py",
    "tests/fuzz",
    "-knot memory and not caches_of_others and not eight_threads and not every_length",
)


@nox.session
def lint(session: nox.Session) -> None:
    """Lint and format of Python and C++, and spelling."""
    session.install(RUFF, CLANG_FORMAT, CODESPELL)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("codespell")
    sources = [
        str(path)
        for folder in CPP_FOLDERS
        for path in sorted(Path(folder).rglob("*"))
        if path.suffix in (".h", ".cpp", ".c", ".inc")
    ]
    session.run("clang-format", "--dry-run", "--Werror", *sources)


@nox.session
def types(session: nox.Session) -> None:
    """Strict static types."""
    session.install(MYPY, "nox", "numpy>=2", "pytest", "hypothesis", "lark", "rich")
    session.run("mypy")


@nox.session
def tidy(session: nox.Session) -> None:
    """The rules of .clang-tidy on the C++ library and its program, without compiling them."""
    session.install(CLANG_TIDY, "cmake>=3.21,<4", "ninja")
    session.run("cmake", "--preset", "tidy", "--fresh")
    session.run("run-clang-tidy.py", "-p", "build/tidy", "-quiet", "-hide-progress")


@nox.session
def tests(session: nox.Session) -> None:
    """The package as a user installs it, every Python test, and the C++ tests; warnings are errors."""
    _build(session, "build/nox-tests", "-Ccmake.define.FASTCTC_WARNINGS_AS_ERRORS=ON")
    # Its Python code needs torch; the tests read its ONNX file alone.
    session.install("--no-deps", SILERO)
    if not session.posargs:
        _run_cpp_tests(session, "build/nox-tests")
    # From outside the sources, so that the installed package is what is tested.
    session.run("pytest", *PARALLEL, *session.posargs, env={"PYTHONSAFEPATH": "1"})


@nox.session
def asan(session: nox.Session) -> None:
    """The C++ tests, and bad input through the Python module, under AddressSanitizer and UndefinedBehaviorSanitizer."""
    if sys.platform != "linux":
        session.skip("the sanitizers' libraries are preloaded as Linux does")
    _build(session, "build/nox-asan", *SANITIZED, "-Ccmake.define.FASTCTC_BUILD_FUZZERS=ON")
    if not session.posargs:
        _run_cpp_tests(session, "build/nox-asan")
    libraries = [session.run("g++", f"-print-file-name={name}", external=True, silent=True) for name in SANITIZERS]
    environment = {
        "PYTHONSAFEPATH": "1",
        "LD_PRELOAD": " ".join(str(library).strip() for library in libraries),
        # Python itself keeps memory to its end.
        "ASAN_OPTIONS": "detect_leaks=0",
    }
    session.run("pytest", *PARALLEL, *(session.posargs or FAULT_TESTS), env=environment)


@nox.session
def clang(session: nox.Session) -> None:
    """Everything in C++ by clang with libc++, and the C++ tests; warnings are errors."""
    session.install(ZIG, "cmake>=3.21,<4", "ninja", "onnxruntime", "pybind11==3.1.0")
    python = Path(session.bin) / "python"
    pybind11 = str(session.run("python", "-m", "pybind11", "--cmakedir", silent=True)).strip()
    definitions = {
        "CMAKE_CXX_COMPILER": python,
        "CMAKE_CXX_COMPILER_ARG1": "-m ziglang c++",
        "CMAKE_CXX_FLAGS": "-mcpu=baseline",  # else that of this machine
        "CMAKE_CXX_FLAGS_RELEASE": "-O1 -DNDEBUG",
        "CMAKE_INTERPROCEDURAL_OPTIMIZATION": "OFF",
        "FASTCTC_WARNINGS_AS_ERRORS": "ON",
        "FASTCTC_BUILD_PYTHON": "ON",
        "Python_EXECUTABLE": python,
        "pybind11_DIR": pybind11,
    }
    tree = "build/nox-clang"
    session.run(
        "cmake", "-S", ".", "-B", tree, "-G", "Ninja", *(f"-D{name}={text}" for name, text in definitions.items())
    )
    session.run("cmake", "--build", tree)
    _run_cpp_tests(session, tree)


@nox.session
def cpp(session: nox.Session) -> None:
    """The C++ library and its tests alone, by CMake preset (dev, asan, tsan): not a default, the others cover it."""
    session.install("cmake>=3.21,<4", "ninja", "onnxruntime")
    library = _onnxruntime_library(session)
    for preset in session.posargs or ("dev", "asan"):
        session.run("cmake", "--preset", preset, "--fresh")
        session.run("cmake", "--build", "--preset", preset)
        session.run("ctest", "--preset", preset, env={"FASTCTC_ONNXRUNTIME": library})


@nox.session
def install(session: nox.Session) -> None:
    """What `cmake --install` gives, static and shared, with the SPL toolkit: not a default, `tests` tries the wheel."""
    session.install(".[test]", "cmake>=3.21,<4", "ninja")
    for shared in ("OFF", "ON"):
        tree = f"build/nox-install-{shared.lower()}"
        definitions = ["-DFASTCTC_BUILD_TESTS=OFF", "-DCMAKE_BUILD_TYPE=Release", f"-DBUILD_SHARED_LIBS={shared}"]
        if shared == "ON":  # which the SPL toolkit holds
            definitions += ["-DFASTCTC_BUILD_SPL=ON", f"-DFASTCTC_SPL_ONNXRUNTIME={_onnxruntime_library(session)}"]
        session.run("cmake", "-S", ".", "-B", tree, "-G", "Ninja", *definitions)
        session.run("cmake", "--build", tree)
        session.run("pytest", "tests/install", env={"PYTHONSAFEPATH": "1", "FASTCTC_BUILD_TREE": tree})


def _build(session: nox.Session, tree: str, *definitions: str) -> None:
    """Installs the package from one build tree that holds the C++ tests too: every source is compiled once."""
    session.install(".[test]", f"-Cbuild-dir={tree}", "-Ccmake.define.FASTCTC_BUILD_TESTS=ON", *definitions)


def _run_cpp_tests(session: nox.Session, tree: str) -> None:
    session.install("cmake>=3.21,<4")
    environment = {"FASTCTC_ONNXRUNTIME": _onnxruntime_library(session)}
    jobs = str(os.cpu_count() or 1)
    session.run("ctest", "--test-dir", tree, "--output-on-failure", "--parallel", jobs, env=environment)


def _onnxruntime_library(session: nox.Session) -> str:
    """The library inside the session's onnxruntime wheel."""
    site = session.run("python", "-c", "import sysconfig; print(sysconfig.get_path('platlib'))", silent=True)
    folder = Path(str(site).strip()) / "onnxruntime" / "capi"
    return str(next(iter(sorted(folder.glob("libonnxruntime.*so*")) or sorted(folder.glob("*onnxruntime*.dylib")))))


@nox.session
def fuzz(session: nox.Session) -> None:
    """Every fuzzer for some seconds, 60 or `nox -s fuzz -- SECONDS`: not a default, `asan` runs each for 3."""
    session.install("cmake>=3.21,<4", "ninja", "onnxruntime")
    seconds = session.posargs[0] if session.posargs else "60"
    preset = "fuzz" if shutil.which("clang++") else "asan"  # libFuzzer, else tests/fuzz/driver.cpp
    definitions = ("-DFASTCTC_BUILD_FUZZERS=ON", "-DFASTCTC_BUILD_TESTS=OFF")
    session.run("cmake", "--preset", preset, "-B", "build/nox-fuzz", *definitions)
    session.run("cmake", "--build", "build/nox-fuzz")
    model = str(Path("models/digits").absolute())
    environment = {"FASTCTC_ONNXRUNTIME": _onnxruntime_library(session), "FASTCTC_FUZZ_MODEL": model}
    for source in sorted(Path("tests/fuzz").glob("fuzz_*.cpp")):
        corpus = Path("build/nox-fuzz/corpus") / source.stem  # what libFuzzer finds is kept there
        corpus.mkdir(parents=True, exist_ok=True)
        start = Path("tests/fuzz/corpus") / source.stem.removeprefix("fuzz_")
        program = f"build/nox-fuzz/tests/fuzz/{source.stem}"
        session.run(program, f"-max_total_time={seconds}", str(corpus), str(start), env=environment, external=True)


@nox.session
def nemo(session: nox.Session) -> None:
    """Exports of small models beside NeMo itself, and in sherpa-onnx and onnx-asr: not a default; 2 GB of packages."""
    session.install(".[test,nemo,check]", "sherpa-onnx", "onnx-asr")
    session.install("--no-deps", NEMO)
    session.run("pytest", "tests/with_nemo", *session.posargs, env={"PYTHONSAFEPATH": "1"})


@nox.session
def spl(session: nox.Session) -> None:
    """Applications of the SPL toolkit by the SPL compiler: not a default; needs `sc` and STREAMS_INSTALL."""
    session.install(".[test]")
    environment = {"PYTHONSAFEPATH": "1", "LC_ALL": "C.UTF-8"}  # sc ends in a locale of another encoding
    session.run("pytest", "tests/with_streams", *session.posargs, env=environment)


@nox.session(python=["3.10", "3.11", "3.12", "3.13", "3.14", "3.14t"])
def pythons(session: nox.Session) -> None:
    """The package on every supported Python: not a default; needs the interpreters."""
    session.install(".[test]")
    session.run("fastctc", "transcribe", "models/digits/two-nine-three-four-zero.wav")
    session.run("pytest", "tests/parity", "tests/python", *session.posargs, env={"PYTHONSAFEPATH": "1"})
