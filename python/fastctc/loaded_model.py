"""What decoders and streams need of a model, so that they know no recogniser, which knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from fastctc.types import DecoderOptions, Transcript

if TYPE_CHECKING:
    import numpy.typing as npt

    from fastctc._core import Recognizer as CoreRecognizer

__all__ = ["LoadedModel"]


class LoadedModel(Protocol):
    """A `fastctc.Recognizer`."""

    _core: CoreRecognizer

    def decode(self, log_probs: npt.ArrayLike, decoder: DecoderOptions) -> Transcript:
        """The transcript of log-probs [n_frames, n_tokens]."""
