"""Where the tests' data is; data that can't be part of the project is skipped with a message where it is absent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

# A shell's background jobs ignore SIGINT, and so would every process that the tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "tests" / "data"


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests leave the user's cache alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FASTCTC_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="session")
def data() -> Path:
    return DATA


@pytest.fixture(scope="session")
def demo_model() -> Path:
    return ROOT / "models" / "digits"


def external(relative: str) -> Path:
    """A file or directory of the data that can't be part of the project; skips the test where it is absent."""
    folder = os.environ.get("FASTCTC_EXTERNAL_DATA")
    if not folder:
        pytest.skip("FASTCTC_EXTERNAL_DATA is not set: it names the directory of the external data")
    if not Path(folder, relative).exists():
        pytest.skip(f"the directory FASTCTC_EXTERNAL_DATA has no {relative}")
    return Path(folder, relative)


def run_alone(program: str, *arguments: str) -> tuple[str, int]:
    """Runs a program in a process of its own: what it prints, and the most memory that it had, in bytes.

    Not ru_maxrss: that starts with what the process had that started this one.
    """
    if not Path("/proc/self/status").exists():
        pytest.skip("peak memory is read as Linux tells it")
    peak = "next(int(line.split()[1]) for line in open('/proc/self/status') if line.startswith('VmHWM'))"
    command = [sys.executable, "-c", f"{program}\nprint({peak})", *arguments]
    *printed, kilobytes = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return "\n".join(printed), 1024 * int(kilobytes)


def fill(folder: Path, files: Mapping[str, str]) -> None:
    """Writes files of these names and texts into a directory."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def names_in(folder: Path) -> set[str]:
    """The files below a directory."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
