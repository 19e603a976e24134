// One frame of log-probs.
#pragma once

#include <cstddef>
#include <string>

#include "fastctc/types.h"

namespace fastctc {

// Position of the first of the largest values; n when one of them is NaN or +infinity.
std::size_t find_largest(const float* values, std::size_t n);

// Raises OptionError on another width than the decoder's, or no values.
void check_log_probs(const LogProbsView& log_probs, std::size_t n_tokens);

// The error of a frame for which find_largest() gave n.
[[noreturn]] void raise_not_finite(std::size_t frame);

}  // namespace fastctc
