"""Opens a `.nemo` file as if a stranger had made it: a tar of a configuration, weights and tokenizer files.

Nothing is written, built or unpickled before the whole archive's names, kinds and sizes have been read and accepted.
"""

from __future__ import annotations

import gzip
import re
import tarfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any, cast

from fastctc.errors import ModelError, ModelNotFoundError
from fastctc.export.checkpoint import check_checkpoint
from fastctc.export.nemo_config import MAX_BYTES, foreign_targets, parse_config

__all__ = ["ExtractedModel", "NemoArchive"]

CONFIG_NAME = "model_config.yaml"
WEIGHTS_NAME = "model_weights.ckpt"
MAX_MEMBERS = 1000
MAX_GROWTH = 20
"""Largest ratio of content to compressed file: weights shrink by a tenth, text to a tenth."""
FREE_BYTES = 64 << 20
"""Content that any compressed file may hold, in bytes."""
_LARGEST_READ_BYTES = 2 << 20
"""Largest single read of tarfile: pieces of members, and headers that hold long names."""
_PIECE_BYTES = 1 << 20
_ARTIFACT = "nemo:"
_PLAIN_NAME = re.compile(r"[^\x00-\x1f\x7f/\\:]{1,255}")
_CODE_SUFFIXES = {".pkl", ".pickle", ".pt", ".pth", ".py", ".pyc", ".so", ".dll", ".sh"}
_BROKEN = (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError, OverflowError, RecursionError)


@dataclass(frozen=True)
class ExtractedModel:
    """Files of a `.nemo` in a directory."""

    directory: Path
    config: Path
    weights: Path
    artifacts: Mapping[str, Path]
    """The other files by the name that the configuration gives them, as `nemo:0a1b_tokenizer.model`."""


class NemoArchive:
    """A checked `.nemo` file. Needs PyYAML (`pip install fastctc[export]`), neither NeMo nor torch.

    Args:
        path: the file.
        trusted_targets: classes outside NeMo and PyTorch that the configuration may name.

    Raises:
        ModelNotFoundError: there is no such file.
        ModelError: no tar archive, damaged, or one that could do harm: names that lead out, links, devices, sparse or
            far too many or too large members, a configuration with tags, classes that are not NeMo's. It says which.
    """

    def __init__(self, path: Path, *, trusted_targets: Sequence[str] = ()) -> None:
        self.path = Path(path)
        self._check_kind()
        self._sizes = self._read_members()
        for name in (CONFIG_NAME, WEIGHTS_NAME):
            if name not in self._sizes:
                raise ModelError(
                    f"{self.path} holds no {name}: not a model that NeMo saved in one piece. Save it again with its "
                    "save_to()."
                )
        foreign = sorted(set(foreign_targets(self.config)) - set(trusted_targets))
        if foreign:
            raise ModelError(
                f"The configuration in {self.path} names {', '.join(foreign)}: no class of NeMo's, and NeMo would "
                "make an object of it. If you trust the file and need the class, name it in trusted_targets."
            )

    @cached_property
    def config(self) -> dict[str, Any]:
        """The model's configuration: plain data (nemo_config.parse_config)."""
        with self._open() as archive:
            for member in _members(archive):
                if _plain_name(member) == CONFIG_NAME:
                    where = f"{CONFIG_NAME} in {self.path}"
                    if member.size > MAX_BYTES:
                        raise ModelError(f"{where} is larger than {MAX_BYTES >> 20} MiB, as no configuration is.")
                    return parse_config(b"".join(_pieces(archive, member)), where)
        raise ModelError(f"{self.path} changed while it was read.")

    @property
    def artifacts(self) -> dict[str, str]:
        """Files of the archive that the configuration refers to: the reference (`nemo:NAME`) and the name."""
        found = {}
        for reference in _strings(self.config):
            if reference.startswith(_ARTIFACT):
                name = reference.removeprefix(_ARTIFACT)
                if name in self._sizes:
                    found[reference] = name
                elif name:
                    raise ModelError(f"{self.path} lacks {name}, which its configuration names. Get the file again.")
        return found

    @property
    def n_bytes(self) -> int:
        """Size of all members."""
        return sum(self._sizes.values())

    def extract(self, directory: Path) -> ExtractedModel:
        """Writes the configuration, the weights and the files that the configuration names, and nothing else.

        The weights' pickle is checked (checkpoint.check_checkpoint); a file that is there already is never replaced.

        Args:
            directory: made if it is not there.

        Raises:
            ModelError: as the class; a file is there already or can't be written; the weights would run code. What was
                written by then is removed.
        """
        wanted = {CONFIG_NAME, WEIGHTS_NAME, *self.artifacts.values()}
        if code := sorted(name for name in wanted if Path(name).suffix.lower() in _CODE_SUFFIXES):
            raise ModelError(
                f"{self.path} brings code or pickles with it ({', '.join(code)}), which no CTC model needs."
            )
        written: list[Path] = []
        try:
            directory.mkdir(parents=True, exist_ok=True)
            with self._open() as archive:
                for member in _members(archive):
                    name = _plain_name(member)
                    if name in wanted:
                        _write(archive, member, directory / name, written)
            check_checkpoint(directory / WEIGHTS_NAME)
        except BaseException as error:
            for path in written:
                path.unlink(missing_ok=True)
            if isinstance(error, OSError) and not isinstance(error, ModelError):
                raise ModelError(f"{self.path} can't be unpacked in {directory}: {error.strerror or error}.") from error
            raise
        artifacts = {reference: directory / name for reference, name in self.artifacts.items()}
        return ExtractedModel(directory, directory / CONFIG_NAME, directory / WEIGHTS_NAME, artifacts)

    def _check_kind(self) -> None:
        try:
            if not self.path.is_file():
                raise ModelNotFoundError(f"There is no file {self.path}. Give a .nemo file.")
            with self.path.open("rb") as file:
                start = file.read(8)
        except OSError as error:
            if isinstance(error, ModelError):
                raise
            raise ModelError(f"{self.path} can't be read: {error.strerror or error}.") from error
        if not start:
            raise ModelError(f"{self.path} is empty. Get the file again.")
        if start.startswith(b"PK\x03\x04"):
            raise ModelError(f"{self.path} is a zip archive; a .nemo file is a tar archive. Unpack it first.")

    def _read_members(self) -> dict[str, int]:
        """Names and sizes of all members; every one is checked."""
        sizes: dict[str, int] = {}
        with self._open() as archive:
            for member in _members(archive):
                where = f"{self.path}, member {member.name!r}"
                if member.isdir() and member.name in (".", "./", ""):
                    continue
                if not member.isreg() or member.issparse():
                    raise ModelError(f"{where} is a {_kind(member)}; a .nemo file holds plain files. {_ADVICE}")
                name = _plain_name(member)
                if not name:
                    raise ModelError(f"{where}: the name is not that of a file at the top of the archive. {_ADVICE}")
                if name in sizes:
                    raise ModelError(f"{where} is there twice. {_ADVICE}")
                if len(sizes) >= MAX_MEMBERS:
                    raise ModelError(f"{self.path} holds more than {MAX_MEMBERS} files. {_ADVICE}")
                sizes[name] = member.size
        return sizes

    @contextmanager
    def _open(self) -> Iterator[tarfile.TarFile]:
        try:
            with self.path.open("rb") as file:
                size = self.path.stat().st_size
                is_gzip = file.read(2) == b"\x1f\x8b"
                file.seek(0)
                if not is_gzip:
                    with _open_tar(file, size) as archive:
                        yield archive
                    return
                limit = max(FREE_BYTES, MAX_GROWTH * size)
                with (
                    gzip.GzipFile(fileobj=file) as unpacked,
                    _open_tar(unpacked, limit) as archive,
                ):
                    yield archive
        except _TooLargeError as error:
            raise ModelError(f"{self.path} unpacks to far more than its own size. {_ADVICE}") from error
        except _BROKEN as error:
            if isinstance(error, ModelError):
                raise
            raise ModelError(
                f"{self.path} is no tar archive, or is cut short ({error}). Get the file again."
            ) from error


