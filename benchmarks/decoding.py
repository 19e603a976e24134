"""CTC beam search: CPU time, word error rate and memory, fastctc beside four other decoders.

    python benchmarks/decoding.py [--quick]

Log-probs [750, 1025] of sentences in a made-up language with its own 3-gram (decoding_data.py says how they are
made), beams of 16, 64 and 100, one thread, without and with the language model. Every system prunes by its own
defaults; where it has none: flashlight-text tries the 50 likeliest tokens of a frame, fast-ctc-decode those above
0.0009. With the model all take a weight of 0.5 and a word bonus of 1.5 (pyctcdecode's defaults); flashlight-text's
wheel and fast-ctc-decode take no n-gram models. What is timed is the search and fetching the text (in fastctc also the
times of tokens, by alignment). fastctc's decoder is the C++ one that transcribe() uses, driven as there. Last, fastctc
alone with 0, 1,000 and 10,000 hot phrases of two words of that language, and with a closed lexicon of its words too.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import harness
from decoding_data import BLANK, Language, word_error_rate, write_arpa

BEAMS = (16, 64, 100)
N_TEXTS = 8  # of the word error rate
LM_WEIGHT, WORD_BONUS = 0.5, 1.5
WORD_START = "\u2581"

Decode = Callable[[NDArray[np.float32]], str]


def fastctc(arpa: str, beam: int) -> Decode:
    from fastctc import _core

    pieces = [*Language().pieces, "<blk>"]
    vocabulary = _core.Vocabulary(pieces, BLANK)
    options: dict[str, Any] = {"kind": "beam", "beam_size": beam}
    if arpa:
        model = _core.LanguageModel.read(arpa)
        options |= {"language_model": model, "lm_weight": LM_WEIGHT, "word_bonus": WORD_BONUS}
    decoder = _core.BeamDecoder(vocabulary, options)

    def decode(log_probs: NDArray[np.float32]) -> str:
        decoder.reset()
        decoder.step(log_probs)
        return str(vocabulary.text([token[0] for token in decoder.best()[0]]))

    return decode


def ctc_beam_decoder(arpa: str, beam: int) -> Decode:
    peer: Any = importlib.import_module("ctc_beam_decoder")
    language = Language()
    model = {"kenlm_model_path": arpa, "unigrams": language.words} if arpa else {}
    decoder = peer.build_ctcdecoder([*language.pieces, ""], alpha=LM_WEIGHT, beta=WORD_BONUS, **model)
    return lambda log_probs: str(decoder.decode(log_probs, beam_width=beam))


def pyctcdecode(arpa: str, beam: int) -> Decode:
    peer: Any = importlib.import_module("pyctcdecode")
    logging.disable(logging.WARNING)
    language = Language()
    model = {"kenlm_model_path": arpa, "unigrams": language.words} if arpa else {}
    decoder = peer.build_ctcdecoder([*language.pieces, ""], alpha=LM_WEIGHT, beta=WORD_BONUS, **model)
    return lambda log_probs: str(decoder.decode(log_probs, beam_width=beam))


def flashlight_text(arpa: str, beam: int) -> Decode:
    flashlight: Any = importlib.import_module("flashlight.lib.text.decoder")

    if arpa:
        raise NotImplementedError("its wheel has no KenLM")
    pieces = Language().pieces
    options = flashlight.LexiconFreeDecoderOptions(
        beam_size=beam,
        beam_size_token=50,
        beam_threshold=50.0,
        lm_weight=0.0,
        sil_score=0.0,
        log_add=True,
        criterion_type=flashlight.CriterionType.CTC,
    )
    decoder = flashlight.LexiconFreeDecoder(options, flashlight.ZeroLM(), -1, BLANK, [])

    def decode(log_probs: NDArray[np.float32]) -> str:
        path = decoder.decode(log_probs.ctypes.data, *log_probs.shape)[0].tokens
        ids = [token for i, token in enumerate(path) if token not in (BLANK, -1) and (i == 0 or path[i - 1] != token)]
        return "".join(pieces[token] for token in ids).replace(WORD_START, " ")

    return decode


def fast_ctc_decode(arpa: str, beam: int) -> Decode:
    if arpa:
        raise NotImplementedError("it takes no language model")
    peer: Any = importlib.import_module("fast_ctc_decode")
    alphabet = ["<blank>", *Language().pieces]

    def decode(log_probs: NDArray[np.float32]) -> str:
        probs = np.exp(np.roll(log_probs, 1, axis=1))  # its blank comes first
        text, _ = peer.beam_search(probs, alphabet, beam_size=beam, beam_cut_threshold=0.0009)
        return str(text).replace(WORD_START, " ")

    return decode


def prepare_hot_words(n_phrases: int, with_lexicon: bool) -> harness.Work:
    from fastctc import _core

    language = Language()
    random = np.random.default_rng(1)
    vocabulary = _core.Vocabulary([*language.pieces, "<blk>"], BLANK)
    options: dict[str, Any] = {"kind": "beam", "beam_size": BEAMS[0], "lexicon": None}
    if with_lexicon:
        options["lexicon"] = _core.Lexicon(list(zip(language.words, language.spellings, strict=True)), BLANK + 1)
    if n_phrases:
        phrases = [(" ".join(words), 5.0) for words in random.choice(language.words, (n_phrases, 2))]
        options["hot_words"] = _core.HotWords(vocabulary, phrases, lexicon=options["lexicon"])
    decoder = _core.BeamDecoder(vocabulary, options)
    log_probs, _ = language.log_probs(0)

    def decode() -> str:
        decoder.reset()
        decoder.step(log_probs)
        return str(vocabulary.text([token[0] for token in decoder.best()[0]]))

    return decode


SYSTEMS = {
    "fastctc": fastctc,
    "ctc-beam-decoder": ctc_beam_decoder,
    "pyctcdecode": pyctcdecode,
    "flashlight-text": flashlight_text,
    "fast-ctc-decode": fast_ctc_decode,
}


def prepare(name: str, arpa: str, beam: int) -> harness.Work:
    decode = SYSTEMS[name](arpa, beam)
    log_probs, _ = Language().log_probs(0)
    return lambda: decode(log_probs)


def recognise(name: str, arpa: str, beam: int) -> dict[str, Any]:
    """Word error rate over some texts; runs in a process of its own."""
    decode, language = SYSTEMS[name](arpa, beam), Language()
    found, said = [], []
    for seed in range(N_TEXTS):
        log_probs, words = language.log_probs(seed)
        found.append(decode(log_probs).split())
        said.append(words)
    return {"wer": word_error_rate(found, said)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    harness.add_arguments(parser)
    arguments = parser.parse_args()
    harness.limit_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "language.arpa"
        write_arpa(Language(), path)
        for model, arpa in (("no LM", ""), ("3-gram", str(path))):
            for beam in BEAMS:
                case = f"{model}, beam {beam}"
                systems = [harness.System(name, case, prepare, (name, arpa, beam)) for name in SYSTEMS]
                timings = harness.run(systems, harness.n_rounds(arguments))
                harness.report("decoding", timings, "fastctc")
                for timing in timings:
                    if timing.missing:
                        continue
                    name = timing.system.name
                    wer = harness.call_apart("decoding", "recognise", name, arpa, beam).get("wer", float("nan"))
                    memory_mb = timing.peak_memory_bytes / 2**20
                    harness.emit("decoding", name, case, "word error rate", round(wer, 5), "")
                    harness.emit("decoding", name, case, "peak memory", round(memory_mb, 1), "MiB")
                    print(f"{name:34s} {case:22s} WER {wer:7.2%}  {memory_mb:6.0f} MiB", file=sys.stderr)
    counts = (0, 1_000, 10_000)
    for with_lexicon in (False, True):
        case = f"beam {BEAMS[0]}{', lexicon' if with_lexicon else ''}"
        systems = [
            harness.System(f"fastctc, {n} hot phrases", case, prepare_hot_words, (n, with_lexicon)) for n in counts
        ]
        harness.report("decoding", harness.run(systems, harness.n_rounds(arguments)), systems[0].name)


if __name__ == "__main__":
    main()
