"""Data for decoding.py, made from a seed: a small language, its n-gram model, and log-probs of sentences in it.

Language: 4,000 words of 1 to 4 pieces out of 1,024, the first marked as a word's start; each word is followed by one
of 24 others, with probabilities falling as 1/rank (a Markov chain of order 1, 6 % of the steps anywhere). The model: a
3-gram of 200,000 words of it, absolute discounting with back-off.

Log-probs, [750, 1025], as a trained CTC model gives them: peaky, nearly all blank. A token is one frame (one in five:
two) and then 1 to 3 frames of blank. On its frames it has a probability of 0.55 to 0.99, and most of the rest is on
three pieces that are always taken for it; in 7 % of the cases the first of them has more than itself: the near-misses
that a language model can mend. One blank frame in eight has 1 to 30 % on some piece. Under all lies a floor of noise of
2 %.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fastctc.edits import count_edits

N_PIECES = 1024
BLANK = N_PIECES
N_FRAMES = 750
N_WORDS = 4000
N_STARTS = 640
N_FOLLOWERS = 24
N_TRAINING_WORDS = 200_000
SENTENCE_WORDS = 12
DISCOUNT = 0.6
SEED = 7


class Language:
    """Words, what follows them, and how they are spelled."""

    def __init__(self) -> None:
        random = np.random.default_rng(SEED)
        self.pieces = ["\u2581" + _syllable(i) if i < N_STARTS else _syllable(i) for i in range(N_PIECES)]
        spellings: dict[tuple[int, ...], None] = {}
        while len(spellings) < N_WORDS:
            n_more = int(random.choice([0, 1, 2, 3], p=[0.25, 0.4, 0.25, 0.1]))
            more = random.integers(N_STARTS, N_PIECES, n_more)
            ids = (int(random.integers(N_STARTS)), *map(int, more))
            spellings[ids] = None
        self.spellings = list(spellings)
        self.words = ["".join(self.pieces[i] for i in ids).removeprefix("\u2581") for ids in self.spellings]
        self._followers = random.integers(0, N_WORDS, (N_WORDS, N_FOLLOWERS))
        weights = 1 / np.arange(1, N_FOLLOWERS + 1)
        self._weights = weights / weights.sum()

    def sentence(self, random: np.random.Generator, n_words: int) -> list[int]:
        """Numbers of words."""
        word = int(random.integers(N_WORDS))
        words = [word]
        for _ in range(n_words - 1):
            anywhere = random.random() < 0.06
            word = int(random.integers(N_WORDS) if anywhere else random.choice(self._followers[word], p=self._weights))
            words.append(word)
        return words

    def log_probs(self, seed: int) -> tuple[NDArray[np.float32], list[str]]:
        """[750, 1025] and the words that are in it."""
        random = np.random.default_rng(seed)
        confusions = np.random.default_rng(SEED + 1).integers(0, N_PIECES, (N_PIECES, 3))
        probs = np.zeros((N_FRAMES, N_PIECES + 1))
        frame, said = 2, []
        words = iter(self.sentence(random, N_FRAMES))
        blank_until(probs, 0, frame, random)
        while True:
            word = next(words)
            tokens = self.spellings[word]
            if frame + 5 * len(tokens) + 2 > N_FRAMES:
                break
            said.append(self.words[word])
            for token in tokens:
                n_frames = 2 if random.random() < 0.2 else 1
                _emit(probs[frame : frame + n_frames], token, confusions[token], random)
                frame += n_frames
                end = frame + int(random.integers(1, 4))
                blank_until(probs, frame, end, random)
                frame = end
        blank_until(probs, frame, N_FRAMES, random)
        noise = random.exponential(size=probs.shape) ** 3
        probs = 0.98 * probs + 0.02 * noise / noise.sum(axis=1, keepdims=True)
        return np.log(probs / probs.sum(axis=1, keepdims=True)).astype(np.float32), said


def _syllable(index: int) -> str:
    consonants, vowels = "bcdfghjklmnpqrstvwxz", "aeiou"
    first, rest = divmod(index, 100)
    return consonants[rest // 5] + vowels[rest % 5] + consonants[first]


def _emit(rows: NDArray[np.float64], token: int, confused: NDArray[np.int64], random: np.random.Generator) -> None:
    """The frames of one token, alike: what it is taken for doesn't change between them."""
    own = random.uniform(0.55, 0.99)
    rest = 1 - own
    shares = random.dirichlet([2.0, 0.7, 0.7, 0.5])
    if random.random() < 0.07:
        own, rest = 0.4, 0.6
        shares = np.array([0.8, 0.05, 0.05, 0.1])
    rows[:, token] += own
    for piece, share in zip(confused, shares, strict=False):
        rows[:, piece] += rest * share
    rows[:, BLANK] += rest * shares[3]


