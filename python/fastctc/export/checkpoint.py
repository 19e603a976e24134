"""Checks what a PyTorch checkpoint would run when it is unpickled: only the making of tensors may pass.

`torch.load(weights_only=True)` refuses the same at load; this reads the pickle's opcodes and runs none of them, so that
a hostile file is refused before PyTorch, of whatever release, or NeMo sees it.
"""

from __future__ import annotations

import io
import pickletools
import re
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO, cast

from fastctc.errors import ModelError, ModelNotFoundError

__all__ = ["check_checkpoint"]

MAX_PICKLE_BYTES = 64 << 20
"""The pickle holds names and shapes; the weights stand beside it."""
_MAX_RECORDS = 100_000

_ALLOWED_GLOBALS = {
    "collections OrderedDict",
    "torch Size",
    "torch device",
    "torch._utils _rebuild_tensor_v2",
    "torch._utils _rebuild_parameter",
    "torch.serialization _get_layout",
    "torch.storage TypedStorage",
    "torch.storage UntypedStorage",
    "_codecs encode",  # how Python 3 pickles bytes in protocol 2
}
_ALLOWED_STORAGE = re.compile(r"torch(\.cuda)? [A-Z][A-Za-z0-9]*Storage")
# Ways to reach a global that leave no name to check, or that run more than a class's __new__ and __setstate__.
_REFUSED_OPCODES = {"STACK_GLOBAL", "INST", "OBJ", "EXT1", "EXT2", "EXT4"}
# Before PyTorch 1.6: pickles one after another (magic, protocol, system, weights, keys), then raw storages.
_N_LEGACY_PICKLES = 5


def check_checkpoint(path: Path) -> None:
    """Checks everything that unpickling the file would call.

    Raises:
        ModelError: the file is no checkpoint of PyTorch, is cut short, or its pickle calls something else than the
            makers of tensors; the message names it.
        ModelNotFoundError: there is no such file.
    """
    try:
        with path.open("rb") as file:
            # As PyTorch tells them apart: a file that only ends like a zip file would be unpickled from its start.
            is_zip = file.read(4) == b"PK\x03\x04"
            file.seek(0)
            if is_zip:
                _check_zip(file, path)
            else:
                _check_pickles(file, path, _N_LEGACY_PICKLES)
    except FileNotFoundError as error:
        raise ModelNotFoundError(f"{path} is not there.") from error
    except (zipfile.BadZipFile, NotImplementedError, EOFError, zlib.error) as error:
        raise ModelError(f"The weights {path} are no checkpoint of PyTorch, or cut short: {error}.") from error
    except OSError as error:
        raise ModelError(f"The weights {path} can't be read: {error.strerror or error}.") from error


def _check_zip(file: BinaryIO, path: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        records = archive.infolist()
        names = [record.filename for record in records]
        if len(records) > _MAX_RECORDS or len(set(names)) != len(names):
            raise ModelError(f"The weights {path} hold one record twice, or more than {_MAX_RECORDS} records.")
        pickles = [record for record in records if record.filename.endswith(".pkl")]
        if sum(record.filename.rpartition("/")[2] == "data.pkl" for record in pickles) != 1:
            raise ModelError(f"{path} is no checkpoint of PyTorch: a zip file without the one record data.pkl.")
        for record in records:
            # PyTorch stores without compression, so another program made a compressed file, perhaps a bomb.
            if record.compress_type != zipfile.ZIP_STORED or record.file_size != record.compress_size:
                raise ModelError(f"The weights {path} hold a compressed record ({record.filename!r}).")
            if record.filename.startswith("/") or ".." in record.filename.split("/"):
                raise ModelError(f"The weights {path} hold a record that leads out of them ({record.filename!r}).")
        if len(pickles) > 1 or any("/code/" in name for name in names):
            raise ModelError(f"{path} is a TorchScript archive, which carries code. NeMo's weights are a state dict.")
        if pickles[0].file_size > MAX_PICKLE_BYTES:
            raise ModelError(f"The pickle in {path} is larger than {MAX_PICKLE_BYTES >> 20} MiB.")
        _check_pickles(io.BytesIO(archive.read(pickles[0])), path, 1)


def _check_pickles(file: BinaryIO, path: Path, n_pickles: int) -> None:
    stream = _Bounded(file)
    try:
        for _ in range(n_pickles):
            for opcode, argument, _position in pickletools.genops(cast(BinaryIO, stream)):
                _check_opcode(opcode.name, argument, path)
    except (ValueError, KeyError, IndexError, UnicodeError, OverflowError) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(f"The weights {path} are no checkpoint of PyTorch, or cut short: {error}.") from error


def _check_opcode(name: str, argument: object, path: Path) -> None:
    if name in _REFUSED_OPCODES:
        raise ModelError(f"The weights {path} use the pickle opcode {name}, which PyTorch's own don't. {_ADVICE}")
    if name == "GLOBAL" and argument not in _ALLOWED_GLOBALS and not _ALLOWED_STORAGE.fullmatch(str(argument)):
        called = str(argument).replace(" ", ".")
        raise ModelError(f"The weights {path} would call {called} when they are loaded. {_ADVICE}")


_ADVICE = "Weights are tensors only; get the model from its publisher again, and don't load this file."


class _Bounded:
    """A file that limits each read to the size that a pickle of names and shapes needs."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = MAX_PICKLE_BYTES

    def read(self, size: int) -> bytes:
        return self._take(self._file.read(self._allowed(size)))

    def readline(self) -> bytes:
        return self._take(self._file.readline(self._allowed(1 << 16)))

    def tell(self) -> int:
        return self._file.tell()

    def _allowed(self, size: int) -> int:
        if not 0 <= size <= self._left:
            raise ValueError(f"a pickle of more than {MAX_PICKLE_BYTES >> 20} MiB")
        return size

    def _take(self, data: bytes) -> bytes:
        self._left -= len(data)
        return data
