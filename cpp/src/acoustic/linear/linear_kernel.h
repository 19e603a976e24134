// Products of frames with a layer's weights,
//
//     y = f(x W + b) + r
//
// f none, SiLU (v sigmoid(v)) or sigmoid, r a residual or nothing. The weights of a whole model are read once a run,
// from memory: they lie in panels of 32 columns, each read from front to end, while the next one is fetched. ONNX
// Runtime's kernels wait for it, a sixth of their time.
#pragma once

#include <cstddef>
#include <string>

namespace fastctc {

constexpr std::size_t kPanelColumns = 32;
constexpr std::size_t linear_panels(std::size_t n_outputs) { return (n_outputs + kPanelColumns - 1) / kPanelColumns; }

enum class LinearActivation { none, silu, sigmoid };

struct LinearTask {
  const float* x;         // [n_rows, x_stride], n_inputs of each row
  const float* weight;    // [n_panels, n_inputs, kPanelColumns]; columns past n_outputs hold zeros
  const float* bias;      // [n_outputs]
  const float* residual;  // [n_rows, n_outputs], or null; may be y
  float* y;               // [n_rows, n_outputs]
  std::size_t n_rows;
  std::size_t n_inputs;
  std::size_t n_outputs;
  std::size_t x_stride;
  LinearActivation activation;
};

// For one instruction set.
struct LinearKernel {
  const char* name;
  // Computes the columns of panels first to last - 1. Sums run over the inputs in order, whatever the other rows and
  // columns: a batch changes nothing.
  void (*compute)(const LinearTask& task, std::size_t first, std::size_t last);
};

extern const LinearKernel kLinearAvx2;
extern const LinearKernel kLinearAvx512;

// The kernel of SessionOptions.instruction_set; null where ONNX Runtime's own products run: for `baseline`, and on
// processors without AVX2 and FMA. Raises OptionError on a name that is unknown, or that this processor doesn't have.
const LinearKernel* choose_linear_kernel(const std::string& instruction_set);

}  // namespace fastctc
