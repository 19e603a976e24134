"""The model that the arguments of a command name."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from fastctc.types import SessionOptions

if TYPE_CHECKING:
    from fastctc.recognizer import Recognizer

__all__ = ["Loader", "load_model", "session_options"]

Loader: TypeAlias = "Callable[..., Recognizer]"
"""With the signature of `fastctc.load`."""


def load_model(arguments: argparse.Namespace, load: Loader, *, threads: int = 1) -> Recognizer:
    """Loads it."""
    session = session_options(arguments, threads=threads)
    return load(arguments.model, normalize=arguments.normalize, session=session)


def session_options(arguments: argparse.Namespace, *, threads: int = 1) -> SessionOptions:
    """How ONNX Runtime runs it."""
    return SessionOptions(library=arguments.library, provider=arguments.provider, intra_op_threads=threads)
