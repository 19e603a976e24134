#include "acoustic/operators/lanes_avx2.h"

namespace fastctc::operators {
namespace {

struct Weights {
  __m256i value;

  static Weights load(const std::int8_t* position) {
    return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(position))};
  }
};

struct Steps {
  __m256i value;

  static Steps load(const std::uint8_t* x) { return {_mm256_broadcastd_epi32(_mm_loadu_si32(x))}; }
};

struct Dots {
  __m256i value;

  static Dots none() { return {_mm256_setzero_si256()}; }
  void add(const Steps& x, const Weights& weights) { value = _mm256_dpbusd_avx_epi32(value, x.value, weights.value); }
  void store(std::int32_t* sums) const { _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums), value); }
};

constexpr std::size_t kMostRows = 6;  // 12 sums, 2 weights, 1 input: 15 of 16 registers

}  // namespace
}  // namespace fastctc::operators

#include "acoustic/operators/integers.inc"

namespace fastctc::operators {

const MultiplyIntegers kMultiplyIntegersAvx2Vnni = multiply;

}  // namespace fastctc::operators
