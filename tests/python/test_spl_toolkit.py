"""The SPL toolkit that the package writes: complete, as a directory that is brought up to date, or as an archive.

How directories are brought up to date: test_listed_directory.py. What CMake makes of the same sources, and programs
linked against both: tests/install/test_spl_assembly.py.
"""

from __future__ import annotations

import os
import sys
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

import fastctc
import fastctc.installed.onnxruntime_library
import fastctc.installed.spl_toolkit  # before packages are put in its place
from conftest import ROOT, fill, names_in
from fastctc.installed.listed_directory import LIST_NAME

NAME = "com.teracloud.streamsx.stt"
LIBRARIES = {"impl/lib/libfastctc.so", "impl/lib/libonnxruntime.so.1"}
NOTICES = {"impl/lib/onnxruntime-LICENSE", "impl/lib/onnxruntime-ThirdPartyNotices.txt"}
VERSION_1 = {"info.xml": "1", "lib/Source.spl": "composite"}
VERSION_2 = {"info.xml": "2", "lib/Source/Source_cpp.cgt": "template"}
GENERATED = ("toolkit.xml", "lib/Old/Old_cpp.pm", "samples/One/output/bin/standalone")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Streams runs on Linux alone")

MakePackage = Callable[[Mapping[str, str]], None]


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    """What passes for ONNX Runtime's library, with its licence as the wheel has it."""
    fill(tmp_path / "wheel", {"LICENSE": "MIT", "ThirdPartyNotices.txt": "of others"})
    path = tmp_path / "wheel" / "capi" / "libonnxruntime.so.1.99.0"
    path.parent.mkdir()
    path.write_bytes(b"\x7fELF with OrtGetApiBase")
    return path


@pytest.fixture
def make_package(tmp_path: Path, engine: Path, monkeypatch: pytest.MonkeyPatch) -> MakePackage:
    """Makes a package whose toolkit has these sources; a second call is an upgrade."""
    monkeypatch.setenv(fastctc.installed.onnxruntime_library.VARIABLE, str(engine))
    n_made = 0

    def make(sources: Mapping[str, str]) -> None:
        nonlocal n_made
        n_made += 1
        root = tmp_path / f"package {n_made}"
        fill(root / "spl" / NAME, {**sources, LIST_NAME: "".join(f"{name}\n" for name in sources)})
        fill(root, {"include/fastctc/c_api.h": "", "include/fastctc/version.h.in": "", "lib/libfastctc.so": "library"})
        monkeypatch.setattr(fastctc, "__path__", [str(root)])

    return make


@pytest.fixture
def toolkit(tmp_path: Path, make_package: MakePackage) -> Path:
    """Written by version 1, and used."""
    make_package(VERSION_1)
    path = fastctc.write_spl_toolkit(tmp_path / "out")
    fill(path, dict.fromkeys(GENERATED, "generated"))
    return path


