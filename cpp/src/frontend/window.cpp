#include "frontend/window.h"

#include <cmath>
#include <cstddef>

namespace fastctc::frontend {
namespace {

constexpr double kPi = 3.14159265358979323846;

// Weight at phase x in [0, 1] of the window's length.
double weight(const FrontendOptions& options, double x) {
  const double turn = 2.0 * kPi * x;
  switch (options.window) {
    case WindowKind::hann:
      return 0.5 - 0.5 * std::cos(turn);
    case WindowKind::hamming:
      return 0.54 - 0.46 * std::cos(turn);
    case WindowKind::blackman:
      return options.blackman_coeff - 0.5 * std::cos(turn) + (0.5 - options.blackman_coeff) * std::cos(2.0 * turn);
    case WindowKind::bartlett:
      return 1.0 - std::abs(2.0 * x - 1.0);
    case WindowKind::povey:
      return std::pow(0.5 - 0.5 * std::cos(turn), 0.85);
    case WindowKind::sine:
      return std::sin(0.5 * turn);
    case WindowKind::rectangular:
      break;
  }
  return 1.0;
}

}  // namespace

std::vector<double> make_window(const FrontendOptions& options) {
  const int length = options.win_length_samples;
  std::vector<double> window(static_cast<std::size_t>(length), 1.0);
  if (length == 1) return window;
  const double intervals = options.window_periodic ? length : length - 1;
  for (int i = 0; i < length; ++i) window[static_cast<std::size_t>(i)] = weight(options, i / intervals);
  return window;
}

}  // namespace fastctc::frontend
