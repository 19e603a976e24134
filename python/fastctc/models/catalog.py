"""The catalogue of models that can be named: `catalog.json`, checked when it is read.

An entry says where its files are and what is known of them; what is not known is null. docs/models.md describes it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

import fastctc
from fastctc.errors import ModelError, UnknownModelError

__all__ = ["CatalogEntry", "CatalogFile", "WordErrorRate", "find_entry", "read_catalog"]

VARIABLE = "FASTCTC_CATALOG"
MAX_BYTES = 4 << 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class CatalogFile:
    """A file of a model: its name in the repository and in the directory."""

    name: str
    n_bytes: int | None
    sha256: str | None
    """None: not known; taken at the first download and kept."""


@dataclass(frozen=True)
class WordErrorRate:
    """A published result."""

    test_set: str
    percent: float
    decoder: str | None
    source: str


@dataclass(frozen=True)
class CatalogEntry:
    """A model that can be named."""

    name: str
    title: str
    format: Literal["onnx", "nemo", "included"]
    """onnx: a directory that fastctc runs; nemo: a checkpoint, to be exported first; included: in the package."""
    languages: tuple[str, ...]
    license: str | None
    repository: str | None
    """OWNER/NAME on the Hugging Face hub, or None."""
    revision: str
    files: tuple[CatalogFile, ...]
    converted_from: str | None = None
    n_parameters: int | None = None
    sample_rate_hz: int | None = None
    precision: str | None = None
    latencies_ms: tuple[int, ...] = ()
    """Look-aheads of its live streams; empty: recordings only."""
    word_error_rates: tuple[WordErrorRate, ...] = ()
    manifest: Mapping[str, Any] | None = None
    """fastctc.json for files that don't tell their front end."""
    approximate_mb: int | None = None
    """Size of all files as it was published, where it is not known to the byte."""
    sources: tuple[str, ...] = ()
    note: str | None = None

    @property
    def n_bytes(self) -> int | None:
        """Size of all files; None where one is not known."""
        sizes = [file.n_bytes for file in self.files]
        return None if None in sizes else sum(size for size in sizes if size is not None)


@dataclass
class _Reader:
    """Takes typed values out of a JSON object, and names where a wrong one stands."""

    value: Mapping[str, Any]
    where: str
    taken: set[str] = field(default_factory=set)

    def get(self, key: str, kind: type | tuple[type, ...], *, optional: bool = False) -> Any:
        self.taken.add(key)
        value = self.value.get(key)
        if value is None and optional:
            return None
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            kinds = kind if isinstance(kind, tuple) else (kind,)
            expected = " or ".join(one.__name__ for one in kinds)
            self.refuse(f"{key} must be {expected}, not {type(value).__name__}")
        return value

    def text(self, key: str, pattern: re.Pattern[str] | None = None) -> str:
        value: str = self.get(key, str)
        if not value or not value.isprintable() or (pattern and not pattern.fullmatch(value)):
            self.refuse(f"{key} can't be {value!r}")
        return value

    def optional_text(self, key: str, pattern: re.Pattern[str] | None = None) -> str | None:
        self.taken.add(key)
        return None if self.value.get(key) is None else self.text(key, pattern)

    def natural(self, key: str) -> int | None:
        value: int | None = self.get(key, int, optional=True)
        if value is not None and not 0 < value < 1 << 48:
            self.refuse(f"{key} can't be {value}")
        return value

    def items(self, key: str, kind: type) -> list[Any]:
        values = self.get(key, list, optional=True) or []
        for value in values:
            if not isinstance(value, kind) or isinstance(value, bool):
                self.refuse(f"{key} must hold {kind.__name__} only, not {type(value).__name__}")
        return values

    def finish(self) -> None:
        if unknown := sorted(set(self.value) - self.taken):
            self.refuse(f"{unknown[0]} is not known")

    def refuse(self, reason: str) -> None:
        raise ModelError(f"{self.where}: {reason}.")


