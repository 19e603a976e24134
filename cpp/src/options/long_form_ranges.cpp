#include <string>

#include "fastctc/error.h"
#include "fastctc/options.h"

namespace fastctc {
namespace {

// Written so that NaN fails.
void check_range(const char* name, double value, double least, double most) {
  if (value >= least && value <= most) return;
  throw OptionError("Option " + std::string(name) + " is " + std::to_string(value) + ", but must be from " +
                    std::to_string(least) + " to " + std::to_string(most) + " s.");
}

}  // namespace

void validate(const LongFormOptions& options) {
  check_range("one_shot_max_s", options.one_shot_max_s, 0, 1e6);
  check_range("window_s", options.window_s, 1, 3600);
  check_range("overlap_s (at most half of window_s)", options.overlap_s, 0.5, options.window_s / 2);
  if (options.vad.kind != VadKind::none) validate(options.vad);
}

}  // namespace fastctc
