#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "fastctc/decoder.h"
#include "fastctc/error.h"

namespace fastctc {
namespace {

// Independent maxima, so that the compiler turns the loops into vector code; GCC unrolls 16 to scalar code (4 times
// slower at 1025 tokens).
constexpr std::size_t kLanes = 32;
constexpr float kLargest = std::numeric_limits<float>::max();
constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

// Position of the first of the largest values; n when one of them is NaN or +infinity.
std::size_t argmax(const float* values, std::size_t n) {
  float lanes[kLanes];
  int is_bad[kLanes] = {};
  std::fill(lanes, lanes + kLanes, kMinusInfinity);
  const std::size_t n_blocked = n - n % kLanes;
  for (std::size_t block = 0; block < n_blocked; block += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const float value = values[block + lane];
      lanes[lane] = value > lanes[lane] ? value : lanes[lane];
      is_bad[lane] |= !(value <= kLargest);  // false for NaN too
    }
  }
  float largest = *std::max_element(lanes, lanes + kLanes);
  bool bad = std::any_of(is_bad, is_bad + kLanes, [](int flag) { return flag != 0; });
  for (std::size_t index = n_blocked; index < n; ++index) {
    largest = std::max(largest, values[index]);
    bad = bad || !(values[index] <= kLargest);
  }
  if (bad) return n;

  for (std::size_t block = 0; block < n_blocked; block += kLanes) {
    int hit = 0;
    for (std::size_t lane = 0; lane < kLanes; ++lane) hit |= values[block + lane] == largest;
    if (hit != 0) return static_cast<std::size_t>(std::find(values + block, values + n, largest) - values);
  }
  return static_cast<std::size_t>(std::find(values + n_blocked, values + n, largest) - values);
}

float max_prob_confidence(float log_prob, std::size_t n_tokens) {
  if (n_tokens < 2) return 1;
  const double n = static_cast<double>(n_tokens);
  const double confidence = (std::exp(static_cast<double>(log_prob)) * n - 1) / (n - 1);
  return static_cast<float>(std::min(std::max(confidence, 0.0), 1.0));
}

}  // namespace

GreedyDecoder::GreedyDecoder(std::size_t n_tokens, int blank_id, const ConfidenceOptions& confidence)
    : n_tokens_(n_tokens), blank_id_(blank_id), confidence_(confidence) {
  if (blank_id < 0 || static_cast<std::size_t>(blank_id) >= n_tokens) {
    throw OptionError("Option blank_id is " + std::to_string(blank_id) +
                      ", but must be from 0 to below the number of " + "tokens, " + std::to_string(n_tokens) + ".");
  }
}

void GreedyDecoder::step(LogProbsView log_probs) {
  if (log_probs.n_frames == 0) return;
  if (log_probs.n_tokens != n_tokens_ || log_probs.values == nullptr) {
    throw OptionError("The decoder takes log-probs of " + std::to_string(n_tokens_) + " tokens a frame, not " +
                      (log_probs.values == nullptr ? "a null pointer" : std::to_string(log_probs.n_tokens)) + ".");
  }
  for (std::size_t frame = 0; frame < log_probs.n_frames; ++frame, ++n_frames_) {
    const float* values = log_probs.values + frame * n_tokens_;
    const std::size_t index = argmax(values, n_tokens_);
    if (index == n_tokens_) {
      throw ModelError("The log-probs of frame " + std::to_string(n_frames_) + " hold NaN or +infinity. Check the " +
                       "audio for values that are not finite, then the model.");
    }
    const int id = static_cast<int>(index);
    const float log_prob = values[index];
    hypothesis_.score += log_prob;
    if (id != blank_id_) {
      const float confidence = max_prob_confidence(log_prob, n_tokens_);
      if (id != previous_id_) {
        hypothesis_.tokens.push_back({id, n_frames_, n_frames_, 0, confidence});
        run_log_prob_ = 0;
      }
      AlignedToken& token = hypothesis_.tokens.back();
      run_log_prob_ += log_prob;
      token.end_frame = n_frames_ + 1;
      token.log_prob = static_cast<float>(run_log_prob_);
      token.confidence = std::min(token.confidence, confidence);
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
}

}  // namespace fastctc
