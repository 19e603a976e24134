// Where two windows over the same audio are joined.
#pragma once

#include <cstddef>

namespace fastctc::longform {

// Log-probs of the same n_frames frames as two windows see them, [n_frames, n_tokens] each: returns the frame, below
// n_frames, at which the later window takes over. It is the middle of the longest run of frames that both read as blank
// (among equals the one nearest the middle). Speech pauses there, so no word is lost or doubled, even if one window
// places a token one frame later than the other. Without such a frame it is the frame where the sum of both blank
// log-probs is highest (the first among equals).
std::size_t find_join(const float* earlier, const float* later, std::size_t n_frames, std::size_t n_tokens,
                      std::size_t blank_id);

}  // namespace fastctc::longform
