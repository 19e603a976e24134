// What can be aligned at all.
#pragma once

#include <cstddef>
#include <vector>

namespace fastctc {

// Raises OptionError on a blank or ids that are not among the n_tokens of the vocabulary, and on the blank among them.
void check_ids(const std::vector<int>& token_ids, int blank_id, std::size_t n_tokens);
// Raises ModelError, `frame` in its message, on NaN and +infinity.
void check_row(const float* log_probs, std::size_t n_tokens, std::size_t frame);
// Raises AlignmentError, with both numbers, where the tokens need more frames than there are.
void check_length(const std::vector<int>& token_ids, std::size_t n_frames);
// Raises AlignmentError where there is no path.
void check_score(double score);

}  // namespace fastctc
