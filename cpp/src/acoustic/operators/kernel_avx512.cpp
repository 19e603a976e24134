#include <immintrin.h>

#include <cstddef>

namespace fastctc::operators {
namespace {

struct Lanes {
  static constexpr std::size_t kCount = 16;
  __m512 value;

  static Lanes all(float x) { return {_mm512_set1_ps(x)}; }
  static Lanes load(const float* x) { return {_mm512_loadu_ps(x)}; }
  void store(float* y) const { _mm512_storeu_ps(y, value); }
  float total() const { return _mm512_reduce_add_ps(value); }
  float largest() const { return _mm512_reduce_max_ps(value); }
};

inline Lanes operator+(Lanes a, Lanes b) { return {_mm512_add_ps(a.value, b.value)}; }
inline Lanes operator-(Lanes a, Lanes b) { return {_mm512_sub_ps(a.value, b.value)}; }
inline Lanes operator*(Lanes a, Lanes b) { return {_mm512_mul_ps(a.value, b.value)}; }
inline Lanes operator/(Lanes a, Lanes b) { return {_mm512_div_ps(a.value, b.value)}; }
inline Lanes fused(Lanes a, Lanes b, Lanes c) { return {_mm512_fmadd_ps(a.value, b.value, c.value)}; }
// The first of the two where it is not a number: that passes.
inline Lanes min(Lanes a, Lanes b) { return {_mm512_min_ps(b.value, a.value)}; }
inline Lanes max(Lanes a, Lanes b) { return {_mm512_max_ps(b.value, a.value)}; }
inline Lanes root(Lanes a) { return {_mm512_sqrt_ps(a.value)}; }
inline Lanes round(Lanes a) { return {_mm512_roundscale_ps(a.value, _MM_FROUND_TO_NEAREST_INT)}; }
inline Lanes scaled(Lanes a, Lanes exponent) { return {_mm512_scalef_ps(a.value, exponent.value)}; }
inline void prefetch(const char* line) { _mm_prefetch(line, _MM_HINT_T1); }

constexpr std::size_t kMostRows = 14;  // 28 sums, 2 weights, 1 input: 31 of 32 registers

}  // namespace
}  // namespace fastctc::operators

#define KERNEL_OBJECT kKernelAvx512
#define KERNEL_NAME "avx512"
#include "acoustic/operators/kernel.inc"
