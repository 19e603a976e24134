#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "frontend/fbank_kernel.h"

namespace fastctc::frontend {

// Factors and twiddles of the power spectrum of n_fft real points, n_fft even. Owns what tables() points to.
class FftPlan {
 public:
  explicit FftPlan(std::size_t n_fft);
  FftPlan(const FftPlan&) = delete;
  FftPlan& operator=(const FftPlan&) = delete;

  const FftTables& tables() const { return tables_; }

 private:
  std::vector<std::vector<double>> twiddles_;
  std::vector<std::vector<double>> roots_;
  std::vector<FftStage> stages_;
  std::vector<std::uint32_t> position_;
  std::vector<double> split_;
  FftTables tables_ = {};
};

}  // namespace fastctc::frontend
