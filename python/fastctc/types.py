"""Values and options, shared by the C++ path and the NumPy reference. Nothing here imports another module of ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:  # the command line's help starts without NumPy
    import numpy as np
    import numpy.typing as npt

__all__ = [
    "Alternative",
    "Audio",
    "ConfidenceOptions",
    "Conversation",
    "ConversationOptions",
    "ConversationSegment",
    "DecoderOptions",
    "EndpointOptions",
    "FrontendOptions",
    "LongFormOptions",
    "ModelOptions",
    "Property",
    "SessionOptions",
    "SpeechSegment",
    "StreamOptions",
    "StreamResult",
    "Token",
    "Transcript",
    "VadOptions",
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
    score: float = 0.0
    """How well its tokens fit: their mean log-prob per frame, natural logarithm; 0 at best."""

    def __repr__(self) -> str:
        return f"Word({self.text!r}, {self.start_s:.2f}-{self.end_s:.2f} s, confidence {self.confidence:.2f})"


@dataclass(frozen=True)
class SpeechSegment:
    """A part of the audio that holds speech."""

    start_s: float
    end_s: float

    def __repr__(self) -> str:
        return f"SpeechSegment({self.start_s:.2f}-{self.end_s:.2f} s)"


@dataclass(frozen=True)
class Alternative:
    """One of the n best readings; scores are natural logarithms."""

    text: str
    words: tuple[Word, ...]
    score: float
    """acoustic_score + lm_score + bonus_score + second_pass_score."""
    acoustic_score: float
    lm_score: float
    """Weighted, with the scores of unknown words."""
    bonus_score: float
    """Of words and hot words."""
    tokens: tuple[Token, ...] = ()
    second_pass_score: float = 0.0
    """Weighted; of `DecoderOptions.rescorer`."""

    def __repr__(self) -> str:
        return f"Alternative({self.text!r}, {self.score:.2f})"

    @classmethod
    def from_tuple(cls, parts: tuple[Any, ...]) -> Alternative:
        """From (text, words, score, acoustic_score, lm_score, bonus_score, tokens) as the C++ core has it."""
        text, words, score, acoustic_score, lm_score, bonus_score, tokens = parts
        scores = score, acoustic_score, lm_score, bonus_score
        return cls(text, tuple(Word(*word) for word in words), *scores, tuple(Token(*token) for token in tokens))


@dataclass(frozen=True)
class Transcript:
    """What was said in one recording."""

    text: str
    words: tuple[Word, ...] = ()
    tokens: tuple[Token, ...] = ()
    confidence: float = 1.0
    """In [0, 1]: the mean of its words'."""
    duration_s: float = 0.0
    method: str = ""
    """How log-probs were computed: one_shot; for long recordings steps, windows or stream (see `LongFormOptions`).
    Empty: not from audio."""
    speech: tuple[SpeechSegment, ...] = ()
    """What speech detection found; empty if it was not asked for."""
    alternatives: tuple[Alternative, ...] = ()
    """The n best readings, best first, this one among them; empty unless `DecoderOptions.n_best` asks for more than
    one. With speech detection each is a choice of one reading of every segment; scores add up."""

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        text = self.text if len(self.text) <= 60 else self.text[:57] + "..."
        return (
            f"Transcript({text!r}, {len(self.words)} words, {self.duration_s:.2f} s, confidence {self.confidence:.2f})"
        )

    @classmethod
    def from_tuple(
        cls, parts: tuple[str, Iterable[Any], Iterable[Any], float, float, str, Iterable[Any], Iterable[Any]]
    ) -> Transcript:
        """From (text, words, tokens, confidence, duration_s, method, speech, alternatives) as the C++ core has it."""
        text, words, tokens, confidence, duration_s, method, speech, alternatives = parts
        return cls(
            text,
            tuple(Word(*word) for word in words),
            tuple(Token(*token) for token in tokens),
            confidence,
            duration_s,
            method,
            tuple(SpeechSegment(*segment) for segment in speech),
            tuple(map(Alternative.from_tuple, alternatives)),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, dicts, strings and numbers, ready for JSON."""
        result: dict[str, Any] = _plain(self)
        if not self.alternatives:
            del result["alternatives"]
        return result


@dataclass(frozen=True)
class ConversationSegment:
    """What one channel of a recording said between two of its pauses."""

    channel: int
    start_s: float
    """Of its first word."""
    end_s: float
    """Of its last word."""
    text: str
    """That part of the channel's text."""
    words: tuple[Word, ...]
    confidence: float
    """In [0, 1]: the mean of its words'."""

    def __repr__(self) -> str:
        return f"ConversationSegment(channel {self.channel}, {self.start_s:.2f}-{self.end_s:.2f} s, {self.text!r})"


@dataclass(frozen=True)
class Conversation:
    """A recording of several channels, each transcribed on its own."""

    segments: tuple[ConversationSegment, ...]
    """By start, then by channel; they may overlap."""
    channels: tuple[Transcript, ...]
    channel_names: tuple[str, ...]
    """One per channel."""
    duration_s: float
    """Of the longest channel."""

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Conversation({len(self.channels)} channels, {len(self.segments)} segments, {self.duration_s:.2f} s)"

    @property
    def text(self) -> str:
        """One line per segment: `[00:01.2] channel 0: two nine three`; hours before the minutes where there are any."""
        return "\n".join(
            f"[{clock_time(segment.start_s)}] {self.channel_names[segment.channel]}: {segment.text}"
            for segment in self.segments
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, dicts, strings and numbers, ready for JSON."""
        return {
            "segments": [{**_plain(entry), "name": self.channel_names[entry.channel]} for entry in self.segments],
            "channels": [
                {"name": name, **transcript.to_dict()}
                for name, transcript in zip(self.channel_names, self.channels, strict=True)
            ],
            "duration_s": self.duration_s,
        }


def _plain(value: Any) -> Any:
    """Dataclasses as dicts and tuples as lists, at any depth."""
    if is_dataclass(value):
        return {entry.name: _plain(getattr(value, entry.name)) for entry in fields(value)}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def clock_time(seconds: float) -> str:
    """Minutes, seconds and tenths, rounded down, 00:01.2; an hour on with hours: 1:00:01.2."""
    # Floating point may put a tenth slightly below its value; it still counts as that tenth.
    tenths = int(seconds * 10 + 1e-6)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    return (f"{hours}:" if hours else "") + f"{minutes:02}:{tenths // 10:02}.{tenths % 10}"


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
    instruction_set: Literal["automatic", "baseline", "avx2", "avx2_vnni", "avx512", "avx512_vnni", "amx"] = "automatic"
    """Of the operators in graphs that `fastctc optimize` and `quantize` made; baseline: ONNX Runtime's own."""
    cache: bool = True
    """Keeps what ONNX Runtime makes of a large graph in the cache directory (FASTCTC_HOME, else the platform's): the
    next load is fast, and processes share the weights in memory."""


@dataclass(frozen=True)
class ModelOptions:
    """What the caller knows better than the model directory; None: resolved from manifest, ONNX metadata and graph."""

    graph: str | None = None
    tokens: str | None = None
    tokenizer: str | None = None
    """SentencePiece model that cuts texts for alignment; default: `tokenizer.model`, if the directory has it."""
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
    window_frames: int | None = None
    """Feature frames that a step of a cache-aware graph reads, if neither manifest nor metadata tells."""
    chunk_frames: int | None = None
    """New feature frames per step."""


@dataclass(frozen=True)
class VadOptions:
    """Which parts of the audio hold speech (voice activity detection); see `fastctc/options.h`."""

    kind: Literal["none", "energy", "silero"] = "none"
    model: str = ""
    """Silero's ONNX file."""
    threshold: float = 0.5
    """Of Silero: probability of speech that opens a segment; it closes 0.15 below."""
    min_level_db: float = -60.0
    """Of energy: nothing below it is speech (full scale sine: -3)."""
    snr_db: float = 6.0
    """Of energy: speech is this far above the noise floor; a segment closes 3 dB below."""
    min_speech_s: float = 0.1
    """Shorter bursts are no speech."""
    min_silence_s: float = 0.5
    """Pauses shorter than this, or than 2 padding_s, do not close a segment."""
    padding_s: float = 0.2
    """Added on both sides, as far as there is audio."""


@dataclass(frozen=True)
class ConfidenceOptions:
    """How sure a token or word is, by NeMo's measures over the log-probs of its frames; see `fastctc/confidence.h`."""

    measure: Literal["max_prob", "gibbs", "tsallis", "renyi"] = "max_prob"
    alpha: float = 1.0
    """Power of the probabilities; 1: as they are. NeMo suggests 0.33 for entropies; above 1 gibbs may be below 0."""
    normalization: Literal["linear", "exponential"] = "linear"
    """Of entropies."""
    aggregation: Literal["mean", "min", "max", "product"] = "min"
    """Frames to token, tokens to word."""


@dataclass(frozen=True)
class DecoderOptions:
    """How log-probs become text; the objective of beam search stands in `fastctc/decoder.h`.

    Scores are natural logarithms. With "greedy" an option that only beam search uses is an error.
    """

    kind: Literal["greedy", "beam"] = "greedy"
    confidence: ConfidenceOptions = field(default_factory=ConfidenceOptions)
    beam_size: int = 16
    """Prefixes kept after each frame."""
    n_best: int = 1
    """`Transcript.alternatives`."""
    beam_threshold: float = 10.0
    """Prefixes this far below the best score are dropped."""
    max_tokens: int = 0
    """Most likely tokens tried per frame; 0: all."""
    min_token_log_prob: float = -8.0
    """Tokens of a frame less likely than this are not tried."""
    blank_skip_prob: float = 1.0
    """Frames whose blank has at least this probability are skipped; 1: none."""
    language_model: Any = None
    """A `fastctc.LanguageModel`, or the path of one."""
    lm_weight: float = 0.5
    lm_unit: Literal["word", "token"] = "word"
    """What the n-grams are made of."""
    word_bonus: float = 0.0
    """Per word (per token of a token-level model)."""
    unknown_word_score: float = -10.0
    """Added to the model's own score of an unknown word."""
    score_sentence_end: bool = True
    hot_words: Any = None
    """`fastctc.HotWords` of the model, or phrases: a list of them (a bonus of 5 each), or a mapping to bonuses."""
    lexicon: Any = None
    """A `fastctc.Lexicon` of the model: only its words are found."""
    rescorer: Callable[[list[str]], Sequence[float]] | None = None
    """Second pass over the `n_best` readings of final results: takes their texts, returns one number per text (like a
    log-probability); higher is better. Called by the thread that recognises; several may run at once."""
    rescore_weight: float = 1.0
    """The numbers of `rescorer` are multiplied by this and added to the readings' scores."""


@dataclass(frozen=True)
class LongFormOptions:
    """How recordings of any length are recognised; see `fastctc/options.h`.

    Up to `one_shot_max_s` in one run of the offline graph. Longer ones in steps of the exact cache-aware graph, equal
    to one run, if the model has it; otherwise in overlapping windows, joined where speech pauses.
    """

    one_shot_max_s: float = 20.0
    window_s: float = 30.0
    overlap_s: float = 6.0
    vad: VadOptions = field(default_factory=VadOptions)
    """Only speech is transcribed."""
    decoder: DecoderOptions = field(default_factory=DecoderOptions)


@dataclass(frozen=True)
class ConversationOptions:
    """How the channels of a recording become one conversation; see `fastctc/options.h`."""

    pause_s: float = 0.8
    """A pause this long starts a new segment of the channel; to the millisecond."""
    channel_names: tuple[str, ...] = ()
    """One per channel, as ("agent", "caller"); empty: channel 0, channel 1 and so on."""


@dataclass(frozen=True)
class EndpointOptions:
    """When a live segment ends, in seconds of audio; 0 or less: the rule is off. See `fastctc/endpoint.h`.

    The three rules of Kaldi's online decoders. Silence is time without a token.
    """

    silence_after_speech_s: float = 1.2
    silence_without_speech_s: float = 2.4
    max_length_s: float = 20.0
    """The last word, if it may still go on, is kept for the next segment."""

    @classmethod
    def off(cls) -> EndpointOptions:
        """No rules: one segment, to the end of the stream."""
        return cls(0.0, 0.0, 0.0)


@dataclass(frozen=True)
class StreamOptions:
    """A live stream; see `fastctc/options.h`."""

    latency_ms: int | None = None
    """Look-ahead of the graph; None: the longest that the model has."""
    sample_rate_hz: int | None = None
    """Of the audio pushed; None: the model's."""
    start: Literal["aligned", "nemo_pad"] = "aligned"
    """What fills the first window: the phase of the offline graph, or NeMo's pad_and_drop_preencoded."""
    partial_results: bool = True
    endpoint: EndpointOptions = field(default_factory=EndpointOptions)
    vad: VadOptions = field(default_factory=VadOptions)
    """Silence is skipped: it does not run through the model."""
    decoder: DecoderOptions = field(default_factory=DecoderOptions)


@dataclass(frozen=True)
class StreamResult:
    """What a stream knows of one segment of its audio. Times count from the start of the stream."""

    is_final: bool
    cause: Literal["", "no_speech", "silence", "max_length", "finish"]
    """Of a final result: which endpoint rule fired; finish: the stream ended."""
    segment: int
    """Number of the segment, from 0."""
    start_s: float
    end_s: float
    """How far the segment is recognised."""
    transcript: Transcript
    n_stable_words: int
    """Leading words that no later result of this segment changes."""

    @property
    def text(self) -> str:
        """The segment's text so far."""
        return self.transcript.text

    @property
    def stable_text(self) -> str:
        """The stable part of the text, as words joined by one space."""
        return " ".join(word.text for word in self.transcript.words[: self.n_stable_words])

    def __repr__(self) -> str:
        kind = f"final, {self.cause}" if self.is_final else "partial"
        return f"StreamResult({self.text!r}, {kind}, {self.start_s:.2f}-{self.end_s:.2f} s)"

    @classmethod
    def from_tuple(cls, parts: tuple[Any, ...]) -> StreamResult:
        """From (is_final, cause, segment, start_s, end_s, transcript, n_stable_words) as the C++ core gives it."""
        is_final, cause, segment, start_s, end_s, transcript, n_stable_words = parts
        return cls(is_final, cause, segment, start_s, end_s, Transcript.from_tuple(transcript), n_stable_words)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, dicts, strings and numbers, ready for JSON."""
        result = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        result["transcript"] = self.transcript.to_dict()
        return result
