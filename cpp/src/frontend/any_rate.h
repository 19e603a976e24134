// Features of a recording at another rate than the front end's.
#pragma once

#include "fastctc/frontend.h"
#include "fastctc/types.h"

namespace fastctc::frontend {

// Resampled where it must be. audio.sample_rate_hz 0: the front end's. Raises as Frontend::compute() and resample().
Features compute_at_any_rate(const Frontend& frontend, AudioView audio);

}  // namespace fastctc::frontend
