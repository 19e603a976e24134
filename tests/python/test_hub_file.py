"""One file over huggingface_hub from a local server: resumed, checked, complete or absent, every failure named."""

from __future__ import annotations

import errno
import hashlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from huggingface_hub import constants

import fastctc
from fastctc.models import hub_file
from fastctc.models.catalog import CatalogFile
from fastctc.models.hub_file import fetch, may_carry_token
from file_server import CHUNK_BYTES, FileServer, Handler, cut, etag, quick_hub, redirect, reset, silent, status

CONTENT = bytes(range(256)) * 4000 + b"end"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
SOME = 6 * CHUNK_BYTES + 1000
"""Of these bytes huggingface_hub writes whole pieces."""
WRITTEN = 6 * CHUNK_BYTES
FILE = CatalogFile("f", None, None)
KNOWN = CatalogFile("f", len(CONTENT), SHA256)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileServer]:
    with quick_hub(monkeypatch, tmp_path_factory.mktemp("hub")), FileServer() as running:
        running.files["/file"] = CONTENT
        yield running


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def part_of(content: bytes) -> str:
    tag = etag(content).strip('"')
    return f"f.{hashlib.sha256(tag.encode()).hexdigest()[:16]}.part"


def ranges(server: FileServer) -> list[str | None]:
    return [headers.get("Range") for _, headers in server.requests]


def test_a_file_comes_whole_with_its_checksum(server: FileServer, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    assert fetch(server.url + "/file", FILE, tmp_path, lambda *done: seen.append(done)) == KNOWN
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert names_in(tmp_path) == ["f"]
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert seen == sorted(seen)
    assert len(seen) > 10
    (_, headers) = server.requests[0]
    assert headers["Accept-Encoding"] == "identity"
    assert headers["User-Agent"].startswith("fastctc")
    assert fetch(server.url + "/file", KNOWN, tmp_path) == KNOWN
    assert len(server.requests) == len(server.heads) == 1


@pytest.mark.parametrize("broken", [cut(SOME), reset(SOME)])
def test_a_broken_connection_is_resumed_within_one_call(server: FileServer, tmp_path: Path, broken: Any) -> None:
    seen: list[int] = []
    server.script += [broken, status(429, Retry_After="0"), broken]
    fetch(server.url + "/file", KNOWN, tmp_path, lambda done, _: seen.append(done))
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert ranges(server) == [None, *[f"bytes={WRITTEN}-"] * 2, f"bytes={2 * WRITTEN}-"]
    assert seen == sorted(seen)
    assert seen[-1] == len(CONTENT)


def test_a_cut_is_resumed_by_the_next_call(server: FileServer, tmp_path: Path) -> None:
    server.script += [cut(SOME), status(500), status(500)]
    with pytest.raises(fastctc.DownloadError, match=r"500 .*kept"):
        fetch(server.url + "/file", FILE, tmp_path)
    assert names_in(tmp_path) == [part_of(CONTENT)]
    server.requests.clear()
    server.script.clear()
    assert fetch(server.url + "/file", FILE, tmp_path) == KNOWN
    assert ranges(server) == [f"bytes={WRITTEN}-"]
    assert names_in(tmp_path) == ["f"]


def test_a_file_that_changed_between_two_calls_is_fetched_anew(server: FileServer, tmp_path: Path) -> None:
    server.script += [cut(SOME), status(500), status(500)]
    with pytest.raises(fastctc.DownloadError, match="500"):
        fetch(server.url + "/file", FILE, tmp_path)
    server.files["/file"] = CONTENT[::-1]
    fetch(server.url + "/file", FILE, tmp_path)
    assert ranges(server)[-1] is None
    assert (tmp_path / "f").read_bytes() == CONTENT[::-1]


def test_a_file_that_changed_between_two_parts_is_found(server: FileServer, tmp_path: Path) -> None:
    def change(handler: Handler) -> None:
        server.files["/file"] = CONTENT[::-1]
        handler.serve()

    server.script += [cut(SOME), change]
    with pytest.raises(fastctc.ChecksumError, match="thrown away"):
        fetch(server.url + "/file", KNOWN, tmp_path)
    assert names_in(tmp_path) == []


def test_a_server_that_knows_no_ranges(server: FileServer, tmp_path: Path) -> None:
    server.script += [cut(SOME), lambda handler: handler.answer(200, CONTENT)]
    seen: list[int] = []
    fetch(server.url + "/file", KNOWN, tmp_path, lambda done, _: seen.append(done))
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert seen[-1] == len(CONTENT)


def test_parts_are_not_joined_where_nothing_tells_that_they_belong_together(server: FileServer, tmp_path: Path) -> None:
    def without_tag(handler: Handler) -> None:
        handler.answer(200, CONTENT)

    (tmp_path / f"f.{hashlib.sha256(b'').hexdigest()[:16]}.part").write_bytes(b"of another file")
    server.head_script.append(without_tag)
    assert fetch(server.url + "/file", FILE, tmp_path) == KNOWN
    assert ranges(server) == [None]


@pytest.mark.parametrize("known", [KNOWN, CatalogFile("f", None, SHA256)])
@pytest.mark.parametrize("part", [b"damaged", b"x" * len(CONTENT), b"x" * (len(CONTENT) + 5)])
def test_a_damaged_part_is_found_and_fetched_anew(
    server: FileServer, tmp_path: Path, part: bytes, known: CatalogFile
) -> None:
    (tmp_path / part_of(CONTENT)).write_bytes(part)
    assert fetch(server.url + "/file", known, tmp_path) == KNOWN
    assert names_in(tmp_path) == ["f"]


def test_a_file_that_was_damaged_in_its_place_is_fetched_anew(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"damaged")
    assert fetch(server.url + "/file", KNOWN, tmp_path) == KNOWN
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
        fetch(server.url + "/file", CatalogFile("f", n_bytes, sha256), tmp_path)
    assert names_in(tmp_path) == []
    assert len(server.requests) == (0 if sha256 is None else 1)


def test_a_size_that_the_server_does_not_tell_is_checked_too(server: FileServer, tmp_path: Path) -> None:
    def chunked(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(CONTENT), CONTENT))

    server.head_script += [chunked] * 2
    server.script += [chunked] * 2
    with pytest.raises(fastctc.ChecksumError, match=f"not {len(CONTENT) + 1} bytes"):
        fetch(server.url + "/file", CatalogFile("f", len(CONTENT) + 1, None), tmp_path)
    assert fetch(server.url + "/file", FILE, tmp_path) == KNOWN


