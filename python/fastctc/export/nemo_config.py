"""Reads the configuration inside a `.nemo` file, without building anything that it names.

YAML can be hostile: tags that make Python objects, aliases that grow without end, nesting that overflows the stack.
The values can be hostile too: NeMo makes an object of every class that a `_target_` names, from any module.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Hashable, Iterator
from typing import Any

from fastctc.errors import ModelError

__all__ = ["foreign_targets", "parse_config"]

MAX_BYTES = 8 << 20
"""The configuration holds vocabularies: some hundred kB at most."""
MAX_DEPTH = 40
MAX_NODES = 500_000

# What configurations of ASR models name: classes of NeMo, PyTorch's layers, optimisers and schedules.
_KNOWN_TARGET = re.compile(r"(nemo\.(collections|core|utils)|torch\.(nn|optim))(\.[A-Za-z][A-Za-z0-9_]*)*\.[A-Z]\w*")
_EXPONENT = re.compile(r"[-+]?[0-9][0-9_]*(\.[0-9_]*)?[eE][-+]?[0-9]+")


def parse_config(text: bytes, where: str) -> dict[str, Any]:
    """The content of a model_config.yaml: mappings, lists, strings, numbers, booleans and None, nothing else.

    Numbers as `1e-05` are floats, as in OmegaConf, which NeMo reads them with; interpolations (`${...}`) stay text.

    Args:
        text: the file's bytes.
        where: the file, for messages.

    Raises:
        ModelError: not YAML, not one mapping, or more than data: tags, aliases, too deep, too large, a key twice.
    """
    import yaml

    if len(text) > MAX_BYTES:
        raise ModelError(f"{where} is larger than {MAX_BYTES >> 20} MiB, which no model's configuration is.")
    try:
        content = text.decode("utf-8")
        _check_shape(content, where)
        config = yaml.load(content, Loader=_make_loader())
    except UnicodeDecodeError as error:
        raise ModelError(f"{where} is not UTF-8 (byte {error.start}).") from error
    except yaml.constructor.ConstructorError as error:
        raise ModelError(
            f"{where} holds more than data ({_one_line(error.problem)}). Get the model from its publisher again."
        ) from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise ModelError(f"{where} is not YAML: {_one_line(error)}.") from error
    if not isinstance(config, dict):
        raise ModelError(f"{where} must hold one mapping, not {type(config).__name__}.")
    return config


def foreign_targets(config: dict[str, Any]) -> list[str]:
    """Every `_target_` (and NeMo 1's `target`, `cls`) that names no class of NeMo or PyTorch, sorted, each once.

    Building a model makes an object of each of these. A path through another module, as
    `nemo.utils.subprocess.Popen`, is foreign too.
    """
    found = set()
    for key, value in _walk(config):
        names_class = key == "_target_" or (key in ("target", "cls") and "." in str(value))
        if names_class and not (isinstance(value, str) and _is_known(value)):
            found.add(str(value))
    return sorted(found)


def _is_known(target: str) -> bool:
    if not _KNOWN_TARGET.fullmatch(target):
        return False
    # nemo.collections is NeMo's own, collections is not; nemo.core.optim, torch.nn.modules.* don't collide.
    parts = target.split(".")
    return not any(part in sys.stdlib_module_names for part in parts[2:-1])


def _walk(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (key, value) at any depth, items of lists under None. The depth is bounded before."""
    items = value.items() if isinstance(value, dict) else ((None, item) for item in value)
    for key, item in items:
        yield key, item
        if isinstance(item, (dict, list)):
            yield from _walk(item)


def _check_shape(content: str, where: str) -> None:
    """Checks the text before anything recursive reads it."""
    import yaml

    depth = 0
    for n_nodes, event in enumerate(yaml.parse(content, Loader=yaml.SafeLoader)):
        if isinstance(event, yaml.AliasEvent):
            # A few aliases, each of the one before, make gigabytes; NeMo writes none.
            raise ModelError(f"{where} holds an alias (*{event.anchor}). Write the value out where it stands.")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH or n_nodes > MAX_NODES:
            what = f"nested deeper than {MAX_DEPTH}" if depth > MAX_DEPTH else f"of more than {MAX_NODES} values"
            raise ModelError(f"{where} is {what}, which no model's configuration is.")


def _make_loader() -> Any:
    """Data only, with OmegaConf's floats, timestamps as text, and an error where a key stands twice."""
    import yaml

    class Loader(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML has no types
        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
            seen = set()
            for key, _ in node.value:
                if not isinstance(key, yaml.ScalarNode) or key.value in seen:
                    raise yaml.constructor.ConstructorError(problem=f"the key {key.value!r} is a list or stands twice")
                seen.add(key.value)
            return super().construct_mapping(node, deep)

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    Loader.add_implicit_resolver("tag:yaml.org,2002:float", _EXPONENT, list("-+0123456789"))
    return Loader


def _one_line(text: object) -> str:
    return " ".join(str(text).split())
