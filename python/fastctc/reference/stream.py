"""Twin of `cpp/src/live/stream.cpp`: live recognition as one loop.

Audio in any pieces -> frames of features that no later sample changes -> windows of the cache-aware graph -> log-probs,
decoded frame by frame -> results. With speech detection, which here needs the whole signal, everything is recognised at
`finish()`: the same final results, later.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fastctc.errors import AudioError, ModelError
from fastctc.reference.fbank import compute_features
from fastctc.reference.resampler import resample
from fastctc.reference.samples import check_samples
from fastctc.reference.segment_decoder import SegmentDecoder
from fastctc.reference.speech_detector import detect_speech
from fastctc.reference.streaming_model import AcousticStream, StreamingModel
from fastctc.reference.vocabulary import Vocabulary
from fastctc.types import FrontendOptions, StreamOptions, StreamResult

__all__ = ["Stream"]

Samples = NDArray[np.float32]

RESAMPLER_REACH = 65
"""Samples of the lower rate that an output sample waits for."""


class Stream:
    """One live signal. Any split of the audio gives the same final results."""

    def __init__(
        self,
        frontend: FrontendOptions,
        model: StreamingModel,
        vocabulary: Vocabulary,
        options: StreamOptions | None = None,
    ) -> None:
        """Over a configured graph of the look-ahead wanted; `options.latency_ms` is not read.

        Raises:
            ModelError: The features are normalised over the whole utterance.
        """
        if frontend.normalize not in ("none", "fixed"):
            raise ModelError("The model normalises its features over the whole utterance: no live streams.")
        self._frontend = frontend
        self._model = model
        self._options = options or StreamOptions()
        self._frame_s = frontend.hop_length_samples * model.configured().subsampling_factor / frontend.sample_rate_hz
        self._vocabulary = vocabulary
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next sample pushed is at 0 s."""
        self._rate_hz = self._options.sample_rate_hz or 0
        self._pushed = np.empty(0, np.float32)  # at that rate
        self._is_finished = False
        self._results: list[StreamResult] = []
        self._decoder = SegmentDecoder(self._vocabulary, self._frame_s, self._options)
        self._begin_utterance(0.0)

    def push(self, samples: Samples, sample_rate_hz: int = 0) -> None:
        """Take samples [n]; rate 0: the stream's.

        Raises:
            AudioError: A sample is not finite (none is taken), another rate than before, or after finish().
            EngineError: The graph failed.
        """
        if self._is_finished:
            raise AudioError("The stream is finished and takes no more audio.")
        rate_hz = sample_rate_hz or self._rate_hz or self._frontend.sample_rate_hz
        if self._rate_hz and rate_hz != self._rate_hz:
            raise AudioError(f"The stream is at {self._rate_hz} Hz, but this audio is at {rate_hz} Hz.")
        check_samples(samples, first=len(self._pushed))
        if len(samples) == 0:
            return
        self._rate_hz = rate_hz
        self._pushed = np.concatenate([self._pushed, samples])
        if self._options.vad.kind == "none":
            self._recognise(self._resampled())

    def finish(self) -> None:
        """No more audio: every frame is recognised and the last segment becomes final."""
        if self._is_finished:
            return
        self._is_finished = True
        if len(self._pushed) == 0:
            return
        samples = self._resampled()
        if self._options.vad.kind == "none":
            self._end_utterance(samples, self.pushed_s, "finish")
            return
        rate_hz = self._frontend.sample_rate_hz
        for speech in detect_speech(samples, self._options.vad, rate_hz):
            begin, end = (math.floor(time_s * rate_hz + 0.5) for time_s in (speech.start_s, speech.end_s))
            self._begin_utterance(begin / rate_hz)
            self._end_utterance(samples[begin:end], (end - begin) / rate_hz, "silence")
        self._decoder.begin(max(self.pushed_s, self._decoder.last_end_s))
        self._decoder.end_at(0.0)
        self._results.append(self._decoder.finish("finish"))

    def take(self) -> list[StreamResult]:
        """Results since the last call, in order."""
        results, self._results = self._results, []
        return results

    @property
    def done(self) -> bool:
        """finish() was called, and everything has been recognised."""
        return self._is_finished

    @property
    def pushed_s(self) -> float:
        """Audio pushed."""
        return len(self._pushed) / self._rate_hz if self._rate_hz else 0.0

    def _begin_utterance(self, offset_s: float) -> None:
        self._n_frames = 0  # of features, given to the model
        self._acoustic = AcousticStream(self._model, self._options.start)
        self._decoder.begin(offset_s)

    def _recognise(self, samples: Samples, *, is_whole: bool = False) -> None:
        """New results from an utterance's samples so far."""
        features = self._new_features(samples, is_whole)
        self._n_frames += features.shape[1]
        self._acoustic.push(features)
        if is_whole:
            self._acoustic.finish()
        while self._acoustic.ready:
            self._acoustic.step()
            self._results += self._decoder.step(self._acoustic.take())

    def _end_utterance(self, samples: Samples, duration_s: float, cause: Literal["silence", "finish"]) -> None:
        self._decoder.end_at(duration_s)
        self._recognise(samples, is_whole=True)
        self._results.append(self._decoder.finish(cause))

    def _new_features(self, samples: Samples, is_whole: bool) -> Samples:
        """[n_features, n] from frame self._n_frames on, up to the last one that no further sample changes."""
        options, hop = self._frontend, self._frontend.hop_length_samples
        # Starts a few frames earlier; these see the cut of the signal and are dropped.
        n_before = min(self._n_frames, math.ceil((options.n_fft + 1) / hop)) if options.dither == 0 else self._n_frames
        first = (self._n_frames - n_before) * hop
        features, n_valid_frames = compute_features(samples[first:], options)
        if not is_whole:
            reach = (options.win_length_samples + 1) // (2 if options.framing == "centered" else 1)
            n_valid_frames = max((len(samples) - first - reach) // hop + 1, 0)
        return features[:, n_before : max(n_valid_frames, n_before)]

    def _resampled(self) -> Samples:
        """The audio pushed, at the model's rate: all samples that no further one changes."""
        model_rate_hz = self._frontend.sample_rate_hz
        if self._rate_hz == model_rate_hz:
            return self._pushed
        samples = resample(self._pushed, self._rate_hz, model_rate_hz).astype(np.float32)
        if not self._is_finished:
            reach = math.ceil(RESAMPLER_REACH * max(model_rate_hz / self._rate_hz, 1.0)) + 1
            samples = samples[: max(len(samples) - reach, 0)]
        return samples
