#include "acoustic/graph/log_softmax.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fastctc {

double log_sum_exp(const float* values, std::size_t n_values) {
  const double highest =
      n_values ? *std::max_element(values, values + n_values) : -std::numeric_limits<double>::infinity();
  if (!std::isfinite(highest)) return highest;
  double sum = 0;
  for (std::size_t i = 0; i < n_values; ++i) sum += std::exp(static_cast<double>(values[i]) - highest);
  return highest + std::log(sum);
}

void log_softmax(float* values, std::size_t n_rows, std::size_t n_values) {
  for (float* row = values; row != values + n_rows * n_values; row += n_values) {
    const double total = log_sum_exp(row, n_values);
    for (std::size_t i = 0; i < n_values; ++i) row[i] = static_cast<float>(static_cast<double>(row[i]) - total);
  }
}

bool is_probability(const float* values, std::size_t n_values) {
  double sum = 0;
  for (std::size_t i = 0; i < n_values; ++i) {
    if (!(values[i] >= 0)) return false;
    sum += static_cast<double>(values[i]);
  }
  return std::fabs(sum - 1) <= 1e-3;
}

}  // namespace fastctc
