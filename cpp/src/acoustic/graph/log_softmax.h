// Normalising a graph's output.
#pragma once

#include <cstddef>

namespace fastctc {

// ln(sum(exp(values))), stable, summed in double. -inf when all values are.
double log_sum_exp(const float* values, std::size_t n_values);

// Each row of values[n_rows, n_values] minus its log_sum_exp, in place.
void log_softmax(float* values, std::size_t n_rows, std::size_t n_values);

// Whether the row is a distribution: no negative value and a sum of 1 within 1e-3.
bool is_probability(const float* values, std::size_t n_values);

}  // namespace fastctc
