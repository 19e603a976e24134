"""Opens a NeMo CTC model in PyTorch, and describes it as far as an export needs.

Nothing of NeMo or torch is imported before a model is opened.
"""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastctc.errors import ModelError, ModelNotFoundError
from fastctc.export.nemo_archive import NemoArchive
from fastctc.export.nemo_frontend import frontend_fields

__all__ = ["NemoModel", "fetch_checkpoint", "import_nemo", "open_nemo", "quiet_nemo"]

Floats = NDArray[np.float32]

INSTALL = (
    "Exporting takes NVIDIA NeMo: pip install 'fastctc[nemo]', then pip install --no-deps nemo_toolkit==3.0.0 "
    "(with all its dependencies it is several times as large, and this needs few of them)."
)


def import_nemo() -> Any:
    """NeMo's ASR models. Raises ImportError that says what to install."""
    try:
        with quiet_nemo():
            import nemo.collections.asr.models as models
    except ImportError as error:
        raise ImportError(f"{INSTALL} ({error})") from error
    return models


@contextlib.contextmanager
def quiet_nemo() -> Iterator[None]:
    """Hides notices of NeMo and the tracer about things that are done here on purpose."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def fetch_checkpoint(source: str | os.PathLike[str]) -> Path:
    """The .nemo file: the one named, or that of a published model, which NeMo downloads into its own cache.

    Raises:
        ModelNotFoundError: There is no such file, or no published model of that name.
        ImportError: NeMo isn't installed.
    """
    path = Path(source)
    if path.is_file():
        return path
    if path.suffix == ".nemo" or path.exists():
        raise ModelNotFoundError(f"There is no file {path}. Give a .nemo file, or the name of a published model.")
    models = import_nemo()
    try:
        with quiet_nemo():
            found = Path(models.ASRModel.from_pretrained(os.fspath(source), return_model_file=True))
    except Exception as error:  # an error of the network, the hub, or NeMo
        raise ModelNotFoundError(
            f"{os.fspath(source)!r} is neither a file nor a model that NeMo can fetch: {error}"
        ) from error
    if not found.is_file():
        raise ModelNotFoundError(f"NeMo fetched {found}, which is no .nemo file. Export that file by its path.")
    return found


@dataclass(frozen=True)
class NemoModel:
    """The parts of the model that make log-probs, and their properties."""

    model: Any
    decoder: Any
    is_hybrid: bool
    frontend: dict[str, Any]
    """Fields of FrontendOptions over the preset that NeMo's version calls for."""

    @property
    def name(self) -> str:
        """NeMo's class."""
        return type(self.model).__name__

    @property
    def encoder(self) -> Any:
        """NeMo's encoder."""
        return self.model.encoder

    @property
    def is_conformer(self) -> bool:
        """Conformer or FastConformer; else convolutions alone (Citrinet, QuartzNet)."""
        return hasattr(self.encoder, "att_context_size")

    @property
    def vocabulary(self) -> list[str]:
        """Tokens without the blank, which is the last id."""
        return [str(token) for token in self.decoder.vocabulary]

    @property
    def text_style(self) -> str:
        """Its name in the manifest."""
        if not hasattr(self.model, "tokenizer"):
            return "characters"
        return "wordpiece" if any(token.startswith("##") for token in self.vocabulary) else "sentencepiece"

    @property
    def subsampling_factor(self) -> int:
        """Input frames per output frame."""
        if self.is_conformer:
            return int(self.encoder.subsampling_factor)
        blocks = self.model.cfg.encoder.jasper  # `repeat` convolutions per block: all are strided, or the last one
        strides = [each["stride"][0] ** (1 if each.get("stride_last") else each["repeat"]) for each in blocks]
        return int(np.prod(strides))

    @property
    def is_causal(self) -> bool:
        """Whether the subsampling sees no frame ahead."""
        return bool(getattr(getattr(self.encoder, "pre_encode", None), "is_causal", False))

    @property
    def contexts(self) -> list[tuple[int, int]]:
        """Output frames that the attention sees before and after, each pair that the model was trained with."""
        if not self.is_conformer:
            return []
        return [(int(context[0]), int(context[-1])) for context in self.encoder.att_context_size_all]

    @property
    def max_encoder_frames(self) -> int:
        """Rows of the position table, as output frames; 0: no limit."""
        kind = getattr(self.encoder, "self_attention_model", None)
        return int(self.encoder.max_audio_length) if kind in ("rel_pos", "abs_pos") else 0

    def look_ahead_ms(self, context: tuple[int, int]) -> int:
        """Of an attention context, in whole ms."""
        hop_s = self.frontend["hop_length_samples"] / self.frontend["sample_rate_hz"]
        return round(1000 * hop_s * self.subsampling_factor * context[1])

    def why_no_streams(self) -> str:
        """Why the model can't recognise live streams; "" if it can."""
        encoder = self.encoder
        if not self.is_conformer:
            return "its encoder sees the whole recording"
        if encoder.att_context_style != "chunked_limited" or not self.stream_contexts:
            return "its attention isn't limited to chunks"
        if encoder.conv_context_size[1] != 0 or not self.is_causal:
            return "its convolutions see frames ahead"
        if self.frontend["normalize"] not in ("none", "fixed"):
            return f"its features are normalised over the whole recording ({self.frontend['normalize']})"
        if encoder.reduction_position is not None:
            return "its encoder reduces the frames again"
        return ""

    @property
    def stream_contexts(self) -> list[tuple[int, int]]:
        """Contexts that a stream can have, longest look-ahead first."""
        limited = [(left, right) for left, right in self.contexts if left > 0 and right >= 0]
        return sorted(limited, key=lambda context: -context[1])

    def features(self, samples: Floats) -> Floats:
        """NeMo's own features [n_features, n_frames] of samples [n], valid frames only."""
        import torch

        with torch.inference_mode(), quiet_nemo():
            values, lengths = self.model.preprocessor(
                input_signal=torch.from_numpy(samples)[None], length=torch.tensor([len(samples)])
            )
        return np.ascontiguousarray(values[0, :, : int(lengths[0])].numpy())

    def log_probs(self, features: Floats, context: tuple[int, int] | None = None) -> Floats:
        """PyTorch's log-probs [n_frames, n_tokens] of features [n_features, n_frames], in one run over all."""
        import torch

        with torch.inference_mode(), quiet_nemo():
            if context is not None:
                self.encoder.set_default_att_context_size(list(context))
            encoded, lengths = self.encoder(
                audio_signal=torch.from_numpy(np.ascontiguousarray(features))[None],
                length=torch.tensor([features.shape[1]]),
            )[:2]
            values = self.decoder(encoder_output=encoded)
        return np.asarray(values[0, : int(lengths[0])].numpy())

    def extend_positions(self, n_frames: int) -> None:
        """Makes the position table long enough for that many output frames."""
        if self.max_encoder_frames and n_frames > self.max_encoder_frames:
            self.encoder.pos_emb_max_len = n_frames
            self.encoder.set_max_audio_length(n_frames)


