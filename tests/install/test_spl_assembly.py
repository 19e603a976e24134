"""The SPL toolkit as CMake assembles it, beside the one that `fastctc spl` writes; programs linked against both.

What needs the library built by CMake: a build tree with FASTCTC_BUILD_SPL, which FASTCTC_BUILD_TREE names.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

import fastctc
from conftest import ROOT, fill, names_in
from fastctc.installed.listed_directory import LIST_NAME
from fastctc.installed.onnxruntime_library import find_library

NAME = "com.teracloud.streamsx.stt"
SOURCES = ROOT / "spl" / NAME
MODEL = ROOT / "models" / "digits"
VERSION_1 = {"info.xml": "1", "kept": "same", "lib/Source.spl": "composite", "gone/deep/a": "", "gone/deep/b": ""}
VERSION_2 = {"info.xml": "2", "kept": "same", "lib/Source/Source_cpp.cgt": "template"}
BUILT = {"impl/include/fastctc/c_api.h", "impl/include/fastctc/version.h", "LICENSE", LIST_NAME}
BUILT |= {f"impl/lib/{name}" for name in ("libfastctc.so.7", "libfastctc.so", "libonnxruntime.so.1")}
# Models of operators, as the sources have them, and what is made of B's.
MODELS = {
    "lib/A/A.xml.in": """<m>
  <metrics>
    <metric name="n" kind="Counter">
    Of [A]; all.
    </metric>
  </metrics>
</m>
""",
    "lib/B/B.xml.in": """<m>
  <metrics of="A"/>
  <parameter name="list" type="list&lt;rstring&gt;">
    Two
    lines.
  </parameter>
  <parameter name="mode" literalOf="Mode">
    One.
  </parameter>
  <parameter name="from" attributeOf="1">
    One.
  </parameter>
</m>
""",
}
MODEL_B = """<m>
  <metrics>
    <metric>
      <name>n</name>
      <description>
    Of [A]; all.
      </description>
      <kind>Counter</kind>
    </metric>
  </metrics>
  <parameter>
    <name>list</name>
    <description>
    Two
    lines.
    </description>
    <optional>true</optional>
    <rewriteAllowed>true</rewriteAllowed>
    <expressionMode>AttributeFree</expressionMode>
    <type>list&lt;rstring&gt;</type>
    <cardinality>1</cardinality>
  </parameter>
  <parameter>
    <name>mode</name>
    <description>
    One.
    </description>
    <optional>true</optional>
    <rewriteAllowed>false</rewriteAllowed>
    <expressionMode>CustomLiteral</expressionMode>
    <type>Mode</type>
    <cardinality>1</cardinality>
  </parameter>
  <parameter>
    <name>from</name>
    <description>
    One.
    </description>
    <optional>true</optional>
    <rewriteAllowed>false</rewriteAllowed>
    <expressionMode>Attribute</expressionMode>
    <cardinality>1</cardinality>
    <portScope>
      <port>1</port>
    </portScope>
  </parameter>
