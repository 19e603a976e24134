"""Named models: the catalogue, the cache, `fastctc models`, and `model="name"`, over a server on this machine."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fastctc
from conftest import ROOT
from fastctc.cli import main
from fastctc.models import store
from fastctc.models.catalog import find_entry, read_catalog
from fastctc.models.download_directory import cache_directory
from fastctc.models.named import checkpoint_path, download_model, model_path, remove_model, resolve_model
from file_server import CHUNK_BYTES, FileServer, Handler, cut, quick_hub, redirect, status

NAMES = ("offline.onnx", "tokens.txt", "weights.bin")
TEXT = "two nine three four zero"


@pytest.fixture
def files(demo_model: Path) -> dict[str, bytes]:
    return {name: (demo_model / name).read_bytes() for name in NAMES}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, files: dict[str, bytes]) -> Iterator[FileServer]:
    """A hub with the demo model under the name `small`, and a cache and a catalogue for it."""
    monkeypatch.setenv("FASTCTC_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FASTCTC_CATALOG", str(tmp_path / "catalog.json"))
    with quick_hub(monkeypatch, tmp_path), FileServer() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        running.files.update({f"/owner/small/resolve/main/{name}": content for name, content in files.items()})
        write_catalog(tmp_path, small(files), small(files, name="unknown", known=False), nemo())
        yield running


def small(files: dict[str, bytes], name: str = "small", *, known: bool = True) -> dict[str, Any]:
    def describe(file: str) -> dict[str, Any]:
        content = files[file]
        return {"name": file, "n_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}

    described = [describe(file) if known else {"name": file} for file in NAMES]
    return {
        "name": name,
        "title": "The demo model's offline graph",
        "format": "onnx",
        "languages": ["en"],
        "repository": "owner/small",
        "files": described,
        "manifest": {"fastctc": 1, "graphs": {"offline": "offline.onnx"}, "frontend": {"normalize": "none"}},
    }


def nemo() -> dict[str, Any]:
    files = [{"name": "checkpoint.nemo"}]
    return {"name": "checkpoint", "title": "A checkpoint", "format": "nemo", "repository": "owner/x", "files": files}


def write_catalog(directory: Path, *models: dict[str, Any]) -> None:
    (directory / "catalog.json").write_text(json.dumps({"catalog": 1, "models": models}), encoding="utf-8")


def recording(demo_model: Path) -> Path:
    return demo_model / "two-nine-three-four-zero.wav"


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_a_name_is_enough(
    server: FileServer, demo_model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert model_path("small") is None
    assert fastctc.transcribe(recording(demo_model), "small").text == TEXT
    assert "Downloading small" in caplog.text
    directory = tmp_path / "home" / "models" / "small"
    assert model_path("small") == directory == resolve_model("small")
    assert names_in(directory) == ["fastctc.json", *NAMES]
    assert download_model("small") == directory
    assert len(server.requests) == len(server.heads) == 3


@pytest.mark.usefixtures("server")
def test_the_command_line(demo_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "path", "small"]) == 1
    assert "fastctc models download small" in capsys.readouterr().err
    assert main(["models", "download", "small"]) == 0
    out, err = capsys.readouterr()
    directory = tmp_path / "home" / "models" / "small"
    assert out == f"{directory}\n"
    assert f"Downloading small ({sum((demo_model / name).stat().st_size for name in NAMES) / 1e6:.0f} MB)" in err
    assert main(["models", "path", "small"]) == 0
    assert capsys.readouterr().out == f"{directory}\n"
    assert main(["models", "list"]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [row[:2] for row in rows] == [["small", "downloaded"], ["unknown", "-"], ["checkpoint", "-"]]
    assert main(["models", "list", "--json"]) == 0
    entry = json.loads(capsys.readouterr().out.splitlines()[0])
    assert entry["path"] == str(directory)
    assert entry["languages"] == ["en"]
    assert main(["transcribe", "--model", "small", str(recording(demo_model))]) == 0
    assert capsys.readouterr().out == TEXT + "\n"
    assert main(["models", "remove", "small"]) == 0
    assert "removed" in capsys.readouterr().err
    assert not directory.exists()
    assert main(["models", "remove", "small"]) == 0
    assert "was not downloaded" in capsys.readouterr().err
    assert main(["transcribe", "--model", "small", str(recording(demo_model))]) == 0
    assert "Downloading small" in capsys.readouterr().err


def test_an_unknown_name_is_told_with_those_that_are_near(
    server: FileServer, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("smal", "Small", "mall"):
        with pytest.raises(fastctc.UnknownModelError, match=r"no model of that name\. Did you mean small\?"):
            fastctc.load(name)
    with pytest.raises(fastctc.ModelNotFoundError, match=r"that name\. Give a directory"):
        fastctc.load("qqqqqqqq")
    assert main(["info", "smal"]) == 1
    assert "Did you mean small" in capsys.readouterr().err
    assert server.requests == []


def test_a_path_wins_over_a_name(
    server: FileServer, demo_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small").symlink_to(demo_model, target_is_directory=True)
    assert fastctc.load("small").latencies_ms == [0, 80, 480, 1040]
    assert main(["info", "small"]) == 0
    for missing in ("./smal", "no/such", "model.onnx"):
        with pytest.raises(fastctc.ModelNotFoundError, match="There is no model at"):
            fastctc.load(missing)
    with pytest.raises(fastctc.ModelNotFoundError, match="There is no model at"):
        fastctc.load(Path("unknown"))
    assert server.requests == []


def test_a_checkpoint_is_to_be_exported(server: FileServer) -> None:
    with pytest.raises(fastctc.ModelError, match="fastctc export nemo checkpoint"):
        fastctc.load("checkpoint")
    assert server.requests == []
    server.files["/owner/x/resolve/main/checkpoint.nemo"] = b"weights"
    assert checkpoint_path("checkpoint").read_bytes() == b"weights"
    assert checkpoint_path("checkpoint") == download_model("checkpoint") / "checkpoint.nemo"
    assert checkpoint_path("some.nemo") == Path("some.nemo")
    with pytest.raises(fastctc.ModelError, match="needs no export"):
        checkpoint_path("small")
    with pytest.raises(fastctc.UnknownModelError, match="Did you mean checkpoint"):
        checkpoint_path("chekpoint")


@pytest.mark.parametrize("variable", ["FASTCTC_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_mode(
    server: FileServer, demo_model: Path, monkeypatch: pytest.MonkeyPatch, variable: str, tmp_path: Path
) -> None:
    monkeypatch.setenv(variable, "1")
    with pytest.raises(fastctc.DownloadError, match=f"not downloaded, and {variable}"):
        fastctc.load("small")
    assert server.requests == []
    assert not (tmp_path / "home").exists()
    monkeypatch.setenv(variable, "0")
    fastctc.load("small")
    monkeypatch.setenv(variable, "1")
    n_requests = len(server.requests)
    assert fastctc.load("small").transcribe(recording(demo_model)).text == TEXT
    assert len(server.requests) == n_requests


def test_nothing_of_an_unfinished_download_is_used(server: FileServer, tmp_path: Path) -> None:
    server.script += [Handler.serve, Handler.serve, cut(CHUNK_BYTES + 100), status(500), status(500)]
    with pytest.raises(fastctc.DownloadError, match="500"):
        fastctc.load("small")
    assert model_path("small") is None
    assert "small" not in names_in(tmp_path / "home" / "models")
    server.script.clear()
    server.requests.clear()
    download_model("small")
    assert names_in(tmp_path / "home" / "models" / "small") == ["fastctc.json", *NAMES]
    # Those that were whole already are known by their checksum.
    ranges = {path.rpartition("/")[2]: headers.get("Range") for path, headers in server.requests}
    assert ranges == {"weights.bin": f"bytes={CHUNK_BYTES}-"}


def test_a_wrong_checksum_is_no_model(server: FileServer) -> None:
    server.files["/owner/small/resolve/main/weights.bin"] = b"x" * (1 << 20)
    with pytest.raises(fastctc.ChecksumError, match=r"weights\.bin"):
        fastctc.load("small")
    assert model_path("small") is None


def test_checksums_that_nobody_knows_are_those_of_the_first_download(server: FileServer) -> None:
    path = "/owner/small/resolve/main/tokens.txt"
    download_model("unknown")
    remove_model("unknown")
    download_model("unknown")
    remove_model("unknown")
    server.files[path] = server.files[path][:-1] + b"!"
    with pytest.raises(fastctc.ChecksumError, match=r"first download.*remove --forget unknown"):
        download_model("unknown")
    assert main(["models", "remove", "--forget", "unknown"]) == 0
    assert (download_model("unknown") / "tokens.txt").read_bytes().endswith(b"!")


@pytest.mark.usefixtures("server")
def test_damaged_pins_are_named(tmp_path: Path) -> None:
    (tmp_path / "home" / "models").mkdir(parents=True)
    for damage in ("{", "[]", '{"tokens.txt": 1}', '{"tokens.txt": {"n_bytes": null, "sha256": ""}}'):
        (tmp_path / "home" / "models" / ".unknown.pins.json").write_text(damage)
        with pytest.raises(fastctc.DownloadError, match=r"is damaged\. Delete it"):
            download_model("unknown")


def test_the_token_is_for_the_hub_only(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    path = "/owner/small/resolve/main/offline.onnx"
    with FileServer() as other:
        other.files[path] = server.files[path]
        server.script.append(redirect(other.url + path))
        download_model("small")
        assert "secret" not in str(other.requests)
    assert {headers["Authorization"] for _, headers in server.heads + server.requests} == {"Bearer secret"}


def test_a_revision_is_asked_for(server: FileServer, files: dict[str, bytes], tmp_path: Path) -> None:
    write_catalog(tmp_path, {**small(files), "revision": "0" * 40})
    with pytest.raises(fastctc.DownloadError, match=f"/resolve/{'0' * 40}/offline.onnx is not there"):
        download_model("small")
    server.files.update({path.replace("main", "0" * 40): content for path, content in list(server.files.items())})
    assert names_in(download_model("small")) == ["fastctc.json", *NAMES]


@pytest.mark.usefixtures("server")
def test_progress_is_told_of_every_file(files: dict[str, bytes]) -> None:
    seen: dict[str, list[tuple[int, int | None]]] = {}
    download_model("small", lambda name, done, total: seen.setdefault(name, []).append((done, total)))
    assert {name: told[-1] for name, told in seen.items()} == {name: (len(files[name]),) * 2 for name in NAMES}
    assert len(seen["weights.bin"]) > 2
    seen.clear()
    download_model("small", lambda name, *_: seen.setdefault(name, []))
    assert seen == {}


@pytest.mark.parametrize("package", ["huggingface_hub", "filelock"])
def test_without_the_extra_it_is_named(
    server: FileServer,
    demo_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    package: str,
) -> None:
    install = r"pip install 'fastctc\[hub\]'"
    with monkeypatch.context() as bare:
        bare.setitem(sys.modules, package, None)
        with pytest.raises(fastctc.PackageNotFoundError, match=install):
            fastctc.load("small")
        assert main(["models", "download", "small"]) == 1
        assert "pip install 'fastctc[hub]'" in capsys.readouterr().err
        assert model_path("small") is None
        assert main(["models", "list"]) == 0
    assert server.heads == server.requests == []
    download_model("small")
    monkeypatch.setitem(sys.modules, package, None)
    assert fastctc.transcribe(recording(demo_model), "small").text == TEXT
    assert download_model("small") == tmp_path / "home" / "models" / "small"
    if package == "filelock":
        with pytest.raises(fastctc.PackageNotFoundError, match=install):
            remove_model("small")
    else:
        assert remove_model("small")


@pytest.mark.usefixtures("server")
def test_packages_for_downloads_are_imported_by_downloads_alone(demo_model: Path) -> None:
    program = """
