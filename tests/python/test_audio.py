"""`fastctc.audio` beyond what its twin does: file objects, truncated files and streams, memory, cost of import."""

from __future__ import annotations

import array
import io
import logging
import os
import struct
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from fastctc.audio.reading import load_audio, probe_duration_s, read_audio
from fastctc.errors import AudioError, AudioNotFoundError, OptionError

RATE_HZ = 8000


def noise(n_channels: int = 2, n_frames: int = RATE_HZ) -> npt.NDArray[np.float32]:
    return np.random.default_rng(0).uniform(-0.5, 0.5, (n_frames, n_channels)).astype(np.float32)


def encode(samples: npt.NDArray[Any], container: str = "WAV", subtype: str = "PCM_16") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, RATE_HZ, format=container, subtype=subtype)
    return file.getvalue()


WAV = encode(noise())
EXPECTED = load_audio(WAV, target_rate_hz=16000).samples


def load(source: Any) -> npt.NDArray[np.float32]:
    return load_audio(source, target_rate_hz=16000).samples


# Sources


def test_paths(tmp_path: Path) -> None:
    for name in ("plain.wav", "no extension", "wrong.flac", "headerless.raw", "ünï çødé 音.wav"):
        path = tmp_path / name
        path.write_bytes(WAV)
        np.testing.assert_array_equal(load(path), EXPECTED)
        np.testing.assert_array_equal(load(str(path)), EXPECTED)


@pytest.mark.skipif(sys.platform != "linux", reason="only there may a file name be any bytes")
def test_path_that_is_not_unicode(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/caf\xe9.wav"
    Path(os.fsdecode(path)).write_bytes(WAV)
    np.testing.assert_array_equal(load(os.fsdecode(path)), EXPECTED)


def test_bytes_like() -> None:
    for source in (WAV, bytearray(WAV), memoryview(WAV)):
        np.testing.assert_array_equal(load(source), EXPECTED)


def test_buffers_of_samples() -> None:
    values = array.array("h", [0, 16384, -32768])
    for source in (values, memoryview(values), np.frombuffer(values, np.int16)):
        np.testing.assert_array_equal(load(source), np.array([0, 0.5, -1], np.float32))


def test_what_numpy_can_take() -> None:
    class Tensor:
        def __array__(self, dtype: Any = None, copy: Any = None) -> npt.NDArray[Any]:
            return noise()[:, 0]

    np.testing.assert_array_equal(load(Tensor()), noise()[:, 0])


@pytest.mark.parametrize("position", [0, 10, len(WAV)])
def test_file_object_at_any_position_is_left_there(tmp_path: Path, position: int) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(WAV)
    with path.open("rb") as buffered, path.open("rb", buffering=0) as raw:
        for file in (buffered, raw, io.BytesIO(WAV)):
            file.seek(position)
            for _ in range(2):
                np.testing.assert_array_equal(load(file), EXPECTED)
                assert file.tell() == position
                assert not file.closed


class Trickle(io.RawIOBase):
    """Gives a few bytes at a time, and what `fault` says at its 20th read."""

    def __init__(self, data: bytes, fault: BaseException | None = None, seekable: bool = True) -> None:
        self._file = io.BytesIO(data)
        self._fault = fault
        self._seekable = seekable
        self._n_reads = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._seekable

    def seek(self, offset: int, whence: int = 0) -> int:
        if not self._seekable:
            raise io.UnsupportedOperation("seek")
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: Any) -> int:
        self._n_reads += 1
        if self._fault is not None and self._n_reads >= 20:
            raise self._fault
        return self._file.readinto(memoryview(buffer)[:777])


@pytest.mark.parametrize("seekable", [True, False])
def test_file_that_gives_little_at_a_time(seekable: bool) -> None:
    np.testing.assert_array_equal(load(Trickle(WAV, seekable=seekable)), EXPECTED)


@pytest.mark.parametrize("seekable", [True, False])
def test_file_that_fails_while_it_is_read(seekable: bool, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AudioError, match="the disk is on fire"):
        load(Trickle(WAV, OSError("the disk is on fire"), seekable))
    with pytest.raises(KeyboardInterrupt):
        load(Trickle(WAV, KeyboardInterrupt(), seekable))
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_named_pipe(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(WAV,))
    writer.start()
    np.testing.assert_array_equal(load(path), EXPECTED)
    writer.join()


def test_unusual_numbers_for_rates() -> None:
    samples = noise(1)[:, 0]
    expected = load_audio(samples, target_rate_hz=16000, sample_rate=8000).samples
    for rate in (8000.0, np.int32(8000), np.float64(8000)):
        np.testing.assert_array_equal(load_audio(samples, target_rate_hz=16000, sample_rate=rate).samples, expected)  # type: ignore[arg-type]
    for wrong in ("8000", None, 2**70, np.bool_(True)):
        with pytest.raises(OptionError, match="target_rate_hz"):
            load_audio(samples, target_rate_hz=wrong)  # type: ignore[arg-type]


# What is wrong with a source


