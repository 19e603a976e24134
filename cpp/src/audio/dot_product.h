// The inner loop of the resampler.
#pragma once

#include <cstddef>

namespace fastctc {

// Both functions add in one fixed order: 16 partial sums, each over every 16th product, folded by halves. So an output
// does not depend on which of the two computed it, nor on the instruction set.
struct DotProduct {
  static constexpr std::size_t lanes = 16;

  // sum(taps[j] * samples[j]), j < n; n is a multiple of `lanes`.
  float (*one)(const float* taps, const float* samples, std::size_t n);
  // The same for samples, samples + step, samples + 2 * step, samples + 3 * step: each tap is loaded once.
  void (*four)(const float* taps, const float* samples, std::size_t step, std::size_t n, float* sums);
};

extern const DotProduct dot_product_baseline;
// The fastest that this processor has.
const DotProduct& dot_product();

}  // namespace fastctc