import sys
import fastctc
from fastctc.cli import main
from fastctc.models.named import model_path, list_models
fastctc.transcribe(sys.argv[1])
assert main(["models", "list"]) == 0 and model_path("small") is None
print(*sorted({"huggingface_hub", "filelock", "httpx", "httpx2", "tqdm"} & set(sys.modules)), file=sys.stderr)
"""
    command = [sys.executable, "-c", program, str(recording(demo_model))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr.splitlines()[-1] == ""


@pytest.mark.parametrize("endpoint", ["ftp://x", "nonsense", "http://", "http://x:y", "http://[x", "http://a b"])
def test_an_endpoint_that_is_none(server: FileServer, monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    with pytest.raises(fastctc.DownloadError, match="HF_ENDPOINT"):
        download_model("small")
    assert server.requests == []


@contextlib.contextmanager
def without_privileges() -> Iterator[None]:
    """As a user whom the file system's permissions bind."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
@pytest.mark.usefixtures("server")
def test_a_cache_that_can_only_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    # Not below tmp_path, which no other user may enter.
    with tempfile.TemporaryDirectory() as home:
        Path(home).chmod(0o755)
        monkeypatch.setenv("FASTCTC_HOME", home)
        monkeypatch.setenv("FASTCTC_CATALOG", str(shutil.copy(os.environ["FASTCTC_CATALOG"], home)))
        download_model("small")
        cache_directory("models").chmod(0o555)
        with without_privileges():
            assert download_model("small") == cache_directory("models", "small")
            with pytest.raises(fastctc.DownloadError, match=r"can't be kept in .*FASTCTC_HOME"):
                download_model("unknown")
            with pytest.raises(fastctc.DownloadError, match="can't be removed"):
                remove_model("small")
        cache_directory("models").chmod(0o755)
        assert model_path("small") is not None