</m>
"""
# A file for every pattern of .gitignore.
GENERATED = {
    "toolkit.xml": "toolkit.xml",
    "*_cpp.pm": "lib/Source/Source_cpp.pm",
    "*_h.pm": "lib/Source/Source_h.pm",
    "impl/nl/include/": "impl/nl/include/Resource.h",
    "impl/nl/*.dat": "impl/nl/Resource.dat",
    "impl/lib/": "impl/lib/libold.so",
    "impl/include/fastctc/": "impl/include/fastctc/old.h",
    "doc/spldoc/": "doc/spldoc/index.html",
    "output/": "samples/One/output/bin/standalone",
    "data/": "samples/One/data/call.wav",
}

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="Streams runs on Linux alone"),
    pytest.mark.skipif(shutil.which("cmake") is None, reason="cmake not found"),
]


def run(*command: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, env={**os.environ, **environment}, check=False
    )


def run_well(*command: object, **environment: str) -> str:
    result = run(*command, **environment)
    assert result.returncode == 0, f"{command}:\n{result.stdout}\n{result.stderr}"
    return result.stdout


class Assembly:
    """Sources and what is built of them, in place of those of the project."""

    def __init__(self, folder: Path) -> None:
        self.sources = folder / "sources"
        self.toolkit = folder / "a toolkit" / NAME
        fill(folder, {"headers/c_api.h": "", "headers/version.h.in": "", "version.h": "0", "built.so": ""})
        fill(folder, {"onnxruntime/lib/libonnxruntime.so.1.99.0": "library", "LICENSE": ""})
        self.onnxruntime = folder / "libonnxruntime.so.1"
        self.onnxruntime.symlink_to("onnxruntime/lib/libonnxruntime.so.1.99.0")
        self.inputs = folder / "inputs.cmake"
        self.inputs.write_text(
            f"set(spl_source [[{self.sources}]])\nset(spl_licence [[{folder}/LICENSE]])\n"
            f"set(spl_headers [[{folder}/headers]])\nset(spl_version_header [[{folder}/version.h]])\n"
            f"set(spl_library [[{folder}/built.so]])\nset(spl_library_names libfastctc.so.7 libfastctc.so)\n"
            f"set(spl_onnxruntime [[{self.onnxruntime}]])\n"
        )

    def write_sources(self, files: Mapping[str, str]) -> None:
        shutil.rmtree(self.sources, ignore_errors=True)
        fill(self.sources, files)

    def run(self, *options: str) -> subprocess.CompletedProcess[str]:
        script = ROOT / "cmake" / "spl_assemble.cmake"
        return run("cmake", f"-Dinputs={self.inputs}", f"-Ddestination={self.toolkit}", *options, "-P", script)

    def update(self, files: Mapping[str, str], *options: str) -> None:
        self.write_sources(files)
        result = self.run(*options)
        assert (result.returncode, result.stderr) == (0, "")


@pytest.fixture
def assembly(tmp_path: Path) -> Assembly:
    return Assembly(tmp_path)


class TestAssembly:
    def test_everything_is_there_and_nothing_that_was_generated(self, assembly: Assembly) -> None:
        patterns = re.findall(r"^/spl/\*\*/(.*)$", (ROOT / ".gitignore").read_text(), flags=re.MULTILINE)
        assert set(GENERATED) == set(patterns)
        others = dict.fromkeys([*GENERATED.values(), "lib/.Source.spl.swp", ".project", "README.md~"], "generated")
        assembly.write_sources({**VERSION_2, **others, "lib/Source/SourceCommon.pm": ""})
        (assembly.sources / "info.xml").chmod(0o600)
        assert assembly.run().returncode == 0
        modes = [(assembly.toolkit / name).stat().st_mode & 0o777 for name in ("info.xml", "impl/lib/libfastctc.so")]
        assert modes == [0o644, 0o755]
        assert names_in(assembly.toolkit) == {*VERSION_2, *BUILT, "lib/Source/SourceCommon.pm"}
        assert not any(path.is_symlink() for path in assembly.toolkit.rglob("*"))
        assert (assembly.toolkit / "impl/lib/libonnxruntime.so.1").read_text() == "library"
        assert (assembly.toolkit / "impl/include/fastctc/version.h").read_text() == "0"
        listed = (assembly.toolkit / LIST_NAME).read_text().splitlines()
        assert listed == sorted(names_in(assembly.toolkit) - {LIST_NAME})

    def test_the_licence_of_onnxruntime_comes_along(self, assembly: Assembly) -> None:
        notices = {"LICENSE": "MIT", "ThirdPartyNotices.txt": "of others"}
        fill(assembly.onnxruntime.resolve().parent.parent, notices)
        assembly.update(VERSION_1)
        for name, text in notices.items():
            assert (assembly.toolkit / "impl" / "lib" / f"onnxruntime-{name}").read_text() == text

    def test_an_update_leaves_what_streams_generated_and_removes_what_is_no_longer_part(
        self, assembly: Assembly
    ) -> None:
        assembly.update(VERSION_1)
        generated = dict.fromkeys(GENERATED.values(), "generated")
        fill(assembly.toolkit, {**generated, "mine": "generated", "gone/toolkit.xml": "generated"})
        before = {name: (assembly.toolkit / name).stat().st_mtime_ns for name in names_in(assembly.toolkit)}
        assembly.update(VERSION_2)
        assert names_in(assembly.toolkit) == {*VERSION_2, *BUILT, *generated, "mine", "gone/toolkit.xml"}
        assert not (assembly.toolkit / "gone" / "deep").exists()
        assert all((assembly.toolkit / name).read_text() == "generated" for name in generated)
        after = {name: (assembly.toolkit / name).stat().st_mtime_ns for name in names_in(assembly.toolkit)}
        changed = {name for name in after if before.get(name) != after[name]}
        assert changed == {"info.xml", "lib/Source/Source_cpp.cgt", LIST_NAME}
        assert after["info.xml"] > before["toolkit.xml"]

    def test_an_interrupted_run_is_repaired_by_the_next(self, assembly: Assembly) -> None:
        assembly.update(VERSION_1)
        assembly.onnxruntime.rename(assembly.onnxruntime.with_name("aside"))
        assembly.write_sources({**VERSION_2, "info.xml": "changed", "new/a": ""})
        assert assembly.run().returncode != 0
        assert "new/a" in names_in(assembly.toolkit)
        assembly.onnxruntime.with_name("aside").rename(assembly.onnxruntime)
        assembly.update(VERSION_2)
        assert names_in(assembly.toolkit) == {*VERSION_2, *BUILT}

    def test_models_get_what_the_sources_leave_out(self, assembly: Assembly) -> None:
        assembly.update({**VERSION_1, **MODELS})
        assert names_in(assembly.toolkit) == {*VERSION_1, *BUILT, "lib/A/A.xml", "lib/B/B.xml"}
        assert (assembly.toolkit / "lib/B/B.xml").read_text() == MODEL_B

    @pytest.mark.parametrize(
        ("model", "message"),
        [
            ('<m>\n  <metric name="n" kind="Gauge">One line.</metric>\n</m>', "which can't be read"),
            ('<m>\n  <parameter name="n" sort="T">\n  One.\n  </parameter>\n</m>', "which can't be read"),
            ('<m>\n  <inputPorts of="A"/>\n</m>', "there is no <inputPorts> in that operator's model"),
        ],
    )
    def test_models_that_are_written_otherwise_are_refused(self, assembly: Assembly, model: str, message: str) -> None:
        assembly.write_sources({**MODELS, "lib/B/B.xml.in": model})
        result = assembly.run()
        assert result.returncode != 0
        assert message in " ".join(result.stderr.split())

    def test_nothing_to_do_is_nothing_done(self, assembly: Assembly) -> None:
        files = {**VERSION_1, **MODELS}
        assembly.update(files)
        before = {path: path.stat().st_mtime_ns for path in assembly.toolkit.rglob("*")}
        assembly.update(files)
        assert {path: path.stat().st_mtime_ns for path in assembly.toolkit.rglob("*")} == before

    def test_what_others_made_is_refused(self, assembly: Assembly) -> None:
        fill(assembly.toolkit, {"toolkit.xml": "", ".mine": ""})
        assembly.write_sources(VERSION_1)
        result = assembly.run()
        assert result.returncode != 0
        assert "something else than an SPL toolkit that fastctc has written" in " ".join(result.stderr.split())
        assert names_in(assembly.toolkit) == {"toolkit.xml", ".mine"}

    def test_what_the_build_assembled_before_there_were_lists_is_adopted(self, assembly: Assembly) -> None:
        fill(assembly.toolkit, {**VERSION_1, "toolkit.xml": "generated", "lib/Source_cpp.pm": "generated"})
        assembly.update(VERSION_2, "-Dadopt=ON")
        assert names_in(assembly.toolkit) == {*VERSION_2, *BUILT, "toolkit.xml", "lib/Source_cpp.pm"}

    @pytest.mark.parametrize("name", ["../precious", "{root}/precious", "lib/../../precious"])
    def test_a_list_that_leads_out_is_refused(self, assembly: Assembly, name: str) -> None:
        assembly.update(VERSION_1)
        root = assembly.toolkit.parent
        fill(root, {"precious": ""})
        with (assembly.toolkit / LIST_NAME).open("a") as file:
            file.write(name.format(root=root) + "\n")
        result = assembly.run()
        assert result.returncode != 0
        assert "which is outside of the toolkit" in " ".join(result.stderr.split())
        assert (root / "precious").exists()

    def test_the_package_updates_what_cmake_assembled(self, assembly: Assembly) -> None:
        assembly.update({**VERSION_1, "toolkit.spl": "only here"})
        fill(assembly.toolkit, {"toolkit.xml": "generated"})
        fresh = fastctc.write_spl_toolkit(assembly.sources)
        assert fastctc.write_spl_toolkit(assembly.toolkit) == assembly.toolkit
        assert names_in(assembly.toolkit) == names_in(fresh) | {"toolkit.xml"}


def test_cmake_and_the_package_make_the_same(assembly: Assembly, tmp_path: Path) -> None:
    """Of one installation. Where files of spl/ came or went, it has to be installed again first."""
    written = fastctc.write_spl_toolkit(tmp_path)
    assembly.inputs.write_text(
        f"set(spl_source [[{SOURCES}]])\nset(spl_licence [[{ROOT}/LICENSE]])\n"
        f"set(spl_headers [[{ROOT}/cpp/include/fastctc]])\n"
        f"set(spl_version_header [[{fastctc.get_include()}/fastctc/version.h]])\n"
        f"set(spl_library [[{fastctc.get_library_dir()}/libfastctc.so]])\nset(spl_library_names libfastctc.so)\n"
        f"set(spl_onnxruntime [[{find_library()[0]}]])\n"
    )
    result = assembly.run()
    assert (result.returncode, result.stderr) == (0, "")
    assert names_in(assembly.toolkit) == names_in(written)
    assert (assembly.toolkit / LIST_NAME).read_text() == (written / LIST_NAME).read_text()


@pytest.fixture(scope="module")
def tree() -> Path:
    """A build of the library that has the toolkit's targets."""
    name = os.environ.get("FASTCTC_BUILD_TREE")
    if not name:
        pytest.skip("FASTCTC_BUILD_TREE names no build tree to install from")
    path = ROOT / name
    if "FASTCTC_BUILD_SPL:BOOL=ON" not in (path / "CMakeCache.txt").read_text(encoding="utf-8"):
        pytest.skip(f"{path} was configured without FASTCTC_BUILD_SPL")
    return path


