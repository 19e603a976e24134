// Vectors of AVX-512. Included by the units that are compiled for it, each of which has its own.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace fastctc::operators {
namespace {

struct Lanes {
  static constexpr std::size_t kCount = 16;
  __m512 value;

  static Lanes all(float x) { return {_mm512_set1_ps(x)}; }
  static Lanes load(const float* x) { return {_mm512_loadu_ps(x)}; }
  static Lanes of_difference(const std::int32_t* a, const std::int32_t* b) {
    return {_mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_loadu_si512(a), _mm512_loadu_si512(b)))};
  }
  void store(float* y) const { _mm512_storeu_ps(y, value); }
  // Nearest integers, halves to even, plus zero; what is outside is 0 or 255.
  void store_bytes(std::int32_t zero, std::uint8_t* y) const {
    const __m512i steps = _mm512_add_epi32(_mm512_cvtps_epi32(value), _mm512_set1_epi32(zero));
    const __m512i positive = _mm512_max_epi32(steps, _mm512_setzero_si512());
    _mm_storeu_si128(reinterpret_cast<__m128i*>(y), _mm512_cvtusepi32_epi8(positive));
  }
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
// Of numbers from 1 to 1e38: within 1 unit of the last place. A division takes four times as long.
inline Lanes reciprocal(Lanes a) {
  const __m512 rough = _mm512_rcp14_ps(a.value);
  return {_mm512_fmadd_ps(rough, _mm512_fnmadd_ps(a.value, rough, _mm512_set1_ps(1.0f)), rough)};
}
inline Lanes root(Lanes a) { return {_mm512_sqrt_ps(a.value)}; }
inline Lanes round(Lanes a) { return {_mm512_roundscale_ps(a.value, _MM_FROUND_TO_NEAREST_INT)}; }
inline Lanes scaled(Lanes a, Lanes exponent) { return {_mm512_scalef_ps(a.value, exponent.value)}; }
inline void prefetch(const char* line) { _mm_prefetch(line, _MM_HINT_T1); }

}  // namespace
}  // namespace fastctc::operators
