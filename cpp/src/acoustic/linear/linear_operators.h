// The operators of domain `fastctc` that graphs of `fastctc optimize` have (python/fastctc/export/linear.py):
//
//   Linear(x, weight, bias), LinearSilu, LinearSigmoid   f(x W + b)
//   LinearAdd(x, weight, bias, residual)                 x W + b + residual
//
// x float32 [..., n_inputs], weight float32 [n_panels, n_inputs, 32] and bias [n_outputs] constants, residual and the
// result float32 [..., n_outputs]. The graph holds each as a function of ONNX's own operators too, which is what ONNX
// Runtime runs where these are not registered.
#pragma once

#include "acoustic/engine.h"
#include "acoustic/linear/linear_kernel.h"
#include "acoustic/ort.h"

namespace fastctc {

constexpr char kLinearDomain[] = "fastctc";

// Lets sessions of these options compute the operators with the kernel.
void add_linear_operators(ort::SessionOptions& options, const LinearKernel& kernel, const Engine& running);

}  // namespace fastctc
