"""One file over HTTP: resumed after a cut, checked while it comes, never in its place before it is whole.

http_request.py opens the connections.
"""

from __future__ import annotations

import email.message
import errno
import hashlib
import http.client
import json
import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from fastctc.errors import ChecksumError, DownloadError
from fastctc.models.http_request import NoSuchPartError, Request, TransientError, open_response, reason

__all__ = ["FetchedFile", "fetch"]

TIMEOUT_S = 30.0
"""Without a byte, or a connection."""
ATTEMPTS = 5
"""In a row without a new byte."""
SLOW_BYTES_S = 1000.0
"""Slower than this over a timeout's time is as good as silent."""
BACK_OFF_S = 0.5
MAX_BACK_OFF_S = 30.0
_PIECE_BYTES = 1 << 20
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")

Progress = Callable[[int, "int | None"], object]


@dataclass(frozen=True)
class FetchedFile:
    """What came."""

    n_bytes: int
    sha256: str


def fetch(request: Request, path: Path, on_progress: Progress | None = None) -> FetchedFile:
    """Downloads a file to `path`, which is complete and checked, or absent.

    What came before a cut stays beside it (`path` + ".part"), and the next call goes on from there if the server says
    that the file is still the same.

    Args:
        request: what to fetch.
        path: its directory must be there.
        on_progress: called with the bytes that are there and the size, if it is known, several times a second at most.

    Raises:
        ChecksumError: the content is not the one known; it was thrown away.
        DownloadError: the network, the server or the disk; the message says which and what to do.
    """
    part = _Part(path)
    transfer = _Transfer(request, part, on_progress)
    failures = 0
    while True:
        n_before = part.n_bytes()
        try:
            fetched = transfer.run()
        except TransientError as error:
            failures = 1 if part.n_bytes() > n_before else failures + 1
            if failures >= ATTEMPTS:
                raise DownloadError(
                    f"{request.url} can't be downloaded: {error} ({ATTEMPTS} attempts). Try again; what is here "
                    "already is kept."
                ) from error
            back_off_s = BACK_OFF_S * 2 ** (failures - 1) if error.wait_s is None else error.wait_s
            time.sleep(min(back_off_s, MAX_BACK_OFF_S))
            continue
        except OSError as error:
            if isinstance(error, DownloadError):
                raise
            raise _disk_error(error, path) from error
        part.finish()
        return fetched