def blank_until(probs: NDArray[np.float64], begin: int, end: int, random: np.random.Generator) -> None:
    """Frames of blank, some with a little of something else."""
    for frame in range(begin, end):
        other = random.uniform(0.01, 0.3) if random.random() < 0.125 else 0.0
        probs[frame, random.integers(N_PIECES)] += other
        probs[frame, BLANK] += 1 - other


def write_arpa(language: Language, path: Path) -> None:
    """A 3-gram of sentences of the language: p(w | h) = (c(h w) - D) / c(h) where it was seen, else backed off."""
    random = np.random.default_rng(SEED + 2)
    counts: list[Counter[tuple[str, ...]]] = [Counter(), Counter(), Counter()]
    for _ in range(N_TRAINING_WORDS // SENTENCE_WORDS):
        said = [language.words[i] for i in language.sentence(random, SENTENCE_WORDS)]
        sentence = ["<s>", *said, "</s>"]
        for n in (1, 2, 3):
            counts[n - 1].update(tuple(sentence[i : i + n]) for i in range(len(sentence) - n + 1))
    with path.open("w", encoding="utf-8") as file:
        file.writelines(_arpa_lines(language, counts))


def _arpa_lines(language: Language, counts: list[Counter[tuple[str, ...]]]) -> Iterator[str]:
    for word in language.words:
        counts[0].setdefault((word,), 1)
    del counts[0][("<s>",)]
    total = sum(counts[0].values()) + 1
    probs: list[dict[tuple[str, ...], float]] = [{gram: count / total for gram, count in counts[0].items()}, {}, {}]
    probs[0] |= {("<unk>",): 1 / total, ("<s>",): 1e-99}
    backs: list[dict[tuple[str, ...], float]] = [{}, {}]
    for n in (1, 2):
        history: Counter[tuple[str, ...]] = Counter()
        for gram, count in counts[n].items():
            history[gram[:-1]] += count
        seen = dict.fromkeys(history, 0.0)
        lower = dict.fromkeys(history, 0.0)
        for gram, count in counts[n].items():
            probs[n][gram] = (count - DISCOUNT) / history[gram[:-1]]
            seen[gram[:-1]] += probs[n][gram]
            lower[gram[:-1]] += probs[n - 1][gram[1:]]
        backs[n - 1] = {h: (1 - seen[h]) / max(1 - lower[h], 1e-6) for h in history}
    yield "\\data\\\n" + "".join(f"ngram {n + 1}={len(probs[n])}\n" for n in range(3))
    for n in range(3):
        yield f"\n\\{n + 1}-grams:\n"
        for gram, prob in sorted(probs[n].items()):
            back = f"\t{np.log10(backs[n][gram]):.6f}" if n < 2 and gram in backs[n] else ""
            yield f"{np.log10(prob):.6f}\t{' '.join(gram)}{back}\n"
    yield "\n\\end\\\n"


def word_error_rate(found: list[list[str]], said: list[list[str]]) -> float:
    """Edits a word said."""
    edits = sum(count_edits(a, b) for a, b in zip(found, said, strict=True))
    return edits / sum(map(len, said))
