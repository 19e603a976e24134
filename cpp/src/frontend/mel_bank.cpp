#include "frontend/mel_bank.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace fastctc::frontend {
namespace {

// Slaney's Auditory Toolbox: linear below 1 kHz, 27 steps per factor of 6.4 above.
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
  const auto edge_hz = [&](int edge) { return to_hz(scale, low + edge * step); };
  const auto edge_at = [&](int edge) { return over_mel ? low + edge * step : edge_hz(edge); };
  const auto bin_at = [&](std::uint32_t bin) { return over_mel ? to_mel(scale, bin * bin_hz) : bin * bin_hz; };
  const auto gain = [&](int band) {
    if (band < 0 || band >= options.n_mels) return 0.0;
    return options.mel_norm == MelNorm::slaney ? 2.0 / (edge_hz(band + 2) - edge_hz(band)) : 1.0;
  };

  MelBank bank;
  std::uint32_t bin = 0;
  while (bin < n_bins && bin_at(bin) < edge_at(0)) ++bin;
  bank.edges.push_back(bin);
  for (int edge = 0; edge <= options.n_mels; ++edge) {
    const double left = edge_at(edge), right = edge_at(edge + 1);
    for (; bin < n_bins && bin_at(bin) < right; ++bin) {
      bank.weights.push_back((bin_at(bin) - left) / (right - left) * gain(edge));
      bank.weights.push_back((right - bin_at(bin)) / (right - left) * gain(edge - 1));
    }
    bank.edges.push_back(bin);
  }
  return bank;
}

}  // namespace fastctc::frontend
