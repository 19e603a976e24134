"""`.nemo` files made by a stranger: refused with a reason, nothing written, nothing run."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fastctc
from conftest import external
from fastctc.export import nemo_archive
from fastctc.export.checkpoint import check_checkpoint
from fastctc.export.nemo_archive import NemoArchive
from fastctc.export.nemo_config import foreign_targets, parse_config

pytest.importorskip("yaml")

CONFIG = b"""
sample_rate: 16000
tokenizer: {dir: tokenizer, model_path: 'nemo:0a_tokenizer.model'}
preprocessor:
  _target_: nemo.collections.asr.modules.AudioToMelSpectrogramPreprocessor
  normalize: NA
  dither: 1e-05
encoder: {_target_: nemo.collections.asr.modules.ConformerEncoder, att_context_size: [[70, 13], [70, 0]]}
"""
# What pickle.dumps(OrderedDict()) of PyTorch's protocol 2 is.
EMPTY_STATE = b"\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01."


def checkpoint_bytes(
    state: bytes = EMPTY_STATE, others: dict[str, bytes] | None = None, compression: int = zipfile.ZIP_STORED
) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.writestr("model_weights/data.pkl", state)
        for name, content in {"model_weights/data/0": b"\0" * 64, **(others or {})}.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def member(name: str, **fields: Any) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(entry, field, value)
    return entry


PLAIN = {
    "./model_config.yaml": CONFIG,
    "./model_weights.ckpt": checkpoint_bytes(),
    "./0a_tokenizer.model": b"pieces",
    "./notes.txt": b"not named by the configuration",
}


def write_archive(
    path: Path,
    files: dict[str, bytes] | None = None,
    more: list[tarfile.TarInfo] | None = None,
    mode: str = "w",
) -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in (PLAIN if files is None else files).items():
            archive.addfile(member(name, size=len(content)), io.BytesIO(content))
        for entry in more or []:
            archive.addfile(entry, io.BytesIO(b"x" * entry.size))
    return path


@pytest.mark.parametrize("mode", ["w", "w:gz"])
@pytest.mark.parametrize("prefix", ["./", ""])
def test_a_plain_archive_is_extracted(tmp_path: Path, mode: str, prefix: str) -> None:
    files = {name.replace("./", prefix): content for name, content in PLAIN.items()}
    archive = NemoArchive(write_archive(tmp_path / "m.nemo", files, [member("./", type=tarfile.DIRTYPE)], mode))
    assert archive.config["preprocessor"]["dither"] == 1e-5
    assert archive.config["encoder"]["att_context_size"] == [[70, 13], [70, 0]]
    extracted = archive.extract(tmp_path / "out")
    assert extracted.config.read_bytes() == CONFIG
    assert extracted.weights.read_bytes() == PLAIN["./model_weights.ckpt"]
    assert extracted.artifacts == {"nemo:0a_tokenizer.model": tmp_path / "out" / "0a_tokenizer.model"}
    assert (names_in(tmp_path / "out")) == ["0a_tokenizer.model", "model_config.yaml", "model_weights.ckpt"]


def test_the_demo_models_own_archive() -> None:
    archive = NemoArchive(external("models/digits/digits_fastconformer_ctc.nemo"))
    assert archive.config["encoder"]["d_model"] == 96
    assert len(archive.artifacts) == 3


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (member("../evil.txt", size=4), "not that of a file at the top"),
        (member("/etc/evil.txt", size=4), "not that of a file at the top"),
        (member("a/../../evil.txt", size=4), "not that of a file at the top"),
        (member("..", size=4), "not that of a file at the top"),
        (member("C:\\evil.txt", size=4), "not that of a file at the top"),
        (member("sub/file.txt", size=4), "not that of a file at the top"),
        (member("bad\nname", size=4), "not that of a file at the top"),
        (member("x" * 300, size=4), "not that of a file at the top"),
        (member("link", type=tarfile.SYMTYPE, linkname="/etc/passwd"), "link to '/etc/passwd'"),
        (member("link", type=tarfile.LNKTYPE, linkname="../../x"), r"link to '\.\./\.\./x'"),
        (member("device", type=tarfile.CHRTYPE, devmajor=1, devminor=5), "is a device"),
        (member("device", type=tarfile.BLKTYPE), "is a device"),
        (member("pipe", type=tarfile.FIFOTYPE), "is a device"),
        (member("model_weights", type=tarfile.DIRTYPE), "distributed checkpoint"),
        (member("model_config.yaml", size=4), "is there twice"),
    ],
)
def test_a_harmful_member_is_refused(tmp_path: Path, entry: tarfile.TarInfo, message: str) -> None:
    path = write_archive(tmp_path / "m.nemo", more=[entry])
    with pytest.raises(fastctc.ModelError, match=message):
        NemoArchive(path)
    assert names_in(tmp_path) == ["m.nemo"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.write_bytes(b"PK\x03\x04" + bytes(100)), "zip archive"),
        (lambda path: path.write_bytes(b"not a tar archive at all" * 100), "no tar archive"),
        (lambda path: path.write_bytes(bytes(10240)), "holds no model_config.yaml"),
        (lambda path: path.write_bytes(b"\x1f\x8b" + bytes(100)), "no tar archive"),
        (lambda path: path.mkdir(), "There is no file"),
        (lambda path: write_archive(path, {"model_config.yaml": CONFIG}), r"no model_weights\.ckpt"),
        (lambda path: write_archive(path, {f"f{i}": b"" for i in range(1100)}), "more than 1000 files"),
    ],
)
def test_what_is_no_model_is_refused(tmp_path: Path, make: Callable[[Path], object], message: str) -> None:
    make(tmp_path / "m.nemo")
    with pytest.raises(fastctc.ModelError, match=message):
        NemoArchive(tmp_path / "m.nemo")


def test_an_archive_cut_anywhere_is_refused(tmp_path: Path) -> None:
    whole = write_archive(tmp_path / "m.nemo", {**PLAIN, "./0a_tokenizer.model": bytes(range(256)) * 4}).read_bytes()
    packed = gzip.compress(whole)
    for content, end in ((whole, whole.index(b"./notes.txt")), (packed, len(packed) - 200)):
        for length in [*range(1, 40, 13), *range(100, end, 97)]:
            (tmp_path / "cut.nemo").write_bytes(content[:length])
            with pytest.raises(fastctc.ModelError):
                NemoArchive(tmp_path / "cut.nemo").extract(tmp_path / "out")
            assert not (tmp_path / "out").exists() or not names_in(tmp_path / "out")


def test_a_compressed_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nemo_archive, "FREE_BYTES", 1 << 16)
    path = write_archive(tmp_path / "m.nemo", {**PLAIN, "zeros": bytes(8 << 20)}, mode="w:gz")
    assert path.stat().st_size < 1 << 14
    with pytest.raises(fastctc.ModelError, match="far more than its own size"):
        NemoArchive(path)


def test_a_size_that_the_file_does_not_have_is_refused(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "m.nemo")
    content = bytearray(path.read_bytes())
    entry = member("big.bin", size=1 << 40)
    at = content.find(b"./notes.txt")
    content[at : at + 512] = entry.tobuf(tarfile.GNU_FORMAT)[:512]
    path.write_bytes(content)
    with pytest.raises(fastctc.ModelError, match="cut short"):
        NemoArchive(path)


def test_a_sparse_bomb_is_refused(tmp_path: Path) -> None:
    entry = member("model.bin", type=tarfile.GNUTYPE_SPARSE)
    header = bytearray(entry.tobuf(tarfile.GNU_FORMAT))
    header[386:410] = b"%011o\0%011o\0" % (0, 0)  # one piece of nothing
    header[483:495] = b"%011o\0" % (1 << 32)  # real size
    header[148:156] = b"        "
    header[148:156] = b"%06o\0 " % sum(header[:512])
    path = tmp_path / "m.nemo"
    path.write_bytes(bytes(header[:512]) + write_archive(tmp_path / "plain").read_bytes())
    with pytest.raises(fastctc.ModelError, match="sparse file"):
        NemoArchive(path)


def test_a_huge_header_is_not_read_into_memory(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "m.nemo", {**PLAIN, "big": bytes(4 << 20)})
    content = path.read_bytes()
    long_name = member("././@LongLink", type=tarfile.GNUTYPE_LONGNAME, size=4 << 20)
    path.write_bytes(long_name.tobuf(tarfile.GNU_FORMAT) + content)
    # Python 3.14 reads it in pieces, and no further than the file goes.
    with pytest.raises(fastctc.ModelError, match=r"a header larger|end of file header"):
        NemoArchive(path)


def test_nothing_there_is_replaced_and_nothing_half_written_stays(tmp_path: Path) -> None:
    archive = NemoArchive(write_archive(tmp_path / "m.nemo"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "model_weights.ckpt").write_text("mine")
    with pytest.raises(fastctc.ModelError, match="can't be unpacked"):
        archive.extract(tmp_path / "out")
    assert (tmp_path / "out" / "model_weights.ckpt").read_text() == "mine"
    assert names_in(tmp_path / "out") == ["model_weights.ckpt"]


def test_a_named_file_that_is_missing(tmp_path: Path) -> None:
    files = {name: content for name, content in PLAIN.items() if "tokenizer" not in name}
    with pytest.raises(fastctc.ModelError, match=r"lacks 0a_tokenizer\.model"):
        NemoArchive(write_archive(tmp_path / "m.nemo", files)).extract(tmp_path / "out")


class Evil:
    """Its pickle runs a command."""

    def __reduce__(self) -> Any:
        return os.system, ("touch evil",)


def legacy(state: bytes) -> bytes:
    before = [pickle.dumps(number, 2) for number in (0x1950A86A20F9469CFC6C, 1001, 4)]
    return b"".join(before) + state + pickle.dumps([], 2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (checkpoint_bytes(pickle.dumps(Evil(), 2)), r"would call (posix|nt)\.system"),
        (checkpoint_bytes(pickle.dumps(Evil(), 4)), "STACK_GLOBAL"),
        (checkpoint_bytes(b"(S'touch evil'\nios\nsystem\n."), "INST"),
        (checkpoint_bytes(b"cbuiltins\neval\n(S'1'\ntR."), r"builtins\.eval"),
        (legacy(pickle.dumps(Evil(), 2)), r"would call (posix|nt)\.system"),
        (b"\x80\x02cos\nsystem\n." + checkpoint_bytes(), r"would call os\.system"),  # ends as a zip file
        (checkpoint_bytes(others={"zeros": bytes(1 << 20)}, compression=zipfile.ZIP_DEFLATED), "compressed record"),
        (checkpoint_bytes(others={"model_weights/code/model.py": b"import os"}), "carries code"),
        (checkpoint_bytes(others={"model_weights/other.pkl": EMPTY_STATE}), "carries code"),
        (checkpoint_bytes(others={"../evil": b"x"}), "leads out"),
        (checkpoint_bytes(b"\x80\x02X\xff\xff\xff\x7f"), "cut short"),
        (checkpoint_bytes()[:-30], "cut short"),
        (b"", "cut short"),
        (b"text", "no checkpoint|cut short"),
    ],
)
def test_weights_that_are_more_than_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write_archive(tmp_path / "m.nemo", {**PLAIN, "./model_weights.ckpt": content})
    with pytest.raises(fastctc.ModelError, match=message):
        NemoArchive(path).extract(tmp_path / "out")
    assert names_in(tmp_path / "out") == []
    assert not (tmp_path / "evil").exists()


def test_plain_weights_pass(tmp_path: Path) -> None:
    state = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\nctorch\nFloatStorage\nctorch\nBFloat16Storage\n."
    for content in (checkpoint_bytes(state), legacy(EMPTY_STATE)):
        (tmp_path / "w.ckpt").write_bytes(content)
        check_checkpoint(tmp_path / "w.ckpt")
    with pytest.raises(fastctc.ModelNotFoundError):
        check_checkpoint(tmp_path / "none.ckpt")


def test_pytorch_itself_loads_what_passes(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save({"encoder.weight": torch.ones(2, 3)}, tmp_path / "w.ckpt")
    check_checkpoint(tmp_path / "w.ckpt")
    assert torch.load(tmp_path / "w.ckpt", weights_only=True)["encoder.weight"].shape == (2, 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"a: !!python/object/apply:os.system ['touch evil']", "more than data"),
        (b"a: !!python/name:os.system", "more than data"),
        (b"a: !evil {}", "more than data"),
        (b"a: 1\na: 2", "stands twice"),
        (b"- 1", "one mapping, not list"),
        (b"", "one mapping"),
        (b"a: [", "not YAML"),
        (b"\xff", "not UTF-8"),
        (b"a: " + b"[" * 5000, "nested deeper"),
        (b"[" * 100_000, "nested deeper"),
        (b"x: " + b"a" * (9 << 20), "larger than"),
        (b"a: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]", "alias"),
        (b"? [a]\n: 1", "more than data"),
        (b"a: &a [*a]", "alias"),
    ],
)
def test_a_configuration_that_is_more_than_data(text: bytes, message: str) -> None:
    with pytest.raises(fastctc.ModelError, match=message):
        parse_config(text, "model_config.yaml")


def test_numbers_are_read_as_nemo_reads_them() -> None:
    config = parse_config(b"a: 1e-05\nb: 1.0e-5\nc: 5\nd: NA\ne: null\nf: 2024-01-02\ng: ${a}\nh: 1e5\ni: true", "x")
    assert config == {
        "a": 1e-5, "b": 1e-5, "c": 5, "d": "NA", "e": None, "f": "2024-01-02", "g": "${a}", "h": 1e5, "i": True
    }  # fmt: skip


@pytest.mark.parametrize(
    ("target", "is_foreign"),
    [
        ("nemo.collections.asr.modules.ConformerEncoder", False),
        ("nemo.core.optim.lr_scheduler.NoamAnnealing", False),
        ("torch.nn.Linear", False),
        ("os.system", True),
        ("subprocess.Popen", True),
        ("nemo.utils.subprocess.Popen", True),
        ("nemo.collections.os.Popen", True),
        ("nemo.collections.asr.load", True),
        ("torch.load", True),
        ("builtins.eval", True),
        ("nemo..x.Y", True),
        (["os.system"], True),
    ],
)
def test_classes_that_are_not_nemos(tmp_path: Path, target: Any, is_foreign: bool) -> None:
    assert bool(foreign_targets({"a": [{"b": {"_target_": target}}]})) == is_foreign
    if isinstance(target, str) and is_foreign:
        path = write_archive(
            tmp_path / "m.nemo", {**PLAIN, "./model_config.yaml": CONFIG + b"\nx: {_target_: %s}" % target.encode()}
        )
        with pytest.raises(fastctc.ModelError, match="no class of NeMo's"):
            NemoArchive(path)
        NemoArchive(path, trusted_targets=[target])


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(st.text(max_size=30), max_size=4),
    kinds=st.lists(
        st.sampled_from([b"0", b"1", b"2", b"3", b"5", b"6", b"7", b"S", b"L", b"K", b"x", b"g"]), min_size=4
    ),
    size=st.integers(0, 700),
    damage=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=20),
    packed=st.booleans(),
)
def test_any_archive_gives_a_named_error_or_its_files(
    tmp_path: Path, names: list[str], kinds: list[bytes], size: int, damage: list[tuple[float, int]], packed: bool
) -> None:
    directory = tmp_path / "box" / "in"
    directory.mkdir(parents=True, exist_ok=True)
    more = [member(name or "x", type=kind, size=size, linkname="l") for name, kind in zip(names, kinds, strict=False)]
    try:
        content = bytearray(write_archive(directory / "m.nemo", more=more).read_bytes())
    except (ValueError, UnicodeError):  # what tarfile itself can't write
        return
    for where, value in damage:
        content[int(where * len(content))] = value
    (directory / "m.nemo").write_bytes(gzip.compress(content, 1) if packed else content)
    out = directory / "out"
    try:
        for path in (extracted := NemoArchive(directory / "m.nemo").extract(out)).artifacts.values():
            assert path.parent == out
        for path in out.iterdir():
            path.unlink()
        assert extracted.directory == out
    except fastctc.ModelError:
        assert not out.exists() or not names_in(out)
    assert set(names_in(directory)) <= {"m.nemo", "out"}
    assert names_in(tmp_path) == ["box"]


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200) | st.text(alphabet="ab:-[]{}&*!?,'\"|> \n%", max_size=80).map(str.encode))
def test_any_configuration_gives_a_named_error_or_a_mapping(content: bytes) -> None:
    with contextlib.suppress(fastctc.ModelError):
        assert isinstance(parse_config(content, "model_config.yaml"), dict)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.booleans())
def test_any_pickle_gives_a_named_error_or_passes(tmp_path: Path, content: bytes, in_zip: bool) -> None:
    (tmp_path / "w").write_bytes(checkpoint_bytes(content) if in_zip else content)
    with contextlib.suppress(fastctc.ModelError):
        check_checkpoint(tmp_path / "w")
