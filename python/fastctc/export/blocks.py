"""Products with weights in blocks of 4 or 8 bits (ONNX Runtime's MatMulNBits).

ONNX Runtime multiplies them with activations that it rounds to int8 by blocks of a row, so a batch changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from fastctc.export.graph import MICROSOFT, Graph
from fastctc.export.products import Product
from fastctc.export.rewriter import Rewriter
from fastctc.reference.quantized_product import block_weights

__all__ = ["BLOCK_SIZES", "products_in_blocks"]

BLOCK_SIZES = {4: 32, 8: 128}
"""Weights of a column that share one scale, by bits per weight."""
ACCURACY_LEVEL = 4  # int8 activations


def products_in_blocks(graph: Graph, products: Iterable[Product], bits: int) -> Rewriter:
    """Puts products with blocks of weights in place of float ones."""
    rewriter = Rewriter(graph, f"int{bits}")
    for product in products:
        weight = product.read()
        n_inputs, n_outputs = weight.shape
        size = BLOCK_SIZES[bits]
        weights = block_weights(weight, bits, size)
        operands = [rewriter.constant(weights.values), rewriter.constant(weights.scales)]
        if product.bias is not None:
            operands += ["", "", rewriter.constant(np.asarray(product.bias, np.float32))]
        rewriter.replace(product.node, [product.addition] if product.addition is not None else [])
        sizes = {"K": n_inputs, "N": n_outputs, "bits": bits, "block_size": size, "accuracy_level": ACCURACY_LEVEL}
        rewriter.add("MatMulNBits", product.input, *operands, output=product.output, domain=MICROSOFT, **sizes)
    return rewriter
