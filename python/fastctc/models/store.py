"""Models that were downloaded: one directory each in the cache, complete or absent.

models/NAME/            the model, as its entry in the catalogue says
models/.NAME.download/  what has come of it so far
models/.NAME.lock       held by the process that downloads it
models/.NAME.pins.json  checksums of the files as they came first, where the catalogue knows none
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from fastctc.errors import ChecksumError, DownloadError, PackageNotFoundError
from fastctc.models.catalog import CatalogEntry, CatalogFile
from fastctc.models.download_directory import cache_directory

if TYPE_CHECKING:
    from filelock import AcquireReturnProxy

__all__ = ["Progress", "download", "model_directory", "remove"]

Progress: TypeAlias = Callable[[str, int, "int | None"], object]
"""Called with a file's name, the bytes of it that are here, and its size where that is known."""

HUB = "https://huggingface.co"
_logger = logging.getLogger("fastctc")


def model_directory(entry: CatalogEntry) -> Path | None:
    """Where the model is; None: it is not downloaded."""
    directory = cache_directory("models", entry.name)
    return directory if directory.is_dir() else None


def download(entry: CatalogEntry, on_progress: Progress | None = None) -> Path:
    """The model's directory; its files are fetched unless they are here.

    Processes that want the same model at once wait for the first, and use what it fetched.

    Raises:
        ChecksumError: a file is not the one that the catalogue, or the first download, knows.
        DownloadError: offline mode, the network, the server, the disk, or a cache that can't be written.
        PackageNotFoundError: the packages of the extra `hub` aren't installed.
    """
    if (directory := model_directory(entry)) is not None:
        return directory
    if variable := _offline_variable():
        raise DownloadError(
            f"The model {entry.name} is not downloaded, and {variable} says to stay offline. Unset it, or copy the "
            f"model's directory to {cache_directory('models', entry.name)}."
        )
    with _extra():
        import huggingface_hub  # noqa: F401  # before anything is begun
    models = cache_directory("models")
    try:
        models.mkdir(parents=True, exist_ok=True)
        with _lock(entry, models):
            return model_directory(entry) or _download(entry, models, on_progress)
    except OSError as error:
        if isinstance(error, DownloadError):
            raise
        raise DownloadError(
            f"The model {entry.name} can't be kept in {models}: {error.strerror or error}. Set FASTCTC_HOME to a "
            "directory that can be written."
        ) from error


def remove(entry: CatalogEntry, *, forget: bool = False) -> bool:
    """Deletes the model, and what has come of an unfinished download; False: nothing was there.

    Args:
        entry: the model.
        forget: forget the checksums of its first download too, so that a file that was replaced is accepted.

    Raises:
        DownloadError: it can't be deleted.
        PackageNotFoundError: as download.
    """
    models = cache_directory("models")
    if not models.is_dir():
        return False
    directory, unfinished = models / entry.name, _unfinished(models, entry)
    found = directory.exists() or unfinished.exists()
    try:
        with _lock(entry, models):
            if directory.exists():
                # First out of the way in one step: a directory that is half deleted must not look like a model.
                unfinished_model = models / f".{entry.name}.removed"
                shutil.rmtree(unfinished_model, ignore_errors=True)
                directory.rename(unfinished_model)
                shutil.rmtree(unfinished_model)
            if unfinished.exists():
                shutil.rmtree(unfinished)
            if forget:
                _pins_file(models, entry).unlink(missing_ok=True)
    except OSError as error:
        raise DownloadError(f"The model {entry.name} can't be removed: {error.strerror or error}.") from error
    return found


