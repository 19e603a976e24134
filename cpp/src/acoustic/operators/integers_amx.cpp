// Products in 8-bit integers by AMX: tiles of 16 rows and 16 columns, 64 inputs at once.
#include "acoustic/operators/integer_ending.h"

namespace fastctc::operators {
namespace {

constexpr std::size_t kTileRows = 16;
constexpr std::size_t kMostRows = 2 * kTileRows;

// Where another thread uses the core too, tiles are loaded and multiplied one after the other, and wait for the level-2
// cache: a panel that isn't in the first level yet, or doesn't fit, is fetched one block ahead.
constexpr std::size_t kNearBytes = 32768;

FASTCTC_INLINE void fetch_block(const std::int8_t* block) {
  for (std::size_t i = 0; i < kInputBlock * kPanelColumns; i += kLineBytes) {
    _mm_prefetch(reinterpret_cast<const char*>(block + i), _MM_HINT_T0);
  }
}

// As LDTILECFG takes it: all tiles are of 16 rows of 64 bytes.
struct alignas(64) TileConfiguration {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

// Operands of the instructions are literals: sums 0 to 3, steps 4 and 5, weights 6 and 7.

// A tile's sums: [kMostRows, kTileColumns], or the upper half of them.
template <bool HAS_LOWER_HALF>
void sum_tile(const std::uint8_t* x, std::size_t x_stride, std::size_t n_inputs, const std::int8_t* weight, bool is_far,
              Fetch fetch, std::int32_t* result) {
  constexpr std::size_t kWeightStride = kPanelColumns * kGroup;
  _tile_zero(0);
  _tile_zero(1);
  if constexpr (HAS_LOWER_HALF) {
    _tile_zero(2);
    _tile_zero(3);
  }
  for (std::size_t input = 0; input < n_inputs; input += kInputBlock) {
    const std::int8_t* block = weight + input * kPanelColumns;
    _tile_loadd(6, block, kWeightStride);
    _tile_loadd(4, x + input, x_stride);
    _tile_dpbusd(0, 4, 6);
    _tile_loadd(7, block + kWeightStride / 2, kWeightStride);
    _tile_dpbusd(1, 4, 7);
    if constexpr (HAS_LOWER_HALF) {
      _tile_loadd(5, x + kTileRows * x_stride + input, x_stride);
      _tile_dpbusd(2, 5, 6);
      _tile_dpbusd(3, 5, 7);
    }
    if (is_far) fetch_block(block + kInputBlock * kPanelColumns);
    fetch.next();
  }
  constexpr std::size_t kStride = kTileColumns * sizeof(std::int32_t);
  _tile_stored(0, result, kStride);
  _tile_stored(1, result + kTileColumns / 2, kStride);
  if constexpr (HAS_LOWER_HALF) {
    _tile_stored(2, result + kTileRows * kTileColumns, kStride);
    _tile_stored(3, result + kTileRows * kTileColumns + kTileColumns / 2, kStride);
  }
}

void multiply(const IntegerProduct& product, std::size_t first_panel, std::size_t last_panel) {
  if (product.n_rows == 0) return;
  const TileConfiguration configuration;
  _tile_loadconfig(&configuration);
  alignas(64) std::int32_t sums[kMostRows * kTileColumns];
  const std::size_t n_tiles = (product.n_rows + kMostRows - 1) / kMostRows;
  for (std::size_t panel = first_panel; panel < last_panel; ++panel) {
    const std::int8_t* weight = product.weight + panel * product.n_inputs * kPanelColumns;
    Fetch fetch = fetch_behind(weight + product.n_inputs * kPanelColumns, n_tiles);
    for (std::size_t row = 0; row < product.n_rows; row += kMostRows) {
      const std::size_t n_left = product.n_rows - row;
      const auto sum = n_left > kTileRows ? sum_tile<true> : sum_tile<false>;
      const bool is_far = row == 0 || product.n_inputs * kPanelColumns > kNearBytes;
      sum(product.x + row * product.x_stride, product.x_stride, product.n_inputs, weight, is_far, fetch, sums);
      write_tile(product, row, n_left < kMostRows ? n_left : kMostRows, panel * kPanelColumns, sums);
      fetch.skip(product.n_inputs);
    }
  }
  _tile_release();
}

}  // namespace

const MultiplyIntegers FASTCTC_KERNEL::kMultiplyIntegers = multiply;

}  // namespace fastctc::operators
