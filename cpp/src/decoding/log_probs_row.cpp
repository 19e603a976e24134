#include "decoding/log_probs_row.h"

#include <algorithm>
#include <limits>

#include "fastctc/error.h"

namespace fastctc {
namespace {

// Independent maxima, so that the compiler turns the loops into vector code; GCC unrolls 16 to scalar code (4 times
// slower at 1025 tokens).
constexpr std::size_t kLanes = 32;
constexpr float kLargest = std::numeric_limits<float>::max();
constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

}  // namespace

std::size_t find_largest(const float* values, std::size_t n) {
  float lanes[kLanes];
  int is_bad[kLanes] = {};
  std::fill(lanes, lanes + kLanes, kMinusInfinity);
  const std::size_t n_blocked = n - n % kLanes;
  for (std::size_t block = 0; block < n_blocked; block += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const float value = values[block + lane];
      lanes[lane] = value > lanes[lane] ? value : lanes[lane];
      is_bad[lane] |= !(value <= kLargest);  // false for NaN too
    }
  }
  float largest = *std::max_element(lanes, lanes + kLanes);
  bool bad = std::any_of(is_bad, is_bad + kLanes, [](int flag) { return flag != 0; });
  for (std::size_t index = n_blocked; index < n; ++index) {
    largest = std::max(largest, values[index]);
    bad = bad || !(values[index] <= kLargest);
  }
  if (bad) return n;

  for (std::size_t block = 0; block < n_blocked; block += kLanes) {
    int hit = 0;
    for (std::size_t lane = 0; lane < kLanes; ++lane) hit |= values[block + lane] == largest;
    if (hit != 0) return static_cast<std::size_t>(std::find(values + block, values + n, largest) - values);
  }
  return static_cast<std::size_t>(std::find(values + n_blocked, values + n, largest) - values);
}

void check_log_probs(const LogProbsView& log_probs, std::size_t n_tokens) {
  if (log_probs.n_tokens == n_tokens && log_probs.values != nullptr) return;
  throw OptionError("The decoder takes log-probs of " + std::to_string(n_tokens) + " tokens per frame, not " +
                    (log_probs.values == nullptr ? "a null pointer" : std::to_string(log_probs.n_tokens)) + ".");
}

void raise_not_finite(std::size_t frame) {
  throw ModelError("The log-probs of frame " + std::to_string(frame) + " hold NaN or +infinity. Check the " +
                   "audio for values that are not finite, then the model.");
}

}  // namespace fastctc
