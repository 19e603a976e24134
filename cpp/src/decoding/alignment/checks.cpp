#include "decoding/alignment/checks.h"

#include <limits>
#include <string>

#include "decoding/alignment/trellis.h"
#include "fastctc/error.h"

namespace fastctc {

void check_ids(const std::vector<int>& token_ids, int blank_id, std::size_t n_tokens) {
  const auto n = static_cast<int>(n_tokens);
  if (blank_id < 0 || blank_id >= n) {
    throw OptionError("Option blank_id is " + std::to_string(blank_id) +
                      ", but must be from 0 to below the number of " + "tokens, " + std::to_string(n) + ".");
  }
  for (std::size_t i = 0; i < token_ids.size(); ++i) {
    if (token_ids[i] >= 0 && token_ids[i] < n && token_ids[i] != blank_id) continue;
    throw OptionError("Token " + std::to_string(i) + " to align has the id " + std::to_string(token_ids[i]) +
                      ", which is " + (token_ids[i] == blank_id ? "the blank" : "not in the vocabulary") + ".");
  }
}

void check_row(const float* log_probs, std::size_t n_tokens, std::size_t frame) {
  // One pass without branches, several values at a time.
  int is_bad = 0;
  for (std::size_t id = 0; id < n_tokens; ++id) is_bad |= !(log_probs[id] <= std::numeric_limits<float>::max());
  if (is_bad == 0) return;
  for (std::size_t id = 0; id < n_tokens; ++id) {
    if (log_probs[id] <= std::numeric_limits<float>::max()) continue;
    throw ModelError("The log-probs of frame " + std::to_string(frame) + " hold NaN or +infinity. Check the audio " +
                     "for values that are not finite, then the model.");
  }
}

void check_length(const std::vector<int>& token_ids, std::size_t n_frames) {
  const std::size_t n_needed = frames_needed(token_ids);
  if (n_needed <= n_frames) return;
  throw AlignmentError("The text needs " + std::to_string(n_needed) + " frames at least, one per token and a blank " +
                       "between equal ones, but the audio has " + std::to_string(n_frames) +
                       ". Check that the text belongs to the audio.");
}

void check_score(double score) {
  if (score > -std::numeric_limits<double>::infinity()) return;
  throw AlignmentError("The text has a probability of 0: at some place every frame's log-prob of its token is " +
                       std::string("-infinity. Check that the text belongs to the audio."));
}

}  // namespace fastctc
