"""`fastctc tune`: the weights of beam search that suit recordings whose texts are known."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from fastctc.cli.decoder import decoder_options
from fastctc.cli.labelled import read_labelled
from fastctc.cli.progress import library_messages, say
from fastctc.types import DecoderOptions, SessionOptions

if TYPE_CHECKING:
    from fastctc.cli import Loader
    from fastctc.decoding.tuning import Trial

__all__ = ["run"]


def run(arguments: argparse.Namespace, load: Loader) -> int:
    """Runs the command; returns the exit status. Raises Error where list, model or recordings can't be used."""
    from fastctc.decoding.tuning import tune

    entries = read_labelled(arguments.list)
    with library_messages(say):
        recognizer = load(
            arguments.model,
            normalize=arguments.normalize,
            session=SessionOptions(library=arguments.library, provider=arguments.provider),
        )
        decoder = decoder_options(arguments, recognizer) or DecoderOptions(kind="beam")
        log_probs = [recognizer.log_probs(recognizer.features(path)) for path, _ in entries]
        is_terminal = sys.stdout is not None and sys.stdout.isatty()
        trials = tune(
            recognizer,
            log_probs,
            [text for _, text in entries],
            decoder,
            lm_weights=arguments.lm_weights if arguments.lm else (0.0,),
            word_bonuses=arguments.word_bonuses,
            n_random=arguments.random,
            seed=arguments.seed,
            on_trial=None if is_terminal else lambda trial: print(_row(trial), flush=True),
        )
    if is_terminal:
        _print_table(trials)
    best = trials[0]
    weights = f"--lm-weight {best.lm_weight:g} --word-bonus {best.word_bonus:g}"
    say(f"Best of {len(trials)}: {weights if arguments.lm else f'--word-bonus {best.word_bonus:g}'}")
    return 0


def _row(trial: Trial) -> str:
    return f"{trial.lm_weight:g}\t{trial.word_bonus:g}\t{trial.n_edits}\t{trial.n_words}\t{trial.word_error_rate:.4f}"


def _print_table(trials: list[Trial]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("lm weight", "word bonus", "edits", "words", "word error rate"):
        table.add_column(name, justify="right")
    for place, trial in enumerate(trials):
        cells = f"{trial.lm_weight:g}", f"{trial.word_bonus:g}", str(trial.n_edits), str(trial.n_words)
        table.add_row(*cells, f"{trial.word_error_rate:.2%}", style="bold" if place == 0 else None)
    Console().print(table)
