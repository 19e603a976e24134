"""Where results go: standard output in the order of the arguments, or one file each, complete or absent."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
import unicodedata
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TextIO, TypeAlias

from fastctc.cli.arguments import STDIN
from fastctc.errors import OptionError, OutputError
from fastctc.new_files import output_error, remove_abandoned, write_file
from fastctc.types import Conversation, Transcript

__all__ = [
    "DirectoryOutput",
    "Result",
    "StreamOutput",
    "is_utf8",
    "write_all",
]

Result: TypeAlias = Transcript | Conversation

SUFFIXES = {"text": ".txt", "json": ".json", "srt": ".srt", "vtt": ".vtt"} | {
    "ctm": ".ctm",
    "tsv": ".tsv",
    "textgrid": ".TextGrid",
}

_WRITERS = 8

# Errors that concern one name only; after any other (disk full, read-only, gone) no result could be written.
_NAME_ERRORS = frozenset({errno.ENAMETOOLONG, errno.EISDIR, errno.EINVAL, errno.EILSEQ})


class StreamOutput:
    """Results on a text stream, in the order of the arguments, each as soon as those before it are done."""

    def __init__(self, stream: TextIO | None, format_name: str, labels: Sequence[str]) -> None:
        """Raises OutputError when there is no stream: the process was started with it closed."""
        if stream is None:
            raise OutputError("Standard output is closed. Open it, or give --output-dir DIR.")
        self._stream = stream
        self._format = format_name
        self._labels = labels
        self._waiting: dict[int, Result | None] = {}
        self._next = 0

    def put(self, results: Sequence[tuple[int, Result | None]]) -> dict[int, OutputError]:
        """Takes results by index (None: there is none) and writes what is next in order. Returns no errors.

        Raises:
            OutputError: the stream can't be written.
            BrokenPipeError: nobody reads it any more.
        """
        self._waiting.update(results)
        ready = []
        while self._next in self._waiting:
            ready.append((self._next, self._waiting.pop(self._next)))
            self._next += 1
        self._write(ready)
        return {}

    def finish(self) -> None:
        """Writes results that wait for earlier ones, so that an interrupt loses none. Raises as `put`."""
        waiting, self._waiting = self._waiting, {}
        self._write(sorted(waiting.items()))

    def _write(self, results: Sequence[tuple[int, Result | None]]) -> None:
        texts = [self._text(index, transcript) for index, transcript in results if transcript is not None]
        if texts:
            write_all(self._stream, "".join(texts))

    def _text(self, index: int, transcript: Result) -> str:
        label = self._labels[index]
        text = _render(self._format, transcript, label, is_utf8(self._stream))
        if self._format == "text" and len(self._labels) > 1:
            if isinstance(transcript, Conversation):  # of several lines
                return f"# {_escape_separators(label)}\n{text}"
            return f"{_escape_separators(label)}\t{text}"
        return text


class DirectoryOutput:
    """One file per result, named after the recording; an existing file counts as done."""

    def __init__(self, directory: str, format_name: str, labels: Sequence[str]) -> None:
        """Raises OptionError, before anything is written, when two results, or a result and a recording, clash."""
        self.directory = Path(directory)
        self._format = format_name
        self._labels = labels
        self._paths = [self.directory / (_stem(label) + SUFFIXES[format_name]) for label in labels]
        self._check_names()

    def prepare(self) -> None:
        """Makes the directory and tests it, so that a run fails before the work. Raises OutputError."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            remove_abandoned(self.directory)
            with tempfile.TemporaryFile(dir=self.directory):
                pass
        except OSError as error:
            raise output_error(self.directory, error) from error

    def is_done(self, index: int) -> bool:
        """Whether the result is there."""
        return os.path.exists(self._paths[index])  # noqa: PTH110 Path.exists raises for a name that is too long

    def put(self, results: Sequence[tuple[int, Result | None]]) -> dict[int, OutputError]:
        """Writes results by index (None: there is none); returns the errors of those that could not be written.

        All at the same time, because each waits for the disk: eight small files take little longer than one.
        """
        present = [(index, transcript) for index, transcript in results if transcript is not None]
        if not present:
            return {}
        with ThreadPoolExecutor(max_workers=min(len(present), _WRITERS)) as pool:
            errors = pool.map(lambda result: self._write(*result), present)
            return {index: error for (index, _), error in zip(present, errors, strict=True) if error is not None}

    def finish(self) -> None:
        """Nothing: every result is in its file."""

    def _write(self, index: int, transcript: Result) -> OutputError | None:
        try:
            write_file(self._paths[index], _render(self._format, transcript, self._labels[index], utf8=True))
        except OutputError as error:
            return error
        return None

    def _check_names(self) -> None:
        owners: dict[str, str] = {}
        for label, path in zip(self._labels, self._paths, strict=True):
            key = _fold(path.name)
            if key in owners:
                raise OptionError(
                    f"{owners[key]} and {label} would both be written to {path}. Transcribe them into different "
                    "directories."
                )
            owners[key] = label
        # Whether a result would be written over a recording: --output-dir . and a recording named x.txt.
        recordings = {os.path.realpath(label): label for label in self._labels if label != STDIN}
        for path in self._paths:
            label_there = recordings.get(os.path.realpath(path))
            if label_there is not None:
                raise OptionError(
                    f"A result would be written over the recording {label_there}. Choose another --output-dir."
                )


def write_all(stream: TextIO, text: str) -> None:
    """Writes every byte. Under PYTHONUNBUFFERED a text stream loses the rest of a write that a pipe took in part.

    Raises:
        OutputError: the stream can't be written.
        BrokenPipeError: nobody reads it any more.
    """
    binary = getattr(stream, "buffer", None)
    try:
        if binary is None:
            stream.write(text)
        else:
            stream.flush()
            rest = memoryview(text.encode(stream.encoding, stream.errors or "strict"))
            while rest:
                written = binary.write(rest)
                if written is None:
                    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
                rest = rest[written:]
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"Standard output can't be written: {error.strerror or error}.") from error


def concerns_one_name(error: OutputError) -> bool:
    """Whether other results may still be written after this error."""
    return error.errno in _NAME_ERRORS


def _render(format_name: str, transcript: Result, label: str, utf8: bool) -> str:
    """A result's text, ending with a newline."""
    from fastctc.output.formats import FORMATS, to_json
    from fastctc.output.word_formats import to_ctm

    if format_name == "json":
        # Escaped if the stream's encoding lacks a character: JSON in every locale. So are names that are not UTF-8.
        ascii_only = not utf8 or any("\ud800" <= character <= "\udfff" for character in label)
        return to_json(transcript, file=label, ascii_only=ascii_only)
    text = to_ctm(transcript, file=Path(label).stem) if format_name == "ctm" else FORMATS[format_name](transcript)
    return text if text.endswith("\n") else text + "\n"


def _stem(label: str) -> str:
    return "stdin" if label == STDIN else Path(label).stem


def _fold(name: str) -> str:
    """Equal for names that the system takes for one file."""
    return unicodedata.normalize("NFC", name).casefold() if sys.platform in ("win32", "darwin") else name


def is_utf8(stream: TextIO) -> bool:
    """Whether the stream's encoding has every character."""
    return (stream.encoding or "").lower().replace("-", "").replace("_", "") in ("utf8", "utf8sig", "cp65001")


def _escape_separators(label: str) -> str:
    """Keeps one result on one line of two columns, for any file name."""
    return label.replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
