"""The README.md of an exported model: what it is, where it came from, how it was checked."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["CardFacts", "file_sha256", "write_card"]

CARD = "README.md"
PIECE_BYTES = 1 << 20


@dataclass(frozen=True)
class CardFacts:
    """What the card tells beside the files."""

    title: str
    source: str
    """Name of the published model; empty: the file is all that is known."""
    source_file: str
    source_sha256: str
    license: str | None
    model_class: str
    frontend: Mapping[str, Any]
    feature_difference: float
    graphs: Sequence[tuple[str, str, float]]
    """(part, file, largest difference of log-probs)."""
    notes: Sequence[str]
    versions: Mapping[str, str]


def file_sha256(path: Path) -> str:
    """In hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def write_card(directory: Path, facts: CardFacts) -> None:
    """Writes README.md; all other files are there already, and their checksums go into it."""
    license_line = facts.license or (
        "not stated in the .nemo file. The terms of the model that it was made from hold: look there before you share "
        "it."
    )
    graphs = "\n".join(f"| {part} | `{name}` | {difference:.1e} |" for part, name, difference in facts.graphs)
    files = "\n".join(
        f"| `{path.name}` | {path.stat().st_size} | `{file_sha256(path)}` |"
        for path in sorted(directory.iterdir())
        if path.name != CARD
    )
    notes = "".join(f"- {note}\n" for note in facts.notes)
    frontend = ", ".join(f"{key} {value}" for key, value in facts.frontend.items() if not isinstance(value, list))
    text = f"""# {facts.title}

ONNX graphs of a NeMo CTC model (`{facts.model_class}`), for fastctc:

```sh
fastctc transcribe --model {directory.name} call.wav
```

- Source: {facts.source or "a file"} (`{facts.source_file}`, SHA-256 `{facts.source_sha256}`)
- Licence: {license_line}
- Made with {", ".join(f"{name} {version}" for name, version in facts.versions.items())}
{notes}
## Graphs

Each was run beside NeMo's PyTorch model over recordings and over short cuts of them before this directory was made.

| part | file | largest difference of log-probs |
|---|---|---|
{graphs}

## Front end

{frontend}. Its features differ from NeMo's own by {facts.feature_difference:.1e} at most. All of it stands in
`fastctc.json`.

## Files

| file | bytes | SHA-256 |
|---|---|---|
{files}
"""
    (directory / CARD).write_text(text, encoding="utf-8", newline="\n")
