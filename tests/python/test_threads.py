"""Many threads in the bindings at once, with the GIL and without it: everybody gets what one thread alone gets."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

import fastctc
from conftest import DATA, ROOT
from fastctc import _core
from fastctc.errors import Error
from fastctc.types import StreamResult

N_THREADS = 8
N_ROUNDS = 20
CHUNK_SAMPLES = 1600
LM = DATA / "lm" / "letters.arpa"

Samples = NDArray[np.float32]


@pytest.fixture(scope="module")
def recognizer() -> fastctc.Recognizer:
    return fastctc.load(ROOT / "models" / "digits")


@pytest.fixture(scope="module")
def speech() -> Samples:
    return soundfile.read(DATA / "speech" / "two-nine-three-four-zero.wav", dtype="float32")[0]


def together(work: Callable[[int], object]) -> None:
    """Calls work(i) in N_THREADS threads that start at once; raises what one of them raised."""
    start = threading.Barrier(N_THREADS)
    failures: list[BaseException] = []

    def run(index: int) -> None:
        start.wait()
        try:
            work(index)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(N_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="this Python has no other mode than a GIL")
def test_the_module_leaves_the_gil_off() -> None:
    command = [sys.executable, "-W", "error", "-c", "import sys, fastctc._core; print(sys._is_gil_enabled())"]
    environment = {name: text for name, text in os.environ.items() if name != "PYTHON_GIL"}
    result = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert result.stdout.strip() == "False"


def test_a_recognizer_is_shared(recognizer: fastctc.Recognizer, speech: Samples) -> None:
    expected = recognizer.transcribe(speech)
    features = recognizer.features(speech)
    ids = recognizer._core.spell("two nine")

    def work(index: int) -> None:
        for _ in range(3):
            assert recognizer.transcribe(speech) == expected
            assert np.array_equal(recognizer.features(speech), features)
            assert recognizer._core.spell("two nine") == ids
            assert recognizer.pieces == expected_pieces
            with recognizer.stream(latency_ms=(0, 80)[index % 2]) as stream:  # opened by the first that comes
                stream.push(speech)
                results = stream.finish()
            assert results[-1].is_final

    expected_pieces = recognizer.pieces
    together(work)


def test_equal_loads_at_once_give_one_answer(speech: Samples) -> None:
    texts = [""] * N_THREADS

    def work(index: int) -> None:
        texts[index] = fastctc.transcribe(speech, ROOT / "models" / "digits").text

    together(work)
    assert set(texts) == {"two nine three four zero"}


def test_streams_of_one_pool(recognizer: fastctc.Recognizer, speech: Samples) -> None:
    heard = [""] * N_THREADS

    def work(index: int) -> None:
        results: list[StreamResult] = []
        stream = pool.open()
        for begin in range(0, len(speech), CHUNK_SAMPLES):
            results += stream.push(speech[begin : begin + CHUNK_SAMPLES])
        results += stream.finish()
        while not stream.done:
            pool.step()
            results += stream.results()
        results += stream.results()
        heard[index] = " ".join(result.text for result in results if result.is_final and result.text)

    with recognizer.stream(latency_ms=80) as alone:
        expected = " ".join(r.text for r in alone.push(speech) + alone.finish() if r.is_final and r.text)
    with fastctc.StreamPool(recognizer, max_batch=N_THREADS, latency_ms=80) as pool:
        together(work)
    assert set(heard) == {expected}


def test_words_models_and_vocabularies_are_shared(recognizer: fastctc.Recognizer) -> None:
    vocabulary = recognizer._core.vocabulary
    model = fastctc.LanguageModel(LM)
    words = _core.HotWords(vocabulary, [("nine", 2.0), ("two nine", 3.0)])
    ids = vocabulary.spell("two nine three")

    def walk() -> Any:
        state, paid = words.start, 0.0
        for token_id in ids:
            state, delta = words.step(state, token_id)
            paid += delta
        return (
            paid + words.finish(state),
            vocabulary.text(ids),
            vocabulary.words(ids),
            vocabulary.pieces,
            model.score("a b c"),
        )

    expected = walk()

    def work(_: int) -> None:
        for _round in range(N_ROUNDS):
            assert walk() == expected
            made = _core.HotWords(vocabulary, [("nine", 2.0), ("two nine", 3.0)])
            assert made.n_states == words.n_states

    together(work)


def test_decoders_and_front_ends_of_their_own(recognizer: fastctc.Recognizer, speech: Samples) -> None:
    features = recognizer.features(speech)
    log_probs = recognizer.log_probs(features)
    options = fastctc.DecoderOptions(kind="beam", hot_words=["nine"])
    expected = recognizer.decode(log_probs, options)
    front_end = _core.Frontend()
    frames, n_valid = front_end.compute(speech)

    def work(_: int) -> None:
        for _round in range(5):
            assert recognizer.decode(log_probs, options) == expected
            stream = _core.FrontendStream(front_end)
            stream.push(speech)
            stream.finish()
            assert np.array_equal(stream.take(n_valid), frames[:, :n_valid])

    together(work)


def test_what_belongs_to_one_thread_refuses_a_second_or_goes_on(speech: Samples) -> None:
    stream = _core.FrontendStream(_core.Frontend())
    resampler = _core.Resampler(16000, 8000)
    decoder = _core.GreedyDecoder(4, 3)
    log_probs = np.log(np.full((500, 4), 0.25, np.float32))
    entries: list[Callable[[], object]] = [
        lambda: stream.push(speech),
        lambda: stream.n_ready_frames,
        lambda: resampler.push(speech),
        lambda: decoder.step(log_probs),
        decoder.best,
    ]

    def refusal(enter: Callable[[], object]) -> str:
        try:
            enter()
        except Error as error:
            return str(error)
        return ""

    def work(index: int) -> None:
        for turn in range(N_ROUNDS):
            told = refusal(entries[(index + turn) % len(entries)])
            assert not told or "in use by another thread" in told

    together(work)
