"""Offline recognition: audio in, transcripts out, and every stage alone."""

from fastctc.recognizer.loading import load, load_once, transcribe
from fastctc.recognizer.recognizer import Recognizer

__all__ = ["Recognizer", "load", "load_once", "transcribe"]
