// Sample-rate conversion.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "fastctc/export.h"
#include "fastctc/types.h"

namespace fastctc {

// Streaming resampler: Kaiser-windowed sinc, polyphase, any rational ratio.
//
// Output sample m stands at input time m * in / out: no delay, ceil(n * out / in) samples for n samples in.
// Flat within 0.05 dB to 0.9 of the lower Nyquist frequency; images and aliases below -90 dB.
// Any split of the input gives the same samples, bit for bit. One thread at a time.
class FASTCTC_API Resampler {
 public:
  // Rates in Hz, 1000 to 768000. Raises OptionError.
  Resampler(int input_rate_hz, int output_rate_hz);
  ~Resampler();
  Resampler(Resampler&&) noexcept;
  Resampler& operator=(Resampler&&) noexcept;

  // Takes samples; appends those that are ready to `output`. Raises AudioError after finish().
  void push(const float* samples, std::size_t n_samples, std::vector<float>& output);
  // The signal is over: appends the rest. Call once.
  void finish(std::vector<float>& output);
  // Ready for another signal, buffers kept.
  void reset();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// One shot. Equal rates give a copy.
FASTCTC_API std::vector<float> resample(AudioView audio, int output_rate_hz);

}  // namespace fastctc