class TestContents:
    def test_everything_is_there(self, tmp_path: Path, engine: Path) -> None:
        path = fastctc.write_spl_toolkit(tmp_path / "out", onnxruntime=engine)
        assert path == tmp_path / "out" / NAME
        sources, include = Path(fastctc.get_spl_toolkit()), Path(fastctc.get_include(), "fastctc")
        headers = {f"impl/include/fastctc/{header.name}": header for header in include.glob("*.h")}
        assert len(headers) > 20
        assert names_in(path) == names_in(sources) | set(headers) | LIBRARIES | NOTICES
        wanted = {
            "info.xml",
            "README.md",
            f"{NAME}/SpeechToText/SpeechToText_cpp.cgt",
            "impl/include/fastctc/version.h",
        }
        assert wanted <= names_in(path)
        assert not any(entry.is_symlink() for entry in path.rglob("*"))
        assert (path / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
        assert (path / "impl/lib/libonnxruntime.so.1").read_bytes() == engine.read_bytes()
        library = Path(fastctc.get_library_dir(), "libfastctc.so")
        assert (path / "impl/lib/libfastctc.so").read_bytes() == library.read_bytes()
        for name, header in headers.items():
            assert (path / name).read_bytes() == header.read_bytes()

    def test_the_engine_is_that_of_the_installed_wheel(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv(fastctc.installed.onnxruntime_library.VARIABLE, raising=False)
        engine = Path(fastctc.installed.onnxruntime_library.find_library()[0])
        if not engine.is_file():
            pytest.skip("there is no wheel onnxruntime with a library")
        path = fastctc.write_spl_toolkit(tmp_path)
        assert (path / "impl/lib/libonnxruntime.so.1").read_bytes() == engine.read_bytes()
        assert (path / "impl/lib/onnxruntime-LICENSE").read_bytes() == (engine.parent.parent / "LICENSE").read_bytes()

    def test_the_list_names_everything_and_nothing_generated_comes_along(
        self, toolkit: Path, tmp_path: Path, make_package: MakePackage
    ) -> None:
        make_package(VERSION_2)
        # Somebody has run spl-make-toolkit on the package's sources.
        fill(Path(fastctc.get_spl_toolkit()), {"toolkit.xml": "", "lib/Source/Source_cpp.pm": ""})
        path = fastctc.write_spl_toolkit(tmp_path / "fresh")
        listed = (path / LIST_NAME).read_text().splitlines()
        assert listed == sorted(listed)
        assert set(listed) == names_in(path) - {LIST_NAME}
        assert set(listed) == {*VERSION_2, "impl/include/fastctc/c_api.h"} | LIBRARIES | NOTICES
        assert toolkit.is_dir()

    def test_the_licence_of_the_engine_alone_is_not_enough(
        self, toolkit: Path, engine: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert not caplog.records
        (engine.parent.parent / "ThirdPartyNotices.txt").unlink()
        fastctc.write_spl_toolkit(toolkit)
        assert not NOTICES & names_in(toolkit)
        assert "licence is not beside" in caplog.text


class TestPlace:
    def test_a_directory_of_the_toolkits_name_is_the_toolkit(
        self, tmp_path: Path, make_package: MakePackage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_package(VERSION_1)
        assert fastctc.write_spl_toolkit(tmp_path / "new" / NAME) == tmp_path / "new" / NAME
        monkeypatch.chdir(tmp_path / "new" / NAME)
        assert fastctc.write_spl_toolkit(".") == Path()
        assert set(VERSION_1) <= names_in(tmp_path / "new" / NAME)
        assert not Path(NAME).joinpath("info.xml").exists()

    def test_a_toolkit_in_use_is_brought_up_to_date(self, toolkit: Path, make_package: MakePackage) -> None:
        make_package(VERSION_2)
        assert fastctc.write_spl_toolkit(toolkit.parent) == toolkit
        expected = {*VERSION_2, *GENERATED, "impl/include/fastctc/c_api.h", LIST_NAME} | LIBRARIES | NOTICES
        assert names_in(toolkit) == expected
        assert (toolkit / "info.xml").read_text() == "2"

    def test_a_place_that_is_no_directory(self, tmp_path: Path, make_package: MakePackage) -> None:
        make_package(VERSION_1)
        (tmp_path / "file").touch()
        with pytest.raises(fastctc.OutputError, match="file"):
            fastctc.write_spl_toolkit(tmp_path / "file")
        with pytest.raises(fastctc.OptionError, match="name a directory"):
            fastctc.write_spl_toolkit("")


class TestArchive:
    @pytest.mark.parametrize("ending", [".tgz", ".tar.gz"])
    def test_it_holds_the_toolkit(self, tmp_path: Path, make_package: MakePackage, ending: str) -> None:
        make_package(VERSION_1)
        path = fastctc.write_spl_toolkit(tmp_path / f"stt{ending}")
        directory = fastctc.write_spl_toolkit(tmp_path)
        with tarfile.open(path, "r:gz") as archive:
            entries = archive.getmembers()
            contents = {entry.name: archive.extractfile(entry).read() for entry in entries}  # type: ignore[union-attr]
        assert contents == {f"{NAME}/{name}": (directory / name).read_bytes() for name in names_in(directory)}
        assert [entry.name for entry in entries] == sorted(contents)
        assert {(entry.uid, entry.gid, entry.uname, entry.gname, entry.mtime) for entry in entries} == {
            (0, 0, "", "", 315532800)
        }
        modes = {entry.name.rpartition("/")[2]: entry.mode for entry in entries}
        assert (modes["info.xml"], modes["libonnxruntime.so.1"]) == (0o644, 0o755)

    def test_equal_files_give_equal_archives(self, tmp_path: Path, make_package: MakePackage) -> None:
        make_package(VERSION_1)
        first = fastctc.write_spl_toolkit(tmp_path / "first.tgz").read_bytes()
        assert (first[3], first[4:8]) == (0, bytes(4))  # of gzip: no name, no time
        make_package(VERSION_1)
        source = Path(fastctc.get_spl_toolkit(), "info.xml")
        os.utime(source, (1, 1))
        source.chmod(0o600)
        assert fastctc.write_spl_toolkit(tmp_path / "second.tgz").read_bytes() == first
        make_package(VERSION_2)
        assert fastctc.write_spl_toolkit(tmp_path / "second.tgz").read_bytes() != first

    def test_it_is_complete_or_absent(
        self, tmp_path: Path, make_package: MakePackage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_package(VERSION_1)
        path = tmp_path / "stt.tgz"
        with pytest.raises(fastctc.OutputError, match="No such file"):
            fastctc.write_spl_toolkit(tmp_path / "nowhere" / "stt.tgz")
        path.mkdir()
        with pytest.raises(fastctc.OutputError, match="is a directory"):
            fastctc.write_spl_toolkit(path)
        path.rmdir()
        monkeypatch.setattr(tarfile.TarFile, "addfile", interrupt)
        with pytest.raises(KeyboardInterrupt):
            fastctc.write_spl_toolkit(path)
        assert not list(tmp_path.glob("stt*"))


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


class TestEngine:
    def test_a_file_that_is_not_there(self, tmp_path: Path, make_package: MakePackage) -> None:
        make_package(VERSION_1)
        with pytest.raises(fastctc.EngineNotFoundError, match=r"lib\.so can't be read: No such file.*pip install"):
            fastctc.write_spl_toolkit(tmp_path / "out", onnxruntime=tmp_path / "lib.so")
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize("content", [b"", b"OrtGetApiBase", b"\x7fELF of something else"])
    def test_a_file_that_is_something_else(self, tmp_path: Path, make_package: MakePackage, content: bytes) -> None:
        make_package(VERSION_1)
        (tmp_path / "lib.so").write_bytes(content)
        with pytest.raises(fastctc.EngineNotFoundError, match="is not ONNX Runtime's library for Linux"):
            fastctc.write_spl_toolkit(tmp_path / "out", onnxruntime=tmp_path / "lib.so")

    def test_none_is_known(self, tmp_path: Path, make_package: MakePackage, monkeypatch: pytest.MonkeyPatch) -> None:
        make_package(VERSION_1)
        monkeypatch.delenv(fastctc.installed.onnxruntime_library.VARIABLE)
        monkeypatch.setattr(fastctc.installed.onnxruntime_library, "_wheel_directory", lambda: None)
        with pytest.raises(fastctc.EngineNotFoundError, match=r"No file of .* is known.*pip install .*--onnxruntime"):
            fastctc.write_spl_toolkit(tmp_path / "out")

    def test_a_link_gives_the_file(self, tmp_path: Path, make_package: MakePackage, engine: Path) -> None:
        make_package(VERSION_1)
        (tmp_path / "libonnxruntime.so").symlink_to(engine)
        path = fastctc.write_spl_toolkit(tmp_path / "out", onnxruntime=tmp_path / "libonnxruntime.so")
        library = path / "impl/lib/libonnxruntime.so.1"
        assert not library.is_symlink()
        assert library.read_bytes() == engine.read_bytes()
        assert names_in(path) >= NOTICES


class TestInstallation:
    def test_without_the_toolkit(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(fastctc, "__path__", [str(tmp_path)])
        with pytest.raises(fastctc.Error, match=r"This installation has no spl/.*Install fastctc again"):
            fastctc.get_spl_toolkit()
        with pytest.raises(fastctc.Error, match="This installation has no spl/"):
            fastctc.write_spl_toolkit(tmp_path / "out")
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize("name", ["info.xml", "impl/lib/libfastctc.so"])
    def test_without_a_part_of_it(self, tmp_path: Path, make_package: MakePackage, name: str) -> None:
        make_package(VERSION_1)
        root = Path(fastctc.get_spl_toolkit()).parent.parent
        (root / "lib" / "libfastctc.so" if "libfastctc" in name else root / "spl" / NAME / name).unlink()
        with pytest.raises(
            fastctc.Error, match=rf"This installation has no .*{Path(name).name}.*Install fastctc again"
        ):
            fastctc.write_spl_toolkit(tmp_path / "out")
        assert not (tmp_path / "out").exists()

    def test_on_other_systems(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "platform", "darwin")
        with pytest.raises(fastctc.Error, match="on Linux alone"):
            fastctc.get_spl_toolkit()
