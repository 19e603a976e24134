"""Memory and disk space that an export needs, and that are available."""

from __future__ import annotations

import shutil
from pathlib import Path

from fastctc.errors import NotEnoughMemoryError, OutputError

__all__ = ["MemoryEstimate", "available_bytes", "check_disk", "estimate_memory"]

MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")

PROCESS_BYTES = 900_000_000
"""Memory of Python with NeMo and torch, before a model is loaded (measured: 690 MB)."""
COPIES = 5.0
"""Of the weights at the peak: the model, the traced graph, its serialised form, and what torch makes of it
(measured with 456 MB of weights)."""
DISK_COPIES = 3.0
"""Of the weights: those of the graph at work, once with the checkpoint's own in it, and the result's."""


class MemoryEstimate(int):
    """Bytes at the peak; `str` gives GB."""

    def __str__(self) -> str:
        return f"{self / 1e9:.1f} GB"

    def check(self, available: int | None) -> None:
        """Raises NotEnoughMemoryError if less is available; None: unknown."""
        if available is not None and self > available:
            raise NotEnoughMemoryError(
                f"The export would take about {self} of memory at its peak, and {available / 1e9:.1f} GB are "
                "available. Close other programs, or export on a machine with more memory."
            )


def estimate_memory(weights_bytes: int) -> MemoryEstimate:
    """Peak of the process for a model with this many bytes of weights."""
    return MemoryEstimate(PROCESS_BYTES + COPIES * weights_bytes)


def available_bytes() -> int | None:
    """Memory that a process can still take: the machine's, or less if its group has a limit; None: unknown."""
    found = [value for value in (_of_machine(), _of_group()) if value is not None]
    return min(found, default=None)


def check_disk(folder: Path, weights_bytes: int) -> None:
    """Raises OutputError if the disk has too little room for the graphs of this many bytes of weights."""
    needed, free = int(DISK_COPIES * weights_bytes), shutil.disk_usage(folder).free
    if needed > free:
        raise OutputError(
            f"The export needs about {needed / 1e9:.1f} GB on the disk of {folder}, and {free / 1e9:.1f} GB are free."
        )


def _of_machine() -> int | None:
    try:
        lines = MEMINFO.read_text(encoding="ascii").splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        pass
    try:
        import psutil  # there is no /proc
    except ImportError:
        return None
    return int(psutil.virtual_memory().available)


def _of_group() -> int | None:
    try:
        limit, used = ((CGROUP / name).read_text(encoding="ascii") for name in ("memory.max", "memory.current"))
        statistics = (CGROUP / "memory.stat").read_text(encoding="ascii")
        # Files kept in memory until something else needs it.
        kept = dict(line.split() for line in statistics.splitlines())["inactive_file"]
        return max(int(limit) - int(used) + int(kept), 0)
    except (OSError, ValueError, KeyError):  # no such group, or its limit is "max"
        return None
