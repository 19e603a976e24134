"""The checks themselves: what runs before a commit is what `nox -s lint` runs, and external data comes by name."""

from __future__ import annotations

import ast
import re
from typing import Any

import pytest
import yaml

from conftest import ROOT, external

NOXFILE = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))


def constants() -> dict[str, Any]:
    """Module-level names of the noxfile whose values are literals."""
    return {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in NOXFILE.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }


def calls_of_lint(method: str) -> list[list[ast.expr]]:
    """Arguments of every session.<method>(...) of the session lint, in order."""
    lint = next(node for node in NOXFILE.body if isinstance(node, ast.FunctionDef) and node.name == "lint")
    return [
        node.args
        for node in ast.walk(lint)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == method
    ]


def hooks() -> list[dict[str, Any]]:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    return [hook for repository in config["repos"] for hook in repository["hooks"]]


def test_hooks_and_lint_have_the_same_versions() -> None:
    (names,) = calls_of_lint("install")
    installed = {constants()[name.id] for name in names if isinstance(name, ast.Name)}
    assert {pin for hook in hooks() for pin in hook["additional_dependencies"]} == installed


def test_hooks_and_lint_run_the_same_commands() -> None:
    commands = [
        " ".join(str(word.value) for word in words if isinstance(word, ast.Constant)) for words in calls_of_lint("run")
    ]
    assert sorted(hook["entry"] for hook in hooks()) == sorted(commands)


def test_hooks_and_lint_format_the_same_files() -> None:
    (pattern,) = (hook["files"] for hook in hooks() if hook["id"] == "clang-format")
    folders = "|".join(constants()["CPP_FOLDERS"])
    assert pattern == rf"^({folders})/.*\.(h|cpp|c|inc)$"
    suffixes = [node for node in ast.walk(NOXFILE) if isinstance(node, ast.Compare) and "suffix" in ast.unparse(node)]
    assert [ast.unparse(node) for node in suffixes] == ["path.suffix in ('.h', '.cpp', '.c', '.inc')"]
    assert re.match(pattern, "cpp/src/base/utf8.h")


def test_external_data_is_where_the_variable_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FASTCTC_EXTERNAL_DATA", str(ROOT / "tests"))
    assert external("data") == ROOT / "tests" / "data"
    with pytest.raises(pytest.skip.Exception, match="FASTCTC_EXTERNAL_DATA has no absent"):
        external("absent")
    monkeypatch.delenv("FASTCTC_EXTERNAL_DATA")
    with pytest.raises(pytest.skip.Exception, match="FASTCTC_EXTERNAL_DATA is not set"):
        external("data")
