// The one check of samples, at every door of the library.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fastctc {

// Samples should be in [-1, 1]. A mix may pass that a little; beyond this they are surely 16-bit values.
constexpr float kLoudestSample = 32;
// What comes of such samples at another rate: the magnitudes of the resampler's taps add up to less than 3.
constexpr float kLoudestResampled = 3 * kLoudestSample;

// Raises AudioError that names the first sample which is not finite or larger than `loudest`, and what to do; also
// where there are samples but no pointer. samples[0] is sample `first` of its signal.
void check_samples(const float* samples, std::size_t n_samples, std::uint64_t first = 0,
                   float loudest = kLoudestSample);

}  // namespace fastctc
