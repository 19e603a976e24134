#pragma once

#include <cstdint>
#include <vector>

#include "fastctc/options.h"

namespace fastctc::frontend {

// Triangles over the n_fft / 2 + 1 bins of the spectrum: band m rises from edge m to edge m + 1 and falls to edge m +
// 2, so that a bin between two edges belongs to two bands at most.
struct MelBank {
  std::vector<std::uint32_t> edges;  // [n_mels + 2]: first bin at or past each edge
  // [bins edges[0] ... edges[n_mels + 1] - 1, 2]: between edges m and m + 1, weight in band m and in band m - 1.
  std::vector<double> weights;
};

// Triangles between n_mels + 2 edges equally spaced on the mel scale from low_hz to high_hz. linear_hz: librosa's
// filters.mel; linear_mel: Kaldi's mel-computations.cc.
MelBank make_mel_bank(const FrontendOptions& options);

// The upper edge in Hz: high_hz, or that much below the Nyquist frequency.
double mel_high_hz(const FrontendOptions& options);

}  // namespace fastctc::frontend
