"""A server of files on this machine, which can be told to fail in every way that servers and networks do."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["FileServer", "Handler"]


class Handler(BaseHTTPRequestHandler):
    """Serves `server.files` with ranges and ETags, unless an answer of `server.script` comes first."""

    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.requests.append((self.path, dict(self.headers)))
            answer = self.server.script.pop(0) if self.server.script else None
        (answer or Handler.serve)(self)

    def serve(self) -> None:
        """As a good server."""
        content = self.server.files.get(self.path)
        if content is None:
            self.answer(404, b"")
            return
        tag = etag(content)
        begin = self.wanted_from()
        if begin and self.headers.get("If-Range", tag) == tag:
            if begin >= len(content):
                self.answer(416, b"")
                return
            span = f"bytes {begin}-{len(content) - 1}/{len(content)}"
            self.answer(206, content[begin:], {"ETag": tag, "Content-Range": span})
        else:
            self.answer(200, content, {"ETag": tag})

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


def status(code: int, **fields: str) -> Callable[[Handler], None]:
    """A refusal with header fields, as Retry_After="5"."""
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    return lambda handler: handler.answer(code, b"no", headers)


def redirect(url: str) -> Callable[[Handler], None]:
    return status(302, Location=url)


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
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.lock = threading.Lock()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class FileServer:
    """A context manager: `files` by path, `script` of answers that come first, `requests` as they came."""

    def __init__(self) -> None:
        self._server = _Server()
        self.files = self._server.files
        self.script = self._server.script
        self.requests = self._server.requests
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> FileServer:
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
