"""Sound as people have it: files, bytes, file objects and arrays to float32 samples."""

from fastctc.audio.reading import (
    AudioSource,
    Channel,
    Channels,
    as_samples,
    load_audio,
    probe_duration_s,
    read_audio,
)

__all__ = ["AudioSource", "Channel", "Channels", "as_samples", "load_audio", "probe_duration_s", "read_audio"]
