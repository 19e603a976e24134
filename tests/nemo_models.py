"""Small NeMo models with random weights, of NeMo's published configurations, saved as .nemo files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

TEXT = """the quick brown fox jumps over the lazy dog while five wizards mix big jugs of liquid
two nine three four zero one six seven eight five oh please hold the line and say your number again"""
ALPHABET = [" ", *"abcdefghijklmnopqrstuvwxyz", "'"]
LOOK_AHEADS = [[70, 13], [70, 6], [70, 1], [70, 0]]
SEED = 1234


def preprocessor(normalize: Any = "per_feature", features: int = 80, **changes: Any) -> dict[str, Any]:
    return {
        "_target_": "nemo.collections.asr.modules.AudioToMelSpectrogramPreprocessor",
        "sample_rate": 16000,
        "normalize": normalize,
        "window_size": 0.025,
        "window_stride": 0.01,
        "window": "hann",
        "features": features,
        "n_fft": 512,
        "frame_splicing": 1,
        "dither": 1e-5,
        "pad_to": 0,
        **changes,
    }


def conformer(**changes: Any) -> dict[str, Any]:
    """fast-conformer_ctc_bpe.yaml, made small."""
    return {
        "_target_": "nemo.collections.asr.modules.ConformerEncoder",
        "feat_in": 80,
        "feat_out": -1,
        "n_layers": 2,
        "d_model": 32,
        "use_bias": True,
        "subsampling": "dw_striding",
        "subsampling_factor": 8,
        "subsampling_conv_channels": 16,
        "causal_downsampling": False,
        "ff_expansion_factor": 4,
        "self_attention_model": "rel_pos",
        "n_heads": 4,
        "att_context_size": [-1, -1],
        "att_context_style": "regular",
        "xscaling": True,
        "untie_biases": True,
        "pos_emb_max_len": 300,
        "conv_kernel_size": 9,
        "conv_norm_type": "batch_norm",
        "conv_context_size": None,
        **changes,
    }


STREAMING = {
    "causal_downsampling": True,
    "att_context_size": LOOK_AHEADS,
    "att_context_style": "chunked_limited",
    "conv_norm_type": "layer_norm",
    "conv_context_size": "causal",
}
"""fastconformer_hybrid_transducer_ctc_bpe_streaming.yaml, "multi" look-aheads."""


STRIDING = {"subsampling": "striding", "subsampling_factor": 4, "conv_kernel_size": 31, "pos_emb_max_len": 600}
"""conformer_ctc_bpe.yaml."""


def block(filters: int, kernel: int, **changes: Any) -> dict[str, Any]:
    return {
        "filters": filters,
        "repeat": 1,
        "kernel": [kernel],
        "stride": [1],
        "dilation": [1],
        "dropout": 0.0,
        "residual": False,
        "separable": True,
        **changes,
    }


def quartznet_encoder() -> dict[str, Any]:
    """quartznet_15x5.yaml, made small: stride 2, no squeeze and excitation."""
    return {
        "_target_": "nemo.collections.asr.modules.ConvASREncoder",
        "feat_in": 80,
        "activation": "relu",
        "conv_mask": True,
        "jasper": [
            block(32, 33, stride=[2]),
            block(32, 33, repeat=2, residual=True),
            block(48, 87, dilation=[2]),
            block(64, 1, separable=False),
        ],
    }


def citrinet_encoder() -> dict[str, Any]:
    """citrinet_384.yaml, made small: three strides of 2, squeeze and excitation over the whole recording."""
    excited = {"se": True, "se_context_size": -1}
    strided = {"stride": [2], "stride_last": True, "residual": True, "residual_mode": "stride_add", **excited}
    return {
        "_target_": "nemo.collections.asr.modules.ConvASREncoder",
        "feat_in": 80,
        "activation": "relu",
        "conv_mask": True,
        "jasper": [
            block(32, 5, **excited),
            block(32, 11, repeat=2, **strided),
            block(32, 13, repeat=2, residual=True, **excited),
            block(32, 15, repeat=2, **strided),
            block(32, 17, repeat=2, **strided),
            block(48, 41, **excited),
        ],
    }


def save_hybrid_streaming(path: Path, characters: bool = False, **encoder: Any) -> None:
    """The layout of stt_en_fastconformer_hybrid_large_streaming_multi."""
    import nemo.collections.asr.models as models

    decoder = {"_target_": "nemo.collections.asr.modules.ConvASRDecoder", "feat_in": None, "num_classes": -1}
    config = {
        "sample_rate": 16000,
        "compute_eval_loss": False,
        "log_prediction": False,
        "skip_nan_grad": False,
        "model_defaults": {"enc_hidden": encoder.get("d_model", 32), "pred_hidden": 16, "joint_hidden": 16},
        "preprocessor": preprocessor("NA"),
        "encoder": conformer(**{**STREAMING, **encoder}),
        "decoder": {
            "_target_": "nemo.collections.asr.modules.RNNTDecoder",
            "normalization_mode": None,
            "random_state_sampling": False,
            "blank_as_pad": True,
            "prednet": {"pred_hidden": 16, "pred_rnn_layers": 1, "t_max": None, "dropout": 0.0},
        },
        "joint": {
            "_target_": "nemo.collections.asr.modules.RNNTJoint",
            "log_softmax": None,
            "preserve_memory": False,
            "fuse_loss_wer": True,
            "fused_batch_size": 4,
            "jointnet": {"joint_hidden": 16, "activation": "relu", "dropout": 0.0},
        },
        "decoding": {"strategy": "greedy_batch", "greedy": {"max_symbols": 10}},
        "aux_ctc": {
            "ctc_loss_weight": 0.3,
            "use_cer": False,
            "ctc_reduction": "mean_batch",
            "decoder": {**decoder, "vocabulary": ALPHABET if characters else []},
            "decoding": {"strategy": "greedy"},
        },
        "loss": {"loss_name": "default"},
        "optim": {"name": "adamw", "lr": 1e-3},
    }
    if characters:
        config["labels"] = ALPHABET
        save(models.EncDecHybridRNNTCTCModel, config, path)
    else:
        save(models.EncDecHybridRNNTCTCBPEModel, with_tokenizer(config, path), path)


def save_ctc(path: Path, encoder: dict[str, Any], *, characters: bool = False, **front_end: Any) -> None:
    """A pure CTC model: the layout of stt_en_fastconformer_ctc_large, stt_en_citrinet, stt_en_quartznet."""
    import nemo.collections.asr.models as models

    vocabulary = ALPHABET if characters else []
    config = {
        "sample_rate": 16000,
        "log_prediction": False,
        "ctc_reduction": "mean_batch",
        "skip_nan_grad": False,
        "preprocessor": preprocessor(**front_end),
        "encoder": encoder,
        "decoder": {
            "_target_": "nemo.collections.asr.modules.ConvASRDecoder",
            "feat_in": None if "d_model" in encoder else encoder["jasper"][-1]["filters"],
            "num_classes": len(vocabulary) if characters else -1,
            "vocabulary": vocabulary,
        },
        "optim": {"name": "adamw", "lr": 1e-3},
    }
    if characters:
        config["labels"] = ALPHABET
        save(models.EncDecCTCModel, config, path)
    else:
        save(models.EncDecCTCModelBPE, with_tokenizer(config, path), path)


def with_tokenizer(config: dict[str, Any], path: Path) -> dict[str, Any]:
    """The configuration with a SentencePiece tokenizer of its own."""
    import sentencepiece

    folder = path.with_suffix(".tokenizer")
    folder.mkdir()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT.splitlines() * 20),
        model_prefix=str(folder / "tokenizer"),
        vocab_size=64,
        model_type="bpe",
        bos_id=-1,
        eos_id=-1,
        minloglevel=2,
    )
    # Beside the model NeMo wants its pieces, as its own script writes them.
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    lines = [pieces.id_to_piece(index) + "\n" for index in range(1, pieces.get_piece_size())]
    (folder / "vocab.txt").write_text("".join(lines), encoding="utf-8")
    return {**config, "tokenizer": {"dir": str(folder), "type": "bpe"}}


def save(model_class: Callable[..., Any], config: dict[str, Any], path: Path) -> None:
    import torch
    from omegaconf import OmegaConf

    torch.manual_seed(SEED)
    model = model_class(cfg=OmegaConf.create(config))
    enliven(model)
    model.eval()
    model.save_to(str(path))


def enliven(model: Any) -> None:
    """Random weights give nearly constant log-probs: spreads them, lets blanks win often, and moves the statistics of
    batch norms and the biases of positions away from 0 and 1, where a mistake would not show."""
    import torch

    generator = torch.Generator().manual_seed(SEED + 1)

    def normal(shape: Any) -> Any:
        return torch.randn(shape, generator=generator)

    decoder = model.ctc_decoder if hasattr(model, "ctc_decoder") else model.decoder
    with torch.no_grad():
        layer = decoder.decoder_layers[0]
        layer.weight.copy_(normal(layer.weight.shape) * (6.0 / layer.weight.shape[1] ** 0.5))
        layer.bias.zero_()
        layer.bias[-1] = 4.0 if hasattr(model.encoder, "att_context_size") else 0.0
        for name, parameter in model.encoder.named_parameters():
            if name.endswith(("pos_bias_u", "pos_bias_v")):
                parameter.copy_(normal(parameter.shape) * 0.1)
        for name, buffer in model.encoder.named_buffers():
            if name.endswith("running_mean"):
                buffer.copy_(normal(buffer.shape) * 0.1)
            if name.endswith("running_var"):
                buffer.copy_(torch.rand(buffer.shape, generator=generator) + 0.5)
