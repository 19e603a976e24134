"""Exports of small NeMo models, made once. All of it is skipped where NeMo isn't installed (CONTRIBUTING.md)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import DATA
from fastctc.cli import main

RECORDING = DATA / "speech" / "two-nine-three-four-zero.wav"


def save(kind: str, path: Path) -> None:
    import nemo_models as small

    savers: dict[str, Callable[[Path], None]] = {
        "hybrid": small.save_hybrid_streaming,
        "hybrid_characters": lambda path: small.save_hybrid_streaming(path, characters=True, att_context_size=[70, 1]),
        "full": lambda path: small.save_ctc(path, small.conformer()),
        "characters": lambda path: small.save_ctc(path, small.conformer(), characters=True, pad_to=16),
        "conformer": lambda path: small.save_ctc(path, small.conformer(**small.STRIDING)),
        "citrinet": lambda path: small.save_ctc(path, small.citrinet_encoder()),
        "quartznet": lambda path: small.save_ctc(path, small.quartznet_encoder(), characters=True),
    }
    import torch

    from fastctc.export.nemo_model import quiet_nemo

    torch.set_num_threads(1)
    with quiet_nemo():
        savers[kind](path)


class Export:
    """A .nemo file, the directory made of it, and the model in PyTorch."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.checkpoint = folder / f"{kind}.nemo"
        self.directory = folder / kind
        save(kind, self.checkpoint)
        assert main(["export", "nemo", str(self.checkpoint), str(self.directory), "--quiet"]) == 0
        self._folder = folder
        self._nemo: Any = None

    @property
    def nemo(self) -> Any:
        """fastctc.export.nemo_model.NemoModel."""
        from fastctc.export.nemo_model import open_nemo

        if self._nemo is None:
            self._nemo = open_nemo(self.checkpoint, self._folder / f"{self.checkpoint.stem}.unpacked")
        return self._nemo


@pytest.fixture(scope="session")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Export]:
    folder = tmp_path_factory.mktemp("nemo")
    made: dict[str, Export] = {}

    def get(kind: str) -> Export:
        if kind not in made:
            made[kind] = Export(kind, folder)
        return made[kind]

    return get