@pytest.mark.parametrize(
    ("code", "fields", "message"),
    [
        (404, {"X_Error_Code": "RevisionNotFound"}, "/file is not there .*404"),
        (404, {"X_Error_Code": "EntryNotFound"}, "/file is not there .*404"),
        (404, {}, "/file is not there .*404"),
        (410, {}, "/file is not there .*410"),
        (401, {}, "401 Unauthorized.*set HF_TOKEN"),
        (403, {"X_Error_Code": "GatedRepo"}, "403 Forbidden.*set HF_TOKEN"),
        (400, {}, "answers 400"),
    ],
)
def test_a_refusal_is_named_and_not_repeated(
    server: FileServer, tmp_path: Path, code: int, fields: dict[str, str], message: str
) -> None:
    server.head_script.append(status(code, **fields))
    with pytest.raises(fastctc.DownloadError, match=message):
        fetch(server.url + "/file", FILE, tmp_path)
    server.script.append(status(code, **fields))
    with pytest.raises(fastctc.DownloadError, match=message):
        fetch(server.url + "/file", FILE, tmp_path)
    assert len(server.heads) == 2
    assert len(server.requests) == 1
    assert "f" not in names_in(tmp_path)


def test_a_token_without_access_is_named(server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    server.head_script.append(status(403))
    with pytest.raises(fastctc.DownloadError, match=r"token in HF_TOKEN.* has no access"):
        fetch(server.url + "/file", FILE, tmp_path)


@pytest.mark.parametrize(("host", "token"), [("127.0.0.1", "\u20ac"), (".", "x")])
def test_a_host_or_token_that_can_not_be_written(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, token: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(fastctc.DownloadError, match=r"can't be downloaded: .*codec"):
        fetch(server.url.replace("127.0.0.1", host) + "/file", FILE, tmp_path)


def test_a_server_that_comes_back(server: FileServer, tmp_path: Path) -> None:
    server.head_script += [status(503), status(429, Retry_After="0")]
    assert fetch(server.url + "/file", FILE, tmp_path) == KNOWN


def test_a_body_of_unknown_length_that_is_cut_is_not_taken_for_whole(server: FileServer, tmp_path: Path) -> None:
    def chunked(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"400\r\n" + CONTENT[:100])
        handler.close_connection = True

    server.script += [chunked] * 50
    with pytest.raises(fastctc.DownloadError, match=r"can't be downloaded.*Try again"):
        fetch(server.url + "/file", FILE, tmp_path)
    assert "f" not in names_in(tmp_path)


def test_a_body_that_is_longer_than_the_server_said(server: FileServer, tmp_path: Path) -> None:
    def endless(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for _ in range(1000):
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(CONTENT), CONTENT))

    server.script.append(endless)
    with pytest.raises(fastctc.DownloadError, match="longer than the server said"):
        fetch(server.url + "/file", FILE, tmp_path)
    assert fetch(server.url + "/file", FILE, tmp_path) == KNOWN


@pytest.mark.parametrize("variable", ["HF_TOKEN", None])
def test_a_redirect_is_followed_and_the_token_stays_behind(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str | None
) -> None:
    if variable is None:  # as `hf auth login` leaves it
        Path(constants.HF_TOKEN_PATH).write_text("secret")
    else:
        monkeypatch.setenv(variable, "secret")
    # Older versions of huggingface_hub know hosts apart, not ports.
    linked = {"X_Linked_Size": str(len(CONTENT)), "X_Linked_Etag": etag(CONTENT)}
    with FileServer() as other:
        other.files["/elsewhere"] = CONTENT
        other.script.append(cut(SOME))
        elsewhere = other.url.replace("127.0.0.1", "localhost") + "/elsewhere"
        server.head_script += [redirect("/moved"), redirect(elsewhere, **linked)]
        server.script += [redirect("/moved"), redirect(elsewhere), redirect(elsewhere)]
        fetch(server.url + "/file", KNOWN, tmp_path)
        for _, headers in server.heads + server.requests:
            assert headers["Authorization"] == "Bearer secret"
        assert len(server.heads) == 2
        assert other.heads == []
        assert ranges(other) == [None, f"bytes={WRITTEN}-"]
        assert "secret" not in str(other.requests)
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_redirects_have_an_end(server: FileServer, tmp_path: Path) -> None:
    server.script += [redirect("/file")] * 50
    with pytest.raises(fastctc.DownloadError, match="redirects"):
        fetch(server.url + "/file", FILE, tmp_path)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_a_redirect_out_of_http_is_not_followed(server: FileServer, tmp_path: Path, target: str) -> None:
    server.script.append(redirect(target))
    with pytest.raises(fastctc.DownloadError, match="can't be downloaded"):
        fetch(server.url + "/file", FILE, tmp_path)
    assert "f" not in names_in(tmp_path)


def test_the_token_never_goes_in_the_clear_over_a_network(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert may_carry_token("https://hub.example/x")
    assert not may_carry_token("http://hub.example/x")
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.setenv("HF_TOKEN", "secret")
    server.files["http://hub.example/file"] = CONTENT
    fetch("http://hub.example/file", KNOWN, tmp_path)
    assert [path for path, _ in server.heads + server.requests] == ["http://hub.example/file"] * 2
    assert "secret" not in str(server.heads + server.requests)


def test_a_proxy_that_is_not_for_this_host(server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert fetch(server.url + "/file", KNOWN, tmp_path) == KNOWN


def test_a_server_that_says_nothing(server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.1)
    server.script += [silent(1.0)] * 6
    with pytest.raises(fastctc.DownloadError, match="timed out"):
        fetch(server.url + "/file", FILE, tmp_path)


def test_a_server_that_stops_in_the_middle(server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.2)

    def stall(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(CONTENT)))
        handler.end_headers()
        handler.wfile.write(CONTENT[:SOME])
        time.sleep(1)
        handler.close_connection = True

    server.script.append(stall)
    fetch(server.url + "/file", KNOWN, tmp_path)
    assert ranges(server) == [None, f"bytes={WRITTEN}-"]
    assert (tmp_path / "f").read_bytes() == CONTENT


@pytest.mark.usefixtures("server")
def test_no_server_at_all(tmp_path: Path) -> None:
    with FileServer() as gone:
        url = gone.url
    with pytest.raises(fastctc.DownloadError, match=r"127\.0\.0\.1.*can't be downloaded: .*refused.* Try again"):
        fetch(url + "/file", FILE, tmp_path)
    assert names_in(tmp_path) == []


def test_a_certificate_that_is_not_trusted_is_named(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise hub_file._ClientError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate")

    monkeypatch.setattr(hub_file, "get_hf_file_metadata", refuse)
    with pytest.raises(fastctc.DownloadError, match=r"127\.0\.0\.1 shows no certificate.*SSL_CERT_FILE"):
        fetch(server.url + "/file", FILE, tmp_path)


def test_a_disk_that_is_too_small_is_told_before_the_download(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(fastctc.DownloadError, match=r"no room for f in .*1000 are free"):
        fetch(server.url + "/file", FILE, tmp_path)
    assert names_in(tmp_path) == []
    assert server.requests == []


def test_a_disk_that_fills_up(server: FileServer, tmp_path: Path) -> None:
    def fill(done: int, _: int | None) -> None:
        if done > WRITTEN:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(fastctc.DownloadError, match=r"no room for f .*FASTCTC_HOME.*kept"):
        fetch(server.url + "/file", FILE, tmp_path, fill)
    assert names_in(tmp_path) == [part_of(CONTENT)]
    fetch(server.url + "/file", FILE, tmp_path)  # there is room again
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert ranges(server)[1] == f"bytes={WRITTEN}-"


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX limits")
def test_a_limit_of_the_system_is_an_error_not_a_crash(server: FileServer, tmp_path: Path) -> None:
    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    program = (
        "import sys, pathlib\n"
        "from fastctc.models.catalog import CatalogFile\nfrom fastctc.models.hub_file import fetch\n"
        "try:\n    fetch(sys.argv[1], CatalogFile('f', None, None), pathlib.Path(sys.argv[2]))\n"
        "except Exception as error:\n    print(type(error).__name__, error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, server.url + "/file", str(tmp_path)],
        preexec_fn=limit,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.startswith("DownloadError There is no room for f"), done
    assert names_in(tmp_path) == [part_of(CONTENT)]


def test_a_directory_that_can_not_be_written(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / part_of(CONTENT)).mkdir()
    with pytest.raises(fastctc.DownloadError, match=r"can't be written.*FASTCTC_HOME"):
        fetch(server.url + "/file", KNOWN, tmp_path)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ValueError])
def test_an_interrupt_leaves_a_part_that_is_resumed(
    server: FileServer, tmp_path: Path, stop: type[BaseException]
) -> None:
    def interrupt(done: int, _: int | None) -> None:
        if done > WRITTEN:
            raise stop

    with pytest.raises(stop):
        fetch(server.url + "/file", FILE, tmp_path, interrupt)
    assert names_in(tmp_path) == [part_of(CONTENT)]
    fetch(server.url + "/file", FILE, tmp_path)
    assert ranges(server)[1] == f"bytes={WRITTEN}-"
    assert (tmp_path / "f").read_bytes() == CONTENT
