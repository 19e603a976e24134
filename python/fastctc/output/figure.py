"""One figure of a recording: its words, waveform, log-mel and token posteriors over the same time.

Needs the package matplotlib (`pip install 'fastctc[plot]'`); its global state and windows are left alone.
"""

from __future__ import annotations

import io
import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fastctc.audio.reading import AudioSource, Channel, read_audio
from fastctc.decoding import Decoder
from fastctc.errors import AudioError, OptionError, PackageNotFoundError
from fastctc.keywords import Normalize
from fastctc.recognizer import Recognizer, load_once
from fastctc.reference.fbank import compute_features, make_mel_bank
from fastctc.types import FrontendOptions, Transcript

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["PICTURE_FORMATS", "plot", "render"]

FloatArray = npt.NDArray[np.float32]

PICTURE_FORMATS = ("png", "svg", "pdf")

# Inches: the text width of a two-column paper, which 25 s of speech fill; longer speech gets the width of its words.
NARROWEST_IN = 7.2
WIDEST_IN = 24.0
INCHES_A_SECOND = 0.28
ROW_IN = 0.13
"""Of a token."""
MOST_ROWS = 40
FONT_PT = 8.0
SMALL_PT = 7.0
LEAST_PT = 5.0
LINE_EM = 1.15
LEVEL_IN = 0.22
"""Height of a line of words, with its padding."""
LABEL_PADDING_IN = 0.1
CHARACTER_EM = 0.58
"""Mean width of a character in a sans-serif face."""
MOST_COLUMNS = 4000
"""Up to so many samples are drawn one by one; more are drawn as minimum and maximum in this many steps."""

# Okabe and Ito's colours, and maps of even lightness: every kind of colour vision tells them apart, also in grey.
BLUE, VERMILION, SKY, GREY = "#0072B2", "#D55E00", "#CFE6F5", "#E6E6E6"
LOG_MEL_MAP, POSTERIOR_MAP = "magma", "Blues"

_STYLE: dict[str, Any] = {
    "font.size": FONT_PT,
    "axes.labelsize": FONT_PT,
    "xtick.labelsize": SMALL_PT,
    "ytick.labelsize": SMALL_PT,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "text.parse_math": False,  # a piece may hold dollar signs
    "text.usetex": False,
    "svg.fonttype": "none",  # text stays text: it can be searched, copied and set in another face
    "svg.hashsalt": "fastctc",
    "pdf.fonttype": 42,
}
# The first installed faces; matplotlib's own has no Chinese, Japanese or Korean.
_FACES = ("DejaVu Sans", "Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans", "Arial Unicode MS", "Segoe UI")


@dataclass(frozen=True)
class _Content:
    """What is drawn; times in seconds of the recording."""

    start_s: float
    end_s: float
    samples: FloatArray
    """[n], at sample_rate_hz."""
    sample_rate_hz: int
    log_mel: FloatArray
    """[n_mels, n_frames]"""
    log_mel_s: float
    """Seconds from frame to frame."""
    band_hz: npt.NDArray[np.float64]
    """[n_mels]: where each band has its peak."""
    log_mel_unit: str
    probabilities: FloatArray
    """[n_frames, n_tokens]"""
    frame_s: float
    pieces: Sequence[str]
    blank_id: int
    transcript: Transcript
    """Its times count from start_s."""


def plot(
    audio: AudioSource,
    model: str | os.PathLike[str] | Recognizer | None = None,
    *,
    text: str | None = None,
    start_s: float = 0.0,
    end_s: float | None = None,
    sample_rate: int | None = None,
    channel: Channel = "mean",
    normalize: Normalize | None = None,
    decoder: Decoder = None,
    width_in: float | None = None,
) -> Figure:
    """Draws words, waveform, log-mel and token posteriors of a recording over one time axis.

    Args:
        audio: a path, bytes, a binary file object or an array; see `fastctc.audio`.
        model: a directory, a graph, or a loaded model; None: the demo model.
        text: the text that is said, whose words are aligned; None: what the decoder finds.
        start_s: where the part to be drawn starts; it is recognised as a recording of its own.
        end_s: where it ends; None: with the recording.
        sample_rate: of an array, in Hz; None: the model's.
        channel: a channel's number, or the mean of all.
        normalize: how features are normalised, if nothing in the model's directory tells.
        decoder: "greedy" (default), "beam", or a `DecoderOptions`.
        width_in: of the figure, in inches; None: the text width of a paper, wider from 25 s on.

    Returns:
        A `matplotlib.figure.Figure` that belongs to no window; its `savefig` writes it. Its axes are, from above,
        words, waveform, log-mel, posteriors; then their colour bars.

    Raises:
        PackageNotFoundError: matplotlib isn't installed.
        OptionError: impossible times or width, or a decoder beside a text.
        AudioError: the audio can't be used, ends before `start_s`, or the part is too long for the model.
        AlignmentError: the text can't be spelled, or needs more frames than there are.
    """
    matplotlib = _import_matplotlib()
    if not 0 <= start_s < float("inf") or (end_s is not None and not start_s < end_s < float("inf")):
        raise OptionError(f"A figure goes from 0 s or later to a later end, not from {start_s!r} to {end_s!r} s.")
    if width_in is not None and not 1 <= width_in <= 100:
        raise OptionError(f"width_in must be 1 to 100 inches, not {width_in!r}.")
    if text is not None and decoder is not None:
        raise OptionError("A text is aligned, not decoded: give text or decoder, not both.")
    recognizer = model if isinstance(model, Recognizer) else load_once(model, normalize)
    blocks = read_audio(audio, target_rate_hz=recognizer.sample_rate_hz, sample_rate=sample_rate, channel=channel)
    samples = _part(blocks, recognizer.sample_rate_hz, start_s, end_s)
    content = _recognise(recognizer, samples, start_s, text, decoder)
    with matplotlib.rc_context({**_STYLE, "font.family": _faces()}):
        return _draw(content, width_in)


