#include "longform/join.h"

#include <algorithm>

namespace fastctc::longform {
namespace {

// The decoder's choice: the first of the largest.
bool reads_blank(const float* log_probs, std::size_t n_tokens, std::size_t blank_id) {
  return static_cast<std::size_t>(std::max_element(log_probs, log_probs + n_tokens) - log_probs) == blank_id;
}

// Twice the distance of a frame to the middle, in half frames.
std::size_t distance_to_middle(std::size_t frame, std::size_t n_frames) {
  return 2 * frame > n_frames ? 2 * frame - n_frames : n_frames - 2 * frame;
}

}  // namespace

std::size_t find_join(const float* earlier, const float* later, std::size_t n_frames, std::size_t n_tokens,
                      std::size_t blank_id) {
  std::size_t join = 0, longest = 0, run = 0;
  for (std::size_t frame = 0; frame < n_frames; ++frame) {
    const std::size_t at = frame * n_tokens;
    const bool both = reads_blank(earlier + at, n_tokens, blank_id) && reads_blank(later + at, n_tokens, blank_id);
    run = both ? run + 1 : 0;
    const std::size_t middle = frame + 1 - run + run / 2;
    const bool nearer = distance_to_middle(middle, n_frames) < distance_to_middle(join, n_frames);
    if (run > longest || (run > 0 && run == longest && nearer)) {
      longest = run;
      join = middle;
    }
  }
  if (longest > 0) return join;

  float best = 0;
  for (std::size_t frame = 0; frame < n_frames; ++frame) {
    const float blank = earlier[frame * n_tokens + blank_id] + later[frame * n_tokens + blank_id];
    if (frame > 0 && blank <= best) continue;
    best = blank;
    join = frame;
  }
  return join;
}

}  // namespace fastctc::longform
