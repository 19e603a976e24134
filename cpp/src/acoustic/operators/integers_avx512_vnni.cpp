#include "acoustic/operators/lanes_avx512.h"

namespace fastctc::operators {
namespace {

struct Weights {
  __m512i value;

  static Weights load(const std::int8_t* position) { return {_mm512_loadu_si512(position)}; }
};

struct Steps {
  __m512i value;

  static Steps load(const std::uint8_t* x) { return {_mm512_broadcastd_epi32(_mm_loadu_si32(x))}; }
};

struct Dots {
  __m512i value;

  static Dots none() { return {_mm512_setzero_si512()}; }
  void add(const Steps& x, const Weights& weights) { value = _mm512_dpbusd_epi32(value, x.value, weights.value); }
  void store(std::int32_t* sums) const { _mm512_storeu_si512(sums, value); }
};

constexpr std::size_t kMostRows = 14;  // 28 sums, 2 weights, 1 input: 31 of 32 registers

}  // namespace
}  // namespace fastctc::operators

#include "acoustic/operators/integers.inc"

namespace fastctc::operators {

const MultiplyIntegers kMultiplyIntegersAvx512Vnni = multiply;

}  // namespace fastctc::operators
