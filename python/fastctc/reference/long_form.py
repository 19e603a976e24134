"""Twin of long_form.cpp and longform/: the log-probs of a recording of any length, by one of four methods.

one_shot  up to one_shot_max_s: one run of the offline graph
steps     longer, where there is the exact cache-aware graph of several attention chunks: equal to one_shot
windows   longer, where there is the offline graph alone: overlapping windows, joined where both read a pause
stream    any length, where there is a plain cache-aware graph alone
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fastctc.errors import OptionError
from fastctc.reference.acoustic_model import AcousticModel
from fastctc.reference.fbank import compute_features
from fastctc.reference.model_graphs import ModelGraphs
from fastctc.reference.streaming_model import AcousticStream, StreamingModel
from fastctc.types import Alternative, FrontendOptions, LongFormOptions, SpeechSegment, Transcript

__all__ = ["compute_log_probs", "find_join", "join_spoken", "run_steps", "run_windows"]

Floats = NDArray[np.float32]

CHUNK_FRAMES = 112
"""Feature frames. A window that starts at a multiple of this has the phase of the whole recording, in the subsampling
and in the attention chunks of 8 (r + 1) frames, r = 0, 1, 6, 13."""
MARGIN_S = 1.0
"""Windows are not joined this near to their ends, where words are cut."""


def compute_log_probs(
    samples: Floats, frontend: FrontendOptions, graphs: ModelGraphs, blank_id: int, options: LongFormOptions
) -> tuple[Floats, str]:
    """Log-probs [n_frames, n_tokens] of samples [n] at the model's rate, and the method.

    Raises:
        OptionError: an option is out of its range, or the position table is too short for windows.
        ModelError: a graph that is needed can't be used.
    """
    check_options(options)
    offline = graphs.offline
    if offline is not None:
        one_shot_max = int(options.one_shot_max_s * frontend.sample_rate_hz)
        if len(samples) <= min(one_shot_max, max_samples(frontend, offline)):
            return run_window(samples, frontend, offline), "one_shot"
    is_normalized_whole = frontend.normalize not in ("none", "fixed")  # steps would wait for the last frame
    if offline is None or not is_normalized_whole:
        steps_model = graphs.long_form()
        if steps_model is not None:
            return run_steps(samples, frontend, steps_model), "steps"
    if offline is not None:
        return run_windows(samples, frontend, offline, blank_id, options), "windows"
    return run_steps(samples, frontend, graphs.streaming()), "stream"


def run_steps(samples: Floats, frontend: FrontendOptions, model: StreamingModel) -> Floats:
    """Step by step through a cache-aware graph."""
    features, n_valid_frames = compute_features(samples, frontend)
    return AcousticStream(model).run(features[:, :n_valid_frames])


def run_windows(
    samples: Floats, frontend: FrontendOptions, model: AcousticModel, blank_id: int, options: LongFormOptions
) -> Floats:
    """Overlapping windows through the offline graph, each joined to the windows before.

    Each has features of its own samples, as NeMo's buffered inference normalises them
    (nemo/collections/asr/parts/utils/streaming_utils.py).
    """
    frame_samples = model.subsampling_factor * hop_samples(frontend)
    window, shift, alignment = plan_windows(frontend, model, options)
    margin = min(int(MARGIN_S * frontend.sample_rate_hz) // frame_samples, (window - shift) // frame_samples // 4)

    joined = run_window(samples[:window], frontend, model)
    join = start = 0
    while start + window < len(samples):
        # The last window ends with the recording, and is as long as the others: it overlaps more.
        last_start = -(-(len(samples) - window) // alignment) * alignment
        start = min(start + shift, last_start)
        later = run_window(samples[start : start + window], frontend, model)
        # Both have frames `first` to `last`, and nothing before the last join changes.
        offset = start // frame_samples
        first = max(join, offset + margin)
        last = max(min(len(joined), offset + len(later)) - margin, first + 1)
        join = first + find_join(joined[first:last], later[first - offset : last - offset], blank_id)
        joined = np.concatenate([joined[:join], later[join - offset :]])
    return joined


def find_join(earlier: Floats, later: Floats, blank_id: int) -> int:
    """The frame at which the later of two windows [n_frames, n_tokens] over the same frames takes over.

    It is the middle of the longest run of frames that both read as blank, among equals the one nearest the middle:
    speech pauses there. Without such a frame it is where the sum of both blank log-probs is highest.
    """
    n_frames = len(earlier)
    both = (earlier.argmax(axis=1) == blank_id) & (later.argmax(axis=1) == blank_id)
    if not both.any():
        return int(np.argmax(earlier[:, blank_id] + later[:, blank_id]))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], both, [False]]).astype(np.int8)))
    runs = list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
    longest = max(end - start for start, end in runs)
    middles = [(start + end) // 2 for start, end in runs if end - start == longest]
    return min(middles, key=lambda middle: abs(2 * middle - n_frames))


def run_window(samples: Floats, frontend: FrontendOptions, model: AcousticModel) -> Floats:
    """One run of the offline graph."""
    features, n_valid_frames = compute_features(samples, frontend)
    return model.run([features[:, :n_valid_frames]])[0]


def plan_windows(frontend: FrontendOptions, model: AcousticModel, options: LongFormOptions) -> tuple[int, int, int]:
    """Length, shift and alignment of windows, in samples; each is a multiple of an output frame.

    Raises:
        OptionError: The position table is too short.
    """
    frame_samples = model.subsampling_factor * hop_samples(frontend)
    window = min(int(options.window_s * frontend.sample_rate_hz), max_samples(frontend, model))
    window = window // frame_samples * frame_samples
    overlap = min(int(options.overlap_s * frontend.sample_rate_hz), window // 2)
    alignment = frame_samples
    if frontend.kind != "waveform":
        chunks = math.lcm(model.subsampling_factor, CHUNK_FRAMES) * frontend.hop_length_samples
        if 4 * chunks <= window:
            alignment = chunks
    shift = (window - overlap) // alignment * alignment
    if shift == 0:
        raise OptionError(
            f"The model's position table has {model.max_encoder_frames} output frames, too few for windows."
        )
    return window, shift, alignment


def join_spoken(
    parts: Sequence[tuple[SpeechSegment, Transcript]], duration_s: float, empty: Transcript, n_best: int
) -> Transcript:
    """One transcript of the segments of speech, each recognised on its own, in order.

    Args:
        parts: Each segment with its transcript, whose times count from the segment's start.
        duration_s: Of the recording.
        empty: Of an empty recording: how it is called, and its alternatives, where there is no speech.
        n_best: Alternatives; each is a choice of one of every segment, whose scores add up.
    """
    words, tokens = [], []
    method, alternatives = empty.method, empty.alternatives if n_best > 1 else ()
    if parts and n_best > 1:
        alternatives = (Alternative("", (), 0.0, 0.0, 0.0, 0.0),)
    for segment, part in parts:
        start_s = segment.start_s
        words += [replace(w, start_s=w.start_s + start_s, end_s=w.end_s + start_s) for w in part.words]
        tokens += [replace(t, start_s=t.start_s + start_s, end_s=t.end_s + start_s) for t in part.tokens]
        if segment is parts[0][0] or part.method != "one_shot":
            method = part.method
        if n_best > 1:
            pairs = [_join(before, after, start_s) for before in alternatives for after in part.alternatives]
            alternatives = tuple(sorted(pairs, key=lambda entry: -entry.score)[:n_best])
    return Transcript(
        " ".join(part.text for _, part in parts if part.text),
        tuple(words),
        tuple(tokens),
        sum(word.confidence for word in words) / len(words) if words else 1.0,
        duration_s,
        method,
        tuple(SpeechSegment(segment.start_s, min(segment.end_s, duration_s)) for segment, _ in parts),
        alternatives,
    )


def _join(before: Alternative, after: Alternative, start_s: float) -> Alternative:
    words = tuple(replace(word, start_s=word.start_s + start_s, end_s=word.end_s + start_s) for word in after.words)
    tokens = tuple(
        replace(token, start_s=token.start_s + start_s, end_s=token.end_s + start_s) for token in after.tokens
    )
    return Alternative(
        " ".join(filter(None, [before.text, after.text])),
        before.words + words,
        before.score + after.score,
        before.acoustic_score + after.acoustic_score,
        before.lm_score + after.lm_score,
        before.bonus_score + after.bonus_score,
        before.tokens + tokens,
    )


def check_options(options: LongFormOptions) -> None:
    """Raises OptionError that names the field and its range."""
    if not 0 <= options.one_shot_max_s <= 1e6:
        raise OptionError(f"Option one_shot_max_s is {options.one_shot_max_s}, but must be from 0 to 1000000 s.")
    if not 1 <= options.window_s <= 3600:
        raise OptionError(f"Option window_s is {options.window_s}, but must be from 1 to 3600 s.")
    if not 0.5 <= options.overlap_s <= options.window_s / 2:
        raise OptionError(f"Option overlap_s is {options.overlap_s}, but must be from 0.5 s to half of window_s.")


def max_samples(frontend: FrontendOptions, model: AcousticModel) -> int:
    """Samples whose output always fits the position table."""
    if model.max_encoder_frames <= 0:
        return 1 << 62
    return (model.max_encoder_frames - 1) * model.subsampling_factor * hop_samples(frontend)


def hop_samples(frontend: FrontendOptions) -> int:
    """Samples of an input frame."""
    return 1 if frontend.kind == "waveform" else frontend.hop_length_samples
