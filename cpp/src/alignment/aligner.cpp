#include "fastctc/aligner.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

#include "fastctc/confidence.h"
#include "fastctc/error.h"

namespace fastctc {
namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();

// States 0, 1, 2, ... are blank, y1, blank, y2, ... blank; odd ones are tokens. A step goes on by 0, 1 or, between
// different tokens, 2 states.
class Trellis {
 public:
  Trellis(LogProbsView log_probs, const std::vector<int>& token_ids, int blank_id) : log_probs_(log_probs) {
    n_states_ = 2 * token_ids.size() + 1;
    labels_.assign(n_states_, blank_id);
    may_skip_.assign(n_states_, 0);
    for (std::size_t i = 0; i < token_ids.size(); ++i) {
      labels_[2 * i + 1] = token_ids[i];
      may_skip_[2 * i + 1] = i > 0 && token_ids[i] != token_ids[i - 1];
    }
    block_ = std::max<std::size_t>(1, static_cast<std::size_t>(std::sqrt(static_cast<double>(log_probs.n_frames))));
  }

  // The state of every frame on the best path, and its score.
  double run(std::vector<std::size_t>& path) {
    const std::size_t n_frames = log_probs_.n_frames;
    const std::size_t n_blocks = (n_frames + block_ - 1) / block_;
    std::vector<std::vector<double>> checkpoints;  // scores before each block
    std::vector<double> scores(n_states_, kNever);
    scores[0] = 0;  // before the first frame; frame 0 enters state 0 or 1
    for (std::size_t block = 0; block < n_blocks; ++block) {
      checkpoints.push_back(scores);
      for (std::size_t frame = block * block_; frame < end(block); ++frame) advance(frame, scores, nullptr);
    }
    std::size_t state = n_states_ - 1;
    // The last token, where it is as good: ties go to what enters a state later, and a blank behind it would be later.
    if (n_states_ > 1 && scores[n_states_ - 2] > scores[n_states_ - 1]) state = n_states_ - 2;
    const double score = scores[state];
    path.resize(n_frames);
    std::vector<std::uint8_t> moves(block_ * n_states_);
    for (std::size_t block = n_blocks; block-- > 0;) {
      scores = checkpoints[block];
      for (std::size_t frame = block * block_; frame < end(block); ++frame) {
        advance(frame, scores, moves.data() + (frame - block * block_) * n_states_);
      }
      for (std::size_t frame = end(block); frame-- > block * block_;) {
        path[frame] = state;
        state -= moves[(frame - block * block_) * n_states_ + state];
      }
      checkpoints.pop_back();
    }
    return score;
  }

  int label(std::size_t state) const { return labels_[state]; }

 private:
  std::size_t end(std::size_t block) const { return std::min((block + 1) * block_, log_probs_.n_frames); }

  // scores of the frame before -> of this frame, in place from the last state on; moves: how many states back.
  void advance(std::size_t frame, std::vector<double>& scores, std::uint8_t* moves) const {
    const float* row = log_probs_.values + frame * log_probs_.n_tokens;
    // Only states that enough frames lead to, and from which enough are left.
    const std::size_t n_left = log_probs_.n_frames - frame;
    const std::size_t last = std::min(n_states_ - 1, 2 * frame + 1);
    const std::size_t first = n_states_ > 2 * n_left + 1 ? n_states_ - 2 * n_left - 1 : 0;
    for (std::size_t state = last + 1; state-- > first;) {
      double best = scores[state];
      std::uint8_t move = 0;
      // A path that enters the state later stayed in the one before: equal scores go to staying there.
      if (state >= 1 && scores[state - 1] >= best && scores[state - 1] > kNever) {
        best = scores[state - 1];
        move = 1;
      }
      if (state >= 2 && may_skip_[state] && scores[state - 2] > best) {
        best = scores[state - 2];
        move = 2;
      }
      scores[state] = best + static_cast<double>(row[labels_[state]]);
      if (moves) moves[state] = move;
    }
  }

  LogProbsView log_probs_;
  std::size_t n_states_ = 0;
  std::size_t block_ = 1;
  std::vector<int> labels_;
  std::vector<std::uint8_t> may_skip_;
};

}  // namespace

Hypothesis align(LogProbsView log_probs, const std::vector<int>& token_ids, int blank_id,
                 const ConfidenceOptions& confidence) {
  validate(confidence);
  const auto n_tokens = static_cast<int>(log_probs.n_tokens);
  if (blank_id < 0 || blank_id >= n_tokens) {
    throw OptionError("Option blank_id is " + std::to_string(blank_id) +
                      ", but must be from 0 to below the number of " + "tokens, " + std::to_string(n_tokens) + ".");
  }
  std::size_t n_needed = token_ids.size();
  for (std::size_t i = 0; i < token_ids.size(); ++i) {
    if (token_ids[i] < 0 || token_ids[i] >= n_tokens || token_ids[i] == blank_id) {
      throw OptionError("Token " + std::to_string(i) + " to align has the id " + std::to_string(token_ids[i]) +
                        ", which is " + (token_ids[i] == blank_id ? "the blank" : "not in the vocabulary") + ".");
    }
    n_needed += i > 0 && token_ids[i] == token_ids[i - 1];
  }
  if (n_needed > log_probs.n_frames) {
    throw AlignmentError("The text needs " + std::to_string(n_needed) + " frames at least, one a token and a blank " +
                         "between equal ones, but the audio has " + std::to_string(log_probs.n_frames) +
                         ". Check that the text belongs to the audio.");
  }
  for (std::size_t frame = 0; frame < log_probs.n_frames; ++frame) {
    const float* row = log_probs.values + frame * log_probs.n_tokens;
    // One pass without branches: NaN makes the sum NaN, +infinity makes it infinite or NaN.
    float sum = 0;
    for (int id = 0; id < n_tokens; ++id) sum += row[id] * 0.0f + (row[id] > 1e30f ? row[id] : 0.0f);
    if (sum == 0) continue;
    for (int id = 0; id < n_tokens; ++id) {
      if (row[id] <= std::numeric_limits<float>::max()) continue;
      throw ModelError("The log-probs of frame " + std::to_string(frame) + " hold NaN or +infinity. Check the audio " +
                       "for values that are not finite, then the model.");
    }
  }
  std::vector<std::size_t> path;
  Trellis trellis(log_probs, token_ids, blank_id);
  Hypothesis result;
  result.score = result.acoustic_score = trellis.run(path);
  if (!(result.score > kNever)) {
    throw AlignmentError("The text has a probability of 0: at some place every frame's log-prob of its token is " +
                         std::string("-infinity. Check that the text belongs to the audio."));
  }
  std::vector<float> confidences;
  for (std::size_t frame = 0; frame < path.size();) {
    const std::size_t state = path[frame];
    const std::size_t begin = frame;
    double log_prob = 0;
    confidences.clear();
    for (; frame < path.size() && path[frame] == state; ++frame) {
      if (state % 2 == 0) continue;
      const float* row = log_probs.values + frame * log_probs.n_tokens;
      log_prob += static_cast<double>(row[trellis.label(state)]);
      confidences.push_back(frame_confidence(row, log_probs.n_tokens, confidence));
    }
    if (state % 2 == 0) continue;
    result.tokens.push_back({trellis.label(state), begin, frame, static_cast<float>(log_prob),
                             aggregate(confidences.data(), confidences.size(), confidence.aggregation)});
  }
  return result;
}

}  // namespace fastctc
