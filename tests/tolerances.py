"""Every tolerance of the tests, each with its reason. A smaller number of NeMo's noise is never ours to hide behind."""

from __future__ import annotations

TOKEN_FIGURES = 1e-6
"""Log-prob (relative) and confidence of a token, C++ against reference: both sum in double and the core hands out
float32, half a unit in the last place (6e-8)."""
