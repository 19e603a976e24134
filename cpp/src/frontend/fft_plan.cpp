#include "frontend/fft_plan.h"

#include <algorithm>
#include <cmath>

namespace fastctc::frontend {
namespace {

constexpr double kPi = 3.14159265358979323846;

// exp(-2 pi i numerator / denominator)
void append_root(std::vector<double>& table, std::size_t numerator, std::size_t denominator) {
  const double angle = -2.0 * kPi * static_cast<double>(numerator % denominator) / static_cast<double>(denominator);
  table.push_back(std::cos(angle));
  table.push_back(std::sin(angle));
}

// Fours first: the first pass takes the window along in radix 4.
std::vector<std::size_t> factorize(std::size_t n) {
  std::vector<std::size_t> factors;
  for (const std::size_t radix : {4, 2, 3, 5}) {
    for (; n % radix == 0; n /= radix) factors.push_back(radix);
  }
  for (std::size_t radix = 7; n > 1; radix += 2) {
    // What is left without a divisor up to its root is a prime.
    if (radix * radix > n) radix = n;
    for (; n % radix == 0; n /= radix) factors.push_back(radix);
  }
  return factors;
}

}  // namespace

FftPlan::FftPlan(std::size_t n_fft) {
  const std::size_t n = n_fft / 2;
  std::size_t points = n, max_radix = 1;
  const std::vector<std::size_t> factors = factorize(n);
  for (const std::size_t radix : factors) {
    const std::size_t m = points / radix;
    std::vector<double>& twiddles = twiddles_.emplace_back();
    for (std::size_t j = 0; j < m; ++j) {
      for (std::size_t p = 1; p < radix; ++p) append_root(twiddles, j * p, points);
    }
    std::vector<double>& roots = roots_.emplace_back();
    for (std::size_t q = 0; q < radix; ++q) append_root(roots, q, radix);
    max_radix = std::max(max_radix, radix);
    points = m;
  }
  points = n;
  for (std::size_t s = 0; s < factors.size(); ++s) {
    points /= factors[s];
    stages_.push_back({factors[s], points, twiddles_[s].data(), roots_[s].data()});
  }

  // A pass of radix r sends frequency k of its block to place k / r of sub-block k % r.
  for (std::size_t k = 0; k < n; ++k) {
    std::size_t place = 0, rest = k;
    for (const FftStage& stage : stages_) {
      place += rest % stage.radix * stage.m;
      rest /= stage.radix;
    }
    position_.push_back(static_cast<std::uint32_t>(place));
  }
  for (std::size_t k = 0; k <= n / 2; ++k) append_root(split_, k, n_fft);

  tables_ = {
      n, stages_.size(), 2 * n + std::max(2 * max_radix, n + 1), stages_.data(), position_.data(), split_.data()};
}

}  // namespace fastctc::frontend