def sonames_in(toolkit: Path) -> set[str]:
    """Files that only a library with a version in its name has, as CMake's."""
    return {name for name in names_in(toolkit) if re.fullmatch(r"impl/lib/libfastctc\.so\.\d+", name)}


def test_the_component_is_what_the_package_makes(tree: Path, tmp_path: Path) -> None:
    run_well("cmake", "--install", tree, "--prefix", tmp_path / "prefix", "--component", "spl")
    installed = tmp_path / "prefix" / "share" / "fastctc" / "spl" / NAME
    assert [path.name for path in (tmp_path / "prefix").iterdir()] == ["share"]
    assert len(sonames_in(installed)) == 1
    assert names_in(installed) - sonames_in(installed) == names_in(fastctc.write_spl_toolkit(tmp_path))
    # Again, over one that is in use.
    fill(installed, {"toolkit.xml": "generated", "stale": ""})
    with (installed / LIST_NAME).open("a") as file:
        file.write("stale\n")
    run_well("cmake", "--install", tree, "--prefix", tmp_path / "prefix", "--component", "spl")
    assert "toolkit.xml" in names_in(installed)
    assert "stale" not in names_in(installed)


def test_the_targets_make_a_toolkit_and_an_archive(tree: Path, tmp_path: Path) -> None:
    run_well("cmake", "--build", tree, "--target", "spl_toolkit")
    toolkit = tree / "spl" / NAME
    fill(toolkit, {"samples/OneFile/toolkit.xml": "generated"})
    for old in tree.glob("*.tgz"):
        old.unlink()
    run_well("cmake", "--build", tree, "--target", "spl_package")
    assert (toolkit / "samples/OneFile/toolkit.xml").read_text() == "generated"
    [archive] = tree.glob("*.tgz")
    version = re.search(r"<version>(.*)</version>", (SOURCES / "info.xml").read_text(encoding="utf-8"))
    assert version is not None
    assert archive.name == f"{NAME}-{version[1]}-Linux-{os.uname().machine}.tgz"
    with tarfile.open(archive) as packed:
        entries = packed.getmembers()
        assert {(entry.uid, entry.gid, entry.mtime) for entry in entries} == {(0, 0, 315532800)}
        names = {entry.name.removeprefix(f"{NAME}/") for entry in entries}
    assert names == names_in(fastctc.write_spl_toolkit(tmp_path)) | sonames_in(toolkit)
    content = archive.read_bytes()
    (toolkit / "info.xml").touch()
    run_well("cmake", "--build", tree, "--target", "spl_package")
    assert archive.read_bytes() == content


