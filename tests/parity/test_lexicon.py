"""Lexicons: C++ = reference = the entries themselves."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import external
from fastctc import _core
from fastctc.errors import ModelError, ModelNotFoundError, OptionError
from fastctc.reference import lexicon as reference
from fastctc.reference.vocabulary import Vocabulary

PIECES = ["a", "b", "ɛ", "<wb>", "0.5", "<blk>"]
Entries = list[tuple[str, list[int]]]


class Core:
    vocabulary = _core.Vocabulary
    lexicon = _core.Lexicon

    @staticmethod
    def root(lexicon: Any) -> Any:
        return lexicon.ROOT


class Reference:
    vocabulary = Vocabulary
    lexicon = reference.Lexicon

    @staticmethod
    def root(lexicon: Any) -> Any:
        return lexicon.root


both = pytest.mark.parametrize("path", [Core, Reference], ids=["core", "reference"])


def spellings(path: Any, lexicon: Any) -> set[tuple[str, tuple[int, ...]]]:
    """All entries, found by walking through the trie."""
    found: set[tuple[str, tuple[int, ...]]] = set()
    open_: list[tuple[Any, tuple[int, ...]]] = [(path.root(lexicon), ())]
    n_nodes = 0
    while open_:
        node, ids = open_.pop()
        n_nodes += 1
        assert lexicon.words_at(node) == sorted(set(lexicon.words_at(node)))
        found |= {(lexicon.word(position), ids) for position in lexicon.words_at(node)}
        children = [(lexicon.child(node, token), (*ids, token)) for token in range(-1, lexicon.n_tokens + 1)]
        children = [(child, longer) for child, longer in children if child is not None]
        assert lexicon.is_leaf(node) == (not children)
        open_ += children
    assert n_nodes == lexicon.n_nodes
    return found


@settings(max_examples=200, deadline=None)
@given(
    entries=st.lists(
        st.tuples(st.sampled_from(["x", "y", "ž", "x y"]), st.lists(st.integers(0, 3), min_size=1, max_size=5)),
        min_size=1,
        max_size=12,
    ),
    out_of_lexicon=st.sampled_from(["forbid", "allow"]),
)
def test_the_trie_holds_the_entries(entries: Entries, out_of_lexicon: str) -> None:
    for path in (Core, Reference):
        lexicon = path.lexicon(entries, 4, out_of_lexicon)
        assert spellings(path, lexicon) == {(word, tuple(ids)) for word, ids in entries}
        words = list(dict.fromkeys(word for word, _ in entries))
        assert [lexicon.word(position) for position in range(lexicon.n_words)] == words
        assert (lexicon.n_tokens, lexicon.out_of_lexicon) == (4, out_of_lexicon)


def written(tmp_path: Path, text: str | bytes) -> Path:
    file = tmp_path / "lexicon.txt"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


@both
@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda text: text.encode(), "lexicon.txt"),
        (lambda text: text.replace("\n", "\r\n").encode(), "lexicon.txt"),
        (lambda text: ("\ufeff" + text).encode(), "lexicon.txt"),
        (lambda text: text.replace(" ", " \t ").encode(), "lexicon.txt"),
        (lambda text: ("\n" + text.rstrip("\n") + "\n\n  \n").encode(), "lexicon.txt"),
        (lambda text: gzip.compress(text.encode()), "lexicon.txt.gz"),
    ],
    ids=["plain", "crlf", "bom", "tabs", "empty_lines", "gzip"],
)
def test_files(path: Any, tmp_path: Path, change: Callable[[str], bytes], name: str) -> None:
    file = tmp_path / name
    file.write_bytes(change("ab a b\nab b\nže a ɛ <wb>\nhalf 0.5 a\n"))
    vocabulary = path.vocabulary(PIECES)
    expected = {("ab", (0, 1)), ("ab", (1,)), ("že", (0, 2, 3)), ("half", (4, 0))}
    assert spellings(path, path.lexicon.read(file, vocabulary)) == expected
    ended = {(word, ids if ids[-1] == 3 else (*ids, 3)) for word, ids in expected}
    lexicon = path.lexicon.read(file, vocabulary, "<wb>", "allow")
    assert spellings(path, lexicon) == ended
    assert (lexicon.n_words, lexicon.n_tokens, lexicon.out_of_lexicon) == (3, 6, "allow")


@both
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ab a b\nabc a\nx\n", "line 3: no spelling after the word 'x'"),
        ("ab a b\nx 1.0 a b\n", "line 2: '1.0' after the word looks like a probability"),
        (b"ab a\n\xe9 a\n", "line 2: .*not UTF-8"),
        ("ab a\nx\0 a\n", "line 2: a NUL byte"),
        ("ab a\n".encode("utf-16"), "is UTF-16"),
        ("\n\n", "is empty"),
        ("", "is empty"),
        ("ab a\nx q\ny <blk>\n", "line 2: the .*vocabulary lacks .*'q'"),
    ],
)
def test_what_is_wrong_and_where(path: Any, tmp_path: Path, text: str | bytes, message: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(ModelError, match="lexicon.txt'.*" + message):
        path.lexicon.read(file, path.vocabulary(PIECES))


def test_all_lacking_pieces_are_named(tmp_path: Path) -> None:
    file = written(tmp_path, "ab a B\nx q B\ny <blk>\n")
    with pytest.raises(ModelError) as caught:
        _core.Lexicon.read(file, _core.Vocabulary(PIECES))
    assert str(caught.value) == (
        f"Lexicon '{file}', line 1: the model's vocabulary lacks pieces of the lexicon: 'B' (line 1), 'q' (line 2), "
        "'<blk>' (line 3). Its own are like 'a', 'b', 'ɛ', '<wb>', '0.5'. Spell the words in them: "
        "`word piece piece ...`."
    )
    written(tmp_path, "".join(f"x p{n}\n" for n in range(25)))
    with pytest.raises(ModelError, match=r"'p9' \(line 10\) and 15 more"):
        _core.Lexicon.read(file, _core.Vocabulary(PIECES))


@both
def test_files_that_are_not_there(path: Any, tmp_path: Path) -> None:
    vocabulary = path.vocabulary(PIECES)
    for name in ("none.txt", "a\0b"):
        with pytest.raises(ModelNotFoundError):
            path.lexicon.read(f"{tmp_path}/{name}", vocabulary)
    with pytest.raises(ModelError, match="director"):
        path.lexicon.read(tmp_path, vocabulary)
    with pytest.raises(ModelError, match="damaged"):
        path.lexicon.read(written(tmp_path, gzip.compress(b"ab a\n" * 100)[:-9]), vocabulary)


@both
def test_options_that_are_none(path: Any, tmp_path: Path) -> None:
    file = written(tmp_path, "ab a b\n")
    with pytest.raises(OptionError, match="word_end is '<we>', which is no piece"):
        path.lexicon.read(file, path.vocabulary(PIECES), "<we>")
    with pytest.raises(OptionError, match="out_of_lexicon must be forbid or allow, not 'never'"):
        path.lexicon.read(file, path.vocabulary(PIECES), "", "never")
    with pytest.raises(OptionError, match="out_of_lexicon"):
        path.lexicon([("x", [0])], 4, "")
    with pytest.raises(OptionError, match="The lexicon is empty"):
        path.lexicon([], 4)
    wrong: list[Entries] = [[("", [0])], [("x", [])], [("x", [4])], [("x", [0, -1])]]
    for entries in wrong:
        with pytest.raises(OptionError, match="Entry 2 of the lexicon"):
            path.lexicon([("ok", [1]), *entries], 4)
    with pytest.raises(OptionError, match="no word 1"):
        path.lexicon([("x", [0])], 4).word(1)


def test_spellings_of_the_reference() -> None:
    lexicon = reference.Lexicon([("x", [0, 1]), ("y", [0]), ("z", [0, 1]), ("x", [0, 1])], 4)
    assert lexicon.words_spelled((0, 1)) == ["x", "z"]
    assert lexicon.words_spelled((0,)) == ["y"]
    assert lexicon.words_spelled(()) == lexicon.words_spelled((1,)) == []
    assert [lexicon.is_prefix(ids) for ids in [(), (0,), (0, 1), (1,)]] == [True, True, False, False]


def test_nodes_out_of_range() -> None:
    lexicon = _core.Lexicon([("x", [0])], 4)
    for call in (lambda: lexicon.child(2, 0), lambda: lexicon.words_at(2)):
        with pytest.raises(OptionError, match="Node 2 is not one of this lexicon, which has 2"):
            call()


def test_a_real_lexicon() -> None:
    folder = external("models") / "phoneme"
    tokens, file = folder / "tokens.txt", folder / "lexicon.txt.gz"
    core = _core.Lexicon.read(file, _core.Vocabulary.read(tokens), "<wb>")
    twin = reference.Lexicon.read(file, Vocabulary.read(tokens), "<wb>")
    assert (core.n_words, core.n_nodes) == (twin.n_words, twin.n_nodes)
    assert core.n_words > 29_000
    assert [core.word(position) for position in range(core.n_words)] == list(twin.words)
    n_entries = 0
    for ids in twin.nodes:
        node: int | None = core.ROOT
        for token in ids:
            assert node is not None
            node = core.child(node, token)
        assert node is not None
        assert core.words_at(node) == twin.words_at(ids)
        n_entries += len(twin.words_at(ids))
    assert n_entries > 29_000
