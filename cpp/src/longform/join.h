// Where two windows over the same audio are joined.
#pragma once

#include <cstddef>

namespace fastctc::longform {

// Log-probs of the same n_frames frames as two windows see them, [n_frames, n_tokens] each: returns the frame, below
// n_frames, from which on the later window is taken. It is the middle of the longest run of frames that both read as
// blank (of equals the one nearest the middle): there speech pauses, so that no word is lost or doubled, though one
// window may place a token a frame later than the other. Without such a frame, where the sum of both blank log-probs
// is highest (the first of equals).
std::size_t find_join(const float* earlier, const float* later, std::size_t n_frames, std::size_t n_tokens,
                      std::size_t blank_id);

}  // namespace fastctc::longform
