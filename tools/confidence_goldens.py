"""Has NeMo say how sure it is of log-probs, by every measure and aggregation.

    python tools/confidence_goldens.py digits_fastconformer_ctc.nemo tests/data/golden/confidence.npz

Run with NeMo 3.0.0. The log-probs are those of tests/data/golden/digits.npz, and made ones: words cut into random
pieces, tokens of one to four frames, other tokens nearly as likely. Everything goes through NeMo's own greedy decoding
(`CTCBPEDecoding.ctc_decoder_predictions_tensor`). Keys: `measures` (NeMo's names), `alphas`, `aggregations`;
`CASE/logprobs` of the made ones; `CASE/ids`, `CASE/text`; `CASE/frames` [measures, alphas, n_frames]; `CASE/tokens`,
`CASE/words` [measures, alphas, aggregations, 2, n], of the last but one axis the second with exclude_blank=False.
"""

from __future__ import annotations

import argparse
import itertools
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

CASES = ("numbers", "kokoro_bf_emma_000", "heldout_theo_07_16k")
WORDS = ("zero", "oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
MEASURES = (
    "max_prob",
    *(f"entropy_{kind}_{norm}" for kind in ("gibbs", "tsallis", "renyi") for norm in ("lin", "exp")),
)
ALPHAS = (0.33, 1.0, 1.5)
AGGREGATIONS = ("mean", "min", "max", "prod")


def load_tokenizer(model: Path) -> Any:
    from nemo.collections.common.tokenizers.sentencepiece_tokenizer import SentencePieceTokenizer

    with tempfile.TemporaryDirectory() as folder, tarfile.open(model) as archive:
        [member] = [name for name in archive.getnames() if name.endswith("tokenizer.model")]
        archive.extract(member, folder, filter="data")
        tokenizer = SentencePieceTokenizer(str(Path(folder, member)))
    tokenizer.tokenizer.vocab_size = tokenizer.vocab_size  # a number, as NeMo's models make it
    return tokenizer


def make_log_probs(pieces: list[str], seed: int) -> np.ndarray:
    """[n_frames, n_pieces + 1], blank last."""
    random = np.random.default_rng(seed)
    path: list[int] = []
    blank = len(pieces)
    for word in random.choice(WORDS, 12):
        rest = "\u2581" + str(word)
        path += [blank] * int(random.integers(1, 4))
        while rest:
            fitting = [i for i, piece in enumerate(pieces) if rest.startswith(piece) and piece != "\u2581"]
            token = int(random.choice(fitting))
            if path[-1] == token:
                path.append(blank)
            path += [token] * int(random.integers(1, 5))
            rest = rest[len(pieces[token]) :]
    logits = random.normal(0, 2, (len(path), blank + 1))
    logits[np.arange(len(path)), path] = logits.max(axis=1) + random.uniform(0.05, 4, len(path))
    return (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype(np.float32)


def decode(tokenizer: Any, log_probs: np.ndarray, measure: str, alpha: float, aggregation: str, blank: bool) -> Any:
    import torch
    from nemo.collections.asr.parts.submodules.ctc_decoding import CTCBPEDecoding, CTCDecodingConfig
    from omegaconf import OmegaConf

    name, *rest = measure.split("_") if measure != "max_prob" else ["max_prob"]
    method: dict[str, Any] = {"name": name, "alpha": alpha}
    if rest:
        method |= {"entropy_type": rest[0], "entropy_norm": rest[1]}
    config = OmegaConf.structured(CTCDecodingConfig(strategy="greedy", compute_timestamps=True))
    config.confidence_cfg.preserve_frame_confidence = True
    config.confidence_cfg.preserve_word_confidence = True
    config.confidence_cfg.exclude_blank = not blank
    config.confidence_cfg.aggregation = aggregation
    config.confidence_cfg.method_cfg = method
    decoding = CTCBPEDecoding(config, tokenizer)
    [hypothesis] = decoding.ctc_decoder_predictions_tensor(
        torch.tensor(log_probs)[None], torch.tensor([len(log_probs)]), fold_consecutive=True, return_hypotheses=True
    )
    return hypothesis


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()
    tokenizer = load_tokenizer(arguments.model)
    pieces = list(tokenizer.vocab)
    digits = np.load(Path(__file__).parent.parent / "tests" / "data" / "golden" / "digits.npz")
    inputs = {case: digits[f"{case}/logprobs"] for case in CASES}
    made = {f"made_{seed}": make_log_probs(pieces, seed) for seed in (1, 2)}
    arrays: dict[str, Any] = {f"{case}/logprobs": values for case, values in made.items()}
    arrays |= {"measures": np.array(MEASURES), "alphas": np.array(ALPHAS), "aggregations": np.array(AGGREGATIONS)}
    for case, log_probs in {**inputs, **made}.items():
        settings = itertools.product(MEASURES, ALPHAS, AGGREGATIONS, (False, True))
        results = [decode(tokenizer, log_probs, *setting) for setting in settings]
        shape = len(MEASURES), len(ALPHAS), len(AGGREGATIONS), 2
        for name in ("frame", "token", "word"):
            values = [[float(value) for value in getattr(result, f"{name}_confidence")] for result in results]
            stacked = np.asarray(values, np.float32).reshape(*shape, -1)
            # The confidence of a frame doesn't depend on what is done with it then.
            arrays[f"{case}/{name}s"] = stacked[:, :, 0, 0] if name == "frame" else stacked
        best = log_probs.argmax(axis=1)
        arrays[f"{case}/ids"] = np.array(
            [token for at, token in enumerate(best) if token != len(pieces) and (at == 0 or best[at - 1] != token)]
        )
        arrays[f"{case}/text"] = np.array(results[0].text)
        print(case, len(log_probs), results[0].text)
    np.savez_compressed(arguments.output, **arrays)
    print(f"{len(arrays)} arrays, {arguments.output.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
