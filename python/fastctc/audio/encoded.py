"""Opens encoded audio files and reads them in blocks; every way to fail has a named error."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fastctc.audio.container import find_data_chunk, is_ogg, ogg_is_complete
from fastctc.errors import AudioError, AudioNotFoundError

__all__ = ["can_probe", "open_encoded", "read_blocks"]

_BLOCK_VALUES = 1 << 18  # samples of all channels that are read at once

_logger = logging.getLogger("fastctc")


@contextlib.contextmanager
def open_encoded(source: object) -> Iterator[tuple[Any, str]]:
    """Opens a path, bytes or a binary file object. Returns a soundfile.SoundFile and a name for messages.

    Raises:
        AudioNotFoundError: There is no such file.
        AudioError: It can't be opened, is no audio, or is not all there.
    """
    with _open_binary(source) as (binary, name, path):
        reader = _Reader(binary, name)
        with reader.errors_first():
            chunk = find_data_chunk(reader)
            if chunk is not None:
                if chunk.is_truncated:
                    raise AudioError(f"{name} is truncated: {chunk.describe_missing()}. Get the whole file.")
                reader.unknown_size_at = chunk.size_offset
            is_cut_ogg = is_ogg(reader) and not ogg_is_complete(reader)
            reader.seek(0)
            # libsndfile reads a plain path without our callbacks; by a name in .raw it would take it for headerless.
            plain = reader.unknown_size_at is None and not (path or "").lower().endswith(".raw")
            with _open_sound(path if path and plain else reader, name) as file:
                _check_not_cut(file, name, has_data=chunk is not None, is_cut_ogg=is_cut_ogg)
                yield file, name


def read_blocks(file: Any, name: str) -> Iterator[npt.NDArray[np.float32]]:
    """The frames of an open SoundFile, in blocks [n, channels]."""
    n_frames = 0
    block_frames = max(1, _BLOCK_VALUES // file.channels)
    n_read = block_frames
    while n_read == block_frames:
        block = np.empty((block_frames, file.channels), dtype=np.float32)
        try:
            n_read = file.buffer_read_into(block, dtype="float32")
        except (RuntimeError, ValueError, OSError) as error:
            place = f"after {n_frames / file.samplerate:.2f} s"
            raise AudioError(f"{name} is broken {place}: {_reason(error)}. Get the whole file, or repair it.") from None
        n_frames += n_read
        yield block[:n_read]
    if n_frames < file.frames:
        message = f"{name} is truncated: {n_frames} frames are there, its header promises {file.frames}."
        if file.format != "MP3":
            raise AudioError(f"{message} Get the whole file.")
        _logger.warning("%s These are used.", message)  # an MP3 file may tell only an estimate


def can_probe(source: object) -> bool:
    """Whether a source can be opened for its header and then once more to be read."""
    if isinstance(source, (str, os.PathLike)):
        try:
            return stat.S_ISREG(Path(source).stat().st_mode)
        except (OSError, ValueError):
            return False
    return not hasattr(source, "read") or bool(getattr(source, "seekable", lambda: False)())


class _Reader:
    """The file that libsndfile's callbacks and we read. They can't raise: an exception ends the file, and is kept."""

    def __init__(self, file: Any, name: str) -> None:
        self._file = file
        self._name = name
        self._error: BaseException | None = None
        self.unknown_size_at: int | None = None
        """Offset of four bytes to be read as 0xFF: a size that the file doesn't tell."""

    @contextlib.contextmanager
    def errors_first(self) -> Iterator[None]:
        """Raises the error of reading, not the error that followed from it."""
        try:
            yield
        except AudioError:
            self._raise()
            raise
        self._raise()

    def _raise(self) -> None:
        if isinstance(self._error, Exception):
            raise AudioError(
                f"{self._name} can't be read: {self._error!r}. Give a file that can be read."
            ) from self._error
        if self._error is not None:
            raise self._error  # Ctrl-C

    def tell(self) -> int:
        return self.seek(0, os.SEEK_CUR)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        try:
            self._file.seek(offset, whence)
            return int(self._file.tell())
        except BaseException as error:
            self._error = self._error or error
            return 0

    def read(self, size: int = -1) -> bytes:
        position = self.tell()
        data = bytearray()
        try:
            # An unbuffered file may return less than it has.
            while size < 0 or len(data) < size:
                more = self._file.read(size - len(data) if size >= 0 else -1)
                if not more:
                    break
                data += more
        except BaseException as error:
            self._error = self._error or error
        if self.unknown_size_at is not None:
            for index in range(self.unknown_size_at, self.unknown_size_at + 4):
                if position <= index < position + len(data):
                    data[index - position] = 0xFF
        return bytes(data)

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _open_sound(file: str | _Reader, name: str) -> Any:
    try:
        import soundfile  # here, because it takes time to load and arrays don't need it
    except (ImportError, OSError) as error:
        raise AudioError(f"{name} needs the soundfile package, which can't be loaded: {error}.") from error
    # A name that is not in the file system's encoding passes as bytes only.
    target = os.fsencode(file) if isinstance(file, str) and os.name != "nt" else file
    try:
        return soundfile.SoundFile(target)
    except (soundfile.SoundFileError, RuntimeError, TypeError, ValueError, OSError) as error:
        raise AudioError(
            f"{name} can't be read as audio: {_reason(error)}. Give WAV, FLAC, OGG, Opus or MP3; "
            "ffmpeg -i INPUT OUTPUT.wav converts most others."
        ) from None


