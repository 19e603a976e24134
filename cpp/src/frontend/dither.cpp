#include "frontend/dither.h"

#include <cmath>

namespace fastctc::frontend {
namespace {

std::uint64_t split_mix(std::uint64_t state) {
  state += 0x9E3779B97F4A7C15u;
  state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9u;
  state = (state ^ (state >> 27)) * 0x94D049BB133111EBu;
  return state ^ (state >> 31);
}

}  // namespace

double gaussian_noise(std::uint64_t seed, std::uint64_t counter) {
  const std::uint64_t bits = split_mix(split_mix(seed) + counter);
  const double step = 1.0 / 4294967296.0;  // 2^-32
  const double radius = (static_cast<double>(bits >> 32) + 0.5) * step;
  const double turn = static_cast<double>(bits & 0xFFFFFFFFu) * step;
  return std::sqrt(-2.0 * std::log(radius)) * std::cos(2.0 * 3.14159265358979323846 * turn);
}

}  // namespace fastctc::frontend