def render(figure: Figure, kind: str, *, dpi: float = 300.0) -> bytes:
    """A picture of a figure as the content of a file; the same every time.

    Args:
        figure: of `plot`.
        kind: one of `PICTURE_FORMATS`; text in svg and pdf stays text.
        dpi: dots per inch; in svg and pdf only log-mel and posteriors are images.
    """
    matplotlib = _import_matplotlib()
    file = io.BytesIO()
    undated: dict[str, Any] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}[kind]
    with warnings.catch_warnings(record=True) as caught, matplotlib.rc_context(_STYLE):
        warnings.simplefilter("always")
        figure.savefig(file, format=kind, dpi=dpi, metadata=undated)
    for message in dict.fromkeys(str(warning.message) for warning in caught):  # no face has the character
        logging.getLogger("fastctc").warning("%s", message)
    return file.getvalue()


def _import_matplotlib() -> Any:
    try:
        import matplotlib
    except ImportError as error:
        raise PackageNotFoundError(
            "Plotting needs the package matplotlib. Install it: pip install 'fastctc[plot]'."
        ) from error
    return matplotlib


def _faces() -> list[str]:
    from matplotlib import font_manager

    installed = set(font_manager.get_font_names())
    return [face for face in _FACES if face in installed] or ["sans-serif"]


def _part(blocks: Iterator[FloatArray], rate_hz: int, start_s: float, end_s: float | None) -> FloatArray:
    """The samples from start to end; later audio isn't read."""
    begin = round(start_s * rate_hz)
    end = None if end_s is None else round(end_s * rate_hz)
    kept: list[FloatArray] = []
    position = 0
    for block in blocks:
        kept.append(block[max(begin - position, 0) : None if end is None else max(end - position, 0)])
        position += len(block)
        if end is not None and position >= end:
            break
    if begin and position <= begin:
        raise AudioError(f"The recording ends at {position / rate_hz:.2f} s, before the start at {start_s:g} s.")
    return np.concatenate(kept)


def _recognise(
    recognizer: Recognizer, samples: FloatArray, start_s: float, text: str | None, decoder: Decoder
) -> _Content:
    features = recognizer.features(samples)
    try:
        log_probs = recognizer.log_probs(features)
    except AudioError as error:
        raise AudioError(f"{error} Or draw a part of it: give start and end.") from error
    transcript = recognizer.decode(log_probs, decoder) if text is None else recognizer.align(samples, text)
    options = _frontend(recognizer)
    if options.kind == "waveform":  # the model takes the samples themselves
        options = FrontendOptions.preset("nemo", sample_rate_hz=recognizer.sample_rate_hz)
        features = compute_features(samples, options)[0]
    return _Content(
        start_s=start_s,
        end_s=start_s + len(samples) / recognizer.sample_rate_hz,
        samples=samples,
        sample_rate_hz=recognizer.sample_rate_hz,
        log_mel=features[: options.n_mels],  # without Kaldi's energy
        log_mel_s=options.hop_length_samples / options.sample_rate_hz,
        band_hz=make_mel_bank(options).argmax(axis=1) * (options.sample_rate_hz / options.n_fft),
        log_mel_unit="Log-mel (ln power)" if options.normalize == "none" else "Log-mel (normalised)",
        probabilities=np.exp(log_probs),
        frame_s=recognizer.frame_s,
        pieces=recognizer.pieces,
        blank_id=recognizer.blank_id,
        transcript=transcript,
    )


