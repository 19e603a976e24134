"""Writes docs/options.md from the tables of the C++ core: `python tools/make_options_page.py docs/options.md`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from fastctc import _core

HEADER = """\
# Options

<!-- Made by tools/make_options_page.py from the tables in cpp/src/options; tests/python/test_options.py compares. -->

Every option by every door has these names: fields of the structs in `fastctc/options.h` and of the dataclasses in
Python; names with dots in C (`fastctc_options_set(options, "decoder.beam_size", "8")`), in JSON
(`{"decoder": {"beam_size": 8}}`) and in `fastctc-transcribe --set NAME=VALUE` or `--load NAME=VALUE`.
"""
TITLES = {
    "load": "Loading a model",
    "session": "Loading a model: `session`, how ONNX Runtime runs it",
    "frontend": "Loading a model: `frontend`, single fields over the model's own",
    "recording": "Transcribing recordings",
    "stream": "Live streams",
    "conversation": "Conversations: `conversation`, of split channels",
}


def main(target: str) -> None:
    groups = json.loads(_core.describe_options())
    lines = [HEADER]
    for name, title in TITLES.items():
        lines += [f"## {title}", "", "| option | takes | default | |", "|---|---|---|---|"]
        prefix = f"{name}." if name in ("session", "frontend", "conversation") else ""
        lines += [*rows(groups[name], prefix), ""]
    Path(target).write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")


def rows(options: list[dict[str, Any]], prefix: str) -> list[str]:
    """A line of the table per option."""
    lines: list[str] = []
    for option in options:
        name = prefix + option["name"]
        if "fields" in option:
            lines += [f"| **`{name}`** | | | {option['says']} |", *rows(option["fields"], name + ".")]
            continue
        takes = ", ".join(f"`{choice}`" for choice in option["choices"]) or " ".join(
            part for part in (option["type"], option["range"], option["unit"] and f"({option['unit']})") if part
        )
        default = "" if option["default"] in (None, "", {}, []) else f"`{json.dumps(option['default'])}`"
        lines.append(f"| `{name}` | {takes} | {default} | {option['says']} |")
    return lines


if __name__ == "__main__":
    main(*sys.argv[1:])
