#pragma once

#include <cstdint>

namespace fastctc::frontend {

// Standard normal noise as a function of (seed, counter), so that no split of the input changes it:
// SplitMix64 (Steele, Lea & Flood 2014) of the counter under the mixed seed, then Box & Muller.
double gaussian_noise(std::uint64_t seed, std::uint64_t counter);

}  // namespace fastctc::frontend