def _frontend(recognizer: Recognizer) -> FrontendOptions:
    """What a picture needs of the model's front end."""
    values = {entry.name: entry.value for entry in recognizer.properties}
    changes = {
        name: kind(values[f"frontend.{name}"])
        for name, kind in {
            "kind": str,
            "sample_rate_hz": int,
            "n_mels": int,
            "n_fft": int,
            "hop_length_samples": int,
            "mel_scale": str,
            "mel_shape": str,
            "low_hz": float,
            "high_hz": float,
            "normalize": str,
        }.items()
        if f"frontend.{name}" in values
    }
    return FrontendOptions(**changes)


def _draw(content: _Content, width_in: float | None) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    duration_s = content.end_s - content.start_s
    width = width_in or min(max(NARROWEST_IN, INCHES_A_SECOND * duration_s), WIDEST_IN)
    rows = _rows(content)
    labels = _Labels.fit(content, (width - 1.6) / max(duration_s, content.frame_s))
    heights = [labels.height_in, 0.8, 1.2, max(0.75, ROW_IN * len(rows))]
    figure = Figure(figsize=(width, sum(heights) + 0.8), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(4, 2, height_ratios=heights, width_ratios=[1, 0.09 / (width - 1.6)])
    words = figure.add_subplot(grid[0, 0])
    wave, log_mel, posteriors = (figure.add_subplot(grid[row, 0], sharex=words) for row in (1, 2, 3))
    _draw_words(words, content, labels)
    _draw_waveform(wave, content)
    mel_image = _draw_log_mel(log_mel, content)
    posterior_image = _draw_posteriors(posteriors, content, rows)
    for image, row, label in ((mel_image, 2, content.log_mel_unit), (posterior_image, 3, "Probability")):
        figure.colorbar(image, cax=figure.add_subplot(grid[row, 1]), label=label)
    for axes in (words, wave, log_mel):
        axes.tick_params(labelbottom=False)
    words.tick_params(bottom=False)
    posteriors.set_xlabel("Time (s)")
    posteriors.set_xlim(content.start_s, max(content.end_s, content.start_s + content.frame_s))
    times_s = sorted({time for word in content.transcript.words for time in (word.start_s, word.end_s)})
    alpha = 0.7 if len(times_s) < 60 else 0.35
    for axes, colour in ((wave, VERMILION), (log_mel, "white"), (posteriors, VERMILION)):
        for time_s in times_s:
            axes.axvline(content.start_s + time_s, color=colour, linewidth=0.5, alpha=alpha)
    figure.align_ylabels([wave, log_mel, posteriors])
    return figure


@dataclass(frozen=True)
class _Labels:
    """How the words are written so that they don't run into each other."""

    font_pt: float
    upright: bool
    centres_s: tuple[float | None, ...]
    """Position of each word, from the start; None: there is no room for it."""
    height_in: float

    @classmethod
    def fit(cls, content: _Content, inches_a_second: float) -> _Labels:
        """The first way that fits: horizontal; upright, side by side; smaller; only the words that find room."""
        words = content.transcript.words
        centres_in = [(word.start_s + word.end_s) / 2 * inches_a_second for word in words]
        widths_in = [(len(word.text) + 1) * CHARACTER_EM * FONT_PT / 72 for word in words]
        end_in = (content.end_s - content.start_s) * inches_a_second
        neighbours = range(len(words) - 1)
        if (
            all(centres_in[i + 1] - centres_in[i] >= (widths_in[i] + widths_in[i + 1]) / 2 for i in neighbours)
            and all(width <= 2 * centre for width, centre in zip(widths_in, centres_in, strict=True))
            and all(width <= 2 * (end_in - centre) for width, centre in zip(widths_in, centres_in, strict=True))
        ):
            return cls(FONT_PT, False, tuple(centre / inches_a_second for centre in centres_in), LEVEL_IN)
        font_pt = min(FONT_PT, max(LEAST_PT, end_in * 72 / LINE_EM / max(len(words), 1)))
        line_in = LINE_EM * font_pt / 72
        kept = list(range(len(words)))
        if len(words) * line_in > end_in:
            kept = [i for i in kept if i == 0 or centres_in[i] // line_in > centres_in[i - 1] // line_in]
            logging.getLogger("fastctc").warning(
                "%d of %d words have no room for a label. Draw a shorter part, or a wider figure.",
                len(words) - len(kept),
                len(words),
            )
        places_in = _spread([centres_in[i] for i in kept], line_in, end_in)
        place_of = dict(zip(kept, places_in, strict=True))
        centres_s = tuple(place_of[i] / inches_a_second if i in place_of else None for i in range(len(words)))
        return cls(font_pt, True, centres_s, LABEL_PADDING_IN + max(widths_in) * font_pt / FONT_PT)


def _spread(centres: Sequence[float], gap: float, end: float) -> list[float]:
    """Places in the same order, at least `gap` apart, within 0 to `end` if they fit, with the least squared moves.

    Minus `gap` per item they must not decrease: isotonic regression by pooling neighbours.
    """
    pools: list[tuple[float, int]] = []  # mean, items
    for i, centre in enumerate(centres):
        mean, count = centre - i * gap, 1
        while pools and pools[-1][0] > mean:
            before, n_before = pools.pop()
            mean, count = (before * n_before + mean * count) / (n_before + count), n_before + count
        pools.append((mean, count))
    lowest, highest = gap / 2, end - gap / 2 - (len(centres) - 1) * gap
    places = [max(lowest, min(mean, highest)) for mean, count in pools for _ in range(count)]
    return [place + i * gap for i, place in enumerate(places)]


def _rows(content: _Content) -> list[int]:
    """The tokens found, in order, the likeliest if there are too many; the blank last."""
    found = list(dict.fromkeys(token.id for token in content.transcript.tokens))
    if len(found) > MOST_ROWS - 1:
        mass = content.probabilities.sum(axis=0)
        kept = set(sorted(found, key=lambda token: -mass[token])[: MOST_ROWS - 1])
        found = [token for token in found if token in kept]
    return [*found, content.blank_id]


def _draw_words(axes: Axes, content: _Content, labels: _Labels) -> None:
    axes.set_ylim(0, 1)
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    for number, (word, centre_s) in enumerate(zip(content.transcript.words, labels.centres_s, strict=True)):
        begin, end = content.start_s + word.start_s, content.start_s + word.end_s
        axes.axvspan(begin, end, facecolor=(SKY, GREY)[number % 2], edgecolor=VERMILION, linewidth=0.5)
        if centre_s is not None:
            axes.text(
                content.start_s + centre_s,
                0.5,
                word.text,
                fontsize=labels.font_pt,
                rotation=90 if labels.upright else 0,
                ha="center",
                va="center",
            )


def _draw_waveform(axes: Axes, content: _Content) -> None:
    samples, rate_hz = content.samples, content.sample_rate_hz
    if len(samples) <= MOST_COLUMNS:
        times_s = content.start_s + np.arange(len(samples)) / rate_hz
        axes.plot(times_s, samples, color=BLUE, linewidth=0.6)
    else:
        begins = np.linspace(0, len(samples), MOST_COLUMNS, endpoint=False).astype(np.int64)
        low, high = np.minimum.reduceat(samples, begins), np.maximum.reduceat(samples, begins)
        axes.fill_between(content.start_s + begins / rate_hz, low, high, color=BLUE, linewidth=0.3)
    peak = float(np.abs(samples).max(initial=0.0))
    limit = 1.1 * peak if peak > 0 else 1.0
    axes.set_ylim(-limit, limit)
    axes.set_ylabel("Amplitude\n(full scale 1)")


def _draw_log_mel(axes: Axes, content: _Content) -> Any:
    n_mels, n_frames = content.log_mel.shape
    half_s = content.log_mel_s / 2  # a frame is centred at its time
    image = axes.imshow(
        content.log_mel if n_frames else np.full((n_mels, 1), np.nan),
        vmin=None if n_frames else 0,
        vmax=None if n_frames else 1,
        origin="lower",
        aspect="auto",
        cmap=LOG_MEL_MAP,
        extent=(content.start_s - half_s, content.start_s + max(n_frames, 1) * content.log_mel_s - half_s, 0, n_mels),
        rasterized=True,
    )
    ticks_hz = [hz for hz in (500, 1000, 2000, 4000, 8000) if content.band_hz[0] < hz <= content.band_hz[-1] + 500]
    axes.set_yticks(
        np.interp(ticks_hz, content.band_hz, np.arange(n_mels) + 0.5), [f"{hz / 1000:g}" for hz in ticks_hz]
    )
    axes.set_ylabel("Frequency (kHz,\nmel scale)")
    return image


def _draw_posteriors(axes: Axes, content: _Content, rows: Sequence[int]) -> Any:
    n_frames = len(content.probabilities)
    values = content.probabilities[:, list(rows)].T if n_frames else np.zeros((len(rows), 1))
    image = axes.imshow(
        values,
        aspect="auto",
        cmap=POSTERIOR_MAP,
        vmin=0,
        vmax=1,
        interpolation="nearest",
        extent=(content.start_s, content.start_s + max(n_frames, 1) * content.frame_s, len(rows) - 0.5, -0.5),
        rasterized=True,
    )
    # SentencePiece's mark of a word's start is so low that it would touch the row below.
    labels = ["blank" if row == content.blank_id else content.pieces[row].replace("\u2581", "_") for row in rows]
    axes.set_yticks(range(len(rows)), labels)
    for label in axes.get_yticklabels():
        label.set_parse_math(False)
    axes.tick_params(axis="y", length=0)
    n_found = len({token.id for token in content.transcript.tokens})
    axes.set_ylabel("Token" if n_found < len(rows) else f"Token ({len(rows) - 1} of {n_found})")
    return image
