// The operators of domain `fastctc` that graphs of `fastctc optimize` have (python/fastctc/export/operators.py):
//
//   Linear(x, weight, bias), LinearSilu, LinearSigmoid   f(x W + b)
//   LinearAdd(x, weight, bias, residual)                 x W + b + residual
//   IntegerLinear(x, weight, scales, sums, bias) and the same three   the same in 8-bit integers, attributes least,
//                                                        n_steps, zero (operator_kernels.h)
//   FixedIntegerLinear(...) and the same three           attributes scale, zero
//   Normalize(x, weight, bias), attribute epsilon        layer normalisation over the last axis
//   RelativeAttention(by_content, by_position, keys, values, encodings, hidden, first)
//   RelativeAttentionCached(..., cached_keys, keys, cached_values, values, ...)          attention.cpp
//
// x float32 [..., n_inputs], weight float32 [panels, n_inputs, 32] and bias [n_outputs] constants, residual and the
// result float32 [..., n_outputs]. The graph holds each as a function of ONNX's own operators too, which is what ONNX
// Runtime runs where these are not registered.
#pragma once

#include "acoustic/engine/engine.h"
#include "acoustic/engine/ort.h"
#include "acoustic/operators/operator_kernels.h"
#include "fastctc/export.h"

namespace fastctc::operators {

constexpr char kDomain[] = "fastctc";

// Lets sessions of these options compute the operators with the kernel.
void add_operators(OrtSessionOptions* options, const Kernel& kernel, const Calls& calls);

}  // namespace fastctc::operators

// For other programs that run optimized graphs in ONNX Runtime: what OrtApi::RegisterCustomOpsLibrary calls in the
// shared library. Adds nothing on processors that have no kernel.
extern "C" FASTCTC_API OrtStatus* ORT_API_CALL RegisterCustomOps(OrtSessionOptions* options, const OrtApiBase* base);