def open_nemo(path: Path, workspace: Path) -> NemoModel:
    """Reads a .nemo file as if a stranger had made it (nemo_archive.py): its pickle may make tensors only.

    Args:
        path: The file.
        workspace: An empty directory that it is unpacked into, for as long as the model is used.

    Raises:
        ModelError: It can't be read, is no CTC model, or has a front end that can't be computed here.
        ImportError: NeMo isn't installed.
    """
    archive = NemoArchive(path)
    models = import_nemo()
    extracted = archive.extract(workspace)
    connector = _weights_only_connector()
    connector.model_extracted_dir = os.fspath(extracted.directory)
    try:
        with quiet_nemo():
            model = models.ASRModel.restore_from(
                os.fspath(path), map_location="cpu", save_restore_connector=connector
            ).eval()
    except MemoryError:
        raise
    except Exception as error:  # any error of NeMo, hydra and torch
        raise ModelError(f"{path} can't be read as a NeMo model: {error}") from error
    return describe(model, path)


def describe(model: Any, path: Path) -> NemoModel:
    """What a NeMo model is. Raises as open_nemo."""
    is_hybrid = hasattr(model, "ctc_decoder")
    decoder = model.ctc_decoder if is_hybrid else getattr(model, "decoder", None)
    if not hasattr(decoder, "num_classes_with_blank") or not hasattr(decoder, "vocabulary"):
        raise ModelError(
            f"{path} is a {type(model).__name__}, which has no CTC decoder. Only CTC models and hybrid RNNT/CTC models "
            "can be exported."
        )
    for parameter in model.parameters():
        parameter.requires_grad = False
    from omegaconf import OmegaConf

    preprocessor = OmegaConf.to_container(model.cfg.preprocessor, resolve=True)
    assert isinstance(preprocessor, dict)
    fields = frontend_fields({str(key): value for key, value in preprocessor.items()})
    return NemoModel(model, decoder, is_hybrid, fields)


def _weights_only_connector() -> Any:
    import torch
    from nemo.core.connectors.save_restore_connector import SaveRestoreConnector

    class WeightsOnly(SaveRestoreConnector):  # type: ignore[misc]
        """Given explicitly, so that no environment variable switches it off."""

        @staticmethod
        def _load_state_dict_from_disk(model_weights: Any, map_location: Any = "cpu") -> Any:
            return torch.load(model_weights, map_location=map_location, weights_only=True)

    return WeightsOnly()
