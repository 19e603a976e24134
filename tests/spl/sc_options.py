"""Which options the SPL compiler `sc` has, and the calls of it in Makefiles and shell blocks.

Read from the command line of the compiler that IBM published (IBMStreams/OSStreams: src/cpp/SPL/Core/CompilerApp.cpp),
without the options for its own tests. Abbreviations of long options are legal, but a reader doesn't know them: they are
faults here.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

# A path that begins with `-` is the next option, of one without its value.
PATH, FLAGS, NUMBER, BOOLEAN = "[^-].*", ".+", r"-?\d+(\.\d+)?", "true|false"
NAME = r"(([A-Za-z_]\w*\.)*[A-Za-z_]\w*::)?[A-Za-z_]\w*"


class Option(NamedTuple):
    long: str
    short: str = ""
    value: str = ""  # a pattern; none: the option takes no value


# -O, -P, -S, -T, -Z, -p, -s and --allow-convenience-fusion-options are accepted and ignored in version 6.
OPTIONS = (
    Option("allow-convenience-fusion-options"),
    Option("avoid-runtime-yield", value="auto|yes|no|AUTO|YES|NO"),
    Option("c++std", value=r"c\+\+98|c\+\+11"),
    Option("checkpoint-directory", "K", PATH),
    Option("clean", "c"),
    Option("clean-and-suppress", "C"),
    Option("code-beautification", "z"),
    Option("cxx-flags", "x", FLAGS),
    Option("data-directory", value=PATH),
    Option("debug", "g"),
    Option("default-pool-size", "d", NUMBER),
    Option("default-relocatable", value=BOOLEAN),
    Option("default-restartable", value=BOOLEAN),
    Option("help", "h"),
    Option("ld-flags", "w", FLAGS),
    Option("main-composite", "M", NAME),
    Option("makefile-generation", "m"),
    Option("max-filename-length", value=NUMBER),
    Option("max-pe-cpu-fraction", "Z", NUMBER),
    Option("no-mixed-mode-preprocessing"),
    Option("no-optimized-code-generation"),
    Option("no-toolkit-indexing"),
    Option("num-distcc-remote-hosts", "r", NUMBER),
    Option("num-make-threads", "j", NUMBER),
    Option("optimized-code-generation", "a"),
    Option("output-directory", value=PATH),
    Option("output-side-effects-behavior", value="ignore|warn|error"),
    Option("part-mode", "p", PATH),
    Option("prefer-facade-tuples", "k"),
    Option("profile-all-operators", "P", NUMBER),
    Option("profiling-sampling-rate", "S", NUMBER),
    Option("rebuild-toolkits"),
    Option("set-relax-fusion-relocatability-restartability", "O"),
    Option("spl-path", "t", PATH),
    Option("standalone-application", "T"),
    Option("state-variable-scoping-behavior", value="old|new"),
    Option("static-link", "s"),
    Option("suppress-all-but-the-application-model", "J"),
    Option("transport-stat-dir", value=PATH),
    Option("use-transport", "F", "tcp|TCP"),
    Option("validate-hosts"),
    Option("verbose-mode", "v"),
    Option("window-clause-ordering", value="any|strict"),
)
LONG = {option.long: option for option in OPTIONS}
SHORT = {option.short: option for option in OPTIONS if option.short}


def faults(arguments: list[str]) -> list[str]:
    """A sentence on each option that `sc` doesn't have, and on each value that its option doesn't take."""
    found = []
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        if argument == "--":
            break
        if argument.startswith("--"):
            name, equals, value = argument[2:].partition("=")
            if name not in LONG:
                found.append(f"sc has no option `--{name}`")
            elif LONG[name].value:
                found += _refused(f"--{name}", LONG[name], value if equals else rest.pop(0) if rest else "")
            elif equals:
                found.append(f"`--{name}` takes no value")
        elif argument.startswith("-"):
            found += _short(argument[1:], rest)
    return found


def _short(letters: str, rest: list[str]) -> Iterator[str]:
    """Options of one letter, together: the first that takes a value takes what is left, or the next argument."""
    for index, letter in enumerate(letters, 1):
        if letter not in SHORT:
            yield f"sc has no option `-{letter}`"
            return
        if SHORT[letter].value:
            value = letters[index:] or (rest.pop(0) if rest else "")
            yield from _refused(f"-{letter}", SHORT[letter], value)
            return


def _refused(given: str, option: Option, value: str) -> Iterator[str]:
    if "$" not in value and not re.fullmatch(option.value, value):
        yield f"`{given}` does not take `{value}`"


def calls_in_makefile(path: Path) -> list[list[str]]:
    """The arguments of each call of `sc` in the recipes, variables expanded from the file and what it includes."""
    variables: dict[str, str] = {}
    recipes = list(_read_makefile(path, variables))
    return [call for recipe in recipes for call in calls_in_shell(_expanded(recipe.lstrip("@-+ "), variables))]


def _read_makefile(path: Path, variables: dict[str, str]) -> Iterator[str]:
    """The lines of recipes; definitions go into `variables`."""
    for line in path.read_text().replace("\\\n", " ").splitlines():
        definition = re.fullmatch(r"\s*(?:export\s+|override\s+)?([\w.-]+)\s*(\?|\+|:{0,3})=\s*(.*)", line)
        included = re.fullmatch(r"\s*[-s]?include\s+(.*)", line)
        if line.startswith("\t"):
            yield line.strip()
        elif included:
            for name in _expanded(included[1], variables).split():
                if (path.parent / name).is_file():
                    yield from _read_makefile(path.parent / name, variables)
        elif definition:
            name, kind, value = definition[1], definition[2], definition[3].split(" #")[0].strip()
            if kind == "+":
                variables[name] = f"{variables.get(name, '')} {value}".strip()
            elif kind != "?" or name not in variables:
                variables[name] = value


def _expanded(text: str, variables: dict[str, str], depth: int = 10) -> str:
    """With the value of each variable; one that isn't known, of the environment, is left as the shell writes it."""
    for _ in range(depth):
        text = re.sub(r"(?<!\$)\$[({]([\w.-]+)[)}]", lambda match: variables.get(match[1], f"${match[1]}"), text)
    return text


def calls_in_shell(text: str) -> list[list[str]]:
    """The arguments of each call of `sc` in a shell's text, also of one by a path or by a variable `SC`."""
    calls = []
    for line in text.replace("\\\n", " ").splitlines():
        command: list[str] = []
        for word in [*_words(line.removeprefix("$ ")), ";"]:
            if not set(word) <= set("();|&"):
                command.append(word)
                continue
            name = next((index for index, part in enumerate(command) if not re.match(r"\w+=", part)), 0)
            if command and re.fullmatch(r"\W*sc\W*", command[name].split("/")[-1], re.IGNORECASE):
                calls.append(command[name + 1 :])
            command = []
    return calls


def _words(line: str) -> list[str]:
    words = shlex.shlex(line, posix=True, punctuation_chars=True)
    words.whitespace_split = True
    try:
        return list(words)
    except ValueError:  # a quotation that goes on in the next line
        return line.split()
