"""Takes the project's subset of NeMo's front-end goldens from the full file.

    python tools/frontend_goldens.py FULL.npz tests/data/golden/frontend.npz

Keys: `x/SIGNAL` samples; `STYLE/SIGNAL/NORM/N_MELS/PAD_TO` NeMo's log-mel, `.../len` its valid frames. STYLE is `2.5+`
(NeMo 3.0.0) or `legacy` (2.4.1). Short signals keep every case; long ones 80 mels, unpadded, and start at most.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

LONG_SAMPLES = 4000
"""Signals from here on keep 80 mels only, because of their size."""
LEFT_OUT = {"speechlike_7.3s"}
"""The first 7.3 s of the signal "speech"."""


def is_kept(key: str, n_samples: int) -> bool:
    _style, signal, norm, n_mels, pad_to = key.split("/")[:5]
    if signal in LEFT_OUT:
        return False
    if n_samples < LONG_SAMPLES:
        return True
    return n_mels == "80" and pad_to == "0" and (n_samples < 60000 or norm == "NA")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("full", type=Path)
    parser.add_argument("subset", type=Path)
    arguments = parser.parse_args()
    full = np.load(arguments.full)
    n_samples = {key[2:]: len(full[key]) for key in full.files if key.startswith("x/")}
    features = [key for key in full.files if not key.startswith("x/")]
    kept = {key: full[key] for key in features if is_kept(key, n_samples[key.split("/")[1]])}
    signals = {key.split("/")[1] for key in kept}
    kept |= {f"x/{signal}": full[f"x/{signal}"] for signal in sorted(signals)}
    np.savez_compressed(arguments.subset, **kept)
    print(f"{len(kept)} arrays, {arguments.subset.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
