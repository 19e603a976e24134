#include "mel_bank.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace fastctc::frontend {
namespace {

// Slaney's Auditory Toolbox: linear below 1 kHz, 27 steps a factor of 6.4 above.
constexpr double kHzPerMel = 200.0 / 3.0;
constexpr double kBreakHz = 1000.0;
constexpr double kBreakMel = kBreakHz / kHzPerMel;
const double kLogStep = std::log(6.4) / 27.0;

double to_mel(MelScale scale, double hz) {
  if (scale == MelScale::htk) return 1127.0 * std::log1p(hz / 700.0);
  return hz < kBreakHz ? hz / kHzPerMel : kBreakMel + std::log(hz / kBreakHz) / kLogStep;
}

double to_hz(MelScale scale, double mel) {
  if (scale == MelScale::htk) return 700.0 * std::expm1(mel / 1127.0);
  return mel < kBreakMel ? mel * kHzPerMel : kBreakHz * std::exp(kLogStep * (mel - kBreakMel));
}

}  // namespace

double mel_high_hz(const FrontendOptions& options) {
  return options.high_hz > 0 ? options.high_hz : options.sample_rate_hz / 2.0 + options.high_hz;
}

MelBank make_mel_bank(const FrontendOptions& options) {
  const MelScale scale = options.mel_scale;
  const double low = to_mel(scale, options.low_hz);
  const double step = (to_mel(scale, mel_high_hz(options)) - low) / (options.n_mels + 1);
  const std::uint32_t n_bins = static_cast<std::uint32_t>(options.n_fft / 2 + 1);
  const double bin_hz = static_cast<double>(options.sample_rate_hz) / options.n_fft;
  const bool over_mel = options.mel_shape == MelShape::linear_mel;

  MelBank bank;
  for (int band = 0; band < options.n_mels; ++band) {
    const double mel[3] = {low + band * step, low + (band + 1) * step, low + (band + 2) * step};
    const double hz[3] = {to_hz(scale, mel[0]), to_hz(scale, mel[1]), to_hz(scale, mel[2])};
    const double* edge = over_mel ? mel : hz;
    const double gain = options.mel_norm == MelNorm::slaney ? 2.0 / (hz[2] - hz[0]) : 1.0;
    std::uint32_t start = 0, count = 0;
    for (std::uint32_t bin = 0; bin < n_bins; ++bin) {
      const double x = over_mel ? to_mel(scale, bin * bin_hz) : bin * bin_hz;
      const double weight = std::min((x - edge[0]) / (edge[1] - edge[0]), (edge[2] - x) / (edge[2] - edge[1]));
      if (weight <= 0) continue;
      if (count++ == 0) start = bin;
      bank.weights.push_back(weight * gain);
    }
    bank.start.push_back(start);
    bank.count.push_back(count);
  }
  return bank;
}

}  // namespace fastctc::frontend
