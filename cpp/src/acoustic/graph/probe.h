// Runs that show what a graph does.
#pragma once

#include <cstddef>
#include <vector>

namespace fastctc {

// Uniform in [-1, 1], the same on every machine. Zeros would not show whether padding is masked.
std::vector<float> probe_values(std::size_t n_values);

// Whether two outputs differ by rounding only.
bool same_scores(const float* a, const float* b, std::size_t n_values);

}  // namespace fastctc
