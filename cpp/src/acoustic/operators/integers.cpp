// Products in 8-bit integers by instructions that multiply and add vectors, those of FASTCTC_KERNEL.
#include <cstddef>
#include <cstdint>

#include "acoustic/operators/integer_ending.h"
#include "acoustic/operators/operator_kernels.h"

namespace fastctc::operators {
namespace {

// Weights, kGroup integers of each column; steps, kGroup of a row, for every column; dots, sums of their products, of
// as many columns as Lanes has floats.
#if defined(FASTCTC_KERNEL_VNNI)

struct Weights {
  Integers value;

  static Weights load(const std::int8_t* position) { return {load_integers(position)}; }
};

struct Steps {
  Integers value;

  static Steps load(const std::uint8_t* x) { return {FASTCTC_VECTOR(broadcastd_epi32)(_mm_loadu_si32(x))}; }
};

struct Dots {
  Integers value;

  static Dots none() { return {Integers{}}; }
  void add(const Steps& x, const Weights& weights) {
#if FASTCTC_KERNEL_BITS == 512
    value = _mm512_dpbusd_epi32(value, x.value, weights.value);
#else
    value = _mm256_dpbusd_avx_epi32(value, x.value, weights.value);
#endif
  }
  void store(std::int32_t* sums) const { __builtin_memcpy(sums, &value, sizeof value); }
};

constexpr std::size_t kMostRows = kRegisters / 2 - 2;  // of 2 sums; beside them 2 weights, 1 input

#else

// Products of 16-bit integers: those of 8 bits (vpmaddubsw) saturate.
struct Weights {
  Integers low, high;  // of half the columns each

  static Weights load(const std::int8_t* position) {
    return {widened(position), widened(position + sizeof(Integers) / 2)};
  }
  static Integers widened(const std::int8_t* position) {
#if FASTCTC_KERNEL_BITS == 512
    return _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(position)));
#else
    return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(position)));
#endif
  }
};

struct Steps {
  Integers value;

  static Steps load(const std::uint8_t* x) {
    return {FASTCTC_VECTOR(broadcastq_epi64)(_mm_cvtepu8_epi16(_mm_loadu_si32(x)))};
  }
};

struct Dots {
  Integers low, high;  // two sums of each column

  static Dots none() { return {Integers{}, Integers{}}; }
  void add(const Steps& x, const Weights& weights) {
    low = FASTCTC_VECTOR(add_epi32)(low, FASTCTC_VECTOR(madd_epi16)(x.value, weights.low));
    high = FASTCTC_VECTOR(add_epi32)(high, FASTCTC_VECTOR(madd_epi16)(x.value, weights.high));
  }
#if FASTCTC_KERNEL_BITS == 512
  static __m256i added(__m512i two) {
    // Masked by ones: GCC 12 warns of the undefined vector inside its unmasked forms.
    return _mm512_maskz_cvtepi64_epi32(0xff, _mm512_add_epi32(two, _mm512_maskz_srli_epi64(0xff, two, 32)));
  }
  void store(std::int32_t* sums) const {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums), added(low));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums) + 1, added(high));
  }
#else
  void store(std::int32_t* sums) const {
    // Of columns 0 1 4 5 | 2 3 6 7.
    const __m256i added = _mm256_hadd_epi32(low, high);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums), _mm256_permute4x64_epi64(added, _MM_SHUFFLE(3, 1, 2, 0)));
  }
#endif
};

constexpr std::size_t kMostRows = (kRegisters - 6) / 4;  // of 4 sums; beside them 4 weights, 1 input, 1 product

#endif

// A tile's sums: [ROWS, kTileColumns].
template <std::size_t ROWS>
void sum_tile(const std::uint8_t* x, std::size_t x_stride, std::size_t n_inputs, const std::int8_t* weight, Fetch fetch,
              std::int32_t* result) {
  Dots sums[ROWS][2];
  FASTCTC_UNROLL
  for (std::size_t row = 0; row < ROWS; ++row) sums[row][0] = sums[row][1] = Dots::none();
  for (std::size_t block = 0; block < n_inputs; block += kInputBlock) {
    fetch.next();
    for (std::size_t input = block; input < block + kInputBlock; input += kGroup) {
      const std::int8_t* group = weight + input * kPanelColumns;
      const Weights left = Weights::load(group), right = Weights::load(group + Lanes::kCount * kGroup);
      FASTCTC_UNROLL
      for (std::size_t row = 0; row < ROWS; ++row) {
        const Steps steps = Steps::load(x + row * x_stride + input);
        sums[row][0].add(steps, left);
        sums[row][1].add(steps, right);
      }
    }
  }
  FASTCTC_UNROLL
  for (std::size_t row = 0; row < ROWS; ++row) {
    sums[row][0].store(result + row * kTileColumns);
    sums[row][1].store(result + row * kTileColumns + Lanes::kCount);
  }
}

using SumTile = void (*)(const std::uint8_t*, std::size_t, std::size_t, const std::int8_t*, Fetch, std::int32_t*);

}  // namespace
}  // namespace fastctc::operators

#include "acoustic/operators/tiles.inc"

namespace fastctc::operators {
namespace {

void multiply(const IntegerProduct& product, std::size_t first_panel, std::size_t last_panel) {
  if (product.n_rows == 0) return;
  std::int32_t sums[kMostRows * kTileColumns];
  const std::size_t n_tiles = n_tiles_of(product.n_rows);
  const std::size_t n_parts = kPanelColumns / kTileColumns;
  for (std::size_t panel = first_panel; panel < last_panel; ++panel) {
    const std::int8_t* weight = product.weight + panel * product.n_inputs * kPanelColumns;
    Fetch fetch = fetch_behind(weight + product.n_inputs * kPanelColumns, n_tiles * n_parts);
    for (std::size_t part = 0; part < n_parts; ++part) {
      const std::size_t column = panel * kPanelColumns + part * kTileColumns;
      if (column >= product.ending.n_outputs) break;
      for_each_tile(product.n_rows, [&](SumTile sum, std::size_t row, std::size_t n_rows) {
        sum(product.x + row * product.x_stride, product.x_stride, product.n_inputs,
            weight + part * kTileColumns * kGroup, fetch, sums);
        write_tile(product, row, n_rows, column, sums);
        fetch.skip(product.n_inputs);
      });
    }
  }
}

}  // namespace

const MultiplyIntegers FASTCTC_KERNEL::kMultiplyIntegers = multiply;

}  // namespace fastctc::operators
