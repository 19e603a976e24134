"""`fastctc listen`, with a sounddevice that plays a file instead of listening."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile

import fastctc.cli.microphone
from conftest import DATA, ROOT
from fastctc.cli import main
from fastctc.cli.arguments import parse
from fastctc.cli.listen import run
from fastctc.cli.live import Blocks
from fastctc.errors import AudioError

RECORDING = DATA / "speech" / "two-nine-three-four-zero.wav"
SAID = "two nine three four zero"
DEVICES = [
    {"name": "Speakers", "max_input_channels": 0, "default_samplerate": 48000.0},
    {"name": "Headset", "max_input_channels": 1, "default_samplerate": 16000.0},
    {"name": "USB mic [2]", "max_input_channels": 2, "default_samplerate": 48000.0},
]


class PortAudioError(Exception):
    pass


class FakeStream:
    """Calls back from a thread of its own, as PortAudio does; then the device is gone."""

    def __init__(self, owner: SoundDevice, callback: Callable[..., None], **options: Any) -> None:
        self.owner, self.callback = owner, callback
        owner.opened.append(options)
        self.active = True
        self.thread = threading.Thread(target=self.play)

    def __enter__(self) -> FakeStream:
        if self.owner.failure is not None:
            raise self.owner.failure
        self.thread.start()
        return self

    def __exit__(self, *error: Any) -> None:
        self.active = False
        self.thread.join()
        self.owner.n_closed += 1

    def play(self) -> None:
        for number, begin in enumerate(range(0, len(self.owner.samples), 160)):
            if not self.active:
                return
            status = SimpleNamespace(input_overflow=number in self.owner.overflows)
            # PortAudio's buffer is gone after the call.
            buffer = bytearray(self.owner.samples[begin : begin + 160].tobytes())
            self.callback(memoryview(buffer), len(buffer) // 4, None, status)
            buffer[:] = bytes(len(buffer))
            time.sleep(self.owner.pause_s)
        self.active = False


class SoundDevice:
    """The part of the package sounddevice that is used."""

    PortAudioError = PortAudioError

    def __init__(self) -> None:
        self.samples = soundfile.read(RECORDING, dtype="float32")[0]
        self.devices = DEVICES
        self.rates = {16000, 48000}
        self.overflows: set[int] = set()
        self.failure: Exception | None = None
        self.opened: list[dict[str, Any]] = []
        self.n_closed = 0
        self.pause_s = 0.0

    def query_devices(self, device: int | str | None = None, kind: str | None = None) -> Any:
        if kind is None:
            return self.devices
        if not self.devices:
            raise PortAudioError("Error querying device -1")
        for number, entry in enumerate(self.devices):
            if (device is None or device == number or str(device) in str(entry["name"])) and entry[
                "max_input_channels"
            ]:
                return entry
        raise ValueError(f"No input device matching {device!r}")

    def check_input_settings(self, *, samplerate: int, **_: Any) -> None:
        if samplerate not in self.rates:
            raise PortAudioError("Invalid sample rate")

    def RawInputStream(self, **options: Any) -> FakeStream:  # noqa: N802 its name there
        return FakeStream(self, **options)


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> SoundDevice:
    fake = SoundDevice()
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    monkeypatch.setattr(fastctc.cli.microphone, "_POLL_S", 0.05)
    return fake


def listen(model: Path, *argv: str) -> int:
    return main(["listen", "--model", str(model), *argv])


def test_what_is_heard_is_printed_though_the_device_goes_away(
    device: SoundDevice, demo_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert listen(demo_model, "--latency-ms", "80") == 1
    assert capsys.readouterr() == (f"{SAID}\n", "fastctc: The microphone Headset has gone away.\n")
    assert device.opened == [{"samplerate": 16000, "device": None, "channels": 1, "dtype": "float32"}]
    assert device.n_closed == 1


@pytest.mark.parametrize(("name", "asked"), [("2", 2), ("USB mic", "USB mic")])
def test_a_device_at_another_rate(
    name: str, asked: int | str, device: SoundDevice, demo_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    device.rates = {48000}
    device.samples = np.repeat(device.samples, 3)
    assert listen(demo_model, "--device", name) == 1
    assert device.opened[0]["device"] == asked
    assert device.opened[0]["samplerate"] == 48000
    assert capsys.readouterr().out == f"{SAID}\n"


def test_lost_audio_is_told(device: SoundDevice, demo_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    device.overflows = {3}
    assert listen(demo_model) == 1
    assert capsys.readouterr().err.splitlines()[0] == (
        "fastctc: Some audio of the microphone was lost: the computer was busy. Words may be missing."
    )


def test_the_list_of_devices(device: SoundDevice, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["listen", "--list-devices"]) == 0
    assert capsys.readouterr() == ("1\tHeadset\n2\tUSB mic [2]\n", "")
    device.devices = DEVICES[:1]
    assert main(["listen", "--list-devices"]) == 1
    assert "no input device" in capsys.readouterr().err


def test_no_device(device: SoundDevice, demo_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert listen(demo_model, "--device", "Radio") == 2
    assert "--list-devices" in capsys.readouterr().err
    device.devices = []
    assert listen(demo_model) == 1
    assert "no microphone" in capsys.readouterr().err


def test_a_device_that_can_not_be_opened(
    device: SoundDevice, demo_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    device.failure = PortAudioError("Device unavailable")
    assert listen(demo_model) == 1
    assert capsys.readouterr() == ("", "fastctc: The microphone Headset can't be used: Device unavailable.\n")


def test_a_missing_package(
    demo_model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    assert listen(demo_model) == 1
    assert capsys.readouterr().err == (
        "fastctc: fastctc listen needs the package sounddevice. Install it: pip install 'fastctc[listen]'.\n"
    )


def test_a_missing_library(
    tmp_path: Path, demo_model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    assert listen(demo_model) == 1
    assert "apt install libportaudio2" in capsys.readouterr().err


def test_a_source_of_ones_own(demo_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It ends as it likes; and it is asked for the model's rate."""
    samples = soundfile.read(RECORDING, dtype="float32")[0]

    def source(device: str | None, rate_hz: int) -> tuple[int, Blocks]:
        assert (device, rate_hz) == ("mine", 16000)

        def blocks() -> Iterator[Any]:
            yield samples[:20000, None]
            yield "a message"
            yield samples[20000:, None]

        return rate_hz, blocks()  # type: ignore[return-value]

    arguments = parse(["listen", "--device", "mine", "--model", str(demo_model), "--timestamps"])
    assert run(arguments, fastctc.load, microphone=source) == 0
    assert capsys.readouterr() == (f"[00:00.5] {SAID}\n", "fastctc: a message\n")


