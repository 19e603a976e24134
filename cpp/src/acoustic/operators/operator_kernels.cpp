// The kernel of one instruction set, FASTCTC_KERNEL, in float.
#include "acoustic/operators/operator_kernels.h"

#include <cstddef>
#include <cstdint>

#include "acoustic/operators/ending.h"

namespace fastctc::operators {
namespace {

// Two vectors of sums each, 2 weights and 1 input fill the registers but one.
constexpr std::size_t kMostRows = kRegisters / 2 - 2;

constexpr std::size_t kUnrolled = 4;  // inputs between two fetches
constexpr std::size_t kLinesOfUnrolled = kUnrolled * kPanelColumns * sizeof(float) / kLineBytes;

// What is fetched while a tile is computed: parts of the next panel.
struct Fetch {
  const char* position;
  std::size_t lines;  // for kUnrolled inputs
};

template <std::size_t ROWS>
FASTCTC_INLINE void add_input(const float* x, std::size_t x_stride, const float* weight, Lanes (&sums)[ROWS][2]) {
  const Lanes left = Lanes::load(weight), right = Lanes::load(weight + Lanes::kCount);
  FASTCTC_UNROLL
  for (std::size_t row = 0; row < ROWS; ++row) {
    const Lanes value = Lanes::all(x[row * x_stride]);
    sums[row][0] = fused(value, left, sums[row][0]);
    sums[row][1] = fused(value, right, sums[row][1]);
  }
}

// A tile's sums: [ROWS, kTileColumns].
template <std::size_t ROWS>
void sum_tile(const float* x, std::size_t x_stride, std::size_t n_inputs, const float* weight, Fetch fetch,
              float* result) {
  Lanes sums[ROWS][2];
  FASTCTC_UNROLL
  for (std::size_t row = 0; row < ROWS; ++row) sums[row][0] = sums[row][1] = Lanes::all(0.0f);
  std::size_t input = 0;
  for (; input + kUnrolled <= n_inputs; input += kUnrolled) {
    for (std::size_t line = 0; line < fetch.lines; ++line, fetch.position += kLineBytes) prefetch(fetch.position);
    FASTCTC_UNROLL
    for (std::size_t i = 0; i < kUnrolled; ++i)
      add_input(x + input + i, x_stride, weight + (input + i) * kPanelColumns, sums);
  }
  for (; input < n_inputs; ++input) add_input(x + input, x_stride, weight + input * kPanelColumns, sums);
  FASTCTC_UNROLL
  for (std::size_t row = 0; row < ROWS; ++row) {
    sums[row][0].store(result + row * kTileColumns);
    sums[row][1].store(result + row * kTileColumns + Lanes::kCount);
  }
}

using SumTile = void (*)(const float*, std::size_t, std::size_t, const float*, Fetch, float*);

}  // namespace
}  // namespace fastctc::operators

#include "acoustic/operators/tiles.inc"

