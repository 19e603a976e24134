"""SPL without its compiler: `parse` says whether a source is SPL (spl.lark), `mistakes` what it assigns wrongly.

What needs other files isn't looked at: names, types, operators and their parameters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypeAlias

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedToken
from lark.lexer import PatternStr

Node: TypeAlias = Tree[Token]

GRAMMAR = Path(__file__).with_name("spl.lark")
NAMES = {"ID", "STATE", "ON_PROCESS", "KIND"}
WORDS = {"NUMBER": "a number", "STRING": "a string", "XML": "an XML literal", "_GLUED": "`>`", "$END": "the end"}
TYPES_OF_TUPLES = {"type_name", "tuple_type"}
PATHS = {"simple", "pair", "qualified", "member"}
SCOPES = {"function", "invocation", "on_process", "on_tuple", "on_punct", "block", "for"}
PARTS = {"simple", "pair", "chain", "part", "subscript", "unwrapped", "parentheses"}
MAX_EXPECTED = 6


class SplSyntaxError(ValueError):
    """A source that is no SPL."""

    def __init__(self, line: int, column: int, what: str) -> None:
        super().__init__(f"line {line}, column {column}: {what}")
        self.line, self.column = line, column


def parse(text: str, start: str = "file") -> Node:
    """The tree of a source; of the prototype of a native function with the start symbol `prototype`."""
    try:
        tree = _parser().parse(text, start=start)
    except UnexpectedToken as error:
        # At the end of the text lark tells the place of the last token.
        raise SplSyntaxError(error.line, error.column, _sentence(error)) from None
    except UnexpectedCharacters as error:
        word = re.match(r"\S+|\s", text[error.pos_in_stream or 0 :])
        raise SplSyntaxError(error.line, error.column, f"`{word[0] if word else ''}` is no word of SPL") from None
    for refusal in _refused(tree):
        raise refusal
    return tree


def mistakes(tree: Node) -> list[str]:
    """A sentence on each assignment to what can't change (CDISP0378E), and on what can't change and has no value."""
    return [f"line {line}, column {column}: {what}" for line, column, what in sorted(_Walk().of(tree))]


@cache
def _parser() -> Lark:
    # With the basic lexer keywords are reserved everywhere, as in the language.
    return Lark.open(str(GRAMMAR), parser="lalr", lexer="basic", start=["file", "prototype"], propagate_positions=True)


def _sentence(error: UnexpectedToken) -> str:
    """What was wrong, and for two mistakes that are easily made, why."""
    got = "the end of the file" if error.token.type == "$END" else f"`{error.token}`"
    stack = error.interactive_parser.parser_state.value_stack
    last = stack[-1] if stack else None
    if error.token.type == "TYPE" and last == "public":
        return "`type` has no modifier outside a composite, but `public` stands before it"
    while isinstance(last, Tree) and last.data.startswith("_") and last.children:
        last = last.children[0]
    expected = set(error.expected)
    is_tuple = isinstance(last, Tree) and last.data in TYPES_OF_TUPLES
    if (expected <= NAMES and is_tuple) or expected == {*NAMES, "TUPLE"}:
        return f"{got} can't stand here: a list is of attributes, `rstring a`, or of types of tuples, not of both"
    words = sorted({_word(name) for name in expected})
    return f"{got} can't stand here" + (f"; expected: {', '.join(words)}" if len(words) <= MAX_EXPECTED else "")


def _word(terminal: str) -> str:
    if terminal in NAMES:
        return "a name"
    pattern = _parser().get_terminal(terminal).pattern if terminal not in WORDS else None
    return f"`{pattern.value}`" if isinstance(pattern, PatternStr) else WORDS.get(terminal, terminal.lower())


def _refused(tree: Node) -> Iterator[SplSyntaxError]:
    """What the grammar reads wider than the language: it can't tell a name in parentheses from another expression."""
    for node in tree.iter_subtrees():
        if node.data == "cast_to_name" and not _is_cast(_node(node, 0)):
            place = _node(node, 1).meta
            yield SplSyntaxError(place.line, place.column, "an operator is missing before this, or a `;`")
        if node.data == "subscript" and len(node.children) != 2 and not _is_cast(_node(node, 0)):
            yield SplSyntaxError(node.meta.line, node.meta.column, "a subscript is one expression, or a slice")


