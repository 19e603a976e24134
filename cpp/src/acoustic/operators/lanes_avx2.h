// Vectors of AVX2. Included by the units that are compiled for it, each of which has its own.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace fastctc::operators {
namespace {

struct Lanes {
  static constexpr std::size_t kCount = 8;
  __m256 value;

  static Lanes all(float x) { return {_mm256_set1_ps(x)}; }
  static Lanes load(const float* x) { return {_mm256_loadu_ps(x)}; }
  static Lanes of_difference(const std::int32_t* a, const std::int32_t* b) {
    const __m256i left = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(a));
    return {_mm256_cvtepi32_ps(_mm256_sub_epi32(left, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b))))};
  }
  void store(float* y) const { _mm256_storeu_ps(y, value); }
  // Nearest integers, halves to even, plus zero; what is outside is 0 or 255.
  void store_bytes(std::int32_t zero, std::uint8_t* y) const {
    const __m256i steps = _mm256_add_epi32(_mm256_cvtps_epi32(value), _mm256_set1_epi32(zero));
    const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(steps), _mm256_extracti128_si256(steps, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(y), _mm_packus_epi16(words, words));
  }
  float total() const {
    __m128 sums = _mm_add_ps(_mm256_castps256_ps128(value), _mm256_extractf128_ps(value, 1));
    sums = _mm_add_ps(sums, _mm_movehl_ps(sums, sums));
    return _mm_cvtss_f32(_mm_add_ss(sums, _mm_movehdup_ps(sums)));
  }
  float largest() const {
    __m128 highest = _mm_max_ps(_mm256_castps256_ps128(value), _mm256_extractf128_ps(value, 1));
    highest = _mm_max_ps(highest, _mm_movehl_ps(highest, highest));
    return _mm_cvtss_f32(_mm_max_ss(highest, _mm_movehdup_ps(highest)));
  }
};

inline Lanes operator+(Lanes a, Lanes b) { return {_mm256_add_ps(a.value, b.value)}; }
inline Lanes operator-(Lanes a, Lanes b) { return {_mm256_sub_ps(a.value, b.value)}; }
inline Lanes operator*(Lanes a, Lanes b) { return {_mm256_mul_ps(a.value, b.value)}; }
inline Lanes operator/(Lanes a, Lanes b) { return {_mm256_div_ps(a.value, b.value)}; }
inline Lanes fused(Lanes a, Lanes b, Lanes c) { return {_mm256_fmadd_ps(a.value, b.value, c.value)}; }
// The first of the two where it is not a number: that passes.
inline Lanes min(Lanes a, Lanes b) { return {_mm256_min_ps(b.value, a.value)}; }
inline Lanes max(Lanes a, Lanes b) { return {_mm256_max_ps(b.value, a.value)}; }
inline Lanes reciprocal(Lanes a) { return {_mm256_div_ps(_mm256_set1_ps(1.0f), a.value)}; }
inline Lanes root(Lanes a) { return {_mm256_sqrt_ps(a.value)}; }
inline Lanes round(Lanes a) { return {_mm256_round_ps(a.value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }
inline Lanes scaled(Lanes a, Lanes exponent) {
  const __m256i bits = _mm256_slli_epi32(_mm256_cvtps_epi32(exponent.value), 23);
  return {_mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(a.value), bits))};
}
inline void prefetch(const char* line) { _mm_prefetch(line, _MM_HINT_T1); }

}  // namespace
}  // namespace fastctc::operators