@pytest.fixture(params=["package", "component"])
def toolkit(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "package":
        return fastctc.write_spl_toolkit(tmp_path)
    tree = request.getfixturevalue("tree")
    run_well("cmake", "--install", tree, "--prefix", tmp_path / "prefix", "--component", "spl")
    return tmp_path / "prefix" / "share" / "fastctc" / "spl" / NAME


def test_a_program_needs_the_toolkit_alone_wherever_it_is(toolkit: Path, tmp_path: Path) -> None:
    """As an application's bundle has it: neither Python's packages nor the system's libraries are asked."""
    if shutil.which("g++") is None:
        pytest.skip("g++ not found")
    place = tmp_path / "place"
    place.mkdir()
    toolkit = Path(shutil.move(toolkit, place / NAME))
    run_well(
        "g++", "-std=c++14", ROOT / "examples/cpp/offline.cpp", f"-I{toolkit}/impl/include", f"-L{toolkit}/impl/lib",
        "-lfastctc", f"-Wl,-rpath,$ORIGIN/{NAME}/impl/lib", "-o", place / "program",
    )  # fmt: skip
    moved = Path(shutil.move(place, tmp_path / "another place"))
    command = (moved / "program", MODEL, MODEL / "two-nine-three-four-zero.wav")
    result = run(*command, FASTCTC_ONNXRUNTIME="", LD_LIBRARY_PATH="", LD_DEBUG="files")
    assert "two nine three four zero" in result.stdout, result.stderr[-2000:]
    opened = set(re.findall(r"calling init: (.*/lib(?:fastctc|onnxruntime)\.so\S*)", result.stderr))
    assert {Path(name).resolve().parent for name in opened} == {(moved / NAME / "impl" / "lib").resolve()}
    assert len(opened) == 2
