// What fastctc's own operators compute with, for one instruction set.
//
// Products are
//
//     y = f(x W + b) + r
//
// f none, SiLU (v sigmoid(v)) or sigmoid, r a residual or nothing. The weights of a whole model are read once a run,
// from memory: they lie in panels of 32 columns, each read from front to end, while the next one is fetched. ONNX
// Runtime's kernels wait for it, a sixth of their time.
//
// Those in 8-bit integers (export/int8.py) are
//
//     y[i, n] = f(s[i] w[n] sum_k (q[i, k] - zero) W[k, n] + b[n]) + r[i, n],    q[i, k] = round(x[i, k] / s[i]) + zero
//
// with a scale w[n] of every column, and a fixed step s or one for every row. Sums of integers are exact, and the
// floats behind them are multiplied in the order of the formula: every instruction set gives the same numbers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace fastctc::operators {

constexpr std::size_t kPanelColumns = 32;
constexpr std::size_t n_panels_of(std::size_t n_outputs) { return (n_outputs + kPanelColumns - 1) / kPanelColumns; }
// Integers of a column that are multiplied and added at once.
constexpr std::size_t kGroup = 4;
// To a multiple of this the inputs of integer products are filled up with zeros: what a tile of AMX takes.
constexpr std::size_t kInputBlock = 64;

enum class Activation { none, silu, sigmoid };

// What becomes of a product's sums.
struct Ending {
  const float* bias;      // [n_outputs], or null
  const float* residual;  // [n_rows, y_stride], n_outputs of each row, or null; may be y
  float* y;               // [n_rows, y_stride], n_outputs of each row
  std::size_t n_outputs;
  std::size_t y_stride;
  Activation activation;

  Ending from_row(std::size_t row) const {
    Ending rest = *this;
    rest.y += row * y_stride;
    if (residual) rest.residual += row * y_stride;
    return rest;
  }
};

struct Product {
  const float* x;       // [n_rows, x_stride], n_inputs of each row
  const float* weight;  // [panels, n_inputs, kPanelColumns]; columns past n_outputs hold zeros
  std::size_t n_rows;
  std::size_t n_inputs;
  std::size_t x_stride;
  Ending ending;
};

struct IntegerProduct {
  const std::uint8_t* x;       // q: [n_rows, x_stride], n_inputs of each row; 32 rows or a multiple can be read
  const float* row_scales;     // s: [n_rows]
  const std::int8_t* weight;   // [panels, n_inputs / kGroup, kPanelColumns, kGroup]
  const float* column_scales;  // w: [n_outputs]
  const std::int32_t* sums;    // [n_outputs], of the weights of each column
  std::int32_t zero;
  std::size_t n_rows;
  std::size_t n_inputs;  // a multiple of kInputBlock
  std::size_t x_stride;
  Ending ending;
};

// Rows in steps, for IntegerProduct: of one width, or of one for each row, max(largest magnitude, least) / n_steps.
// That is not a number where a value of the row isn't finite.
struct Quantization {
  const float* x;       // [n_rows, n_columns]
  std::uint8_t* steps;  // [n_rows, stride], zeros behind n_columns
  float* scales;        // [n_rows]
  std::size_t n_columns;
  std::size_t stride;
  float scale;  // of all rows; 0: each has its own
  float least;
  float n_steps;
  std::int32_t zero;
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

struct FloatKernel {
  // Computes the columns of panels first to last - 1. Sums run over the inputs in order, whatever the other rows and
  // columns: a batch changes nothing.
  void (*multiply)(const Product& product, std::size_t first_panel, std::size_t last_panel);
  // Softmax of rows [n_rows, n_columns], in place. What is more than 50 below a row's highest score counts as that:
  // 2e-22 instead of 0, where the exponential would be a denormal number.
  void (*softmax)(float* scores, std::size_t n_rows, std::size_t n_columns);
  // Rows first to last - 1, here and below.
  void (*normalize)(const Normalization& task, std::size_t first_row, std::size_t last_row);
  void (*quantize)(const Quantization& task, std::size_t first_row, std::size_t last_row);
};

// Computes the columns of panels first to last - 1.
using MultiplyIntegers = void (*)(const IntegerProduct& product, std::size_t first_panel, std::size_t last_panel);

// Of one instruction set each (cpp/src/CMakeLists.txt).
namespace avx2 {
extern const FloatKernel kFloatKernel;
extern const MultiplyIntegers kMultiplyIntegers;
}  // namespace avx2
namespace avx2_vnni {
extern const MultiplyIntegers kMultiplyIntegers;
}
namespace avx512 {
extern const FloatKernel kFloatKernel;
extern const MultiplyIntegers kMultiplyIntegers;
}  // namespace avx512
namespace avx512_vnni {
extern const MultiplyIntegers kMultiplyIntegers;
}
namespace amx {
extern const MultiplyIntegers kMultiplyIntegers;
}

struct Kernel : FloatKernel {
  const char* name;
  MultiplyIntegers multiply_integers;
};

// The kernel of SessionOptions.instruction_set; null where ONNX Runtime's own operators run: for `baseline`, and on
// processors without AVX2 and FMA. Raises OptionError on a name that is unknown, or that this processor doesn't have.
const Kernel* choose_kernel(const std::string& instruction_set);

}  // namespace fastctc::operators