class _Part:
    """The bytes that are here, and what tells that they are of the file that the server has."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.file = path.with_name(path.name + ".part")
        self._note = path.with_name(path.name + ".part.json")

    def n_bytes(self) -> int:
        try:
            return self.file.stat().st_size
        except FileNotFoundError:
            return 0

    def validator(self, url: str) -> str | None:
        """For If-Range: the ETag or the date that came with these bytes."""
        try:
            note = json.loads(self._note.read_bytes())
        except (OSError, ValueError):
            return None
        validator = note.get("validator") if isinstance(note, dict) and note.get("url") == url else None
        return validator if isinstance(validator, str) and validator.isprintable() else None

    def note(self, url: str, validator: str | None) -> None:
        self._note.write_text(json.dumps({"url": url, "validator": validator}), encoding="utf-8")

    def discard(self) -> None:
        self.file.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)

    def finish(self) -> None:
        self.file.replace(self._path)
        self._note.unlink(missing_ok=True)


class _Transfer:
    def __init__(self, request: Request, part: _Part, on_progress: Progress | None) -> None:
        self._request = request
        self._part = part
        self._on_progress = on_progress

    def run(self) -> FetchedFile:
        """One attempt. Raises TransientError, DownloadError, OSError (of the disk)."""
        digest = hashlib.sha256()
        start = self._hash_part(digest)
        if self._request.n_bytes is not None and start == self._request.n_bytes:
            return self._check(digest, start, resumed=True)
        headers = {"Accept-Encoding": "identity", "User-Agent": "fastctc"}
        if start:
            headers["Range"] = f"bytes={start}-"
            if validator := self._part.validator(self._request.url):
                headers["If-Range"] = validator
        with self._open(headers) as response:
            begin, total = _place(response, start)
            if begin != start:
                # The whole file: the server knows no ranges, or has another one by now.
                digest = hashlib.sha256()
                start = 0
            self._check_total(total)
            _check_disk(self._part.file.parent, None if total is None else total - start)
            self._part.note(self._request.url, _validator(response.headers))
            n_bytes = self._receive(response, digest, start, total)
        return self._check(digest, n_bytes, resumed=start > 0)

    def _open(self, headers: dict[str, str]) -> Any:
        try:
            return open_response(self._request, headers, TIMEOUT_S)
        except NoSuchPartError:
            self._part.discard()
            raise

    def _hash_part(self, digest: Any) -> int:
        """Size of what is here and of use."""
        size = self._part.n_bytes()
        known = self._request.sha256 is not None
        too_long = self._request.n_bytes is not None and size > self._request.n_bytes
        # Without a validator or a checksum nothing would tell that two halves are of one file.
        if not size or too_long or not (known or self._part.validator(self._request.url)):
            self._part.discard()
            return 0
        with self._part.file.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                digest.update(piece)
        return size

    def _receive(self, response: Any, digest: Any, start: int, total: int | None) -> int:
        n_bytes = start
        window = (time.monotonic(), n_bytes)
        with self._part.file.open("ab" if start else "wb") as file:
            while True:
                try:
                    piece = response.read1(_PIECE_BYTES)
                except (OSError, http.client.HTTPException) as error:
                    raise TransientError(f"the connection broke ({reason(error)})") from error
                if not piece:
                    break
                n_bytes += len(piece)
                if total is not None and n_bytes > total:
                    raise DownloadError(f"{self._request.url} is longer than the server said. Try again later.")
                _write(file, piece)
                digest.update(piece)
                if self._on_progress is not None:
                    self._on_progress(n_bytes, total)
                window = _check_speed(window, n_bytes)
            file.flush()
            os.fsync(file.fileno())
        if total is not None and n_bytes < total:
            raise TransientError(f"the connection ended after {n_bytes} of {total} bytes")
        return n_bytes

    def _check_total(self, total: int | None) -> None:
        expected = self._request.n_bytes
        if total is not None and expected is not None and total != expected:
            self._part.discard()
            raise ChecksumError(
                f"{self._request.url} has {total} bytes, and must have {expected}: it was replaced by another file. "
                "Nothing of it is used."
            )

    def _check(self, digest: Any, n_bytes: int, *, resumed: bool) -> FetchedFile:
        fetched = FetchedFile(n_bytes, digest.hexdigest())
        wrong_size = self._request.n_bytes is not None and n_bytes != self._request.n_bytes
        if wrong_size or (self._request.sha256 is not None and fetched.sha256 != self._request.sha256):
            self._part.discard()
            if resumed:
                raise TransientError("the parts are not of one file")
            raise ChecksumError(
                f"{self._request.url} is not the file that it must be: {n_bytes} bytes of SHA-256 {fetched.sha256} "
                f"came, not {self._request.sha256 or f'{self._request.n_bytes} bytes'}. It was thrown away. "
                "Try again; if it is the same, the file was replaced."
            )
        return fetched


def _write(file: IO[bytes], piece: bytes) -> None:
    file.write(piece)


def _check_speed(window: tuple[float, int], n_bytes: int) -> tuple[float, int]:
    """Raises TransientError where a whole timeout's time brought next to nothing."""
    since_s, n_then = window
    elapsed_s = time.monotonic() - since_s
    if elapsed_s < TIMEOUT_S:
        return window
    if n_bytes - n_then < SLOW_BYTES_S * elapsed_s:
        raise TransientError(f"the server sends less than {SLOW_BYTES_S:.0f} bytes a second")
    return time.monotonic(), n_bytes


def _place(response: Any, start: int) -> tuple[int, int | None]:
    """Where the body begins in the file, and the file's size if it is known."""
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding != "identity":
        raise DownloadError(f"{response.url} comes in another encoding ({encoding}) than was asked for.")
    if response.status == 206:
        found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if not found or int(found[1]) != start:
            raise DownloadError(f"{response.url}: the server sent another part than was asked for. Try again later.")
        return start, None if found[3] == "*" else int(found[3])
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if length.isascii() and length.isdigit() else None


def _validator(headers: email.message.Message) -> str | None:
    tag = headers.get("ETag", "")
    # A weak tag says that two contents mean the same, not that their bytes are.
    return tag if tag and not tag.startswith("W/") else headers.get("Last-Modified")


def _check_disk(directory: Path, n_bytes: int | None) -> None:
    free = shutil.disk_usage(directory).free
    if n_bytes is not None and n_bytes > free:
        raise OSError(errno.ENOSPC, f"{n_bytes} bytes are needed, {free} are free")


def _disk_error(error: OSError, path: Path) -> DownloadError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return DownloadError(
            f"There is no room for {path.name} in {path.parent} ({error.strerror}). Make room, or set FASTCTC_HOME to "
            "another directory; what is here already is kept."
        )
    return DownloadError(f"{path} can't be written: {error.strerror or error}. Set FASTCTC_HOME to another directory.")