@pytest.mark.usefixtures("server")
def test_a_cache_that_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "occupied").write_text("")
    monkeypatch.setenv("FASTCTC_HOME", str(tmp_path / "occupied"))
    with pytest.raises(fastctc.DownloadError, match="FASTCTC_HOME"):
        download_model("small")


PROGRAM = f"""
import logging, sys
logging.basicConfig(stream=sys.stdout, format="%(message)s")
from huggingface_hub import constants
from fastctc.models.named import download_model
constants.DOWNLOAD_CHUNK_SIZE = {CHUNK_BYTES}
print(download_model("small"))
"""


def start_process() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def test_two_processes_at_once(server: FileServer, tmp_path: Path) -> None:
    def slow(handler: Handler) -> None:
        time.sleep(1.0)
        handler.serve()

    server.script.append(slow)
    processes = [start_process() for _ in range(2)]
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    directory = tmp_path / "home" / "models" / "small"
    assert all(output.endswith(f"{directory}\n") for output in outputs)
    assert sum("Another process downloads small" in output for output in outputs) <= 1
    assert sorted(path.rpartition("/")[2] for path, _ in server.requests) == sorted(NAMES)
    assert names_in(directory) == ["fastctc.json", *NAMES]


def test_a_process_that_was_killed_leaves_no_lock(server: FileServer, files: dict[str, bytes]) -> None:
    def stall(handler: Handler) -> None:
        content = handler.server.files[handler.path]
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content[: 2 * CHUNK_BYTES + 100])
        time.sleep(30)

    assert len(files["offline.onnx"]) > 3 * CHUNK_BYTES
    server.script.append(stall)
    process = start_process()
    unfinished = cache_directory("models") / ".small.download"
    deadline = time.monotonic() + 30
    while sum(part.stat().st_size for part in unfinished.glob("*.part")) == 0 and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.2)
    process.kill()
    process.communicate()
    download_model("small")
    assert server.requests[1][1]["Range"] == f"bytes={2 * CHUNK_BYTES}-"
    assert model_path("small") is not None


