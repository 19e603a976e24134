"""A hub on this machine, which can be told to fail in every way that servers and networks do."""

from __future__ import annotations

import hashlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub import constants

__all__ = ["FileServer", "Handler", "quick_hub"]

CHUNK_BYTES = 1 << 14


@contextmanager
def quick_hub(monkeypatch: pytest.MonkeyPatch, directory: Path) -> Iterator[None]:
    """huggingface_hub without pauses, proxies or tokens of the machine, and with small pieces."""
    for variable in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ftp_proxy"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.upper(), raising=False)
    for variable in ("FASTCTC_OFFLINE", "HF_HUB_OFFLINE", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")  # of processes that a test starts
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(directory / "token"))
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", CHUNK_BYTES)
    impatient = SimpleNamespace(**{**vars(time), "sleep": lambda _: None})
    monkeypatch.setattr("huggingface_hub.file_download.time", impatient)
    monkeypatch.setattr("huggingface_hub.utils._http.time", impatient)
    huggingface_hub.close_session()  # its client knows the proxies of before
    try:
        yield
    finally:
        huggingface_hub.close_session()


class Handler(BaseHTTPRequestHandler):
    """Serves `server.files` as the hub does, unless an answer of a script comes first."""

    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.take(self.server.requests, self.server.script)

    def do_HEAD(self) -> None:
        self.take(self.server.heads, self.server.head_script)

    def take(self, requests: list[tuple[str, dict[str, str]]], script: list[Callable[[Handler], None]]) -> None:
        with self.server.lock:
            requests.append((self.path, {name.title(): value for name, value in self.headers.items()}))
            answer = script.pop(0) if script else None
        (answer or Handler.serve)(self)

    def serve(self) -> None:
        """As a good server."""
        content = self.server.files.get(self.path)
        if content is None:
            self.answer(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        headers = {"ETag": etag(content), "X-Repo-Commit": "0" * 40}
        begin = self.wanted_from()
        if begin >= len(content):
            self.answer(416, b"")
        elif begin:
            headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
            self.answer(206, content[begin:], headers)
        else:
            self.answer(200, content, headers)

    def wanted_from(self) -> int:
        """First byte that the request asks for."""
        return int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))

    def answer(
        self, status: int, body: bytes, headers: dict[str, str] | None = None, *, length: int | None = None
    ) -> None:
        """Sends a response; `length` other than the body's is a lie, and the connection ends after the body."""
        try:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body) if length is None else length))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client has seen enough
        self.close_connection = length is not None

    def log_message(self, *_: Any) -> None:
        """Silent."""


def etag(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:16]}"'


def cut(n_bytes: int) -> Callable[[Handler], None]:
    """The connection ends after so many bytes of the file."""

    def answer(handler: Handler) -> None:
        content = handler.server.files[handler.path]
        begin = handler.wanted_from()
        body = content[begin : begin + n_bytes]
        headers = {"ETag": etag(content)}
        if begin:
            headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        handler.answer(206 if begin else 200, body, headers, length=len(content) - begin)

    return answer


def reset(n_bytes: int) -> Callable[[Handler], None]:
    """The connection is reset after so many bytes of the file, as by a router that forgot it."""

    def answer(handler: Handler) -> None:
        cut(n_bytes)(handler)
        time.sleep(0.1)  # a reset overtakes what was not read yet
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.close()

    return answer


def status(code: int, **fields: str) -> Callable[[Handler], None]:
    """A refusal with header fields, as Retry_After="5"."""
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    return lambda handler: handler.answer(code, b"no", headers)


def redirect(url: str, **fields: str) -> Callable[[Handler], None]:
    return status(302, Location=url, **fields)


def silent(seconds: float) -> Callable[[Handler], None]:
    """Says nothing, then hangs up."""

    def answer(handler: Handler) -> None:
        time.sleep(seconds)
        handler.close_connection = True

    return answer


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.script: list[Callable[[Handler], None]] = []
        self.head_script: list[Callable[[Handler], None]] = []
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.heads: list[tuple[str, dict[str, str]]] = []
        self.lock = threading.Lock()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class FileServer:
    """A context manager: `files` by path, scripts of answers that come first, requests as they came.

    `script` and `requests` are those of GET, `head_script` and `heads` those of HEAD.
    """

    def __init__(self) -> None:
        self._server = _Server()
        self.files = self._server.files
        self.script = self._server.script
        self.head_script = self._server.head_script
        self.requests = self._server.requests
        self.heads = self._server.heads
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> FileServer:
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