def test_closed_file() -> None:
    file = io.BytesIO(WAV)
    file.close()
    with pytest.raises(AudioError, match="closed"):
        load(file)


def test_text_file_object(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(WAV)
    with path.open("r", encoding="latin-1") as file, pytest.raises(AudioError, match=r'open\(path, "rb"\)'):
        load(file)
    with pytest.raises(AudioError, match="binary mode"):
        load(io.StringIO("text"))


def test_file_opened_for_writing(tmp_path: Path) -> None:
    with (tmp_path / "a.wav").open("wb") as file, pytest.raises(AudioError, match=r"a\.wav can't be read"):
        load(file)


def test_missing_files_are_also_the_builtin_error(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.wav", "", str(tmp_path / "no" / "directory.wav")):
        with pytest.raises(AudioNotFoundError) as error:
            load(path)
        assert isinstance(error.value, FileNotFoundError)
    with pytest.raises(AudioError, match="can't be opened"):
        load("a\0b.wav")
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(AudioError, match="can't be opened"):
        load(file / "below.wav")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(WAV)
    path.chmod(0)
    with pytest.raises(AudioError, match="can't be opened"):
        load(path)


@pytest.mark.skipif(not Path(os.devnull).is_char_device(), reason="no devices as files here")
def test_device() -> None:
    with pytest.raises(AudioError, match="device"):
        load(os.devnull)


# Truncated files and streams of unknown length


@pytest.mark.parametrize("container", ["WAV", "WAVEX", "RF64", "AIFF", "AU", "FLAC"])
@pytest.mark.parametrize("share", [0.3, 0.8, 0.999])
def test_truncated_files(container: str, share: float, tmp_path: Path) -> None:
    encoded = encode(noise(), container)
    cut = encoded[: int(len(encoded) * share)]
    path = tmp_path / "cut"
    path.write_bytes(cut)
    for source in (cut, path, io.BytesIO(cut)):
        with pytest.raises(AudioError, match="truncated" if container != "FLAC" else "truncated|broken"):
            load(source)


def test_truncated_wav_says_how_much_is_there() -> None:
    with pytest.raises(AudioError, match=r"16000 bytes of audio \(0\.50 s\) are there, .* 32000 \(1\.00 s\)"):
        load(WAV[:-16000])


@pytest.mark.parametrize("n_bytes", range(1, WAV.index(b"data") + 8))
def test_wav_cut_in_its_header(n_bytes: int) -> None:
    with pytest.raises(AudioError):
        load(WAV[:n_bytes])


def test_wav_big_endian() -> None:
    file = io.BytesIO()
    soundfile.write(file, noise(), RATE_HZ, format="WAV", subtype="PCM_16", endian="BIG")
    encoded = file.getvalue()
    assert encoded.startswith(b"RIFX")
    np.testing.assert_array_equal(load(encoded), EXPECTED)
    with pytest.raises(AudioError, match="truncated"):
        load(encoded[:-1000])


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF, 0x80000000, 0x7FFFF000])
@pytest.mark.parametrize("riff_size", [0, 36, 0xFFFFFFFF])
def test_wav_streams_of_unknown_length(size: int, riff_size: int, tmp_path: Path) -> None:
    place = WAV.index(b"data") + 4
    stream = WAV[:4] + struct.pack("<I", riff_size) + WAV[8:place] + struct.pack("<I", size) + WAV[place + 4 :]
    path = tmp_path / "stream.wav"
    path.write_bytes(stream)
    for source in (stream, path, io.BytesIO(stream), Trickle(stream)):
        np.testing.assert_array_equal(load(source), EXPECTED)
        assert probe_duration_s(source) == 1


def test_empty_wav_with_more_chunks_stays_empty() -> None:
    empty = encode(noise()[:0])
    for tail in (b"", b"LIST" + struct.pack("<I", 4) + b"abcd", b"note" + struct.pack("<I", 3) + b"abc\0"):
        assert load(empty + tail).shape == (0,)


def test_wav_with_a_missing_padding_byte() -> None:
    encoded = encode(noise(1, 1001), subtype="PCM_U8")
    assert len(encoded) % 2 == 0
    assert load(encoded[:-1]).shape == (2002,)


