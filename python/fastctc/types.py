"""Values and options, shared by the C++ path and the NumPy reference. Nothing here imports another module of ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:  # the command line's help starts without NumPy
    import numpy as np
    import numpy.typing as npt

__all__ = [
    "Audio",
    "FrontendOptions",
    "ModelOptions",
    "Property",
    "SessionOptions",
    "Token",
    "Transcript",
    "Word",
]


@dataclass(frozen=True, eq=False)
class Audio:
    """One channel of sound, ready for the front end."""

    samples: npt.NDArray[np.float32]
    """[n], in [-1, 1]; a filter may overshoot a little."""
    sample_rate_hz: int
    duration_s: float
    """Of the source, before resampling."""

    def __repr__(self) -> str:
        return f"Audio({self.duration_s:.2f} s, {len(self.samples)} samples at {self.sample_rate_hz} Hz)"


@dataclass(frozen=True)
class Token:
    """A token of the vocabulary with its place in the audio."""

    id: int
    piece: str
    start_s: float
    end_s: float
    log_prob: float
    """Sum of the token's log-probs over its frames."""
    confidence: float
    """In [0, 1]."""


@dataclass(frozen=True)
class Word:
    """A word with its place in the audio."""

    text: str
    start_s: float
    end_s: float
    confidence: float
    """In [0, 1]: the least of its tokens'."""

    def __repr__(self) -> str:
        return f"Word({self.text!r}, {self.start_s:.2f}-{self.end_s:.2f} s, confidence {self.confidence:.2f})"


