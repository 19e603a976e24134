// What becomes of the sums of an integer product, and what is fetched beside it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "acoustic/operators/ending.h"

namespace fastctc::operators {
namespace {

// Parts of the next panel, fetched while a tile is computed: so many lines for kInputBlock inputs.
struct Fetch {
  const char* position;
  std::size_t lines;

  FASTCTC_INLINE void next() {
    for (std::size_t line = 0; line < lines; ++line, position += kLineBytes) prefetch(position);
  }
  // Past what a tile of so many inputs has fetched.
  void skip(std::size_t n_inputs) { position += n_inputs / kInputBlock * lines * kLineBytes; }
};

FASTCTC_INLINE Fetch fetch_behind(const std::int8_t* panel, std::size_t n_tiles) {
  constexpr std::size_t kLines = kInputBlock * kPanelColumns / kLineBytes;
  return {reinterpret_cast<const char*>(panel), (kLines + n_tiles - 1) / n_tiles};
}

// From a tile's integers to y.
FASTCTC_INLINE void write_tile(const IntegerProduct& product, std::size_t row, std::size_t n_rows, std::size_t column,
                               const std::int32_t* integers) {
  const std::size_t n_left = product.ending.n_outputs - column;
  const std::size_t n_columns = n_left < kTileColumns ? n_left : kTileColumns;
  float scales[kTileColumns] = {};
  std::int32_t offsets[kTileColumns] = {};
  for (std::size_t i = 0; i < n_columns; ++i) {
    scales[i] = product.column_scales[column + i];
    // Unsigned: a broken file's sums wrap around, as the integers above do.
    offsets[i] = static_cast<std::int32_t>(static_cast<std::uint32_t>(product.zero) *
                                           static_cast<std::uint32_t>(product.sums[column + i]));
  }
  write_tile(product.ending, row, n_rows, column, [&](std::size_t i, std::size_t j) {
    const Lanes sum = Lanes::of_difference(integers + i * kTileColumns + j, offsets + j);
    return sum * Lanes::load(scales + j) * Lanes::all(product.row_scales[row + i]);
  });
}

}  // namespace
}  // namespace fastctc::operators
