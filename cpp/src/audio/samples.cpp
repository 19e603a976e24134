#include "audio/samples.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>

#include "fastctc/error.h"

namespace fastctc {
namespace {

[[noreturn]] void refuse(float sample, std::uint64_t index) {
  const std::string what = "Sample " + std::to_string(index) + " is ";
  if (!std::isfinite(sample)) {
    throw AudioError(what +
                     (std::isnan(sample) ? "NaN"
                      : sample > 0       ? "+Inf"
                                         : "-Inf") +
                     "; samples must be finite. None of this audio was taken: repair it, or put 0 in place of such " +
                     "samples.");
  }
  char value[32];
  std::snprintf(value, sizeof value, "%g", static_cast<double>(sample));
  throw AudioError(what + value +
                   "; float samples must be in [-1, 1]. None of this audio was taken: divide 16-bit values by 32768, " +
                   "or give them as int16.");
}

}  // namespace

// Magnitudes compare as integers do, and what is not finite is larger than all that is: one comparison, which
// vectorises.
void check_samples(const float* samples, std::size_t n_samples, std::uint64_t first, float loudest) {
  if (samples == nullptr && n_samples > 0) throw AudioError("The pointer to the samples is null. Give the samples.");
  std::int32_t limit;
  std::memcpy(&limit, &loudest, sizeof limit);
  const auto is_bad = [samples, limit](std::size_t i) {
    std::int32_t bits;
    std::memcpy(&bits, samples + i, sizeof bits);
    return (bits & 0x7fffffff) > limit ? 1 : 0;
  };
  int any = 0;
  for (std::size_t i = 0; i < n_samples; ++i) any |= is_bad(i);
  if (any == 0) return;
  std::size_t i = 0;
  while (is_bad(i) == 0) ++i;
  refuse(samples[i], first + i);
}

}  // namespace fastctc
