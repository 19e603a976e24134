"""The figure of a recording: what its artists hold, and the pictures made of it."""

from __future__ import annotations

import builtins
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

import fastctc
from conftest import DATA, ROOT
from fastctc.cli import main
from fastctc.errors import AlignmentError, AudioError, AudioNotFoundError, OptionError, PackageNotFoundError
from fastctc.output.figure import _spread, render

RECORDING = DATA / "speech" / "two-nine-three-four-zero.wav"
WORDS = ["two", "nine", "three", "four", "zero"]


@pytest.fixture(scope="module")
def model() -> fastctc.Recognizer:
    return fastctc.load(ROOT / "models" / "digits")


@pytest.fixture(scope="module")
def samples() -> Any:
    return soundfile.read(RECORDING, dtype="float32")[0]


def words_of(figure: Any) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_its_artists_hold_what_was_recognised(model: fastctc.Recognizer, samples: Any) -> None:
    figure: Any = fastctc.plot(RECORDING, model)
    words, wave, log_mel, posteriors, *bars = figure.axes
    transcript = model.transcribe(RECORDING)
    duration_s = len(samples) / 16000
    for axes in (words, wave, log_mel, posteriors):
        assert axes.get_xlim() == pytest.approx((0, duration_s))
    assert words_of(figure) == WORDS
    assert [(span.get_x(), span.get_x() + span.get_width()) for span in words.patches] == [
        (pytest.approx(word.start_s), pytest.approx(word.end_s)) for word in transcript.words
    ]
    boundaries = sorted({time for word in transcript.words for time in (word.start_s, word.end_s)})
    for axes in (wave, log_mel, posteriors):
        lines = [line.get_xdata()[0] for line in axes.lines if len(line.get_xdata()) == 2]
        assert lines == pytest.approx(boundaries)
    features = model.features(RECORDING)
    np.testing.assert_array_equal(log_mel.images[0].get_array(), features)
    probabilities = np.exp(model.log_probs(features))
    assert [label.get_text() for label in posteriors.get_yticklabels()] == [*(f"_{word}" for word in WORDS), "blank"]
    rows = [model.pieces.index("\u2581" + word) for word in WORDS] + [model.blank_id]
    np.testing.assert_array_equal(posteriors.images[0].get_array(), probabilities[:, rows].T)
    assert posteriors.images[0].get_extent()[:2] == [0, pytest.approx(len(probabilities) * 0.08)]
    peak = np.abs(samples).max()
    low, high = wave.dataLim.intervaly
    assert max(-low, high) == pytest.approx(peak)
    assert wave.get_ylim()[1] > peak
    assert posteriors.get_xlabel() == "Time (s)"
    labels = [axes.get_ylabel() for axes in (wave, log_mel, posteriors, *bars)]
    assert all(labels), labels


def test_labels_do_not_run_into_each_other(model: fastctc.Recognizer) -> None:
    for width in (3.0, 7.2, 40.0):
        figure: Any = fastctc.plot(RECORDING, model, width_in=width)
        figure.draw_without_rendering()
        boxes = [text.get_window_extent() for text in figure.axes[0].texts]
        assert len(boxes) == len(WORDS)
        assert all(a.x1 <= b.x0 for a, b in pairwise(boxes)), width
        assert boxes[0].x0 >= 0
        assert {text.get_rotation() for text in figure.axes[0].texts} == {0 if width == 40 else 90}


@given(
    steps=st.lists(st.floats(0, 3), max_size=8),
    gap=st.floats(0.1, 1),
)
def test_labels_are_moved_apart_as_little_as_can_be(steps: list[float], gap: float) -> None:
    centres = list(np.cumsum(steps))
    end = 30.0
    places = _spread(centres, gap, end)
    assert all(b - a >= gap - 1e-9 for a, b in pairwise(places))
    assert all(gap / 2 - 1e-9 <= place <= end - gap / 2 + 1e-9 for place in places)
    if all(b - a >= gap for a, b in pairwise(centres)) and all(centre >= gap / 2 for centre in centres):
        assert places == pytest.approx(centres)


def test_a_part_has_the_recordings_times(model: fastctc.Recognizer, samples: Any) -> None:
    figure: Any = fastctc.plot(RECORDING, model, start_s=0.8, end_s=1.8)
    assert figure.axes[0].get_xlim() == pytest.approx((0.8, 1.8))
    assert words_of(figure) == model.transcribe(samples[12800:28800]).text.split()
    assert figure.axes[2].images[0].get_array().shape == (80, 100)
    starts = [span.get_x() for span in figure.axes[0].patches]
    assert starts
    assert all(0.8 <= start <= 1.8 for start in starts)


def test_a_text_is_aligned(model: fastctc.Recognizer) -> None:
    figure: Any = fastctc.plot(RECORDING, model, text="two nine three eight zero")
    assert words_of(figure) == ["two", "nine", "three", "eight", "zero"]
    with pytest.raises(AlignmentError, match="caf\u00e9"):
        fastctc.plot(RECORDING, model, text="caf\u00e9")
    with pytest.raises(OptionError, match="text or decoder"):
        fastctc.plot(RECORDING, model, text="two", decoder="beam")


@pytest.mark.parametrize("n_samples", [0, 1, 16000])
def test_silence_and_nothing_have_their_figures(model: fastctc.Recognizer, n_samples: int) -> None:
    figure: Any = fastctc.plot(np.zeros(n_samples, np.float32), model)
    assert words_of(figure) == []
    assert [label.get_text() for label in figure.axes[3].get_yticklabels()] == ["blank"]
    assert render(figure, "png", dpi=50).startswith(b"\x89PNG")


