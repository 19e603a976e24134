#include "acoustic/graph/probe.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace fastctc {
namespace {

constexpr double kSameTolerance = 1e-3;

}  // namespace

std::vector<float> probe_values(std::size_t n_values) {
  std::vector<float> values(n_values);
  std::uint32_t state = 1;
  for (float& value : values) {
    state = state * 1664525u + 1013904223u;  // Numerical Recipes' generator
    value = static_cast<float>(state >> 8) / 8388608.0f - 1.0f;
  }
  return values;
}

bool same_scores(const float* a, const float* b, std::size_t n_values) {
  for (std::size_t i = 0; i < n_values; ++i) {
    const double scale = std::max(1.0, std::fabs(static_cast<double>(b[i])));
    if (!(std::fabs(static_cast<double>(a[i]) - static_cast<double>(b[i])) <= kSameTolerance * scale)) return false;
  }
  return true;
}

}  // namespace fastctc
