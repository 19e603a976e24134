"""Where models are: a directory, a name of the catalogue, the demo model that comes with the package."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import fastctc
from fastctc.errors import ModelError, ModelNotFoundError
from fastctc.models import store
from fastctc.models.catalog import CatalogEntry, find_entry, read_catalog
from fastctc.models.store import Progress

__all__ = [
    "checkpoint_path",
    "demo_model_path",
    "demo_recording_path",
    "download_model",
    "list_models",
    "model_path",
    "remove_model",
    "resolve_model",
]

_logger = logging.getLogger("fastctc")
_announced = False


def demo_model_path() -> Path:
    """Directory of the demo model (spoken English digits). Raises ModelNotFoundError where it was not installed."""
    # An editable installation has two package directories: the sources, and what CMake installed.
    for root in fastctc.__path__:
        directory = Path(root) / "demo_model" / "digits"
        if (directory / "fastctc.json").is_file():
            return directory
    raise ModelNotFoundError(
        "The demo model is not part of this installation. Name a model directory, or install fastctc again."
    )


def demo_recording_path() -> Path:
    """A recording that the demo model reads as "two nine three four zero". Raises as demo_model_path()."""
    return demo_model_path() / "two-nine-three-four-zero.wav"


def list_models() -> list[CatalogEntry]:
    """The catalogue: every model that can be named, downloaded or not. Raises ModelError where it can't be read."""
    return list(read_catalog().values())


def download_model(name: str, on_progress: Progress | None = None) -> Path:
    """Fetches a model of the catalogue unless it is here.

    Args:
        name: of the catalogue.
        on_progress: called with a file's name, the bytes of it that are here, and its size where that is known.

    Returns:
        Its directory. Of a checkpoint of NeMo's (`format` "nemo") that holds the `.nemo` file alone.

    Raises:
        UnknownModelError: the catalogue has no such name.
        DownloadError: offline mode (FASTCTC_OFFLINE), the network, the server, the disk, a wrong checksum.
        PackageNotFoundError: the packages of the extra `hub` aren't installed.
    """
    entry = find_entry(name, read_catalog())
    return demo_model_path() if entry.format == "included" else store.download(entry, on_progress)


def model_path(name: str) -> Path | None:
    """Directory of a model of the catalogue; None: it is not downloaded. Raises UnknownModelError."""
    entry = find_entry(name, read_catalog())
    return demo_model_path() if entry.format == "included" else store.model_directory(entry)


def remove_model(name: str, *, forget: bool = False) -> bool:
    """Deletes a downloaded model; False: it was not here.

    Args:
        name: of the catalogue.
        forget: forget the checksums of its first download too.

    Raises:
        UnknownModelError: the catalogue has no such name.
        ModelError: it comes with the package, or can't be deleted.
        PackageNotFoundError: as download_model.
    """
    entry = find_entry(name, read_catalog())
    if entry.format == "included":
        raise ModelError(f"The model {name} comes with the package; it is not in the cache.")
    return store.remove(entry, forget=forget)


def checkpoint_path(checkpoint: str | os.PathLike[str], on_progress: Progress | None = None) -> Path:
    """The `.nemo` file that is meant: a path, which wins over a name, or the name of a checkpoint of the catalogue.

    Raises:
        UnknownModelError: neither a file that is there nor a name.
        ModelError: the name is that of a model that needs no export.
        DownloadError, PackageNotFoundError: as download_model.
    """
    path = Path(checkpoint)
    if not isinstance(checkpoint, str) or _looks_like_path(checkpoint) or path.suffix == ".nemo":
        return path
    entry = find_entry(checkpoint, read_catalog())
    if entry.format != "nemo":
        raise ModelError(f"{checkpoint} is a model directory already, not a checkpoint: it needs no export.")
    return store.download(entry, on_progress) / entry.files[0].name


def resolve_model(model: str | os.PathLike[str] | None) -> Path:
    """The directory (or graph) of a model.

    Args:
        model: a path, which wins over a name; a name of the catalogue, whose model is downloaded if it is not here;
            None for the demo model, announced once through the logger.

    Raises:
        UnknownModelError: neither a path that is there nor a name.
        ModelError: the name is that of a checkpoint, which must be exported first.
        DownloadError, PackageNotFoundError: as download_model.
    """
    if model is not None:
        return Path(model) if not isinstance(model, str) or _looks_like_path(model) else _named_model(model)
    global _announced
    if not _announced:
        _announced = True
        _logger.warning(
            "No model was named: using the demo model, which knows English digits only. For real speech give the "
            "directory of your export (model.onnx and tokens.txt) or a name that `fastctc models list` prints: "
            "model='DIR' in Python, --model DIR on the command line."
        )
    return demo_model_path()


def _looks_like_path(model: str) -> bool:
    """Whether it can't be a name: it is there, or it is written as only paths are."""
    separators = (os.sep, os.altsep) if os.altsep else (os.sep,)
    return not model or any(mark in model for mark in separators) or model.endswith(".onnx") or Path(model).exists()


def _named_model(name: str) -> Path:
    entry = find_entry(name, read_catalog())
    if entry.format == "nemo":
        raise ModelError(
            f"{name} is a checkpoint of NeMo's, not a model directory. Export it once: fastctc export nemo {name} "
            f"{name}-onnx, and give that directory."
        )
    return download_model(name)
