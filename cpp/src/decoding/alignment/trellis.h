// The most likely path of tokens through frames, exact: the search of align().
#pragma once

#include <cstddef>
#include <vector>

namespace fastctc {

struct BestPath {
  std::vector<std::size_t> states;  // of every frame: 0, 1, 2, ... are blank, y1, blank, y2, ... blank
  double score = 0;                 // its log-prob; -infinity: there is none
};

// rows: log-probs of each frame; tokens, blank: columns of them. block_frames: frames between two checkpoints; 0: what
// suits the size, the whole where it is small. Ties go to the path that enters a state later.
BestPath find_best_path(const std::vector<const float*>& rows, const std::vector<int>& tokens, int blank,
                        std::size_t block_frames = 0);

// Frames that the tokens need: one each, and a blank between equal neighbours.
std::size_t frames_needed(const std::vector<int>& tokens);

}  // namespace fastctc
