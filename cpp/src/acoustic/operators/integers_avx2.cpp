#include "acoustic/operators/lanes_avx2.h"

namespace fastctc::operators {
namespace {

// Products of 16-bit integers: those of 8 bits (vpmaddubsw) saturate.
struct Weights {
  __m256i low, high;  // of 4 columns each

  static Weights load(const std::int8_t* position) {
    const auto half = [&](std::size_t i) {
      return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(position) + i));
    };
    return {half(0), half(1)};
  }
};

struct Steps {
  __m256i value;

  static Steps load(const std::uint8_t* x) { return {_mm256_broadcastq_epi64(_mm_cvtepu8_epi16(_mm_loadu_si32(x)))}; }
};

struct Dots {
  __m256i low, high;  // two sums of each column

  static Dots none() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
  void add(const Steps& x, const Weights& weights) {
    low = _mm256_add_epi32(low, _mm256_madd_epi16(x.value, weights.low));
    high = _mm256_add_epi32(high, _mm256_madd_epi16(x.value, weights.high));
  }
  void store(std::int32_t* sums) const {
    // Of columns 0 1 4 5 | 2 3 6 7.
    const __m256i added = _mm256_hadd_epi32(low, high);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums), _mm256_permute4x64_epi64(added, _MM_SHUFFLE(3, 1, 2, 0)));
  }
};

constexpr std::size_t kMostRows = 2;  // 8 sums, 4 weights, 1 input, 1 product: 14 of 16 registers

}  // namespace
}  // namespace fastctc::operators

#include "acoustic/operators/integers.inc"

namespace fastctc::operators {

const MultiplyIntegers kMultiplyIntegersAvx2 = multiply;

}  // namespace fastctc::operators
