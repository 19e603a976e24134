// Sample-rate conversion.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "fastctc/export.h"
#include "fastctc/types.h"

namespace fastctc {

// Streaming resampler: Kaiser-windowed sinc (Oppenheim and Schafer, Discrete-Time Signal Processing, section 7.5),
// polyphase, any rational ratio. It takes at most some MiB of memory at any ratio.
//
// Output sample m stands at input time m * in / out: no delay, ceil(n * out / in) samples for n samples in. It is ready
// once the 64 samples of the lower rate that follow it were pushed. Equal rates copy.
// Flat within 0.05 dB to 0.9 of the lower Nyquist frequency; images and aliases below -90 dB.
// Any split of the input gives the same samples, bit for bit. One thread at a time.
class FASTCTC_API Resampler {
 public:
  // Rates in Hz, 1000 to 768000. Raises OptionError.
  Resampler(int input_rate_hz, int output_rate_hz);
  ~Resampler();
  Resampler(Resampler&&) noexcept;
  Resampler& operator=(Resampler&&) noexcept;

  // Takes samples; appends those that are ready to `output`. Raises AudioError after finish(), and on a sample that is
  // not finite or beyond 32: the message names its index in the signal, and nothing of that call was taken.
  void push(const float* samples, std::size_t n_samples, std::vector<float>& output);
  // The signal is over: appends the rest. Call once; raises AudioError on a second call.
  void finish(std::vector<float>& output);
  // Ready for another signal, buffers kept.
  void reset();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// One shot; the same bits and errors. Here audio.sample_rate_hz must be given.
FASTCTC_API std::vector<float> resample(AudioView audio, int output_rate_hz);

}  // namespace fastctc
