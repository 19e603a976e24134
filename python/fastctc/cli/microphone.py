"""The microphone, through the optional package sounddevice."""

from __future__ import annotations

from collections.abc import Iterator
from queue import Empty, Full, Queue
from typing import Any

import numpy as np

from fastctc.cli.live import Blocks
from fastctc.errors import AudioError, OptionError

__all__ = ["describe_devices", "open_microphone"]

_WAITING_BLOCKS = 4000
"""Blocks of some 10 ms that may wait for the model; audio that comes when they are full is lost, and reported."""
_POLL_S = 0.5


def open_microphone(device: str | None, wanted_rate_hz: int) -> tuple[int, Blocks]:
    """Opens an input device.

    Args:
        device: its number, or a part of its name; None: the system's default.
        wanted_rate_hz: the rate to ask for; a device that does not have it gives its own.

    Returns:
        The rate, and blocks of samples [n, 1], with a message where audio was lost. The device is opened by the
        first block and closed with the iterator.

    Raises:
        AudioError: sounddevice is missing, or the device can't be used.
        OptionError: there is no such device.
    """
    sounddevice = _import_sounddevice()
    number = int(device) if device is not None and device.isascii() and device.isdigit() else device
    try:
        found = sounddevice.query_devices(number, "input")
    except ValueError as error:
        raise OptionError(f"--device {device}: {error}. fastctc listen --list-devices shows the devices.") from None
    except sounddevice.PortAudioError as error:
        raise AudioError(f"There is no microphone to listen to: {error}.") from error
    rate_hz = wanted_rate_hz
    try:
        sounddevice.check_input_settings(device=number, channels=1, dtype="float32", samplerate=rate_hz)
    except sounddevice.PortAudioError:
        rate_hz = int(found["default_samplerate"])
    return rate_hz, _listen(sounddevice, number, str(found["name"]), rate_hz)


def describe_devices() -> Iterator[str]:
    """One line per input device: its number and its name. Raises AudioError."""
    sounddevice = _import_sounddevice()
    try:
        devices = list(sounddevice.query_devices())
    except sounddevice.PortAudioError as error:
        raise AudioError(f"The audio devices can't be listed: {error}.") from error
    if not any(device["max_input_channels"] > 0 for device in devices):
        raise AudioError("There is no input device. Connect a microphone; fastctc stream - reads a pipe instead.")
    return (f"{number}\t{device['name']}" for number, device in enumerate(devices) if device["max_input_channels"] > 0)


def _listen(sounddevice: Any, device: int | str | None, name: str, rate_hz: int) -> Blocks:
    queue: Queue[Any] = Queue(_WAITING_BLOCKS)
    lost = [0]  # times that audio was lost; the callback counts

    def hear(data: Any, _n_frames: int, _time: Any, status: Any) -> None:
        # In PortAudio's own thread, which must not wait.
        if status.input_overflow:
            lost[0] += 1
        try:
            queue.put_nowait(bytes(data))
        except Full:
            lost[0] += 1

    try:
        with sounddevice.RawInputStream(
            samplerate=rate_hz, device=device, channels=1, dtype="float32", callback=hear
        ) as stream:
            n_told = 0
            while True:
                try:
                    data = queue.get(timeout=_POLL_S)
                except Empty:
                    if not stream.active:
                        raise AudioError(f"The microphone {name} has gone away.") from None
                    continue
                if lost[0] > n_told:
                    n_told = lost[0]
                    yield "Some audio of the microphone was lost: the computer was busy. Words may be missing."
                yield np.frombuffer(data, np.float32)[:, None]
    except sounddevice.PortAudioError as error:
        raise AudioError(f"The microphone {name} can't be used: {error}.") from error


def _import_sounddevice() -> Any:
    try:
        import sounddevice
    except ImportError:
        raise AudioError(
            "fastctc listen needs the package sounddevice. Install it: pip install 'fastctc[listen]'."
        ) from None
    except OSError as error:  # the package is there, PortAudio is not
        raise AudioError(
            f"sounddevice does not work: {error}. Install PortAudio, on Debian and Ubuntu: apt install libportaudio2."
        ) from error
    return sounddevice
