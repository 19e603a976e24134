"""`fastctc tune`: finds the best weights of beam search for recordings whose texts are known."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from fastctc.cli.decoder import decoder_options
from fastctc.cli.labelled import read_labelled
from fastctc.cli.loading import Loader, load_model
from fastctc.cli.messages import library_messages, say
from fastctc.cli.terminal import RIGHT, is_terminal, print_table
from fastctc.types import DecoderOptions

if TYPE_CHECKING:
    from fastctc.decoding.tuning import Trial

__all__ = ["run"]


def run(arguments: argparse.Namespace, load: Loader) -> int:
    """Runs the command; returns the exit status. Raises Error where list, model or recordings can't be used."""
    from fastctc.decoding.tuning import tune

    entries = read_labelled(arguments.list)
    with library_messages(say):
        recognizer = load_model(arguments, load)
        decoder = decoder_options(arguments, recognizer) or DecoderOptions(kind="beam")
        log_probs = [recognizer.log_probs(recognizer.features(path)) for path, _ in entries]
        shows_table = is_terminal(sys.stdout)
        trials = tune(
            recognizer,
            log_probs,
            [text for _, text in entries],
            decoder,
            lm_weights=arguments.lm_weights if arguments.lm else (0.0,),
            word_bonuses=arguments.word_bonuses,
            n_random=arguments.random,
            seed=arguments.seed,
            on_trial=None if shows_table else lambda trial: print(_row(trial), flush=True),
        )
    if shows_table:
        _print_table(trials)
    best = trials[0]
    weights = f"--lm-weight {best.lm_weight:g} --word-bonus {best.word_bonus:g}"
    say(f"Best of {len(trials)}: {weights if arguments.lm else f'--word-bonus {best.word_bonus:g}'}")
    return 0


def _row(trial: Trial) -> str:
    return f"{trial.lm_weight:g}\t{trial.word_bonus:g}\t{trial.n_edits}\t{trial.n_words}\t{trial.word_error_rate:.4f}"


def _print_table(trials: list[Trial]) -> None:
    rows = [
        [(cell, "" if place else "bold") for cell in (*_row(trial).split("\t")[:-1], f"{trial.word_error_rate:.2%}")]
        for place, trial in enumerate(trials)
    ]
    print_table(dict.fromkeys(("lm weight", "word bonus", "edits", "words", "word error rate"), RIGHT), rows)
