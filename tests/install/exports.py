"""Names that a shared library exports. `python tests/install/exports.py LIBRARY > tests/install/cpp_exports.txt`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

__all__ = ["cpp_names", "exported"]


def exported(library: Path) -> list[str]:
    """Demangled symbols that it defines and others may use."""
    command = ["nm", "--dynamic", "--defined-only", "--demangle", "--no-sort", str(library)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return [line.split(maxsplit=2)[2] for line in lines]


def cpp_names(symbols: list[str]) -> set[str]:
    """Names of functions without parameters, which compilers write in different ways; tables under their classes."""
    names = set()
    for symbol in symbols:
        if "::" not in symbol:
            continue
        name = re.sub(r"\[abi:\w+\]", "", symbol)
        table = re.fullmatch(r"(?:vtable|typeinfo|typeinfo name) for (.*)", name)
        names.add(f"{table[1]} (class)" if table else re.sub(r"\(.*", "", name))
    return names


if __name__ == "__main__":
    sys.stdout.writelines(f"{name}\n" for name in sorted(cpp_names(exported(Path(sys.argv[1])))))
