"""Every tolerance of the tests, each with its reason. A smaller number of NeMo's noise is never ours to hide behind."""

from __future__ import annotations

LOG_MEL = 2e-4
"""Log-mel against NeMo on speech, noise and tones: NeMo's own float32 STFT is up to 1.6e-4 from float64."""

LOG_PROBS = 1e-4
"""Log-probs of ONNX Runtime against NeMo's PyTorch: other kernels, other summation orders (measured: 3e-5)."""

CONFIDENCE = 1e-3
"""C++ against reference: features differ by 1e-6, log-probs by 1e-5, in probability up to a few 1e-5."""

LOG_MEL_SWEEP = 2.4e-3
"""Log-mel against NeMo on a pure sine sweep: all but a few bins hold float32 noise of NeMo's STFT, near the guard."""

LOG_MEL_FEW_FRAMES = 1.6e-3
"""per_feature against NeMo on 2 or 3 frames: one of 80 deviations of two values is 1e-4, so that NeMo's float32
rounding is multiplied by thousands (float64: 1.4e-3 from NeMo; C++, which stores float32 as NeMo does: 1.5e-3)."""

LOG_MEL_CONSTANT_NORMALIZED = float("inf")
"""A constant signal, normalised, against NeMo: every deviation is float32 noise divided by 1e-5. Not comparable; only
shape, length and finiteness are."""

LOG_MEL_KALDI = 2e-4
"""Kaldi features against kaldi-native-fbank, whose FFT and sums are float32 (human voice: 1.7e-4)."""

KALDI_DEEP = 13.8
"""Nepers, 60 dB: bands so far below the loudest band of their frame hold float32 noise of kaldi-native-fbank's FFT."""

LOG_MEL_KALDI_DEEP = 1e-3
"""In those bands, on synthetic speech with its digital silence between harmonics (measured: 8.4e-4, 15 of 62,000)."""

LOG_MEL_TWIN = 1e-5
"""C++ against the NumPy reference, both float64: float32 storage of values up to 30 (1e-6), logarithm 1e-9."""

LOG_MEL_TWIN_NORMALIZED = 1e-3
"""The same, normalised: float32 storage before the division by a deviation that may be as small as 1e-3."""

LOG_PROBS_TWIN = 1e-5
"""C++ against the reference on one ONNX Runtime: the same kernels; log-softmax of logits rounds to float32 once."""

LOG_PROBS_BATCH = 1e-4
"""An item in a batch against the item alone: ONNX Runtime picks its kernels by the size of the product (one row is a
matrix-vector product), and they sum in another order (measured: 2.8e-5 at log-probs of -26; mostly 0)."""

LOG_PROBS_STREAM = 1e-4
"""A stream over an exact graph against the offline graph: the same sums over other shapes, so other kernels and orders
(measured: 8e-6 on noise and on speech, 2.6e-5 in batches)."""

TOKEN_FIGURES = 1e-6
"""Log-prob (relative) and confidence of a token, C++ against reference: both sum in double and the core hands out
float32, half a unit in the last place (6e-8)."""

CONFIDENCE_NEMO = 2e-6
"""Confidence of frames, tokens and words against NeMo: it sums in float32, we in double."""

LEVEL_DB = 1e-9
"""Level of a frame, C++ against reference: both float64, in another order of summation (measured: 2e-14)."""

PROBABILITY_TWIN = 1e-6
"""Silero's probability of one ONNX Runtime, C++ against reference: the same kernels (measured: 0)."""

PROBABILITY = 1e-5
"""Silero's probability against Silero's own Python code: the same graph, on other versions of ONNX Runtime."""

LOG_PROBS_KEYS_VALUES = 1e-6
"""A graph with cached keys and values against the graph that it was made from: the same sums, of fewer rows at once."""

HOT_WORDS = 1e-9
"""Sums of a few bonuses: double, in another order of summation."""

LM_SCORE_TWIN = 1e-5
"""ln P of a word, C++ against reference: float32 storage of each of up to `order` figures of some tens (2e-6 each)."""

LM_SCORE_TWIN_RELATIVE = 1e-6
"""The same, of scores of some hundreds: float32 is half a unit in the last place off (6e-8), for each figure."""

LM_SCORE_KENLM = 1e-4
"""log10 P of a word against KenLM, which stores and adds float32 (measured: 1.3e-5, all of it at log-probs of -100)."""

QUANTIZED_PRODUCT = 1e-6
"""int8 products of ONNX Runtime against the NumPy twin, relative: whole sums, then a product or two and a sum in
float32, which some kernels contract (measured: 0, and 1e-7 with a bias)."""

BLOCK_PRODUCT = 0.1
"""Products with blocks of weights, of activations whose row's largest is 1: ONNX Runtime rounds these to 127 steps of a
block, 160 roundings of up to 0.004 times weights of 0.1 to 0.3 (measured: 0.02)."""

LOG_PROBS_QUANTIZED_BATCH = 0.05
"""A stream of a quantised graph in a batch against the stream alone. No scale is shared, so that where ONNX Runtime
picks the same float kernels for both sizes nothing changes (measured: 0); where it doesn't, a value that differs in its
last place may be rounded to the next step, far less than a shared scale moves (0.2 and more)."""

LOG_PROBS_QUANTIZED_TWIN = 0.3
"""A quantised graph with attention and norms by the core's own kernels against ONNX Runtime's: values that differ in
their last place may be rounded to the next step of int8 (measured on noise: 0.09 and 0.02, blocks of 8 and 4 bits)."""
