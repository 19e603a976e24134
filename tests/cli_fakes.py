"""A recognizer that reads transcripts from text files, so that the command line is tested without models.

Run as a program it is `fastctc` with that recognizer. A file's content is its transcript, except for the orders
`fail MESSAGE`, `delay SECONDS TEXT` and `wait` (nearly for ever; then NAME.started is there).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastctc.batching import run_batches
from fastctc.cli import script
from fastctc.errors import AudioError, AudioNotFoundError, Error
from fastctc.types import Property, Token, Transcript, Word


class FakeRecognizer:
    def __init__(self) -> None:
        self.asked: list[str | bytes] = []
        self.channel: Any = None
        self.threads: Any = None
        self.options: dict[str, Any] = {}
        self.properties = [Property("sample_rate_hz", "16000", "the manifest"), Property("blank_id", "3", "[graph]")]

    def transcribe_each(
        self, sources: list[str | bytes], *, channel: Any, threads: int, **options: Any
    ) -> Iterator[tuple[int, Transcript | Error]]:
        self.asked += sources
        self.on_progress = options.pop("on_progress")
        self.channel, self.threads, self.options = channel, threads, options
        # Last first: results come in any order.
        batches = [(index,) for index in reversed(range(len(sources)))]
        return run_batches(batches, lambda batch: [self.one(sources[batch[0]])], threads)

    def transcribe(self, source: Path) -> Transcript:
        result = self.one(str(source))
        assert isinstance(result, Transcript)
        return result

    def one(self, source: str | bytes) -> Transcript | Error:
        if isinstance(source, bytes):
            return _transcript(source.decode())
        path = Path(source)
        if not path.exists():
            return AudioNotFoundError(f"{source}: there is no such file.")
        order, _, rest = path.read_text(encoding="utf-8").partition(" ")
        if order == "fail":
            return AudioError(f"{source}: {rest}")
        if order == "wait":
            path.with_suffix(".started").touch()
            time.sleep(60)
        if order == "delay":
            seconds, _, rest = rest.partition(" ")
            time.sleep(float(seconds))
            return _transcript(rest)
        return _transcript(f"{order} {rest}".strip())


def _transcript(text: str) -> Transcript:
    words = tuple(Word(word, float(i), i + 0.5, 0.9) for i, word in enumerate(text.split()))
    tokens = tuple(Token(i, word.text, word.start_s, word.end_s, -0.1, 0.9) for i, word in enumerate(words))
    return Transcript(text, words, tokens, 0.9, float(len(words)))


class FakeLoader:
    """Stands for `fastctc.load`; remembers what it was given."""

    def __init__(self, error: Error | None = None) -> None:
        self.recognizer = FakeRecognizer()
        self.calls: list[tuple[Any, dict[str, Any]]] = []
        self.error = error

    def __call__(self, model: Any = None, **options: Any) -> Any:
        self.calls.append((model, options))
        if self.error is not None:
            raise self.error
        return self.recognizer


if __name__ == "__main__":
    script(load=FakeLoader())