@dataclass(frozen=True)
class Transcript:
    """What was said in one recording."""

    text: str
    words: tuple[Word, ...] = ()
    tokens: tuple[Token, ...] = ()
    confidence: float = 1.0
    """In [0, 1]: the mean of its words'."""
    duration_s: float = 0.0

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        text = self.text if len(self.text) <= 60 else self.text[:57] + "..."
        return (
            f"Transcript({text!r}, {len(self.words)} words, {self.duration_s:.2f} s, confidence {self.confidence:.2f})"
        )

    @classmethod
    def from_tuple(cls, parts: tuple[str, Iterable[Any], Iterable[Any], float, float]) -> Transcript:
        """From (text, words, tokens, confidence, duration_s) as the C++ core hands it over."""
        text, words, tokens, confidence, duration_s = parts
        return cls(
            text, tuple(Word(*word) for word in words), tuple(Token(*token) for token in tokens), confidence, duration_s
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, dicts, strings and numbers, ready for JSON."""
        result = asdict(self)
        result["words"] = [asdict(word) for word in self.words]
        result["tokens"] = [asdict(token) for token in self.tokens]
        return result


@dataclass(frozen=True)
class Property:
    """A resolved property of a model and where its value came from."""

    name: str
    value: str
    source: str


@dataclass(frozen=True)
class FrontendOptions:
    """Log-mel front end. The defaults are NeMo's (>= 2.5) for the FastConformer models; see `fastctc/options.h`.

    Frequencies in Hz, lengths in samples. `high_hz` <= 0 means that much below the Nyquist frequency.
    """

    kind: Literal["log_mel", "waveform"] = "log_mel"
    sample_rate_hz: int = 16000
    n_mels: int = 80
    n_fft: int = 512
    win_length_samples: int = 400
    hop_length_samples: int = 160
    window: Literal["hann", "hamming", "blackman", "bartlett", "povey", "sine", "rectangular"] = "hann"
    window_periodic: bool = False
    blackman_coeff: float = 0.42
    framing: Literal["centered", "snip_edges", "kaldi_round"] = "centered"
    pad_mode: Literal["constant", "reflect"] = "constant"
    frame_count: Literal["floor", "floor_plus_one"] = "floor"
    input_scale: float = 1.0
    remove_dc_offset: bool = False
    preemphasis: float = 0.97
    preemphasis_scope: Literal["signal", "frame"] = "signal"
    dither: float = 0.0
    dither_seed: int = 0
    mag_power: float = 2.0
    mel_scale: Literal["slaney", "htk"] = "slaney"
    mel_norm: Literal["slaney", "none"] = "slaney"
    mel_shape: Literal["linear_hz", "linear_mel"] = "linear_hz"
    low_hz: float = 0.0
    high_hz: float = 0.0
    use_log: bool = True
    log_guard: Literal["add", "clamp"] = "add"
    log_guard_value: float = 2.0**-24
    use_energy: bool = False
    raw_energy: bool = True
    energy_floor: float = 0.0
    normalize: Literal["none", "per_feature", "all_features", "fixed", "utterance"] = "none"
    fixed_mean: tuple[float, ...] = ()
    fixed_std: tuple[float, ...] = ()
    pad_to: int = 0
    pad_value: float = 0.0
    instruction_set: Literal["automatic", "baseline", "avx2", "avx512"] = "automatic"

    @classmethod
    def preset(cls, name: Literal["nemo", "nemo_legacy", "kaldi", "waveform"], **changes: Any) -> FrontendOptions:
        """A full set of options by name, with changes. Raises KeyError on an unknown name."""
        return cls(**{**_FRONTEND_PRESETS[name], **changes})

    def to_pairs(self) -> list[tuple[str, str]]:
        """Every field as (name, text), as manifests write them: numbers exact, lists comma separated."""
        return [(option.name, option_text(getattr(self, option.name))) for option in fields(self)]


def option_text(value: bool | int | float | str | list[float] | tuple[float, ...]) -> str:
    """An option's value as manifests and the C++ core read it: numbers exact, lists comma separated."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join(repr(float(item)) for item in value)
    return repr(float(value)) if isinstance(value, float) else str(value)


_FRONTEND_PRESETS: dict[str, dict[str, Any]] = {
    "nemo": {},
    "nemo_legacy": {"pad_mode": "reflect", "frame_count": "floor_plus_one"},
    "kaldi": {
        "n_mels": 23,
        "window": "povey",
        "framing": "snip_edges",
        "remove_dc_offset": True,
        "preemphasis_scope": "frame",
        "mel_scale": "htk",
        "mel_norm": "none",
        "mel_shape": "linear_mel",
        "low_hz": 20.0,
        "log_guard": "clamp",
        "log_guard_value": 2.0**-23,
    },
    "waveform": {"kind": "waveform"},
}


@dataclass(frozen=True)
class SessionOptions:
    """How ONNX Runtime runs the graph; see `fastctc/options.h`."""

    library: str = ""
    """Path of the ONNX Runtime library. Empty: FASTCTC_ONNXRUNTIME, the installed wheel's, the system's."""
    intra_op_threads: int = 1
    inter_op_threads: int = 1
    provider: str = "CPU"
    provider_options: Mapping[str, str] = field(default_factory=dict)
    graph_optimization: Literal["disabled", "basic", "extended", "all"] = "all"
    config_entries: Mapping[str, str] = field(
        default_factory=lambda: {"session.intra_op.allow_spinning": "0", "session.inter_op.allow_spinning": "0"}
    )
    memory_arena: bool = True


@dataclass(frozen=True)
class ModelOptions:
    """What the caller knows better than the model directory; None is resolved (manifest, ONNX metadata, graph)."""

    graph: str | None = None
    tokens: str | None = None
    normalize: Literal["none", "per_feature", "all_features", "fixed", "utterance"] | None = None
    text_style: Literal["sentencepiece", "characters", "wordpiece"] | None = None
    frontend_preset: Literal["nemo", "nemo_legacy", "kaldi", "waveform"] | None = None
    frontend: Mapping[str, Any] = field(default_factory=dict)
    """Single fields of FrontendOptions over the preset."""
    blank_id: int | None = None
    subsampling_factor: int | None = None
    subsampling_causal: bool | None = None
    max_encoder_frames: int | None = None
    """Length of the position table in output frames; 0: no limit."""
    log_probs_kind: Literal["log_probs", "logits"] | None = None
