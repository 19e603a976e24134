"""Lists of recordings with their texts."""

from __future__ import annotations

import os
from pathlib import Path

from fastctc.errors import OptionError

__all__ = ["read_labelled"]


def read_labelled(name: str | os.PathLike[str]) -> list[tuple[Path, str]]:
    """Recordings, relative to the list's own folder, and their texts, from lines RECORDING<TAB>TEXT.

    Raises:
        OptionError: The list can't be read, is empty, or has a line without a text.
    """
    path = Path(name)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(f"The list {path} can't be read as UTF-8: {error}.") from error
    entries = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        name, tab, text = line.partition("\t")
        if not tab or not text.strip():
            raise OptionError(f"{path}, line {number}: there is no text. Write RECORDING<TAB>TEXT.")
        entries.append((path.parent / name, text))
    if not entries:
        raise OptionError(f"The list {path} is empty. Write RECORDING<TAB>TEXT, one per line.")
    return entries
