#include "alignment/trellis.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace fastctc {
namespace {

constexpr std::size_t kWholeBytes = std::size_t{16} << 20;
constexpr double kNever = -std::numeric_limits<double>::infinity();

// A step goes on by 0, 1 or, between different tokens, 2 states.
class Trellis {
 public:
  Trellis(const std::vector<const float*>& rows, const std::vector<int>& tokens, int blank, std::size_t block_frames)
      : rows_(rows), block_(block_frames) {
    n_states_ = 2 * tokens.size() + 1;
    columns_.assign(n_states_, blank);
    may_skip_.assign(n_states_, 0);
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      columns_[2 * i + 1] = tokens[i];
      may_skip_[2 * i + 1] = i > 0 && tokens[i] != tokens[i - 1];
    }
    if (block_ > 0) return;
    // Short ones are kept whole: one pass less.
    block_ = rows.size() * n_states_ <= kWholeBytes
                 ? std::max<std::size_t>(1, rows.size())
                 : static_cast<std::size_t>(std::sqrt(static_cast<double>(rows.size())));
  }

  double run(std::vector<std::size_t>& path) {
    const std::size_t n_frames = rows_.size();
    const std::size_t n_blocks = (n_frames + block_ - 1) / block_;
    std::vector<std::vector<double>> checkpoints;  // scores before each block
    std::vector<double> scores(n_states_, kNever);
    scores[0] = 0;  // before the first frame; frame 0 enters state 0 or 1
    for (std::size_t block = 0; block < n_blocks; ++block) {
      checkpoints.push_back(scores);
      if (n_blocks == 1) break;  // the pass below is the only one
      for (std::size_t frame = block * block_; frame < end(block); ++frame) advance(frame, scores, nullptr);
    }
    std::vector<std::uint8_t> moves(std::min(block_, n_frames) * n_states_);
    if (n_blocks == 1) pass(0, scores, moves);
    std::size_t state = n_states_ - 1;
    // The last token, where it is as good: ties go to what enters a state later, and a blank behind it would be later.
    if (n_states_ > 1 && scores[n_states_ - 2] > scores[n_states_ - 1]) state = n_states_ - 2;
    const double score = scores[state];
    path.resize(n_frames);
    for (std::size_t block = n_blocks; block-- > 0;) {
      if (n_blocks > 1) {
        scores = checkpoints[block];
        pass(block, scores, moves);
      }
      for (std::size_t frame = end(block); frame-- > block * block_;) {
        path[frame] = state;
        state -= moves[(frame - block * block_) * n_states_ + state];
      }
      checkpoints.pop_back();
    }
    return score;
  }

 private:
  std::size_t end(std::size_t block) const { return std::min((block + 1) * block_, rows_.size()); }

  void pass(std::size_t block, std::vector<double>& scores, std::vector<std::uint8_t>& moves) const {
    for (std::size_t frame = block * block_; frame < end(block); ++frame) {
      advance(frame, scores, moves.data() + (frame - block * block_) * n_states_);
    }
  }

  // scores of the frame before -> of this frame, in place from the last state on; moves: how many states back.
  void advance(std::size_t frame, std::vector<double>& scores, std::uint8_t* moves) const {
    const float* row = rows_[frame];
    // Only states that enough frames lead to, and from which enough are left.
    const std::size_t n_left = rows_.size() - frame;
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
      scores[state] = best + static_cast<double>(row[columns_[state]]);
      if (moves) moves[state] = move;
    }
  }

  const std::vector<const float*>& rows_;
  std::size_t n_states_ = 0;
  std::size_t block_;
  std::vector<int> columns_;
  std::vector<std::uint8_t> may_skip_;
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
