#pragma once

#include <cstdint>
#include <vector>

#include "fastctc/options.h"

namespace fastctc::frontend {

// Sparse triangles over the n_fft / 2 + 1 bins of the spectrum.
struct MelBank {
  std::vector<std::uint32_t> start;  // [n_mels]: first bin with weight
  std::vector<std::uint32_t> count;  // [n_mels]: bins with weight; 0 for a triangle between two bins
  std::vector<double> weights;       // the triangles, one after the other
};

// Triangles between n_mels + 2 edges equally spaced on the mel scale from low_hz to high_hz. linear_hz: librosa's
// filters.mel; linear_mel: Kaldi's mel-computations.cc.
MelBank make_mel_bank(const FrontendOptions& options);

// The upper edge in Hz: high_hz, or that much below the Nyquist frequency.
double mel_high_hz(const FrontendOptions& options);

}  // namespace fastctc::frontend