def test_long_recordings(model: fastctc.Recognizer, samples: Any, caplog: pytest.LogCaptureFixture) -> None:
    minute = np.tile(samples, 25)  # 60 s, 125 words
    figure: Any = fastctc.plot(minute, model)
    assert 7.2 < figure.get_figwidth() <= 24
    texts = words_of(figure)
    assert "no room" not in caplog.text
    narrow = len(words_of(fastctc.plot(minute, model, width_in=5.0)))
    assert 20 < narrow < 125
    assert f"{125 - narrow} of 125 words have no room" in caplog.text
    assert len(texts) == 125
    # As many points as a picture can show, not a million.
    assert len(figure.axes[1].collections[0].get_paths()[0].vertices) < 10_000
    with pytest.raises(AudioError, match="give start and end"):
        fastctc.plot(np.tile(samples, 40), model)
    part = fastctc.plot(np.tile(samples, 40), model, start_s=80.0, end_s=82.0)
    assert part.axes[0].get_xlim() == pytest.approx((80, 82))


def test_pieces_are_not_taken_for_formulas() -> None:
    from matplotlib.figure import Figure

    from fastctc.output import figure

    pieces = ["$x$", "a_{", "\u4e2d", "<blk>"]
    transcript = fastctc.Transcript("$x$ \u4e2d", (fastctc.Word("$x$", 0.0, 0.1, 1.0),), duration_s=0.3)
    tokens = tuple(fastctc.Token(i, piece, 0.1 * i, 0.1, 0.0, 1.0) for i, piece in enumerate(pieces[:3]))
    content = figure._Content(
        0.0, 0.3, np.zeros(300, np.float32), 1000, np.zeros((8, 3), np.float32), 0.1, np.zeros(8), "Log-mel",
        np.full((3, 4), 0.25, np.float32), 0.1, pieces, 3, fastctc.Transcript(transcript.text, transcript.words, tokens)
    )  # fmt: skip
    drawn = figure._draw(content, None)
    assert isinstance(drawn, Figure)
    assert b"$x$" in render(drawn, "svg")  # a character that no face has is a message to the log, no warning


def test_what_is_wrong_is_named(model: fastctc.Recognizer, tmp_path: Path) -> None:
    wrong: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({"start_s": 1.0, "end_s": 0.5}, OptionError, "later end"),
        ({"start_s": -1.0}, OptionError, "0 s or later"),
        ({"start_s": 60.0}, AudioError, "ends at 2.40 s"),
        ({"width_in": 0.0}, OptionError, "width_in"),
        ({"channel": 3}, OptionError, "channel"),
    ]
    for options, error, why in wrong:
        with pytest.raises(error, match=why):
            fastctc.plot(RECORDING, model, **options)
    with pytest.raises(AudioNotFoundError):
        fastctc.plot(tmp_path / "none.wav", model)


def test_without_matplotlib(
    model: fastctc.Recognizer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    real: Callable[..., Any] = builtins.__import__

    def without(name: str, *arguments: Any, **options: Any) -> Any:
        if name.split(".")[0] == "matplotlib":
            raise ModuleNotFoundError(f"No module named {name!r}")
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(PackageNotFoundError, match=r"pip install 'fastctc\[plot\]'"):
        fastctc.plot(RECORDING, model)
    assert main(["plot", str(RECORDING), "-o", str(tmp_path / "x.png")]) == 1
    assert "fastctc[plot]" in capsys.readouterr().err
    assert not (tmp_path / "x.png").exists()


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    png, svg, pdf = (tmp_path / f"digits.{kind}" for kind in ("png", "svg", "PDF"))
    assert main(["plot", str(RECORDING), "-o", str(png), "--dpi", "100", "--beam", "4"]) == 0
    content = png.read_bytes()
    assert content.startswith(b"\x89PNG")
    assert int.from_bytes(content[16:20], "big") == 720  # 7.2 inches
    text = tmp_path / "text.txt"
    text.write_text("two nine\n", encoding="utf-8")
    assert main(["plot", str(RECORDING), "-o", str(svg), "--end", "0.8", "--text", str(text), "--dpi", "50"]) == 0
    root = ElementTree.fromstring(svg.read_text(encoding="utf-8"))
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"two", "nine", "_two", "_nine", "blank", "Time (s)"} <= set(texts)
    assert main(["plot", str(RECORDING), "-o", str(pdf), "--channel", "0", "--dpi", "50"]) == 0
    assert pdf.read_bytes().startswith(b"%PDF")
    capsys.readouterr()
    for arguments, status, why in (
        (["-o", str(tmp_path / "x.gif")], 2, ".png, .svg or .pdf"),
        (["-o", str(tmp_path / "none" / "x.png")], 1, "can't be written"),
        (["-o", str(png), "--start", "9"], 1, "ends at"),
        (["-o", str(png), "--text", "two", "--beam", "4"], 2, "text or decoder"),
        (["-o", str(png), "--dpi", "0"], 2, "dots an inch"),
        ([], 2, "--output"),
    ):
        assert main(["plot", str(RECORDING), *arguments]) == status
        assert why in capsys.readouterr().err
    assert png.read_bytes() == content


def test_pictures_are_the_same_every_time(model: fastctc.Recognizer) -> None:
    one, other = (render(fastctc.plot(RECORDING, model), "svg", dpi=60) for _ in range(2))
    assert one == other
