"""Which parts of a recording hold speech: voice activity detection."""

from __future__ import annotations

import os
from typing import TypeAlias

from fastctc import _core
from fastctc.audio.reading import AudioSource, Channel, open_audio
from fastctc.core_options import core_fields, session_fields
from fastctc.errors import OptionError
from fastctc.installed.onnxruntime_library import find_library
from fastctc.types import SessionOptions, SpeechSegment, VadOptions

__all__ = ["Vad", "detect_speech", "resolve_vad"]

Vad: TypeAlias = "str | os.PathLike[str] | VadOptions | None"
"""How to find speech: "energy", the path of Silero's .onnx file, or all the options; None: not at all."""

RATE_HZ = 16000
"""Audio is resampled to this rate. Silero's graph has another half for 8000 Hz, which is no better for speech."""


def resolve_vad(vad: Vad) -> VadOptions:
    """The options for `vad`.

    Raises:
        OptionError: a text that is neither a kind nor the path of an .onnx file.
    """
    if vad is None:
        return VadOptions()
    if isinstance(vad, VadOptions):
        return vad
    if isinstance(vad, (str, os.PathLike)):
        text = os.fspath(vad)
        if text in ("none", "energy"):
            return VadOptions(kind="energy" if text == "energy" else "none")
        if isinstance(text, str) and text.lower().endswith(".onnx"):
            return VadOptions(kind="silero", model=text)
    raise OptionError(
        f"vad is {vad!r}; give 'energy', the path of Silero's .onnx file, a fastctc.VadOptions, or None. The PyPI "
        "package silero-vad carries the file: silero_vad/data/silero_vad.onnx."
    )


def detect_speech(
    audio: AudioSource,
    *,
    vad: str | os.PathLike[str] | VadOptions = "energy",
    sample_rate: int | None = None,
    channel: Channel = "mean",
    session: SessionOptions | None = None,
) -> list[SpeechSegment]:
    """Finds the parts of a recording that hold speech. One of any length is never in memory whole.

    Args:
        audio: a path, bytes, a binary file object or an array; see `fastctc.audio.load_audio`.
        vad: "energy" (the level above the noise), the path of Silero's .onnx file, or VadOptions.
        sample_rate: of an array, in Hz; None: 16000.
        channel: a channel's number, or the mean of all.
        session: how ONNX Runtime runs Silero's graph.

    Returns:
        The segments in order, without overlap, `padding_s` included.

    Raises:
        AudioError: the audio can't be used.
        OptionError: an option is out of range or contradicts another one.
        ModelError: the file is not Silero's.
        EngineError: ONNX Runtime is missing, or fails.
    """
    options = resolve_vad(vad)
    engine = session or SessionOptions()
    # The energy detector needs no ONNX Runtime, and so does not look for it.
    library = find_library(engine.library)[0] if options.kind == "silero" else engine.library
    detector = _core.SpeechDetector(core_fields(options), RATE_HZ, session_fields(engine, library))
    with open_audio(audio, default_rate_hz=RATE_HZ, sample_rate=sample_rate, channel=channel) as recording:
        for [samples] in recording.blocks():
            detector.push(samples, recording.rate_hz)
    detector.finish()
    return [SpeechSegment(*segment) for segment in detector.take()]
