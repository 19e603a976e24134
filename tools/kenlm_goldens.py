"""KenLM's own scores of random texts: `python tools/kenlm_goldens.py tests/data/lm`. Needs the package kenlm.

Writes kenlm.json: texts over the words of letters.arpa, whether they start at <s> and end in </s>, and log10 P of every
word.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import kenlm

WORDS = ["a", "b", "c", "d", "é", "e", "<unk>", "<s>", "</s>", "unheard-of"]
N_TEXTS = 1000


def main(folder: str) -> None:
    model = kenlm.Model(str(Path(folder) / "letters.arpa"))
    generator = random.Random(1)
    goldens = []
    for _ in range(N_TEXTS):
        weights = [9, 9, 9, 2, 2, 1, 2, 1, 1, 1]
        text = generator.choices(WORDS, weights, k=generator.randint(1, 10))
        bos, eos = generator.random() < 0.5, generator.random() < 0.5
        scores = [round(score, 6) for score, _, _ in model.full_scores(" ".join(text), bos=bos, eos=eos)]
        goldens.append({"text": text, "bos": bos, "eos": eos, "log10_probs": scores})
    lines = ",\n".join(json.dumps(golden, ensure_ascii=False) for golden in goldens)
    (Path(folder) / "kenlm.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
