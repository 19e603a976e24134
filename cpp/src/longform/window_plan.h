// Where the windows of a recording lie.
#pragma once

#include <cstddef>

#include "fastctc/acoustic_model.h"
#include "fastctc/frontend.h"
#include "fastctc/options.h"

namespace fastctc::longform {

// Window k covers samples [k * shift, k * shift + window); the last one ends with the recording and starts at the
// first multiple of `alignment` that leaves it no longer than the others. Each is a multiple of frame_samples.
struct WindowPlan {
  std::size_t frame_samples = 0;  // of an output frame
  std::size_t window = 0;         // samples
  std::size_t shift = 0;          // samples
  std::size_t alignment = 0;      // samples
  std::size_t margin_frames = 0;  // output frames at both ends of an overlap where windows are not joined

  // Start of the last window of a recording of n_samples, more than one window long.
  std::size_t last_start(std::size_t n_samples) const;
};

// Samples whose output always fits the position table; the largest number of the type if it has no limit.
std::size_t max_samples(const Frontend& frontend, const AcousticModel& model);

// Raises OptionError if window_s and overlap_s are impossible.
WindowPlan plan_windows(const Frontend& frontend, const AcousticModel& model, const LongFormOptions& options);

}  // namespace fastctc::longform