namespace fastctc::operators {
namespace {

void multiply(const Product& product, std::size_t first_panel, std::size_t last_panel) {
  if (product.n_rows == 0) return;
  float sums[kMostRows * kTileColumns];
  const std::size_t n_tiles = n_tiles_of(product.n_rows);
  const std::size_t n_parts = kPanelColumns / kTileColumns;
  const std::size_t lines = (kLinesOfUnrolled + n_tiles * n_parts - 1) / (n_tiles * n_parts);
  for (std::size_t panel = first_panel; panel < last_panel; ++panel) {
    const float* weight = product.weight + panel * product.n_inputs * kPanelColumns;
    Fetch fetch = {reinterpret_cast<const char*>(weight + product.n_inputs * kPanelColumns), lines};
    for (std::size_t part = 0; part < n_parts; ++part) {
      const std::size_t column = panel * kPanelColumns + part * kTileColumns;
      if (column >= product.ending.n_outputs) break;
      for_each_tile(product.n_rows, [&](SumTile sum, std::size_t row, std::size_t n_rows) {
        sum(product.x + row * product.x_stride, product.x_stride, product.n_inputs, weight + part * kTileColumns, fetch,
            sums);
        write_tile(product.ending, row, n_rows, column,
                   [&](std::size_t i, std::size_t j) { return Lanes::load(sums + i * kTileColumns + j); });
        fetch.position += lines * kLineBytes * (product.n_inputs / kUnrolled);
      });
    }
  }
}

constexpr float kLowestScore = -50.0f;  // beside a row's highest

void softmax(float* scores, std::size_t n_rows, std::size_t n_columns) {
  for (float* row = scores; row < scores + n_rows * n_columns; row += n_columns) {
    Lanes highest = Lanes::all(row[0]);
    for (std::size_t i = 0; i < n_columns; i += Lanes::kCount) {
      highest = max(highest, load_part(row, i, n_columns, row[0]));
    }
    const float largest = highest.largest(), lowest = largest + kLowestScore;
    const Lanes top = Lanes::all(largest);
    Lanes sum = Lanes::all(0.0f);
    for (std::size_t i = 0; i < n_columns; i += Lanes::kCount) {
      const Lanes score = load_part(row, i, n_columns, lowest);
      const Lanes power = exponential(max(score - top, Lanes::all(kLowestScore)));
      store_part(row, i, n_columns, power);
      sum = sum + power;
    }
    const Lanes factor = Lanes::all(1.0f / sum.total());  // what is behind the row adds 2e-22
    for (std::size_t i = 0; i < n_columns; i += Lanes::kCount) {
      store_part(row, i, n_columns, load_part(row, i, n_columns, 0.0f) * factor);
    }
  }
}

void normalize(const Normalization& task, std::size_t first_row, std::size_t last_row) {
  const std::size_t n_columns = task.n_columns;
  const float share = 1.0f / static_cast<float>(n_columns);
  for (std::size_t index = first_row; index < last_row; ++index) {
    const float* x = task.x + index * n_columns;
    Lanes sum = Lanes::all(0.0f);
    for (std::size_t i = 0; i < n_columns; i += Lanes::kCount) sum = sum + load_part(x, i, n_columns, 0.0f);
    const float mean = sum.total() * share;
    Lanes squares = Lanes::all(0.0f);
    for (std::size_t i = 0; i < n_columns; i += Lanes::kCount) {
      const Lanes centred = load_part(x, i, n_columns, mean) - Lanes::all(mean);
      squares = fused(centred, centred, squares);
    }
    const Lanes scale = Lanes::all(1.0f) / root(Lanes::all(squares.total() * share + task.epsilon));
    for (std::size_t i = 0; i < n_columns; i += Lanes::kCount) {
      const Lanes centred = load_part(x, i, n_columns, mean) - Lanes::all(mean);
      const Lanes weight = load_part(task.weight, i, n_columns, 0.0f), bias = load_part(task.bias, i, n_columns, 0.0f);
      store_part(task.y + index * n_columns, i, n_columns, fused(centred * scale, weight, bias));
    }
  }
}

// The largest magnitude of a row; not a number where a value of it isn't finite.
float peak_of(const float* x, std::size_t n_columns) {
  Lanes largest = Lanes::all(0.0f), strange = Lanes::all(0.0f);
  for (std::size_t i = 0; i < n_columns; i += Lanes::kCount) {
    const Lanes v = load_part(x, i, n_columns, 0.0f);
    largest = max(largest, max(v, Lanes::all(0.0f) - v));
    strange = fused(v, Lanes::all(0.0f), strange);
  }
  return largest.largest() + strange.total();
}

FASTCTC_INLINE void store_steps(Lanes value, const Quantization& task, std::size_t column, std::uint8_t* steps) {
  if (column + Lanes::kCount <= task.n_columns) return value.store_bytes(task.zero, steps + column);
  std::uint8_t bytes[Lanes::kCount];
  value.store_bytes(task.zero, bytes);
  for (std::size_t i = column; i < task.n_columns; ++i) steps[i] = bytes[i - column];
}

void quantize(const Quantization& task, std::size_t first_row, std::size_t last_row) {
  for (std::size_t row = first_row; row < last_row; ++row) {
    const float* x = task.x + row * task.n_columns;
    float scale = task.scale, inverse = 1.0f / scale;
    if (scale == 0.0f) {
      float peak = peak_of(x, task.n_columns);
      if (peak < task.least) peak = task.least;
      scale = peak * (1.0f / task.n_steps);
      inverse = task.n_steps / peak;
    }
    task.scales[row] = scale;
    std::uint8_t* steps = task.steps + row * task.stride;
    for (std::size_t i = 0; i < task.n_columns; i += Lanes::kCount) {
      store_steps(load_part(x, i, task.n_columns, 0.0f) * Lanes::all(inverse), task, i, steps);
    }
    for (std::size_t i = task.n_columns; i < task.stride; ++i) steps[i] = 0;
  }
}

}  // namespace

const FloatKernel FASTCTC_KERNEL::kFloatKernel = {multiply, softmax, normalize, quantize};

}  // namespace fastctc::operators
