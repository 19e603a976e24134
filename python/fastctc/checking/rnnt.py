"""Recognises an export of the wrong branch: NeMo exports a hybrid model's RNN-T branch unless it is told otherwise."""

from __future__ import annotations

from pathlib import Path

from fastctc.errors import ModelError

__all__ = ["refuse_rnnt_export"]


def refuse_rnnt_export(directory: Path) -> None:
    """Raises ModelError if a directory holds an RNN-T encoder and its decoder, and no CTC graph."""
    if not directory.is_dir() or (directory / "fastctc.json").exists():
        return
    graphs = sorted(path.name for path in directory.glob("*.onnx"))
    decoders = [name for name in graphs if name.startswith(("decoder_joint", "decoder-joint", "joiner", "decoder"))]
    encoders = [name for name in graphs if name.startswith("encoder")]
    if decoders and encoders and set(graphs) <= {*decoders, *encoders}:
        raise ModelError(
            f"{directory} holds the RNN-T branch of a model ({', '.join(graphs)}), not the CTC branch: its encoder "
            "gives no log-probs. NeMo exports that branch of a hybrid model unless it is told otherwise. Use "
            "'fastctc export nemo', or call model.set_export_config({'decoder_type': 'ctc'}) first."
        )