_ADVICE = "Get the model from its publisher again, or save it again with NeMo."


class _TooLargeError(Exception):
    pass


class _BoundedFile:
    """The file that tarfile reads: no position past the limit, no read larger than a header needs."""

    def __init__(self, file: IO[bytes] | gzip.GzipFile, limit: int) -> None:
        self._file = file
        self._limit = limit
        self._work_left = 8 * limit + (1 << 20)  # passes over the file, going back in a compressed one included

    def read(self, size: int) -> bytes:
        if not 0 <= size <= _LARGEST_READ_BYTES:
            raise tarfile.ReadError("a header larger than 2 MiB")
        self._spend(size)
        data = self._file.read(size)
        if self._file.tell() > self._limit:
            raise _TooLargeError
        return data

    def seek(self, position: int) -> int:
        if position < 0:
            raise tarfile.ReadError("a member of negative size")
        if position > self._limit:
            # A plain file ends there; a compressed one has the limit.
            raise tarfile.ReadError("unexpected end of data") if not self._is_gzip else _TooLargeError()
        self._spend(position if position < self._file.tell() and self._is_gzip else 0)
        return self._file.seek(position)

    def tell(self) -> int:
        return self._file.tell()

    @property
    def _is_gzip(self) -> bool:
        return isinstance(self._file, gzip.GzipFile)

    def _spend(self, n_bytes: int) -> None:
        self._work_left -= n_bytes
        if self._work_left < 0:
            raise _TooLargeError


def _open_tar(file: IO[bytes] | gzip.GzipFile, limit: int) -> tarfile.TarFile:
    return tarfile.open(fileobj=cast(IO[bytes], _BoundedFile(file, limit)), mode="r:")


def _members(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    for index, member in enumerate(archive):
        if index > MAX_MEMBERS + 1:
            raise ModelError(f"The archive holds more than {MAX_MEMBERS} files. {_ADVICE}")
        if member.size < 0:
            raise tarfile.ReadError("a member of negative size")
        yield member


def _plain_name(member: tarfile.TarInfo) -> str:
    """The name at the top of the archive; empty: it is no such name."""
    name = member.name.removeprefix("./")
    return name if _PLAIN_NAME.fullmatch(name) and name not in (".", "..") else ""


def _kind(member: tarfile.TarInfo) -> str:
    if member.issym() or member.islnk():
        return f"link to {member.linkname!r}"
    if member.isdir():
        return "directory (a distributed checkpoint, perhaps: save the model in one piece)"
    if member.isdev():
        return "device"
    return "sparse file" if member.issparse() else "special file"


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path, written: list[Path]) -> None:
    with path.open("xb") as target:
        written.append(path)
        for piece in _pieces(archive, member):
            target.write(piece)


def _pieces(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    """The member's content, all of it."""
    source = archive.extractfile(member)
    left = member.size
    while left:
        piece = source.read(min(left, _PIECE_BYTES)) if source else b""
        if not piece:
            raise tarfile.ReadError("unexpected end of data")
        yield piece
        left -= len(piece)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)
