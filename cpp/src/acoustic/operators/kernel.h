// What fastctc's own operators compute with, for one instruction set.
//
// Products are
//
//     y = f(x W + b) + r
//
// f none, SiLU (v sigmoid(v)) or sigmoid, r a residual or nothing. The weights of a whole model are read once a run,
// from memory: they lie in panels of 32 columns, each read from front to end, while the next one is fetched. ONNX
// Runtime's kernels wait for it, a sixth of their time.
#pragma once

#include <cstddef>
#include <string>

namespace fastctc::operators {

constexpr std::size_t kPanelColumns = 32;
constexpr std::size_t n_panels_of(std::size_t n_outputs) { return (n_outputs + kPanelColumns - 1) / kPanelColumns; }

enum class Activation { none, silu, sigmoid };

struct Product {
  const float* x;         // [n_rows, x_stride], n_inputs of each row
  const float* weight;    // [panels, n_inputs, kPanelColumns]; columns past n_outputs hold zeros
  const float* bias;      // [n_outputs], or null
  const float* residual;  // [n_rows, y_stride], n_outputs of each row, or null; may be y
  float* y;               // [n_rows, y_stride], n_outputs of each row
  std::size_t n_rows;
  std::size_t n_inputs;
  std::size_t n_outputs;
  std::size_t x_stride;
  std::size_t y_stride;
  Activation activation;
};

// Layer normalisation: (x - mean) / sqrt(variance + epsilon) * weight + bias, of every row.
struct Normalization {
  const float* x;  // [n_rows, n_columns]
  const float* weight;
  const float* bias;  // [n_columns] both
  float* y;           // [n_rows, n_columns]; may be x
  std::size_t n_columns;
  float epsilon;
};

struct Kernel {
  const char* name;
  // Computes the columns of panels first to last - 1. Sums run over the inputs in order, whatever the other rows and
  // columns: a batch changes nothing.
  void (*multiply)(const Product& product, std::size_t first_panel, std::size_t last_panel);
  // Softmax of rows [n_rows, n_columns], in place. What is more than 50 below a row's highest score counts as that:
  // 2e-22 instead of 0, where the exponential would be a denormal number.
  void (*softmax)(float* scores, std::size_t n_rows, std::size_t n_columns);
  // Rows first to last - 1.
  void (*normalize)(const Normalization& task, std::size_t first_row, std::size_t last_row);
};

extern const Kernel kKernelAvx2;
extern const Kernel kKernelAvx512;

// The kernel of SessionOptions.instruction_set; null where ONNX Runtime's own operators run: for `baseline`, and on
// processors without AVX2 and FMA. Raises OptionError on a name that is unknown, or that this processor doesn't have.
const Kernel* choose_kernel(const std::string& instruction_set);

}  // namespace fastctc::operators
