"""`fastctc transcribe`: files in, results out, each failure named, nothing done twice."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from fastctc.cli.arguments import STDIN
from fastctc.cli.background import InterruptedBySignal, in_background
from fastctc.cli.decoder import decoder_options
from fastctc.cli.loading import Loader, load_model
from fastctc.cli.output import DirectoryOutput, Result, StreamOutput, concerns_one_name
from fastctc.cli.progress import Reporter
from fastctc.errors import Error, OptionError, OutputError
from fastctc.types import ConversationOptions

if TYPE_CHECKING:
    from fastctc.recognizer import Recognizer

__all__ = ["run"]

Output: TypeAlias = DirectoryOutput | StreamOutput


@dataclass(frozen=True)
class _Begun:
    """The model is loaded; this many seconds of audio are to come, where that is known."""

    total_s: float | None


Event: TypeAlias = _Begun | tuple[int, Result | Error]


@dataclass
class _Count:
    files: int
    skipped: int
    done: int = 0
    failed: int = 0


def run(arguments: argparse.Namespace, load: Loader) -> int:
    """Runs the command; returns the exit status.

    Raises:
        Error: the run can't start: usage, the model, the output directory.
        BrokenPipeError: nobody reads standard output any more.
    """
    files: list[str] = arguments.files
    if STDIN in files and (sys.stdin is None or sys.stdin.isatty()):
        raise OptionError("Standard input is not a recording. Pipe one into it, or name a file.")
    to_do = list(range(len(files)))
    output: Output
    if arguments.output_dir is None:
        output = StreamOutput(sys.stdout, arguments.format, files)
    else:
        output = DirectoryOutput(arguments.output_dir, arguments.format, files)
        output.prepare()
        if not arguments.force:
            to_do = [index for index in to_do if not output.is_done(index)]
    count = _Count(files=len(files), skipped=len(files) - len(to_do))
    with Reporter(len(to_do), quiet=arguments.quiet) as reporter:
        if count.skipped:
            reporter.notice(f"{count.skipped} of {len(files)} results are there already: skipped (--force redoes them)")
        return _transcribe(arguments, load, to_do, output, reporter, count) if to_do else 0


def _transcribe(
    arguments: argparse.Namespace,
    load: Loader,
    to_do: list[int],
    output: Output,
    reporter: Reporter,
    count: _Count,
) -> int:
    try:
        with in_background(lambda: _work(arguments, load, to_do, reporter)) as events:
            for some in events:
                for event in some:
                    if isinstance(event, _Begun):
                        reporter.begin(event.total_s)
                results = [event for event in some if isinstance(event, tuple)]
                _hand_out(results, arguments.files, output, reporter, count)
    except InterruptedBySignal as interrupt:
        with reporter.results():
            output.finish()
        reporter.message(f"interrupted by {interrupt}: {_kept(output, count)}")
        return interrupt.status
    except OutputError as error:
        reporter.message(f"{error} {_kept(output, count)}")
        return 1
    except BrokenPipeError:
        raise
    except Exception:
        # An error of the engine or of ours, not of one file: earlier results are still written.
        with reporter.results():
            output.finish()
        raise
    if isinstance(output, DirectoryOutput):
        reporter.notice(f"{output.directory}: {count.done} written, {count.skipped} skipped, {count.failed} failed")
    elif count.failed and count.files > 1:
        reporter.notice(f"{count.failed} of {count.files} files failed")
    reporter.summarise()
    return 1 if count.failed else 0


def _work(
    arguments: argparse.Namespace, load: Loader, to_do: list[int], reporter: Reporter
) -> Generator[Event, None, None]:
    """Loads the model and transcribes; runs in a thread of its own."""
    from fastctc.batching import default_threads

    names = [arguments.files[index] for index in to_do]
    sources = [sys.stdin.buffer.read() if name == STDIN else name for name in names]
    threads = arguments.threads or default_threads()
    # Several files share the threads; a single file gets all of them, inside ONNX Runtime.
    at_a_time = min(threads, len(sources))
    recognizer = load_model(arguments, load, threads=threads // at_a_time)
    yield _Begun(_duration_s(sources) if reporter.shows_progress else None)
    on_progress = _progress(to_do, reporter) if reporter.shows_progress else None
    results = _results(arguments, recognizer, sources, at_a_time, on_progress)
    for position, result in results:
        yield to_do[position], result


def _results(
    arguments: argparse.Namespace,
    recognizer: Recognizer,
    sources: list[str | bytes],
    threads: int,
    on_progress: Callable[[int, float], None] | None,
) -> Iterator[tuple[int, Result | Error]]:
    conversation = None
    if arguments.split_channels:
        conversation = ConversationOptions(channel_names=arguments.channel_names or ())
    decoder = decoder_options(arguments, recognizer)
    if arguments.latency_ms is not None:
        from fastctc.cli.live_file import transcribe_live

        return transcribe_live(
            recognizer,
            sources,
            latency_ms=arguments.latency_ms,
            vad=arguments.vad,
            decoder=decoder,
            channel=arguments.channel,
            conversation=conversation,
            threads=threads,
        )
    return recognizer.transcribe_each(
        sources,
        channel=arguments.channel,
        channels="split" if conversation else "mix",
        conversation=conversation,
        threads=threads,
        vad=arguments.vad,
        decoder=decoder,
        on_progress=on_progress,
    )


def _progress(to_do: list[int], reporter: Reporter) -> Callable[[int, float], None]:
    def report(position: int, done_s: float) -> None:
        reporter.part(to_do[position], done_s)

    return report


def _duration_s(sources: list[str | bytes]) -> float:
    """Duration of the files whose length shows without decoding."""
    from fastctc.audio.reading import probe_duration_s

    return sum(probe_duration_s(source) or 0.0 for source in sources)


def _hand_out(
    results: list[tuple[int, Result | Error]],
    files: list[str],
    output: Output,
    reporter: Reporter,
    count: _Count,
) -> None:
    """Writes results, or names failures. Raises OutputError when nothing more can be written."""
    with reporter.results():
        errors = output.put([(index, None if isinstance(result, Error) else result) for index, result in results])
    for index, result in results:
        name = "standard input" if files[index] == STDIN else files[index]
        failure = result if isinstance(result, Error) else errors.get(index)
        if failure is None:
            count.done += 1
        elif isinstance(result, Error) or concerns_one_name(errors[index]):
            count.failed += 1
            # The library's messages begin with the file's name, if they know it.
            subject = re.match(rf"(The file )?{re.escape(name)}(: | )", str(failure))
            text = str(failure)[subject.end() :] if subject else str(failure)
            reporter.message(f"{name}: {'It ' if subject and subject[2] == ' ' else ''}{text}")
        reporter.advance(index, name, 0.0 if isinstance(result, Error) else result.duration_s)
    for error in errors.values():
        if not concerns_one_name(error):
            raise error


def _kept(output: Output, count: _Count) -> str:
    """Says what an unfinished run leaves, and how to go on."""
    done = f"{count.done + count.skipped} of {count.files} results are complete"
    if isinstance(output, DirectoryOutput):
        return f"{done} in {output.directory}; the same command goes on from there"
    return f"{done}; with --output-dir DIR a run can be resumed"
