"""`fastctc doctor`: what is installed, what was found and how, and whether it works, part by part."""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

from fastctc.cli.loading import Loader
from fastctc.cli.messages import one_line

__all__ = ["installed_version", "run"]

# A recording that comes with the demo model, and what is said in it.
SELF_TEST_RECORDING = "two-nine-three-four-zero.wav"
SELF_TEST_TEXT = "two nine three four zero"


class CheckFailedError(Exception):
    """A check found something wrong; the message says what, and what to do."""


def run(arguments: argparse.Namespace, load: Loader | None = None) -> int:
    """Runs every check, each independent of the others. Returns 1 if one failed."""
    checks: list[tuple[str, Callable[[], str]]] = [
        ("fastctc", _fastctc),
        ("Python", lambda: f"{platform.python_version()} ({sys.executable})"),
        ("operating system", platform.platform),
        ("processor", _processor),
        ("NumPy", lambda: _module_version("numpy")),
        ("soundfile", _soundfile),
        ("rich", lambda: importlib.metadata.version("rich")),
        ("onnxruntime", _onnxruntime_packages),
        ("C++ core", _core),
        ("instruction set", _instruction_set),
        ("ONNX Runtime", lambda: _engine(arguments.library)),
        ("providers", lambda: _providers(arguments.library)),
        ("session cache", _session_cache),
        ("demo model", _demo_model),
        ("self-test", lambda: _self_test(arguments.library, load)),
    ]
    failures: dict[str, str] = {}  # by error: the first check that it stopped
    failed = 0
    width = max(len(name) for name, _ in checks)
    for name, check in checks:
        try:
            ok, detail = True, check()
        # The report goes on whatever is broken, because it is needed then.
        except Exception as error:
            ok, reason = False, _reason(error)
            first = failures.setdefault(reason, name)
            detail = reason if first == name else f"stopped by {first}, above"
            failed += 1
        _print_check(ok, name.ljust(width), one_line(detail))
    print(f"{failed} of {len(checks)} checks failed." if failed else "All is well.", flush=True)
    return 1 if failed else 0


def installed_version() -> str:
    """The version of the installed package."""
    try:
        return importlib.metadata.version("fastctc")
    except importlib.metadata.PackageNotFoundError:  # run from a source tree with the core next to it
        from fastctc import __version__

        return __version__


def _print_check(ok: bool, name: str, detail: str) -> None:
    status = "ok    " if ok else "failed"
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        try:
            from rich.console import Console
            from rich.text import Text
        except ImportError:  # one of the things that may be broken
            pass
        else:
            line = Text.assemble((status, "green" if ok else "bold red"), f" {name}  {detail}")
            Console().print(line, soft_wrap=True)
            return
    print(f"{status} {name}  {detail}", flush=True)


def _reason(error: Exception) -> str:
    """The message, with the error's kind if the message is not fastctc's own."""
    from fastctc.errors import Error

    if isinstance(error, (Error, CheckFailedError)):
        return str(error)
    return f"{type(error).__name__}: {error}"


def _fastctc() -> str:
    import fastctc

    return f"{installed_version()} ({Path(str(fastctc.__file__)).parent})"


def _processor() -> str:
    from fastctc.batching import default_threads

    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        models = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        name = models[0].partition(":")[2].strip() if models else name
    return f"{name} ({platform.machine()}), {default_threads()} of {os.cpu_count()} logical processors usable"


def _module_version(name: str) -> str:
    return str(importlib.import_module(name).__version__)


def _soundfile() -> str:
    soundfile = importlib.import_module("soundfile")
    return f"{soundfile.__version__}, libsndfile {soundfile.__libsndfile_version__}"


def _onnxruntime_packages() -> str:
    packages = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino", "onnxruntime-directml")
    found = (next(iter(importlib.metadata.distributions(name=package)), None) for package in packages)
    versions = [f"{entry.metadata['Name']} {entry.version}" for entry in found if entry is not None]
    return ", ".join(versions) or "no Python package (a library may come from elsewhere, see ONNX Runtime below)"


def _core() -> str:
    from fastctc.installed.inspection import inspect_core

    core = inspect_core()
    if core.version != installed_version():
        raise CheckFailedError(
            f"{core.path} is of version {core.version}, the package of {installed_version()}. Install again: "
            "pip install --force-reinstall --no-deps fastctc"
        )
    return f"{core.version} ({core.path})"


def _instruction_set() -> str:
    from fastctc.installed.inspection import inspect_core

    return inspect_core().instruction_set


def _engine(library: str) -> str:
    from fastctc.installed.inspection import inspect_engine

    engine = inspect_engine(library)
    return f"{engine.version}, {engine.path} ({engine.found_by})"


def _providers(library: str) -> str:
    from fastctc.installed.inspection import inspect_engine

    return ", ".join(inspect_engine(library).providers)


def _session_cache() -> str:
    from fastctc.installed.inspection import inspect_session_cache

    cache = inspect_session_cache()
    if not cache.path:
        return "none: neither FASTCTC_HOME nor HOME is set, so every load of a large model optimizes it anew"
    return f"{cache.path} ({cache.n_sessions} sessions, {cache.n_bytes / 1e6:.0f} MB)"


def _demo_model() -> str:
    from fastctc.models.named import demo_model_path

    return str(demo_model_path())


def _self_test(library: str, load: Loader | None) -> str:
    """The whole way, from a file to its text, checked against what was said in it."""
    import fastctc
    from fastctc.models.named import demo_model_path

    model = demo_model_path()
    recognizer = (load or fastctc.load)(model, session=fastctc.SessionOptions(library=library))
    recording = model / SELF_TEST_RECORDING
    if not recording.is_file():
        raise CheckFailedError(f"{recording} is not there. Install fastctc again.")
    started_s = time.perf_counter()
    transcript = recognizer.transcribe(recording)
    elapsed_s = time.perf_counter() - started_s
    if transcript.text != SELF_TEST_TEXT:
        raise CheckFailedError(
            f"{recording}: {SELF_TEST_TEXT!r} was said, {transcript.text!r} was recognised. Please report this "
            "with all that fastctc doctor prints."
        )
    return f"{transcript.text!r}, {transcript.duration_s:.1f} s of audio in {elapsed_s * 1000:.0f} ms (first call)"