def test_what_waits_too_long_is_lost_and_told(device: SoundDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fastctc.cli.microphone, "_WAITING_BLOCKS", 5)
    _, blocks = fastctc.cli.microphone.open_microphone(None, 16000)
    got: list[Any] = []

    def listen_slowly() -> None:
        for block in blocks:
            got.append(block)
            time.sleep(0.01)

    with pytest.raises(AudioError, match="gone away"):
        listen_slowly()
    assert any("was lost" in block for block in got if isinstance(block, str))
    assert 0 < sum(not isinstance(block, str) for block in got) < len(device.samples) // 160
    assert device.n_closed == 1


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_an_interrupt_is_the_usual_end(tmp_path: Path, demo_model: Path) -> None:
    """The device goes on giving silence; what was said before is printed."""
    (tmp_path / "sounddevice.py").write_text(
        "import sys\n"
        f"sys.path[:0] = [{str(ROOT / 'tests' / 'python')!r}, {str(ROOT / 'tests')!r}]\n"
        "import numpy as np\n"
        "from test_cli_listen import PortAudioError, SoundDevice\n"
        "device = SoundDevice()\n"
        "device.samples = np.concatenate([device.samples, np.zeros(16000 * 600, np.float32)])\n"
        "device.pause_s = 0.001\n"
        "query_devices, check_input_settings = device.query_devices, device.check_input_settings\n"
        "RawInputStream = device.RawInputStream\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    argv = [sys.executable, "-m", "fastctc", "listen", "--quiet", "--json", "--partials", "--model", str(demo_model)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        while b"zero" not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        out = process.stdout.read().decode()
        assert process.wait(20) == 130
        assert process.stderr.read() == b""
    assert SAID in out
    assert '"cause": "finish"' in out.splitlines()[-1]
