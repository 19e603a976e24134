"""Model directories made by a stranger: refused with a reason, by the core and by the reference; nothing hangs."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fastctc
import fastctc.reference
from fastctc.reference.model_files import external_files

LOADERS = [pytest.param(fastctc.load, id="core"), pytest.param(fastctc.reference.load, id="reference")]
Loader = Callable[..., Any]
GRAPH = "offline.onnx"
# Names a graph that is not there: what is wrong with the manifest itself is found first.
BASE = {"fastctc": 1, "graphs": {"offline": GRAPH}, "tokens": "tokens.txt", "frontend": {"normalize": "none"}}

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links and devices as POSIX has them")


@pytest.fixture
def model(tmp_path: Path, demo_model: Path) -> Path:
    """The demo model's offline graph in a directory of its own."""
    directory = tmp_path / "model"
    directory.mkdir()
    for name in (GRAPH, "weights.bin", "tokens.txt"):
        shutil.copy(demo_model / name, directory)
    write_manifest(directory, BASE)
    return directory


def write_manifest(directory: Path, content: dict[str, Any]) -> None:
    (directory / "fastctc.json").write_text(json.dumps(content), encoding="utf-8")


def replace_by_link(path: Path, target: str | Path) -> None:
    path.unlink()
    path.symlink_to(target)