def read_catalog(path: str | os.PathLike[str] | None = None) -> dict[str, CatalogEntry]:
    """Entries by name. None: the file that FASTCTC_CATALOG names, else the package's. Raises ModelError."""
    file = Path(path or os.environ.get(VARIABLE) or _own_catalog())
    try:
        if file.stat().st_size > MAX_BYTES:
            raise ModelError(f"The catalogue {file} is larger than {MAX_BYTES >> 20} MiB.")
        content = json.loads(file.read_bytes(), object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except OSError as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(f"The catalogue {file} can't be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(f"The catalogue {file} is not JSON: {error}.") from error
    if not isinstance(content, dict) or content.get("catalog") != 1:
        raise ModelError(f'The catalogue {file} must hold one object with "catalog": 1, the version of the format.')
    top = _Reader(content, f"The catalogue {file}")
    top.get("catalog", int)
    entries: dict[str, CatalogEntry] = {}
    for index, value in enumerate(top.items("models", dict)):
        entry = _read_entry(_Reader(value, f"The catalogue {file}, models[{index}]"))
        if entry.name in entries:
            top.refuse(f"{entry.name} is there twice")
        entries[entry.name] = entry
    top.finish()
    return entries


def find_entry(name: str, entries: Mapping[str, CatalogEntry]) -> CatalogEntry:
    """The entry of that name. Raises UnknownModelError, which names those that are near."""
    if name in entries:
        return entries[name]
    lower = {known.lower(): known for known in entries}
    near = [lower[match] for match in get_close_matches(name.lower(), lower, n=3, cutoff=0.5)]
    near += [known for known in entries if name and name.lower() in known.lower() and known not in near][
        : 3 - len(near)
    ]
    hint = f"Did you mean {', '.join(near)}? " if near else ""
    raise UnknownModelError(
        f"There is no model at {name}, and no model of that name. {hint}Give a directory that holds an ONNX graph and "
        "its tokens.txt, or a name that `fastctc models list` prints."
    )


def _own_catalog() -> Path:
    for root in fastctc.__path__:  # of an editable installation: the sources, and what CMake installed
        file = Path(root) / "catalog.json"
        if file.is_file():
            return file
    raise ModelError("The catalogue of models is not part of this installation. Install fastctc again.")


def _read_entry(reader: _Reader) -> CatalogEntry:
    name = reader.text("name", _NAME)
    reader.where += f" ({name})"
    kind = reader.text("format")
    if kind not in ("onnx", "nemo", "included"):
        reader.refuse(f"format must be onnx, nemo or included, not {kind!r}")
    repository = reader.optional_text("repository", _REPOSITORY)
    files = tuple(_read_file(_Reader(value, f"{reader.where}, files")) for value in reader.items("files", dict))
    if kind != "included" and not (repository and files):
        reader.refuse("a model that is to be downloaded needs a repository and files")
    if len({file.name.lower() for file in files}) != len(files):
        reader.refuse("two files have one name")
    entry = CatalogEntry(
        name=name,
        title=reader.text("title"),
        format=kind,  # type: ignore[arg-type]  # one of the three, as checked
        languages=tuple(reader.items("languages", str)),
        license=reader.optional_text("license"),
        repository=repository,
        revision=reader.optional_text("revision", _NAME) or "main",
        files=files,
        converted_from=reader.optional_text("converted_from"),
        n_parameters=reader.natural("n_parameters"),
        sample_rate_hz=reader.natural("sample_rate_hz"),
        precision=reader.optional_text("precision"),
        latencies_ms=tuple(reader.items("latencies_ms", int)),
        word_error_rates=tuple(
            _read_rate(_Reader(value, f"{reader.where}, word_error_rates"))
            for value in reader.items("word_error_rates", dict)
        ),
        manifest=reader.get("manifest", dict, optional=True),
        approximate_mb=reader.natural("approximate_mb"),
        sources=tuple(reader.items("sources", str)),
        note=reader.optional_text("note"),
    )
    reader.finish()
    return entry


def _read_file(reader: _Reader) -> CatalogFile:
    file = CatalogFile(reader.text("name", _NAME), reader.natural("n_bytes"), reader.optional_text("sha256", _SHA256))
    reader.finish()
    return file


def _read_rate(reader: _Reader) -> WordErrorRate:
    percent = float(reader.get("percent", (int, float)))
    if not 0 <= percent <= 100:
        reader.refuse(f"percent can't be {percent}")
    rate = WordErrorRate(reader.text("test_set"), percent, reader.optional_text("decoder"), reader.text("source"))
    reader.finish()
    return rate


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} stands twice")
    return content


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")