def _download(entry: CatalogEntry, models: Path, on_progress: Progress | None) -> Path:
    """Under the lock."""
    endpoint = _endpoint()
    size = "" if entry.n_bytes is None else f" ({entry.n_bytes / 1e6:.0f} MB)"
    _logger.warning("Downloading %s%s from %s to %s.", entry.name, size, endpoint, models / entry.name)
    unfinished = _unfinished(models, entry)
    unfinished.mkdir(exist_ok=True)
    pins_file = _pins_file(models, entry)
    pins = _read_pins(pins_file)
    for file in entry.files:
        pins[file.name] = _fetch(entry, file, pins.get(file.name), endpoint, unfinished, on_progress)
        _write_pins(pins_file, pins)  # at once: after a cut they tell that this file is whole
    if entry.manifest is not None:
        (unfinished / "fastctc.json").write_text(json.dumps(entry.manifest, indent=2), encoding="utf-8")
    known = {file.name for file in entry.files} | ({"fastctc.json"} if entry.manifest is not None else set())
    for path in unfinished.iterdir():
        if path.name not in known:
            path.unlink()
    _sync(unfinished)
    directory = models / entry.name
    unfinished.rename(directory)
    _sync(models)
    return directory


def _fetch(
    entry: CatalogEntry,
    file: CatalogFile,
    pin: CatalogFile | None,
    endpoint: str,
    directory: Path,
    on_progress: Progress | None,
) -> CatalogFile:
    from fastctc.models.hub_file import fetch

    url = f"{endpoint}/{entry.repository}/resolve/{entry.revision}/{file.name}"
    known = pin if file.sha256 is None and pin is not None else file
    progress = None if on_progress is None else lambda done, total: on_progress(file.name, done, total)
    try:
        return fetch(url, known, directory, progress)
    except ChecksumError as error:
        if file.sha256 is None and pin is not None:
            raise ChecksumError(
                f"{error} The checksum is that of the first download to this cache: if the publisher changed the model "
                f"and you want the new one, run `fastctc models remove --forget {entry.name}` first."
            ) from error
        raise


def _endpoint() -> str:
    endpoint = (os.environ.get("HF_ENDPOINT") or HUB).rstrip("/")
    with suppress(ValueError):  # of a port or an address that is none
        parts = urlsplit(endpoint)
        if parts.scheme in ("http", "https") and re.fullmatch(r"[\w.:-]+", parts.hostname or "") and parts.port != 0:
            return endpoint
    raise DownloadError(f"HF_ENDPOINT is {endpoint!r}, which is no address of a server.")


def _unfinished(models: Path, entry: CatalogEntry) -> Path:
    return models / f".{entry.name}.download"


def _pins_file(models: Path, entry: CatalogEntry) -> Path:
    return models / f".{entry.name}.pins.json"


def _read_pins(path: Path) -> dict[str, CatalogFile]:
    try:
        content = json.loads(path.read_bytes())
        return {name: CatalogFile(name, int(pin["n_bytes"]), str(pin["sha256"])) for name, pin in content.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError, TypeError, KeyError) as error:
        raise DownloadError(f"{path} is damaged. Delete it: the next download makes it anew.") from error


def _write_pins(path: Path, pins: Mapping[str, CatalogFile]) -> None:
    content = {name: {"n_bytes": pin.n_bytes, "sha256": pin.sha256} for name, pin in sorted(pins.items())}
    new = path.with_name(path.name + ".new")
    new.write_text(json.dumps(content, indent=2), encoding="utf-8")
    new.replace(path)


def _sync(directory: Path) -> None:
    """So that after a power cut the new name stands for whole files, or is not there."""
    if os.name != "posix":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _lock(entry: CatalogEntry, models: Path) -> AcquireReturnProxy:
    """Held in a `with` block. The system drops it with the process, so one that was killed leaves none behind."""
    with _extra():
        from filelock import FileLock, Timeout
    lock = FileLock(models / f".{entry.name}.lock")
    try:
        return lock.acquire(timeout=0)
    except Timeout:
        _logger.warning("Another process downloads %s; waiting for it.", entry.name)
        return lock.acquire()


@contextmanager
def _extra() -> Iterator[None]:
    """Says what to install where an import of the block fails."""
    try:
        yield
    except ImportError as error:
        raise PackageNotFoundError(
            "Downloading and removing models needs the packages huggingface_hub and filelock. Install them: "
            "pip install 'fastctc[hub]'."
        ) from error


def _offline_variable() -> str | None:
    for variable in ("FASTCTC_OFFLINE", "HF_HUB_OFFLINE"):
        if os.environ.get(variable, "").strip().lower() in ("1", "true", "yes", "on"):
            return variable
    return None
