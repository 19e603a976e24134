// Vectors of FASTCTC_KERNEL_BITS. Included by the units that are compiled for them, each of which has its own.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "base/inlined.h"

namespace fastctc::operators {
namespace {

#if FASTCTC_KERNEL_BITS == 512
#define FASTCTC_VECTOR(operation) _mm512_##operation
using Floats = __m512;
using Integers = __m512i;
constexpr std::size_t kRegisters = 32;
inline Integers load_integers(const void* x) { return _mm512_loadu_si512(x); }
#else
#define FASTCTC_VECTOR(operation) _mm256_##operation
using Floats = __m256;
using Integers = __m256i;
constexpr std::size_t kRegisters = 16;
inline Integers load_integers(const void* x) { return _mm256_loadu_si256(static_cast<const Integers*>(x)); }
#endif

struct Lanes {
  static constexpr std::size_t kCount = sizeof(Floats) / sizeof(float);
  Floats value;

  static Lanes all(float x) { return {FASTCTC_VECTOR(set1_ps)(x)}; }
  static Lanes load(const float* x) { return {FASTCTC_VECTOR(loadu_ps)(x)}; }
  static Lanes of_difference(const std::int32_t* a, const std::int32_t* b) {
    return {FASTCTC_VECTOR(cvtepi32_ps)(FASTCTC_VECTOR(sub_epi32)(load_integers(a), load_integers(b)))};
  }
  void store(float* y) const { FASTCTC_VECTOR(storeu_ps)(y, value); }
  // Nearest integers, halves to even, plus zero; what is outside is 0 or 255.
  void store_bytes(std::int32_t zero, std::uint8_t* y) const;
  float total() const;
  float largest() const;
};

inline Lanes operator+(Lanes a, Lanes b) { return {FASTCTC_VECTOR(add_ps)(a.value, b.value)}; }
inline Lanes operator-(Lanes a, Lanes b) { return {FASTCTC_VECTOR(sub_ps)(a.value, b.value)}; }
inline Lanes operator*(Lanes a, Lanes b) { return {FASTCTC_VECTOR(mul_ps)(a.value, b.value)}; }
inline Lanes operator/(Lanes a, Lanes b) { return {FASTCTC_VECTOR(div_ps)(a.value, b.value)}; }
inline Lanes fused(Lanes a, Lanes b, Lanes c) { return {FASTCTC_VECTOR(fmadd_ps)(a.value, b.value, c.value)}; }
// The first of the two where it is not a number: that passes.
inline Lanes min(Lanes a, Lanes b) { return {FASTCTC_VECTOR(min_ps)(b.value, a.value)}; }
inline Lanes max(Lanes a, Lanes b) { return {FASTCTC_VECTOR(max_ps)(b.value, a.value)}; }
inline Lanes root(Lanes a) { return {FASTCTC_VECTOR(sqrt_ps)(a.value)}; }
inline void prefetch(const char* line) { _mm_prefetch(line, _MM_HINT_T1); }

// reciprocal: of numbers from 1 to 1e38, within 1 unit of the last place.
#if FASTCTC_KERNEL_BITS == 512

inline void Lanes::store_bytes(std::int32_t zero, std::uint8_t* y) const {
  const Integers steps = _mm512_add_epi32(_mm512_cvtps_epi32(value), _mm512_set1_epi32(zero));
  const Integers positive = _mm512_max_epi32(steps, _mm512_setzero_si512());
  _mm_storeu_si128(reinterpret_cast<__m128i*>(y), _mm512_cvtusepi32_epi8(positive));
}
inline float Lanes::total() const { return _mm512_reduce_add_ps(value); }
inline float Lanes::largest() const { return _mm512_reduce_max_ps(value); }

// A division takes four times as long.
inline Lanes reciprocal(Lanes a) {
  const Floats rough = _mm512_rcp14_ps(a.value);
  return {_mm512_fmadd_ps(rough, _mm512_fnmadd_ps(a.value, rough, _mm512_set1_ps(1.0f)), rough)};
}
inline Lanes round(Lanes a) { return {_mm512_roundscale_ps(a.value, _MM_FROUND_TO_NEAREST_INT)}; }
inline Lanes scaled(Lanes a, Lanes exponent) { return {_mm512_scalef_ps(a.value, exponent.value)}; }

#else

inline void Lanes::store_bytes(std::int32_t zero, std::uint8_t* y) const {
  const Integers steps = _mm256_add_epi32(_mm256_cvtps_epi32(value), _mm256_set1_epi32(zero));
  const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(steps), _mm256_extracti128_si256(steps, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(y), _mm_packus_epi16(words, words));
}
inline float Lanes::total() const {
  __m128 sums = _mm_add_ps(_mm256_castps256_ps128(value), _mm256_extractf128_ps(value, 1));
  sums = _mm_add_ps(sums, _mm_movehl_ps(sums, sums));
  return _mm_cvtss_f32(_mm_add_ss(sums, _mm_movehdup_ps(sums)));
}
inline float Lanes::largest() const {
  __m128 highest = _mm_max_ps(_mm256_castps256_ps128(value), _mm256_extractf128_ps(value, 1));
  highest = _mm_max_ps(highest, _mm_movehl_ps(highest, highest));
  return _mm_cvtss_f32(_mm_max_ss(highest, _mm_movehdup_ps(highest)));
}

inline Lanes reciprocal(Lanes a) { return Lanes::all(1.0f) / a; }
inline Lanes round(Lanes a) { return {_mm256_round_ps(a.value, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }
inline Lanes scaled(Lanes a, Lanes exponent) {
  const Integers bits = _mm256_slli_epi32(_mm256_cvtps_epi32(exponent.value), 23);
  return {_mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(a.value), bits))};
}

#endif

}  // namespace
}  // namespace fastctc::operators