def test_truncated_ogg(caplog: pytest.LogCaptureFixture) -> None:
    encoded = encode(noise(2, 10 * RATE_HZ), "OGG", "VORBIS")
    first_audio_page = encoded.index(b"OggS", encoded.index(b"OggS", 1) + 1)
    with pytest.raises(AudioError, match="truncated"):
        load(encoded[: first_audio_page + 1000])
    with caplog.at_level(logging.WARNING, logger="fastctc"):
        some = load(encoded[: len(encoded) * 2 // 3])
    assert 0 < len(some) < 10 * 16000
    assert "perhaps truncated" in caplog.text
    caplog.clear()
    assert len(load(encoded)) == 10 * 16000
    assert not caplog.records


# Duration, memory, import


def test_probe_duration(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(WAV)
    for source in (path, str(path), WAV, io.BytesIO(WAV)):
        assert probe_duration_s(source) == 1
    for container, subtype in (("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")):
        assert probe_duration_s(encode(noise(), container, subtype)) == pytest.approx(1, abs=0.05)
    assert probe_duration_s(noise(), sample_rate=8000) == 1
    assert probe_duration_s(noise()) is None
    unknown: tuple[Any, ...] = (
        tmp_path,
        tmp_path / "missing.wav",
        b"",
        b"text",
        None,
        [0.0],
        Trickle(WAV, seekable=False),
    )
    for source in unknown:
        assert probe_duration_s(source) is None


def test_probe_leaves_a_pipe_alone() -> None:
    pipe = Trickle(WAV, seekable=False)
    assert probe_duration_s(pipe) is None
    np.testing.assert_array_equal(load(pipe), EXPECTED)


def test_memory_is_that_of_the_result(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    with soundfile.SoundFile(path, "w", 48000, 8, "PCM_16") as file:
        for _ in range(30):
            file.write(np.zeros((48000, 8), np.int16))
    load(WAV)  # what is imported and made once
    tracemalloc.start()
    try:
        result = load(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert result.shape == (30 * 16000,)
    assert peak < result.nbytes + 8_000_000  # decoded whole it would be 46 MB


def test_a_header_that_lies_takes_no_memory() -> None:
    encoded = bytearray(encode(noise(), "AU"))
    encoded[8:12] = b"\xff\xff\xff\xff"  # unknown length: to the end
    assert load(bytes(encoded)).shape == EXPECTED.shape
    flac = bytearray(encode(noise(), "FLAC"))
    flac[21] |= 0x0F  # 64 billion frames
    tracemalloc.start()
    try:
        with pytest.raises(AudioError):
            load(bytes(flac))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100_000_000


def test_import_does_not_load_soundfile() -> None:
    code = "import sys, fastctc.audio; sys.exit('soundfile' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Block by block


@pytest.mark.parametrize("rate_hz", [8000, 16000, 11025])
def test_blocks_are_the_whole_bit_for_bit(rate_hz: int) -> None:
    samples = noise(n_channels=2, n_frames=400_000)
    for source in (encode(samples), samples):
        for channel in (0, 1, "mean"):
            blocks = list(read_audio(source, target_rate_hz=rate_hz, sample_rate=RATE_HZ, channel=channel))
            whole = load_audio(source, target_rate_hz=rate_hz, sample_rate=RATE_HZ, channel=channel).samples
            assert len(blocks) > 3
            assert all(block.flags.c_contiguous and block.dtype == np.float32 for block in blocks)
            np.testing.assert_array_equal(np.concatenate(blocks), whole)


@pytest.mark.parametrize("n_channels", [1, 2, 3])
def test_each_channel_in_one_pass(n_channels: int) -> None:
    encoded = encode(noise(n_channels, n_frames=200_000))
    blocks = list(read_audio(encoded, target_rate_hz=16000, channel="split"))
    assert all(block.shape[1] == n_channels and block.flags.c_contiguous for block in blocks)
    split = np.concatenate(blocks)
    for index in range(n_channels):
        np.testing.assert_array_equal(split[:, index], load_audio(encoded, target_rate_hz=16000, channel=index).samples)


def test_blocks_of_nothing_tell_the_channels() -> None:
    assert [block.shape for block in read_audio(np.zeros(0, np.float32), target_rate_hz=16000)] == [(0,)]
    empty = encode(np.zeros((0, 2), np.float32))
    assert [block.shape for block in read_audio(empty, target_rate_hz=16000, channel="split")] == [(0, 2)]


def test_block_errors() -> None:
    with pytest.raises(OptionError, match="target_rate_hz"):
        read_audio(WAV, target_rate_hz=10)  # at once
    with pytest.raises(OptionError, match="channel"):
        read_audio(WAV, target_rate_hz=16000, channel="both")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="channels 0 to 1"):
        next(read_audio(WAV, target_rate_hz=16000, channel=2))
    with pytest.raises(AudioNotFoundError):
        next(read_audio("no such file.wav", target_rate_hz=16000))
    bad = noise(2, 300_000)
    bad[299_000, 1] = np.nan
    blocks = read_audio(bad, target_rate_hz=16000, channel="split")
    assert len(next(blocks)) > 10_000  # what is before the fault
    with pytest.raises(AudioError, match="299000"):
        list(blocks)


def test_a_reader_that_is_closed_leaves_the_file_where_it_stood() -> None:
    file = io.BytesIO(encode(noise(2, 400_000)))
    file.seek(7)
    blocks = read_audio(file, target_rate_hz=16000)
    next(blocks)
    blocks.close()
    assert file.tell() == 7
    assert not file.closed


def test_blocks_need_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    soundfile.write(path, np.zeros((20 * 60 * RATE_HZ, 1), np.int16), RATE_HZ)
    tracemalloc.start()
    try:
        n_samples = sum(len(block) for block in read_audio(path, target_rate_hz=16000))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert n_samples == 20 * 60 * 16000
    assert peak < 20 << 20  # the samples are 77 MB