def test_the_place_of_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FASTCTC_HOME", str(tmp_path))
    assert cache_directory("models", "x") == tmp_path / "models" / "x"
    monkeypatch.setenv("FASTCTC_HOME", "relative")
    assert cache_directory().is_absolute()
    monkeypatch.delenv("FASTCTC_HOME")
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache_directory() == Path("/home/someone/Library/Caches/fastctc")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", "not-absolute")
    assert cache_directory() == Path("/home/someone/.cache/fastctc")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert cache_directory("sessions") == Path("/caches/fastctc/sessions")
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", "/data")
    assert cache_directory() == Path("/data/fastctc")


def test_the_packages_own_catalogue() -> None:
    entries = read_catalog(ROOT / "models" / "catalog.json")
    assert len(entries) > 15
    for entry in entries.values():
        assert entry.languages
        assert entry.format == "included" or any(source.startswith(store.HUB) for source in entry.sources)
        names = {file.name for file in entry.files}
        if entry.format == "onnx":
            assert sum(name.endswith(".onnx") for name in names) == 1
            assert names & {"tokens.txt", "vocab.txt"}
            # onnx-asr's files tell nothing of their front end.
            assert (entry.manifest is not None) == ("vocab.txt" in names)
        if entry.format == "nemo":
            assert all(name.endswith(".nemo") for name in names)
    assert entries["stt_en_fastconformer_hybrid_large_streaming_multi"].latencies_ms == (0, 80, 480, 1040)
    assert entries["digits"].format == "included"