def _reason(error: Exception) -> str:
    return str(getattr(error, "error_string", error)).rstrip(".")


def _check_not_cut(file: Any, name: str, *, has_data: bool, is_cut_ogg: bool) -> None:
    """What libsndfile takes for the end of a recording, and isn't."""
    if file.frames == 0 and file.format in ("WAV", "WAVEX", "AIFF") and not has_data:
        raise AudioError(f"{name} is truncated: it ends before its audio begins. Get the whole file.")
    if is_cut_ogg:
        if file.frames == 0:
            raise AudioError(f"{name} is truncated: it ends before its first page of audio does. Get the whole file.")
        _logger.warning("%s has no end-of-stream mark and is perhaps truncated. All of it is used.", name)


@contextlib.contextmanager
def _open_binary(source: Any) -> Iterator[tuple[Any, str, str | None]]:
    """A binary file that can seek, its name for messages, and its path where libsndfile may open that itself."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        yield _check_not_empty(io.BytesIO(source), "The bytes"), "The bytes", None
    elif isinstance(source, (str, os.PathLike)):
        path = os.fsdecode(source)
        name = f"The file {path}"
        with _open_path(path) as file:
            if file.seekable():
                yield _check_not_empty(file, name), name, path
            else:
                yield _check_not_empty(io.BytesIO(file.read()), name), name, None
    else:
        file, name, position = _take_file_object(source)
        try:
            yield _check_not_empty(file, name), name, None
        finally:
            if position is not None:
                file.seek(position)


def _open_path(path: str) -> Any:
    if not path:
        raise AudioNotFoundError("The path is empty. Give that of an audio file.")
    try:
        mode = Path(path).stat().st_mode
        if stat.S_ISDIR(mode):
            raise AudioError(f"{path} is a directory. Give the files in it.")
        if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
            raise AudioError(f"{path} is a device. Record it to a file first.")
        return Path(path).open("rb")
    except FileNotFoundError:
        raise AudioNotFoundError(f"The file {path} is not there. Check the path (now in {Path.cwd()}).") from None
    except OSError as error:
        raise AudioError(f"The file {path} can't be opened: {error.strerror or error}. Make it readable.") from error
    except UnicodeError as error:
        raise AudioError(f"The file {path!r} can't be opened: {error}. Rename it.") from None
    except ValueError as error:
        if isinstance(error, AudioError):
            raise
        raise AudioError(f"The file {path!r} can't be opened: {error}. Give another path.") from None


def _take_file_object(file: Any) -> tuple[Any, str, int | None]:
    """The file itself and where it stands, or, if it can't seek, a copy of what is left of it."""
    label = getattr(file, "name", None)
    name = f"The file {label}" if isinstance(label, str) else f"The {type(file).__name__}"
    if getattr(file, "closed", False):
        raise AudioError(f"{name} is closed. Give an open file object, or its path.")
    try:
        if not isinstance(file.read(0), (bytes, bytearray)):
            raise TypeError("read() gives no bytes")
        if hasattr(file, "seek") and hasattr(file, "tell") and getattr(file, "seekable", lambda: True)():
            return file, name, file.tell()
        return io.BytesIO(file.read()), name, None
    except Exception as error:
        raise AudioError(f'{name} can\'t be read: {error}. Open it in binary mode, open(path, "rb").') from error


def _check_not_empty(file: Any, name: str) -> Any:
    try:
        size = file.seek(0, os.SEEK_END)
        size = file.tell() if size is None else size
    except Exception as error:
        raise AudioError(f"{name} can't seek: {error!r}. Give a file that can be read.") from error
    if size == 0:
        raise AudioError(f"{name} is empty. Get the file again.")
    return file
