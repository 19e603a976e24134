// What becomes of a product's sums (operator_kernels.h, Ending).
//
// No function of the standard library: compiled for this instruction set, it could become the one that all others call.
#pragma once

#include <cstddef>

#include "acoustic/operators/lanes.h"
#include "acoustic/operators/operator_kernels.h"

namespace fastctc::operators {
namespace {

constexpr std::size_t kLineBytes = 64;
constexpr std::size_t kTileColumns = 2 * Lanes::kCount;

// exp(t) for t from -87 to 87: 2^n exp(r), r = t - n ln 2 in [-0.35, 0.35], a series of degree 7: 2e-8 of the value.
FASTCTC_INLINE Lanes exponential(Lanes t) {
  const Lanes n = round(t * Lanes::all(1.44269504088896341f));
  // ln 2 in two parts, so that n times the first is exact.
  const Lanes r = fused(n, Lanes::all(2.12194440e-4f), fused(n, Lanes::all(-0.693359375f), t));
  Lanes sum = Lanes::all(1.0f / 5040);
  for (const float term : {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 1.0f / 2, 1.0f, 1.0f}) {
    sum = fused(sum, r, Lanes::all(term));
  }
  return scaled(sum, n);
}

FASTCTC_INLINE Lanes sigmoid(Lanes v) {
  // Beyond, the result is 0 or 1 to float32; without infinity on the way.
  const Lanes t = min(max(Lanes::all(0.0f) - v, Lanes::all(-87.0f)), Lanes::all(87.0f));
  return reciprocal(Lanes::all(1.0f) + exponential(t));
}

template <Activation ACTIVATION>
FASTCTC_INLINE Lanes activated(Lanes v) {
  if (ACTIVATION == Activation::none) return v;
  const Lanes s = sigmoid(v);
  return ACTIVATION == Activation::silu ? v * s : s;
}

FASTCTC_INLINE void copy(const float* from, std::size_t n, float* to) {
  for (std::size_t i = 0; i < n; ++i) to[i] = from[i];
}

// Values of a row from `column` on, as many as a vector has; `missing` where the row ends.
FASTCTC_INLINE Lanes load_part(const float* row, std::size_t column, std::size_t n_columns, float missing) {
  if (column + Lanes::kCount <= n_columns) return Lanes::load(row + column);
  float values[Lanes::kCount];
  for (std::size_t i = 0; i < Lanes::kCount; ++i) values[i] = column + i < n_columns ? row[column + i] : missing;
  return Lanes::load(values);
}

FASTCTC_INLINE void store_part(float* row, std::size_t column, std::size_t n_columns, Lanes value) {
  if (column + Lanes::kCount <= n_columns) return value.store(row + column);
  float values[Lanes::kCount];
  value.store(values);
  copy(values, n_columns - column, row + column);
}

// Of the tile that starts at a row and a column; IS_WHOLE: all its columns are there.
template <Activation ACTIVATION, bool IS_WHOLE, class Sums>
FASTCTC_INLINE void write_part(const Ending& ending, std::size_t row, std::size_t n_rows, std::size_t column,
                               const Sums& sums) {
  const std::size_t n_columns = IS_WHOLE ? kTileColumns : ending.n_outputs - column;
  Lanes bias[2] = {Lanes::all(0.0f), Lanes::all(0.0f)};
  for (std::size_t j = 0; ending.bias && j < n_columns; j += Lanes::kCount) {
    bias[j / Lanes::kCount] = load_part(ending.bias + column, j, n_columns, 0.0f);
  }
  for (std::size_t i = 0; i < n_rows; ++i) {
    const std::size_t place = (row + i) * ending.y_stride + column;
    FASTCTC_UNROLL
    for (std::size_t j = 0; j < kTileColumns; j += Lanes::kCount) {
      if (IS_WHOLE || j < n_columns) {
        Lanes value = activated<ACTIVATION>(sums(i, j) + bias[j / Lanes::kCount]);
        if (ending.residual) value = value + load_part(ending.residual + place, j, n_columns, 0.0f);
        store_part(ending.y + place, j, n_columns, value);
      }
    }
  }
}

// From a tile's sums to y, in columns that may be fewer than the tile's. sums(i, j): a vector, of row i of the tile,
// from column j of it on.
template <class Sums>
FASTCTC_INLINE void write_tile(const Ending& ending, std::size_t row, std::size_t n_rows, std::size_t column,
                               const Sums& sums) {
  const bool is_whole = ending.n_outputs - column >= kTileColumns;
  if (ending.activation == Activation::silu) {
    is_whole ? write_part<Activation::silu, true>(ending, row, n_rows, column, sums)
             : write_part<Activation::silu, false>(ending, row, n_rows, column, sums);
  } else if (ending.activation == Activation::sigmoid) {
    is_whole ? write_part<Activation::sigmoid, true>(ending, row, n_rows, column, sums)
             : write_part<Activation::sigmoid, false>(ending, row, n_rows, column, sums);
  } else {
    is_whole ? write_part<Activation::none, true>(ending, row, n_rows, column, sums)
             : write_part<Activation::none, false>(ending, row, n_rows, column, sums);
  }
}

}  // namespace
}  // namespace fastctc::operators