@pytest.mark.parametrize("load", LOADERS)
@pytest.mark.parametrize("name", [GRAPH, "weights.bin", "tokens.txt", "fastctc.json"])
def test_a_link_out_of_the_directory(model: Path, tmp_path: Path, load: Loader, name: str) -> None:
    (model / name).rename(tmp_path / "elsewhere")
    (model / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(fastctc.ModelError, match=rf"{name}.* is a link to .*elsewhere, outside .*copy it into"):
        load(model)


@pytest.mark.parametrize("load", LOADERS)
def test_a_link_within_the_directory_is_followed(model: Path, tmp_path: Path, load: Loader) -> None:
    for name in (GRAPH, "weights.bin", "tokens.txt"):
        (model / name).rename(model / f"real-{name}")
        (model / name).symlink_to(f"real-{name}")
    (tmp_path / "linked").symlink_to(model, target_is_directory=True)
    assert load(tmp_path / "linked").sample_rate_hz == 16000


@pytest.mark.parametrize("load", LOADERS)
def test_a_snapshot_of_the_hugging_face_cache(model: Path, tmp_path: Path, load: Loader) -> None:
    repository = tmp_path / "models--owner--name"
    snapshot = repository / "snapshots" / "0123abcd"
    (repository / "blobs").mkdir(parents=True)
    snapshot.mkdir(parents=True)
    for index, path in enumerate(sorted(model.iterdir())):
        path.rename(repository / "blobs" / str(index))
        (snapshot / path.name).symlink_to(f"../../blobs/{index}")
    assert load(snapshot).sample_rate_hz == 16000
    (tmp_path / "secret").write_text("x")
    replace_by_link(snapshot / "tokens.txt", "../../../secret")
    with pytest.raises(fastctc.ModelError, match="is a link to"):
        load(snapshot)


def test_the_caller_may_name_a_link_to_anywhere(model: Path, tmp_path: Path) -> None:
    (model / "tokens.txt").rename(tmp_path / "elsewhere")
    (model / "tokens.txt").symlink_to(tmp_path / "elsewhere")
    for load in (fastctc.load, fastctc.reference.load):
        assert load(model, options=fastctc.ModelOptions(tokens="tokens.txt")).sample_rate_hz == 16000


@pytest.mark.parametrize("load", LOADERS)
@pytest.mark.parametrize("name", [GRAPH, "weights.bin", "tokens.txt", "fastctc.json"])
@pytest.mark.parametrize("kind", ["device", "pipe", "directory"])
def test_what_is_no_file(model: Path, load: Loader, name: str, kind: str) -> None:
    (model / name).unlink()
    if kind == "device":
        (model / name).symlink_to("/dev/zero")
    elif kind == "pipe":
        os.mkfifo(model / name)
    else:
        (model / name).mkdir()
    with pytest.raises(fastctc.ModelError, match=r"no regular file|is a directory"):
        load(model)


@pytest.mark.parametrize("load", LOADERS)
@pytest.mark.parametrize(
    "location", ["/etc/passwd", "../secret", "sub/../../secret", "/dev/zero", "*/_ORT_MEM_ADDR_/*", "none.bin"]
)
def test_weights_outside_the_directory(model: Path, load: Loader, location: str) -> None:
    (model.parent / "secret").write_bytes(bytes(4 << 20))
    graph = onnx.load(str(model / GRAPH), load_external_data=False)
    for tensor in graph.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = location
    (model / GRAPH).unlink()
    (model / GRAPH).write_bytes(graph.SerializeToString())
    with pytest.raises(fastctc.ModelError, match=r"not inside the model directory|is missing"):
        load(model)


def test_both_find_the_weights_files_that_onnx_finds(demo_model: Path) -> None:
    for path in sorted(demo_model.glob("*.onnx")):
        graph = onnx.load(str(path), load_external_data=False)
        expected = {
            entry.value
            for tensor in graph.graph.initializer
            for entry in tensor.external_data
            if entry.key == "location"
        }
        assert external_files(path) == expected


@pytest.mark.parametrize("load", LOADERS)
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"fastctc": 1, "fastctc": 1}', "stands twice"),
        ('{"fastctc": 1, "frontend": {"normalize": "none", "normalize": "per_feature"}}', "stands twice"),
        ('{"fastctc": 1, "x": ' + "[" * 100_000, "nested deeper|not JSON"),
        ('{"fastctc": 1, "x": ' + "[" * 500 + "]" * 500 + "}", "nested deeper"),
        ('{"fastctc": NaN}', "not JSON"),
        ('{"fastctc": 1, "blank_id": 1e999}', "not JSON"),
        ('{"fastctc": 1, "x": "\udcff"}', "not JSON"),
        ('{"fastctc": "1"}', '"fastctc"'),
        ('{"fastctc": true}', '"fastctc"'),
        ('{"fastctc": 1, "graphs": []}', "graphs must be an object"),
        ('{"fastctc": 1, "graphs": {"offline": 5}}', "graphs.offline must be a file's name"),
        ('{"fastctc": 1, "graphs": {"offline": ["a"]}}', "graphs.offline must be a file's name"),
        ('{"fastctc": 1, "graphs": {"offline": "a\\u0000b"}}', "not inside"),
        ('{"fastctc": 1, "graphs": {"offline": ""}}', "not inside"),
        ('{"fastctc": 1, "graphs": {"offline": "../model/offline.onnx"}}', "not inside"),
        ('{"fastctc": 1, "graphs": {"offline": "/etc/passwd"}}', "not inside"),
        ('{"fastctc": 1, "graphs": {"evil": "offline.onnx"}}', "graphs.evil is not known"),
        ('{"fastctc": 1, "tokens": {"a": 1}}', "tokens must be a file's name"),
        ('{"fastctc": 1, "tokens": "/etc/passwd"}', "not inside"),
        ('{"fastctc": 1, "frontend": "nemo"}', "frontend must be an object"),
        ('{"fastctc": 1, "blank_id": [1]}', "blank_id must be one value"),
        ('{"fastctc": 1, "subsampling": 8}', "subsampling must be an object"),
        ("[]", "one JSON object"),
        ("{" + " " * (2 << 20) + "}", "larger than 1 MiB"),
    ],
)
def test_a_strange_manifest(model: Path, load: Loader, text: str, message: str) -> None:
    (model / "fastctc.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(fastctc.ModelError, match=message):
        load(model, normalize="none")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | st.sampled_from([GRAPH, "nemo"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(
    ["fastctc", "graphs", "tokens", "blank_id", "text_style", "frontend", "subsampling", "max_encoder_frames", "other"]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(change=st.dictionaries(KEYS, VALUES, max_size=3), raw=st.none() | st.binary(max_size=60))
def test_any_manifest_gives_a_named_error(model: Path, change: dict[str, Any], raw: bytes | None) -> None:
    """Both read the manifest before the graph, which is empty here: so each ends in a named error, and no other."""
    (model / GRAPH).unlink(missing_ok=True)
    (model / GRAPH).touch()
    text = json.dumps({**BASE, **change}).encode("utf-8", "surrogatepass") if raw is None else raw
    (model / "fastctc.json").write_bytes(text)
    for load in (fastctc.load, fastctc.reference.load):
        with pytest.raises(fastctc.Error):
            load(model)


FIELDS = st.sampled_from(["preset", "kind", "n_mels", "sample_rate_hz", "window", "fixed_mean", "preemphasis", "x"])


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(FIELDS, VALUES, min_size=1, max_size=3))
def test_any_front_end_gives_a_named_error_or_a_model(model: Path, frontend: dict[str, Any]) -> None:
    write_manifest(model, {**BASE, "frontend": {"normalize": "none", **frontend}})
    with contextlib.suppress(fastctc.Error):
        fastctc.load(model)
