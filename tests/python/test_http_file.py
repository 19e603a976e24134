"""One file over HTTP from a local server: resumed, checked, complete or absent, every failure named."""

from __future__ import annotations

import errno
import hashlib
import http.client
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import pytest

import fastctc
from fastctc.models import http_file
from fastctc.models.http_file import fetch
from fastctc.models.http_request import Redirects, Request, may_carry_token
from file_server import FileServer, Handler, cut, etag, redirect, silent, status

CONTENT = bytes(range(256)) * 4000 + b"end"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    monkeypatch.setattr(http_file, "BACK_OFF_S", 0.001)
    for variable in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.upper(), raising=False)
    with FileServer() as running:
        running.files["/file"] = CONTENT
        yield running


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def ranges(server: FileServer) -> list[str | None]:
    return [headers.get("Range") for _, headers in server.requests]


def test_a_file_comes_whole_with_its_checksum(server: FileServer, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    fetched = fetch(
        Request(server.url + "/file", len(CONTENT), SHA256), tmp_path / "f", lambda *done: seen.append(done)
    )
    assert (fetched.n_bytes, fetched.sha256) == (len(CONTENT), SHA256)
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert names_in(tmp_path) == ["f"]
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert seen == sorted(seen)


def test_a_cut_is_resumed_within_one_call(server: FileServer, tmp_path: Path) -> None:
    server.script += [cut(100_000), status(503), cut(50_000), status(429, Retry_After="0")]
    fetch(Request(server.url + "/file"), tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert ranges(server) == [None, "bytes=100000-", "bytes=100000-", "bytes=150000-", "bytes=150000-"]
    assert server.requests[-1][1]["If-Range"] == etag(CONTENT)


def test_a_cut_is_resumed_by_the_next_call(server: FileServer, tmp_path: Path) -> None:
    server.script += [cut(100_000)] + [status(500)] * http_file.ATTEMPTS
    with pytest.raises(fastctc.DownloadError, match=r"500 .*attempts.*kept"):
        fetch(Request(server.url + "/file"), tmp_path / "f")
    assert names_in(tmp_path) == ["f.part", "f.part.json"]
    server.requests.clear()
    server.script.clear()
    fetch(Request(server.url + "/file"), tmp_path / "f")
    assert ranges(server) == ["bytes=100000-"]
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert names_in(tmp_path) == ["f"]


def test_a_file_that_changed_between_two_parts_is_fetched_anew(server: FileServer, tmp_path: Path) -> None:
    server.script.append(cut(100_000))
    newer = CONTENT[::-1] + b"newer"

    def change(handler: Handler) -> None:
        server.files["/file"] = newer
        handler.serve()

    server.script.append(change)
    fetch(Request(server.url + "/file"), tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == newer


def test_a_server_that_knows_no_ranges(server: FileServer, tmp_path: Path) -> None:
    server.script += [cut(100_000), lambda handler: handler.answer(200, CONTENT)]
    fetch(Request(server.url + "/file", sha256=SHA256), tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_parts_are_not_joined_where_nothing_tells_that_they_belong_together(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "f.part").write_bytes(b"of another file")
    fetch(Request(server.url + "/file"), tmp_path / "f")
    assert ranges(server) == [None]
    assert (tmp_path / "f").read_bytes() == CONTENT


@pytest.mark.parametrize("n_bytes", [None, len(CONTENT)])
@pytest.mark.parametrize("part", [b"damaged", b"x" * len(CONTENT), b"x" * (len(CONTENT) + 5)])
def test_a_damaged_part_is_found_and_fetched_anew(
    server: FileServer, tmp_path: Path, part: bytes, n_bytes: int | None
) -> None:
    (tmp_path / "f.part").write_bytes(part)
    fetch(Request(server.url + "/file", n_bytes, SHA256), tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("n_bytes", "sha256", "message"),
    [
        (None, "0" * 64, f"SHA-256 {SHA256} came, not {'0' * 64}"),
        (len(CONTENT) + 1, None, f"has {len(CONTENT)} bytes, and must have {len(CONTENT) + 1}"),
    ],
)
def test_another_file_than_the_one_known_is_thrown_away(
    server: FileServer, tmp_path: Path, n_bytes: int | None, sha256: str | None, message: str
) -> None:
    with pytest.raises(fastctc.ChecksumError, match=message):
        fetch(Request(server.url + "/file", n_bytes, sha256), tmp_path / "f")
    assert names_in(tmp_path) == []


@pytest.mark.parametrize(
    ("code", "message"),
    [(404, "is not there"), (410, "is not there"), (401, "HF_TOKEN"), (403, "HF_TOKEN"), (400, "answers 400")],
)
def test_a_refusal_is_named_and_not_repeated(server: FileServer, tmp_path: Path, code: int, message: str) -> None:
    server.script.append(status(code))
    with pytest.raises(fastctc.DownloadError, match=message):
        fetch(Request(server.url + "/file"), tmp_path / "f")
    assert len(server.requests) == 1
    assert names_in(tmp_path) == []


def test_a_body_of_unknown_length_that_is_cut_is_not_taken_for_whole(server: FileServer, tmp_path: Path) -> None:
    def chunked(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"400\r\n" + CONTENT[:100])
        handler.close_connection = True

    server.script += [chunked] * http_file.ATTEMPTS
    with pytest.raises(fastctc.DownloadError, match="connection broke"):
        fetch(Request(server.url + "/file"), tmp_path / "f")
    assert "f" not in names_in(tmp_path)


def test_another_part_than_was_asked_for_is_refused(server: FileServer, tmp_path: Path) -> None:
    span = f"bytes 5-{len(CONTENT) - 1}/{len(CONTENT)}"
    server.script += [cut(1000), lambda handler: handler.answer(206, CONTENT[5:], {"Content-Range": span})]
    with pytest.raises(fastctc.DownloadError, match="another part"):
        fetch(Request(server.url + "/file"), tmp_path / "f")


def test_an_encoded_body_is_refused(server: FileServer, tmp_path: Path) -> None:
    server.script.append(lambda handler: handler.answer(200, CONTENT, {"Content-Encoding": "gzip"}))
    with pytest.raises(fastctc.DownloadError, match="another encoding"):
        fetch(Request(server.url + "/file"), tmp_path / "f")


def test_a_redirect_is_followed_and_the_token_stays_behind(server: FileServer, tmp_path: Path) -> None:
    with FileServer() as other:
        other.files["/elsewhere"] = CONTENT
        server.script += [redirect(server.url + "/moved"), redirect(other.url + "/elsewhere")]
        fetch(Request(server.url + "/file", token="secret"), tmp_path / "f")
        assert [headers.get("Authorization") for _, headers in server.requests] == ["Bearer secret"] * 2
        (_, headers) = other.requests[0]
        assert "secret" not in str(headers)
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_a_resumed_part_is_asked_for_after_a_redirect_too(server: FileServer, tmp_path: Path) -> None:
    with FileServer() as other:
        other.files["/elsewhere"] = CONTENT
        other.script.append(cut(1000))
        server.script += [redirect(other.url + "/elsewhere")] * 2
        fetch(Request(server.url + "/file"), tmp_path / "f")
        assert ranges(other) == [None, "bytes=1000-"]
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_redirects_have_an_end(server: FileServer, tmp_path: Path) -> None:
    server.script += [redirect("/file")] * 50
    with pytest.raises(fastctc.DownloadError, match="302"):
        fetch(Request(server.url + "/file"), tmp_path / "f")


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_a_redirect_out_of_http_is_not_followed(server: FileServer, tmp_path: Path, target: str) -> None:
    server.script.append(redirect(target))
    with pytest.raises(fastctc.DownloadError, match=r"not secure|302"):
        fetch(Request(server.url + "/file"), tmp_path / "f")
    assert names_in(tmp_path) == []


def test_the_token_never_goes_in_the_clear_over_a_network() -> None:
    assert may_carry_token("https://hub.example/x")
    assert not may_carry_token("http://hub.example/x")


def test_a_redirect_from_https_to_http_is_not_followed() -> None:
    redirects = Redirects(Request("https://hub.example/x"))
    message = urllib.request.Request("https://hub.example/x")
    with pytest.raises(fastctc.DownloadError, match="not secure"):
        redirects.redirect_request(message, None, 302, "", http.client.HTTPMessage(), "http://hub.example/y")


def test_a_server_that_says_nothing(server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_file, "TIMEOUT_S", 0.1)
    monkeypatch.setattr(http_file, "ATTEMPTS", 2)
    server.script += [silent(1.0)] * 2
    with pytest.raises(fastctc.DownloadError, match="timed out"):
        fetch(Request(server.url + "/file"), tmp_path / "f")


def test_a_server_that_stops_in_the_middle(server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_file, "TIMEOUT_S", 0.2)

    def stall(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(CONTENT)))
        handler.send_header("ETag", etag(CONTENT))
        handler.end_headers()
        handler.wfile.write(CONTENT[:5000])
        time.sleep(1)
        handler.close_connection = True

    server.script.append(stall)
    fetch(Request(server.url + "/file"), tmp_path / "f")
    assert ranges(server) == [None, "bytes=5000-"]
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_a_server_that_drips(server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_file, "TIMEOUT_S", 0.2)

    def drip(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(CONTENT)))
        handler.send_header("ETag", etag(CONTENT))
        handler.end_headers()
        for byte in CONTENT[:100]:
            try:
                handler.wfile.write(bytes([byte]))
            except OSError:
                break
            time.sleep(0.01)
        handler.close_connection = True

    server.script.append(drip)
    fetch(Request(server.url + "/file"), tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert len(server.requests) == 2


def test_no_server_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_file, "BACK_OFF_S", 0.001)
    with FileServer() as server:
        url = server.url
    with pytest.raises(fastctc.DownloadError, match=r"no connection to 127\.0\.0\.1"):
        fetch(Request(url + "/file"), tmp_path / "f")
    assert names_in(tmp_path) == []


def test_a_proxy_is_used_and_exceptions_are_kept(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.url)
    server.files["http://hub.example/file"] = CONTENT
    fetch(Request("http://hub.example/file", token="secret"), tmp_path / "f")
    assert server.requests[0][0] == "http://hub.example/file"
    assert "secret" not in str(server.requests)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    fetch(Request(server.url + "/file"), tmp_path / "g")
    assert server.requests[1][0] == "/file"


def test_a_disk_that_is_too_small_is_told_before_the_download(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(fastctc.DownloadError, match=r"no room for f in .*1000 are free"):
        fetch(Request(server.url + "/file"), tmp_path / "f")
    assert names_in(tmp_path) == []


def test_a_disk_that_fills_up(server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = 0

    def write(file: IO[bytes], piece: bytes) -> None:
        nonlocal written
        if written + len(piece) > 200_000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written += file.write(piece)

    monkeypatch.setattr(http_file, "_PIECE_BYTES", 1 << 14)
    with monkeypatch.context() as full:
        full.setattr(http_file, "_write", write)
        with pytest.raises(fastctc.DownloadError, match=r"no room for f .*FASTCTC_HOME.*kept"):
            fetch(Request(server.url + "/file"), tmp_path / "f")
    assert names_in(tmp_path) == ["f.part", "f.part.json"]
    fetch(Request(server.url + "/file"), tmp_path / "f")  # there is room again
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert ranges(server)[1] == f"bytes={written}-"


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX limits")
def test_a_limit_of_the_system_is_an_error_not_a_crash(server: FileServer, tmp_path: Path) -> None:
    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    program = (
        "import sys, pathlib\n"
        "from fastctc.models.http_file import fetch\nfrom fastctc.models.http_request import Request\n"
        "try:\n    fetch(Request(sys.argv[1]), pathlib.Path(sys.argv[2]))\n"
        "except Exception as error:\n    print(type(error).__name__, error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, server.url + "/file", str(tmp_path / "f")],
        preexec_fn=limit,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.startswith("DownloadError There is no room for f"), done
    assert names_in(tmp_path) == ["f.part", "f.part.json"]


def test_a_directory_that_can_not_be_written(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "f.part").mkdir()
    (tmp_path / "f.part" / "x").touch()
    with pytest.raises(fastctc.DownloadError, match=r"can't be written.*FASTCTC_HOME"):
        fetch(Request(server.url + "/file", sha256=SHA256), tmp_path / "f")


def test_an_interrupt_leaves_a_part_that_is_resumed(server: FileServer, tmp_path: Path) -> None:
    def interrupt(done: int, _: Any) -> None:
        if done > 100_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(Request(server.url + "/file"), tmp_path / "f", interrupt)
    assert names_in(tmp_path) == ["f.part", "f.part.json"]
    fetch(Request(server.url + "/file"), tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == CONTENT
