#include "decoding/alignment/trellis.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

namespace fastctc {
namespace {

constexpr std::size_t kWholeBytes = std::size_t{16} << 20;
constexpr double kNever = -std::numeric_limits<double>::infinity();

// As a value: compilers make one instruction of many of it.
double larger(double a, double b) { return a < b ? b : a; }

// A step goes on by 0, 1 or, between different tokens, 2 states. The states of a frame stand in two rows, blanks
// (0, 2, ...) and tokens (1, 3, ...), so that a step is sums and maxima alone. How a path came to a state is not kept
// but found again on the way back, from the scores of the frame before.
class Trellis {
 public:
  Trellis(const std::vector<const float*>& rows, const std::vector<int>& tokens, int blank, std::size_t block_frames)
      : rows_(rows), tokens_(tokens), blank_(blank), width_(tokens.size() + 1), block_(block_frames) {
    may_skip_.assign(width_, kNever);
    for (std::size_t i = 1; i < tokens.size(); ++i) {
      if (tokens[i] != tokens[i - 1]) may_skip_[i] = 0;
    }
    emissions_.assign(width_, kNever);
    if (block_ > 0) return;
    // Short ones are kept whole: one pass less.
    const std::size_t n_bytes = rows.size() * 2 * width_ * sizeof(double);
    block_ = n_bytes <= kWholeBytes ? std::max<std::size_t>(1, rows.size())
                                    : static_cast<std::size_t>(std::sqrt(static_cast<double>(rows.size())));
  }

  double run(std::vector<std::size_t>& path) {
    const std::size_t n_frames = rows_.size();
    const std::size_t n_blocks = (n_frames + block_ - 1) / block_;
    // Scores before each frame of a block, and behind its last.
    std::vector<double> scores((std::min(block_, n_frames) + 1) * 2 * width_, kNever);
    scores[0] = 0;                                 // before the first frame; frame 0 enters state 0 or 1
    std::vector<std::vector<double>> checkpoints;  // scores before each block
    for (std::size_t block = 0; block < n_blocks; ++block) {
      checkpoints.emplace_back(scores.begin(), scores.begin() + static_cast<std::ptrdiff_t>(2 * width_));
      pass(block, scores);
      const double* last = scores.data() + (end(block) - block * block_) * 2 * width_;
      if (block + 1 < n_blocks) std::copy(last, last + 2 * width_, scores.begin());
    }
    const double* last = scores.data() + (n_frames == 0 ? 0 : n_frames - (n_blocks - 1) * block_) * 2 * width_;
    const double last_blank = last[width_ - 1];
    const double last_token = width_ > 1 ? last[2 * width_ - 2] : kNever;
    std::size_t state = 2 * (width_ - 1);
    // The last token, where it is better: ties go to what enters a state later, and a blank behind it would be later.
    if (last_token > last_blank) --state;
    const double score = std::max(last_token, last_blank);
    path.resize(n_frames);
    for (std::size_t block = n_blocks; block-- > 0;) {
      if (block + 1 < n_blocks) {
        std::copy(checkpoints[block].begin(), checkpoints[block].end(), scores.begin());
        pass(block, scores);
      }
      for (std::size_t frame = end(block); frame-- > block * block_;) {
        path[frame] = state;
        state = before(state, scores.data() + (frame - block * block_) * 2 * width_);
      }
    }
    return score;
  }

 private:
  std::size_t end(std::size_t block) const { return std::min((block + 1) * block_, rows_.size()); }

  void pass(std::size_t block, std::vector<double>& scores) {
    for (std::size_t frame = block * block_; frame < end(block); ++frame) {
      double* from = scores.data() + (frame - block * block_) * 2 * width_;
      advance(frame, from, from + 2 * width_);
    }
  }

  // Scores before the frame -> behind it.
  void advance(std::size_t frame, const double* from, double* to) {
    const float* row = rows_[frame];
    // Only states that enough frames lead to, and from which enough are left. The range moves by one pair of states a
    // frame: what stands below it is not read any more, and what stands right above it can't be reached yet.
    const std::size_t n_tokens = width_ - 1;
    const std::size_t n_left = rows_.size() - frame;
    const std::size_t first = n_tokens > n_left ? n_tokens - n_left : 0;
    const std::size_t last = std::min(n_tokens, frame + 1);  // blanks up to it, tokens below it
    const double blank = static_cast<double>(row[blank_]);
    const double* from_tokens = from + width_;
    double* to_tokens = to + width_;
    for (std::size_t i = first; i < last; ++i) emissions_[i] = static_cast<double>(row[tokens_[i]]);
    const double* emissions = emissions_.data();
    const double* may_skip = may_skip_.data();
    to[first] = blank + (first > 0 ? larger(from[first], from_tokens[first - 1]) : from[first]);
    for (std::size_t i = first + 1; i <= last; ++i) to[i] = blank + larger(from[i], from_tokens[i - 1]);
    if (first < last) {
      const double skipped = first > 0 ? from_tokens[first - 1] + may_skip[first] : kNever;
      to_tokens[first] = emissions[first] + larger(larger(from_tokens[first], from[first]), skipped);
    }
    for (std::size_t i = first + 1; i < last; ++i) {
      to_tokens[i] = emissions[i] + larger(larger(from_tokens[i], from[i]), from_tokens[i - 1] + may_skip[i]);
    }
    to_tokens[last] = kNever;
    if (last < n_tokens) to[last + 1] = kNever;
  }

  // The state of the frame before. A path that enters the state later stayed in the one before: equal scores go to
  // staying there.
  std::size_t before(std::size_t state, const double* from) const {
    const std::size_t i = state / 2;
    const double* from_tokens = from + width_;
    if (state % 2 == 0) return i > 0 && from_tokens[i - 1] >= from[i] ? state - 1 : state;
    const double stay = from_tokens[i];
    const double best = std::max(stay, from[i]);
    if (i > 0 && from_tokens[i - 1] + may_skip_[i] > best) return state - 2;
    return from[i] >= stay ? state - 1 : state;
  }

  const std::vector<const float*>& rows_;
  const std::vector<int>& tokens_;
  const int blank_;
  const std::size_t width_;  // blanks, one more than there are tokens
  std::size_t block_;
  std::vector<double> may_skip_;  // 0, or -infinity: the token before is the same
  std::vector<double> emissions_;
};

}  // namespace

BestPath find_best_path(const std::vector<const float*>& rows, const std::vector<int>& tokens, int blank,
                        std::size_t block_frames) {
  BestPath path;
  path.score = Trellis(rows, tokens, blank, block_frames).run(path.states);
  return path;
}

std::size_t frames_needed(const std::vector<int>& tokens) {
  std::size_t n = tokens.size();
  for (std::size_t i = 1; i < tokens.size(); ++i) n += tokens[i] == tokens[i - 1];
  return n;
}

}  // namespace fastctc
