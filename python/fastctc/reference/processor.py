"""Twin of processor.cpp and exact_products.h: where ONNX Runtime's products of 8-bit integers saturate."""

from __future__ import annotations

import platform
from collections.abc import Set
from functools import lru_cache
from pathlib import Path

__all__ = ["EXACT_PRODUCTS", "processor_flags", "products_saturate"]

EXACT_PRODUCTS = "session.x64quantprecision"
"""Makes ONNX Runtime multiply uint8 x uint8 where its kernels for uint8 x int8 saturate: exact, and slower."""
X86 = frozenset({"x86_64", "amd64", "i386", "i686", "x86"})
VNNI = frozenset({"avx_vnni", "avx512_vnni"})


@lru_cache(maxsize=1)
def processor_flags() -> frozenset[str]:
    """The architecture, in lower case, and the instructions that Linux lists; elsewhere the architecture alone."""
    architecture = platform.machine().lower()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    flags = next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), [])
    return frozenset({architecture, *flags})


def products_saturate(flags: Set[str]) -> bool:
    """Whether an x86 processor has no VNNI, as far as one can tell: two products are added in 16 bits there."""
    return bool(flags & X86) and not flags & VNNI
