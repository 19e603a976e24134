"""What the SPL compiler would refuse in the toolkit and in the documents, found without it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import NamedTuple

import pytest

from conftest import ROOT
from spl.sc_options import calls_in_makefile, calls_in_shell, faults
from spl.spl_syntax import SplSyntaxError, mistakes, parse

TOOLKIT = ROOT / "spl"
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted(TOOLKIT.rglob("*.md"))]
SHELLS = {"sh", "bash", "shell", "console"}
# Of a graph, not a file.
PIECE = re.compile(r"\s*(\(|stream\s*<|@(?![\s\S]*\bcomposite\b))")


class Block(NamedTuple):
    document: str
    line: int
    language: str
    text: str


def blocks() -> list[Block]:
    found = []
    for document in DOCUMENTS:
        text = document.read_text()
        for match in re.finditer(r"^([ ]*)```(\S*).*\n([\s\S]*?)^\1```[ ]*$", text, re.MULTILINE):
            line = text.count("\n", 0, match.start(3)) + 1
            found.append(Block(str(document.relative_to(ROOT)), line, match[2], match[3]))
    return found


def names(paths: list[Path]) -> dict[str, Path]:
    return {str(path.relative_to(ROOT)): path for path in paths}


SOURCES = names([*sorted(TOOLKIT.rglob("*.spl")), *sorted((ROOT / "tests").rglob("*.spl"))])
MAKEFILES = names(sorted(TOOLKIT.rglob("Makefile")))
BLOCKS = blocks()
SPL_BLOCKS = {f"{block.document}:{block.line}": block.text for block in BLOCKS if block.language == "spl"}


@pytest.mark.parametrize("name", SOURCES)
def test_sources(name: str) -> None:
    assert mistakes(parse(SOURCES[name].read_text())) == []


@pytest.mark.parametrize("name", SPL_BLOCKS)
def test_blocks_of_documents(name: str) -> None:
    text = SPL_BLOCKS[name]
    assert mistakes(parse(f"composite Main {{ graph {text}\n}}" if PIECE.match(text) else text)) == []


def test_spl_in_documents_is_said_to_be_spl() -> None:
    unnamed = [block for block in BLOCKS if block.language == "" and re.search(r"\bcomposite\b|\bstream<", block.text)]
    assert [f"{block.document}:{block.line}" for block in unnamed] == []
    assert SPL_BLOCKS


@pytest.mark.parametrize("name", names(sorted(TOOLKIT.rglob("*.xml*"))))
def test_prototypes(name: str) -> None:
    for element in ElementTree.parse(ROOT / name).iter():
        if element.tag.endswith("}prototype"):
            parse(element.text or "", start="prototype")


# The faults that the first compiler to see the toolkit found, each with its message and its line.
PUBLIC_TYPE = """namespace a.b;

public type T = rstring a;
"""
MIXED = """composite Main {
  graph
    (stream<rstring speech, T> A; stream<int32 x> B) = Some() {}
}
"""
IMMUTABLE = """void f(rstring file) {
  rstring path = file;
  if (length(path) > 0)
    path = "data/" + path;
}
"""


def test_a_type_of_a_file_has_no_modifier() -> None:
    with pytest.raises(SplSyntaxError, match="`type` has no modifier") as error:
        parse(PUBLIC_TYPE)  # CDISP0011E
    assert error.value.line == 3


@pytest.mark.parametrize("kind", ["stream<rstring speech, T>", "stream<T, rstring speech>", "stream<int32 x, T, U>"])
def test_attributes_and_types_do_not_mix(kind: str) -> None:
    with pytest.raises(SplSyntaxError, match=r"attributes, .* or of types of tuples, not of both") as error:
        parse(MIXED.replace("stream<rstring speech, T>", kind))  # CDISP0012E
    assert error.value.line == 3


def test_what_is_not_mutable_is_not_assigned() -> None:
    assert mistakes(parse(IMMUTABLE)) == [  # CDISP0378E
        "line 4, column 5: `path` is assigned, but is declared without `mutable` on line 2"
    ]
    assert mistakes(parse(IMMUTABLE.replace("rstring path", "mutable rstring path"))) == []


@pytest.mark.parametrize("name", MAKEFILES)
def test_options_in_makefiles(name: str) -> None:
    calls = calls_in_makefile(MAKEFILES[name])
    assert [fault for call in calls for fault in faults(call)] == []
    assert calls


def test_options_in_documents() -> None:
    calls = [call for block in BLOCKS if block.language in SHELLS for call in calls_in_shell(block.text)]
    assert [fault for call in calls for fault in faults(call)] == []
    assert calls


def test_language_levels_in_prose() -> None:
    """`--c++std`, also where it is only spoken of."""
    patterns = ("Makefile", "*.mk", "*.xml*", "*.spl")
    texts = [*DOCUMENTS, *sorted(path for pattern in patterns for path in TOOLKIT.rglob(pattern))]
    found = []
    for path in texts:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for option in re.findall(r"--c\+\+std[= ][\w+]+", line):
                found += [f"{path.relative_to(ROOT)}:{number}: {fault}" for fault in faults([option.replace(" ", "=")])]
    assert found == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("-a -M a.b::Main -t x --data-directory data", 0),
        ("-acMMain --c++std=c++11 -j 4 -x -O2 -- width=4", 0),
        ("--c++std c++98 --main-composite=Main", 0),
        ("--c++std=c++14 -M Main", 1),  # the first compiler to see the toolkit knew 98 and 11
        ("-M -t x", 1),
        ("-aq --cppstd=c++11 --clean=yes -M", 4),
    ],
)
def test_options(arguments: str, expected: int) -> None:
    assert len(faults(arguments.split())) == expected


def test_calls(tmp_path: Path) -> None:
    (tmp_path / "common.mk").write_text("SC ?= $(STREAMS_INSTALL)/bin/sc\nFLAGS = -a\nFLAGS += --c++std=$(STD)\n")
    makefile = tmp_path / "Makefile"
    makefile.write_text(
        "STD := c++11\ninclude common.mk\nall:\n\t@cd x && $(SC) $(FLAGS) \\\n\t  -M Main >log\n\techo sc\n"
    )
    assert [call[:4] for call in calls_in_makefile(makefile)] == [["-a", "--c++std=c++11", "-M", "Main"]]
    shell = "cd x; A=1 sc -a # -q\n$ $STREAMS_INSTALL/bin/sc -M \\\n Main | tee log\nsc.sh -b\necho 'a\n'"
    assert calls_in_shell(shell) == [["-a"], ["-M", "Main"]]