def _is_cast(node: Node) -> bool:
    """Whether it ends with a name in parentheses: `(T)`, and `(T)(U)`, `(T)!`, `(T)++`, which await an operand."""
    if node.data == "parentheses":
        return _node(node, 0).data in PATHS
    if node.data == "call":
        return _is_cast(_node(node, 0)) and len(node.children) == 2 and _node(node, 1).data in PATHS
    return node.data in ("unwrapped", "changed") and _is_cast(_node(node, 0))


def _node(parent: Node, index: int) -> Node:
    child = parent.children[index]
    return child if isinstance(child, Tree) else Tree("token", [child])


class _Variable(NamedTuple):
    name: Token
    is_mutable: bool
    what: str = "is declared without `mutable`"


_Mistake: TypeAlias = tuple[int, int, str]


class _Walk:
    """Follows the scopes of a tree. Names that no scope has are ports and attributes: whether those may change is the
    operator's affair."""

    def __init__(self) -> None:
        self.scopes: list[dict[str, _Variable]] = []
        self.held: list[_Variable | None] = []  # collections that a `for` runs over

    def of(self, node: Node) -> Iterator[_Mistake]:
        if node.data == "for":
            yield from self.loop(node)
        elif node.data in SCOPES:
            self.scopes.append(_declared_in(node))
            yield from self.inside(node)
            self.scopes.pop()
        else:
            if node.data in ("assignment", "changed", "changed_first"):
                yield from self.change(_node(node, 0))
            if node.data == "local" and not _is_mutable(node):
                yield from (_without_value(item) for item in node.find_data("declarator") if len(item.children) == 1)
            yield from self.inside(node)

    def inside(self, node: Node) -> Iterator[_Mistake]:
        for child in node.children:
            if isinstance(child, Tree):
                yield from self.of(child)

    def loop(self, node: Node) -> Iterator[_Mistake]:
        name, collection, statement = node.children[-3:]
        assert isinstance(name, Token)
        assert isinstance(collection, Tree)
        assert isinstance(statement, Tree)
        yield from self.of(collection)
        self.held.append(self.variable(_root(collection, parts={"simple", "subscript"})))
        variable = _Variable(name, is_mutable=False, what="is the variable of a `for`")
        self.scopes.append({**_declared_in(node), str(name): variable})
        yield from self.of(statement)
        self.scopes.pop()
        self.held.pop()

    def variable(self, name: Token | None) -> _Variable | None:
        return next((scope[name] for scope in reversed(self.scopes) if name in scope), None) if name else None

    def change(self, target: Node) -> Iterator[_Mistake]:
        if target.data == "subscript" and _node(target, 1).data == "slice":
            yield target.meta.line, target.meta.column, "a slice is assigned"
            return
        root = _root(target)
        variable = self.variable(root)
        if root is None or variable is None:
            return
        if not variable.is_mutable:
            yield _mistake(root, f"`{root}` is assigned, but {variable.what} on line {variable.name.line}")
        elif any(variable is held for held in self.held):
            yield _mistake(root, f"`{root}` is assigned while a `for` runs over it")


def _declared_in(node: Node) -> dict[str, _Variable]:
    """The variables of a scope, wherever in it they are declared: as for the compiler, it has them from its start."""
    names = []
    if node.data == "formal_argument":
        names = [node.children[-1]]
    if node.data == "local":
        names = [declarator.children[0] for declarator in node.find_data("declarator")]
    found = {str(name): _Variable(name, _is_mutable(node)) for name in names if isinstance(name, Token)}
    for child in node.children:
        if isinstance(child, Tree) and child.data not in SCOPES:
            found.update(_declared_in(child))
    return found


def _is_mutable(declaration: Node) -> bool:
    first = declaration.children[0]
    return isinstance(first, Token) and first.type == "MUTABLE"


def _without_value(declarator: Node) -> _Mistake:
    name = declarator.children[0]
    assert isinstance(name, Token)
    return _mistake(name, f"`{name}` has no value, and without `mutable` it gets none")


def _root(node: Node, parts: Set[str] = PARTS) -> Token | None:
    """The variable that an assignment to this would change: of `x`, `x.a` and `x[i].a` it is `x`."""
    while node.data in parts:
        first = node.children[0]
        if isinstance(first, Token):
            return first
        node = first
    return None


def _mistake(place: Token, what: str) -> _Mistake:
    assert place.line is not None
    assert place.column is not None
    return place.line, place.column, what
