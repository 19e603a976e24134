"""One file of the Hugging Face hub: resumed after a cut, checked, never in its place before it is whole.

huggingface_hub does the network. It belongs to the extra `hub`, so import this module only to download.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from huggingface_hub import get_hf_file_metadata
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import build_hf_headers

from fastctc.errors import ChecksumError, DownloadError
from fastctc.models.catalog import CatalogFile

__all__ = ["fetch", "may_carry_token"]

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_PIECE_BYTES = 1 << 20
_ClientError: Any = HfHubHTTPError.__bases__[0]
"""HTTPError of httpx or httpx2: huggingface_hub changed from one to the other."""

Progress = Callable[[int, "int | None"], object]


def fetch(url: str, known: CatalogFile, directory: Path, on_progress: Progress | None = None) -> CatalogFile:
    """Downloads a file to a directory, where it is complete and checked, or absent.

    What came before a cut stays in the directory (`NAME.ETAG.part`). The next call goes on from there if the server
    still has that file.

    Args:
        url: where the hub has the file.
        known: its name, and the size and checksum that it must have, where they are known.
        directory: must be there.
        on_progress: called with the bytes that are here and the size, where that is known.

    Returns:
        The file with its size and checksum.

    Raises:
        ChecksumError: the content is not the one known; it was thrown away.
        DownloadError: the network, the server or the disk; the message says which and what to do.
    """
    path = directory / known.name
    try:
        if path.is_file() and _fits(found := _describe(path, known.name), known):  # of an earlier attempt
            return found
        part, resumed = _receive(url, known, path, on_progress)
        found = _describe(part, known.name)
        if _fits(found, known):
            part.replace(path)
            return found
        part.unlink()
    except (OSError, UnicodeError, _ClientError) as error:  # UnicodeError: of a host's name, of a token
        if isinstance(error, DownloadError):
            raise
        raise _named(error, url, path) from error
    if resumed:  # parts of two files
        return fetch(url, known, directory, on_progress)
    raise ChecksumError(
        f"{url} is not the file that it must be: {found.n_bytes} bytes of SHA-256 {found.sha256} came, not "
        f"{known.sha256 or f'{known.n_bytes} bytes'}. It was thrown away. Try again; if it is the same, the file was "
        "replaced."
    )


def may_carry_token(url: str) -> bool:
    """Whether nobody on the way can read what is sent to that URL."""
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in _LOOPBACK


def _receive(url: str, known: CatalogFile, path: Path, on_progress: Progress | None) -> tuple[Path, bool]:
    """The whole file under another name, and whether some of it was here before."""
    token = None if may_carry_token(url) else False  # None: HF_TOKEN, or what `hf auth login` left
    metadata = get_hf_file_metadata(url, token=token, library_name="fastctc", retry_on_errors=True)
    size = metadata.size
    if size is not None and known.n_bytes not in (None, size):
        raise ChecksumError(
            f"{url} has {size} bytes, and must have {known.n_bytes}: it was replaced by another file. "
            "Nothing of it is used."
        )
    # Hashed: the server may write anything into the tag.
    tag = hashlib.sha256((metadata.etag or "").encode()).hexdigest()[:16]
    part = path.with_name(f"{path.name}.{tag}.part")
    start = part.stat().st_size if part.exists() else 0
    if start and (metadata.etag is None or size is None or start > size):
        part.unlink()
        start = 0
    free = shutil.disk_usage(path.parent).free
    if size is not None and size - start > free:
        raise OSError(errno.ENOSPC, f"{size - start} bytes are needed, {free} are free")
    headers = build_hf_headers(token=token, library_name="fastctc", headers={"Accept-Encoding": "identity"})
    bar: Any = partial(_Bar, url, on_progress or (lambda *_: None))
    _get(url, part, headers=headers, expected_size=size, tqdm_class=bar)
    return part, start > 0


def _get(url: str, part: Path, **options: Any) -> None:
    """Appends the rest. A broken connection ends it only where nothing new came."""
    while True:
        with part.open("ab") as file:
            start = file.tell()
            try:
                http_get(url, file, resume_size=start, **options)
                file.flush()
                os.fsync(file.fileno())
                return
            except _ClientError:
                if file.tell() <= start:
                    raise


class _Bar:
    """Stands for a bar of tqdm's, and tells what came instead of drawing it."""

    def __init__(self, url: str, report: Progress, *, total: int | None = None, initial: int = 0, **_: object) -> None:
        self._url, self._report, self._total, self._n_bytes = url, report, total, initial

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing was drawn."""

    def update(self, n_bytes: int) -> None:
        self._n_bytes += n_bytes
        if self._total is not None and self._n_bytes > self._total:
            raise DownloadError(f"{self._url} is longer than the server said. Try again later.")
        self._report(self._n_bytes, self._total)


def _describe(path: Path, name: str) -> CatalogFile:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
        return CatalogFile(name, file.tell(), digest.hexdigest())


def _fits(found: CatalogFile, known: CatalogFile) -> bool:
    return known.n_bytes in (None, found.n_bytes) and known.sha256 in (None, found.sha256)


def _named(error: Any, url: str, path: Path) -> DownloadError:
    """What failed: the server, the disk, else the network."""
    if isinstance(error, HfHubHTTPError):
        return _refusal(error, url)
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return DownloadError(
            f"There is no room for {path.name} in {path.parent} ({error.strerror}). Make room, or set FASTCTC_HOME to "
            "another directory; what is here already is kept."
        )
    if getattr(error, "errno", None) is not None:
        return DownloadError(f"{path} can't be written: {error.strerror}. Set FASTCTC_HOME to another directory.")
    reason = (str(error) or type(error).__name__).splitlines()[0]
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        return DownloadError(
            f"{urlsplit(url).hostname} shows no certificate to be trusted ({reason}). Behind a proxy of your own, set "
            "SSL_CERT_FILE to its certificates."
        )
    return DownloadError(f"{url} can't be downloaded: {reason}. Try again; what is here already is kept.")


def _refusal(error: HfHubHTTPError, url: str) -> DownloadError:
    status = error.response.status_code
    answer = f"the server answers {status} {error.response.reason_phrase}"
    if status in (404, 410):
        return DownloadError(f"{url} is not there ({answer}). It was moved or removed.")
    if status in (401, 403):
        advice = (
            "The token in HF_TOKEN, or of `hf auth login`, has no access."
            if "Authorization" in error.response.request.headers
            else "If it needs an account, set HF_TOKEN to a token."
        )
    elif status >= 500 or status in (408, 429):
        advice = "Try again later; what is here already is kept."
    else:
        advice = ""
    return DownloadError(f"{url} can't be downloaded: {answer}. {advice}".rstrip())