def test_the_installed_catalogue_is_that_of_the_sources() -> None:
    assert read_catalog() == read_catalog(ROOT / "models" / "catalog.json")


def test_the_demo_model_has_a_name(demo_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FASTCTC_CATALOG", raising=False)
    assert fastctc.transcribe(recording(demo_model), "digits").text == TEXT
    with pytest.raises(fastctc.ModelError, match="comes with the package"):
        remove_model("digits")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "../x"}, "name can't be"),
        ({"name": ""}, "name can't be"),
        ({"name": None}, "name must be str, not NoneType"),
        ({"format": "zip"}, "format must be"),
        ({"repository": "a/../../b"}, "repository can't be"),
        ({"repository": None}, "needs a repository"),
        ({"files": []}, "needs a repository and files"),
        ({"files": [{"name": "a/../b"}]}, "name can't be"),
        ({"files": [{"name": "/etc/passwd"}]}, "name can't be"),
        ({"files": [{"name": ".lock"}]}, "name can't be"),
        ({"files": [{"name": "x", "sha256": "ABC"}]}, "sha256 can't be"),
        ({"files": [{"name": "x", "n_bytes": -1}]}, "n_bytes can't be"),
        ({"files": [{"name": "x", "n_bytes": 10**30}]}, "n_bytes can't be"),
        ({"files": [{"name": "x", "n_bytes": 1.5}]}, "n_bytes must be int"),
        ({"files": [{"name": "x", "n_bytes": True}]}, "n_bytes must be int, not bool"),
        ({"files": [{"name": "x"}, {"name": "X"}]}, "one name"),
        ({"files": "x"}, "files must be list"),
        ({"files": ["x"]}, "files must hold dict"),
        ({"languages": [1]}, "languages must hold str"),
        ({"revision": "../.."}, "revision can't be"),
        ({"surprise": 1}, "surprise is not known"),
        ({"word_error_rates": [{"test_set": "x", "percent": 101, "source": "y"}]}, "percent can't be"),
        ({"word_error_rates": [{"test_set": "x", "percent": "5", "source": "y"}]}, "percent must be"),
        ({"manifest": []}, "manifest must be dict"),
        ({"title": "a\nb"}, "title can't be"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    write_catalog(tmp_path, {**nemo(), **change})
    with pytest.raises(fastctc.ModelError, match=message):
        read_catalog(tmp_path / "catalog.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", '"catalog": 1'),
        ('{"catalog": 2}', '"catalog": 1'),
        ('{"catalog": 1, "catalog": 1}', "stands twice"),
        ('{"catalog": 1, "models": NaN}', "NaN is no number"),
        ('{"catalog": 1, "models": 5}', "models must be list"),
        ('{"catalog": 1, "x": 5}', "x is not known"),
    ],
)
def test_a_wrong_catalogue_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "catalog.json").write_text(text)
    with pytest.raises(fastctc.ModelError, match=message):
        read_catalog(tmp_path / "catalog.json")
    with pytest.raises(fastctc.ModelError, match="can't be read"):
        read_catalog(tmp_path / "none.json")


def test_two_entries_of_one_name(tmp_path: Path) -> None:
    write_catalog(tmp_path, nemo(), nemo())
    with pytest.raises(fastctc.ModelError, match="checkpoint is there twice"):
        read_catalog(tmp_path / "catalog.json")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from([*nemo(), "manifest", "word_error_rates", "revision"]), JSON, max_size=4))
def test_any_entry_gives_a_named_error_or_an_entry(tmp_path: Path, change: dict[str, Any]) -> None:
    write_catalog(tmp_path, {**nemo(), **change})
    with contextlib.suppress(fastctc.ModelError):
        (entry,) = read_catalog(tmp_path / "catalog.json").values()
        assert find_entry(entry.name, {entry.name: entry}) is entry
