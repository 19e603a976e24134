#include "audio/dot_product.h"

#if (defined(__GNUC__) || defined(__clang__)) && defined(__x86_64__)
#define FASTCTC_DOT_PRODUCT_AVX2 1
#include <immintrin.h>
#endif

namespace fastctc {
namespace {

float one_baseline(const float* taps, const float* samples, std::size_t n) {
  constexpr std::size_t lanes = DotProduct::lanes;
  float sums[lanes] = {};
  for (std::size_t j = 0; j < n; j += lanes) {
    for (std::size_t lane = 0; lane < lanes; ++lane) sums[lane] += taps[j + lane] * samples[j + lane];
  }
  for (std::size_t half = lanes / 2; half > 0; half /= 2) {
    for (std::size_t lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
  }
  return sums[0];
}

void four_baseline(const float* taps, const float* samples, std::size_t step, std::size_t n, float* sums) {
  for (std::size_t i = 0; i < 4; ++i) sums[i] = one_baseline(taps, samples + i * step, n);
}

#if defined(FASTCTC_DOT_PRODUCT_AVX2)

#define FASTCTC_AVX2 __attribute__((target("avx2")))  // without FMA: it would round differently from the baseline

FASTCTC_AVX2 inline float fold(__m256 low, __m256 high) {
  const __m256 eight = _mm256_add_ps(low, high);
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}

FASTCTC_AVX2 float one_avx2(const float* taps, const float* samples, std::size_t n) {
  __m256 low = _mm256_setzero_ps(), high = _mm256_setzero_ps();
  for (std::size_t j = 0; j < n; j += DotProduct::lanes) {
    low = _mm256_add_ps(low, _mm256_mul_ps(_mm256_loadu_ps(taps + j), _mm256_loadu_ps(samples + j)));
    high = _mm256_add_ps(high, _mm256_mul_ps(_mm256_loadu_ps(taps + j + 8), _mm256_loadu_ps(samples + j + 8)));
  }
  return fold(low, high);
}

FASTCTC_AVX2 void four_avx2(const float* taps, const float* samples, std::size_t step, std::size_t n, float* sums) {
  const float* s0 = samples;
  const float* s1 = samples + step;
  const float* s2 = samples + 2 * step;
  const float* s3 = samples + 3 * step;
  __m256 low0 = _mm256_setzero_ps(), low1 = low0, low2 = low0, low3 = low0;
  __m256 high0 = low0, high1 = low0, high2 = low0, high3 = low0;
  for (std::size_t j = 0; j < n; j += DotProduct::lanes) {
    const __m256 low = _mm256_loadu_ps(taps + j);
    const __m256 high = _mm256_loadu_ps(taps + j + 8);
    low0 = _mm256_add_ps(low0, _mm256_mul_ps(low, _mm256_loadu_ps(s0 + j)));
    low1 = _mm256_add_ps(low1, _mm256_mul_ps(low, _mm256_loadu_ps(s1 + j)));
    low2 = _mm256_add_ps(low2, _mm256_mul_ps(low, _mm256_loadu_ps(s2 + j)));
    low3 = _mm256_add_ps(low3, _mm256_mul_ps(low, _mm256_loadu_ps(s3 + j)));
    high0 = _mm256_add_ps(high0, _mm256_mul_ps(high, _mm256_loadu_ps(s0 + j + 8)));
    high1 = _mm256_add_ps(high1, _mm256_mul_ps(high, _mm256_loadu_ps(s1 + j + 8)));
    high2 = _mm256_add_ps(high2, _mm256_mul_ps(high, _mm256_loadu_ps(s2 + j + 8)));
    high3 = _mm256_add_ps(high3, _mm256_mul_ps(high, _mm256_loadu_ps(s3 + j + 8)));
  }
  sums[0] = fold(low0, high0);
  sums[1] = fold(low1, high1);
  sums[2] = fold(low2, high2);
  sums[3] = fold(low3, high3);
}

const DotProduct dot_product_avx2 = {one_avx2, four_avx2};

#endif

}  // namespace

const DotProduct dot_product_baseline = {one_baseline, four_baseline};

const DotProduct& dot_product() {
#if defined(FASTCTC_DOT_PRODUCT_AVX2)
  static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  if (has_avx2) return dot_product_avx2;
#endif
  return dot_product_baseline;
}

}  // namespace fastctc
