"""Language models on one thread: reading ARPA, building and loading the binary form, scores per second; beside KenLM.

    python benchmarks/language_model.py [--quick] [--arpa FILE]

The model is made from a seed: 30,000 words, 150,000 bigrams and 80,000 trigrams, words drawn by Zipf's law; or it is
that of --arpa. Texts are made of its own n-grams. "text" is a sentence as a string, "ids" words looked up before.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

import harness

N_WORDS = 30_000
N_BIGRAMS = 150_000
N_TRIGRAMS = 80_000
N_SENTENCES = 5_000
SENTENCE_WORDS = 20


def make_arpa(path: Path) -> None:
    """A file with the shape of a pruned trigram model; its probabilities don't add up."""
    generator = random.Random(20261123)
    words = [f"w{n}" for n in range(N_WORDS)]
    zipf = [1 / (n + 10) for n in range(N_WORDS)]
    contexts = ["<s>", *words]
    bigrams: set[tuple[str, ...]] = set()
    while len(bigrams) < N_BIGRAMS:
        firsts = generator.choices(contexts, [0.05, *zipf], k=N_BIGRAMS)
        seconds = generator.choices(["</s>", *words], [0.05, *zipf], k=N_BIGRAMS)
        bigrams |= set(zip(firsts, seconds, strict=True))
    followers: dict[str, list[str]] = {}
    for first, second in sorted(bigrams):
        followers.setdefault(first, []).append(second)
    # Their ends are bigrams, as in a model that is pruned well.
    open_bigrams = [bigram for bigram in sorted(bigrams) if bigram[1] in followers]
    trigrams: set[tuple[str, ...]] = set()
    while len(trigrams) < N_TRIGRAMS:
        first, second = generator.choice(open_bigrams)
        trigrams.add((first, second, generator.choice(followers[second])))
    sections: dict[int, list[tuple[str, ...]]] = {
        1: [(word,) for word in ["<unk>", "<s>", "</s>", *words]],
        2: sorted(bigrams),
        3: sorted(trigrams),
    }
    lines = ["\\data\\", *(f"ngram {n}={len(ngrams)}" for n, ngrams in sections.items())]
    for n, ngrams in sections.items():
        lines += ["", f"\\{n}-grams:"]
        for ngram in ngrams:
            backoff = f"\t{-generator.uniform(0, 1):.4f}" if n < 3 else ""
            lines.append(f"{-generator.uniform(0, 5):.4f}\t{' '.join(ngram)}{backoff}")
    path.write_text("\n".join([*lines, "", "\\end\\", ""]), encoding="utf-8")


def make_sentences(arpa: str) -> list[str]:
    lines = Path(arpa).read_text(encoding="utf-8").split("\n")
    ngrams = [line.split("\t")[1] for line in lines if line.count("\t") > 0]
    generator = random.Random(1)
    sentences = []
    for _ in range(N_SENTENCES):
        words = " ".join(generator.choices(ngrams, k=SENTENCE_WORDS)).split()
        sentences.append(" ".join(words[:SENTENCE_WORDS]))
    return sentences


def prepare_read(path: str) -> harness.Work:
    from fastctc import _core

    return lambda: _core.LanguageModel.read(path)


def prepare_build(arpa: str, binary: str) -> harness.Work:
    from fastctc import _core

    return lambda: _core.LanguageModel.read(arpa).write(binary)


def prepare_texts(path: str, arpa: str) -> harness.Work:
    from fastctc.decoding import LanguageModel

    model, sentences = LanguageModel(path), make_sentences(arpa)
    return lambda: [model.score(sentence) for sentence in sentences]


def prepare_ids(path: str, arpa: str) -> harness.Work:
    from fastctc import _core

    model = _core.LanguageModel.read(path)
    sentences = [[model.find(word) for word in sentence.split()] for sentence in make_sentences(arpa)]
    return lambda: [model.score_words(ids) for ids in sentences]


def prepare_kenlm_read(path: str) -> harness.Work:
    import kenlm

    return lambda: kenlm.Model(path)


def prepare_kenlm_texts(path: str, arpa: str) -> harness.Work:
    import kenlm

    model, sentences = kenlm.Model(path), make_sentences(arpa)
    return lambda: [model.score(sentence) for sentence in sentences]


def measure_memory(system: str, path: str) -> dict[str, Any]:
    """Resident bytes that the loaded model adds to a process."""
    import psutil

    process = psutil.Process()
    if system == "kenlm":
        import kenlm

        before = process.memory_info().rss
        model: Any = kenlm.Model(path)
    else:
        from fastctc import _core

        before = process.memory_info().rss
        model = _core.LanguageModel.read(path)
    return {"bytes": process.memory_info().rss - before, "model": type(model).__name__}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arpa", metavar="FILE", default="", help="plain ARPA file (default: made from a seed)")
    harness.add_arguments(parser)
    arguments = parser.parse_args()
    harness.limit_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        arpa = arguments.arpa or str(Path(folder) / "seeded.arpa")
        if not arguments.arpa:
            make_arpa(Path(arpa))
        binary = str(Path(folder) / "model.lm")
        prepare_build(arpa, binary)()
        systems = [
            harness.System("fastctc", "read ARPA", prepare_read, (arpa,)),
            harness.System("kenlm", "read ARPA", prepare_kenlm_read, (arpa,)),
            harness.System("fastctc", "ARPA to binary", prepare_build, (arpa, binary)),
            harness.System("fastctc", "load binary", prepare_read, (binary,)),
            harness.System("fastctc", "100,000 words, text", prepare_texts, (binary, arpa)),
            harness.System("kenlm", "100,000 words, text", prepare_kenlm_texts, (arpa, arpa)),
            harness.System("fastctc", "100,000 words, ids", prepare_ids, (binary, arpa)),
        ]
        harness.report("language_model", harness.run(systems, harness.n_rounds(arguments)), "fastctc")
        for system, case, path in [
            ("fastctc", "read ARPA", arpa),
            ("fastctc", "load binary", binary),
            ("kenlm", "read ARPA", arpa),
        ]:
            memory = harness.call_apart("language_model", "measure_memory", system, path)
            if "missing" in memory:
                print(f"{system:34s} {case:22s} missing: {memory['missing']}", file=sys.stderr)
                continue
            harness.emit("language_model", system, case, "memory", memory["bytes"], "bytes")
            print(f"{system:34s} {case:22s} {memory['bytes'] / 1e6:9.1f} MB", file=sys.stderr)
        for name, path in (("ARPA", arpa), ("binary", binary)):
            harness.emit("language_model", "fastctc", name, "file_size", Path(path).stat().st_size, "bytes")


if __name__ == "__main__":
    main()
