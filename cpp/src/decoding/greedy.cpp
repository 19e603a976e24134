#include <string>

#include "decoding/log_probs_row.h"
#include "fastctc/confidence.h"
#include "fastctc/decoder.h"
#include "fastctc/error.h"

namespace fastctc {
GreedyDecoder::GreedyDecoder(std::size_t n_tokens, int blank_id, const ConfidenceOptions& confidence)
    : n_tokens_(n_tokens), blank_id_(blank_id), confidence_(confidence) {
  validate(confidence);
  if (blank_id < 0 || static_cast<std::size_t>(blank_id) >= n_tokens) {
    throw OptionError("Option blank_id is " + std::to_string(blank_id) +
                      ", but must be from 0 to below the number of " + "tokens, " + std::to_string(n_tokens) + ".");
  }
}

void GreedyDecoder::step(LogProbsView log_probs) {
  if (log_probs.n_frames == 0) return;
  check_log_probs(log_probs, n_tokens_);
  for (std::size_t frame = 0; frame < log_probs.n_frames; ++frame, ++n_frames_) {
    const float* values = log_probs.values + frame * n_tokens_;
    const std::size_t index = find_largest(values, n_tokens_);
    if (index == n_tokens_) raise_not_finite(n_frames_);
    const int id = static_cast<int>(index);
    const float log_prob = values[index];
    hypothesis_.score += log_prob;
    hypothesis_.acoustic_score = hypothesis_.score;
    if (id != blank_id_) {
      if (id != previous_id_) {
        hypothesis_.tokens.push_back({id, n_frames_, n_frames_, 0, 1});
        run_log_prob_ = 0;
        run_confidences_.clear();
      }
      AlignedToken& token = hypothesis_.tokens.back();
      run_log_prob_ += log_prob;
      token.end_frame = n_frames_ + 1;
      token.log_prob = static_cast<float>(run_log_prob_);
      run_confidences_.push_back(frame_confidence(values, n_tokens_, confidence_));
      token.confidence = aggregate(run_confidences_.data(), run_confidences_.size(), confidence_.aggregation);
    }
    previous_id_ = id;
  }
}

Hypothesis GreedyDecoder::best() const { return hypothesis_; }

std::size_t GreedyDecoder::n_stable_tokens() const { return hypothesis_.tokens.size(); }

std::size_t GreedyDecoder::last_token_end_frame() const {
  return hypothesis_.tokens.empty() ? 0 : hypothesis_.tokens.back().end_frame;
}

void GreedyDecoder::reset() {
  n_frames_ = 0;
  previous_id_ = -1;
  run_log_prob_ = 0;
  hypothesis_.tokens.clear();
  hypothesis_.score = 0;
  hypothesis_.acoustic_score = 0;
}

}  // namespace fastctc
