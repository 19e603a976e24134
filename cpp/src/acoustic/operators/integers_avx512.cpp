#include "acoustic/operators/lanes_avx512.h"

namespace fastctc::operators {
namespace {

// Without VNNI. Products of 16-bit integers: those of 8 bits (vpmaddubsw) saturate.
struct Weights {
  __m512i low, high;  // of 8 columns each

  static Weights load(const std::int8_t* position) {
    const auto half = [&](std::size_t i) {
      return _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(position) + i));
    };
    return {half(0), half(1)};
  }
};

struct Steps {
  __m512i value;

  static Steps load(const std::uint8_t* x) { return {_mm512_broadcastq_epi64(_mm_cvtepu8_epi16(_mm_loadu_si32(x)))}; }
};

struct Dots {
  __m512i low, high;  // two sums of each column

  static Dots none() { return {_mm512_setzero_si512(), _mm512_setzero_si512()}; }
  void add(const Steps& x, const Weights& weights) {
    low = _mm512_add_epi32(low, _mm512_madd_epi16(x.value, weights.low));
    high = _mm512_add_epi32(high, _mm512_madd_epi16(x.value, weights.high));
  }
  static __m256i added(__m512i two) {
    // Masked by ones: GCC 12 warns of the undefined vector inside its unmasked forms.
    return _mm512_maskz_cvtepi64_epi32(0xff, _mm512_add_epi32(two, _mm512_maskz_srli_epi64(0xff, two, 32)));
  }
  void store(std::int32_t* sums) const {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums), added(low));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums) + 1, added(high));
  }
};

constexpr std::size_t kMostRows = 6;  // 24 sums, 4 weights, 1 input, 1 product: 30 of 32 registers

}  // namespace
}  // namespace fastctc::operators

#include "acoustic/operators/integers.inc"

namespace fastctc::operators {

const MultiplyIntegers kMultiplyIntegersAvx512 = multiply;

}  // namespace fastctc::operators
