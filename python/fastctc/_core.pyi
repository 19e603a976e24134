from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__version__: str

def open_engine(library: str = "") -> dict[str, Any]: ...
def subsampled_length(n_frames: int, factor: int, causal: bool) -> int: ...

class AcousticModel:
    def __init__(self, path: str, session: Mapping[str, Any] = ...) -> None: ...
    def graph(self) -> dict[str, Any]: ...
    def configure(
        self,
        *,
        subsampling_factor: int | None = None,
        causal: bool | None = None,
        max_encoder_frames: int | None = None,
        log_probs_kind: str | None = None,
    ) -> list[tuple[str, str, str]]: ...
    def run(self, features: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]: ...
