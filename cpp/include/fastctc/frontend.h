// Log-mel front end: NeMo's AudioToMelSpectrogramPreprocessor and Kaldi's fbank, as data (FrontendOptions).
#pragma once

#include <cstddef>
#include <memory>

#include "fastctc/export.h"
#include "fastctc/options.h"
#include "fastctc/types.h"

namespace fastctc {

class FrontendStream;

// Tables of one set of options (window, FFT plan, mel bank). Immutable; safe from any thread.
class FASTCTC_API Frontend {
 public:
  // Raises OptionError.
  explicit Frontend(const FrontendOptions& options);
  ~Frontend();
  Frontend(Frontend&&) noexcept;
  Frontend& operator=(Frontend&&) noexcept;

  const FrontendOptions& options() const;
  std::size_t n_features() const;
  // Valid frames of a signal of that many samples.
  std::size_t n_frames(std::size_t n_samples) const;
  // The path that runs here: "baseline", "avx2" or "avx512".
  const char* instruction_set() const;

  // One shot: push everything and finish. Raises AudioError on samples that are not finite or far beyond
  // [-1, 1], and on a rate that is neither 0 nor options().sample_rate_hz.
  Features compute(AudioView audio) const;

 private:
  friend class FrontendStream;
  class Impl;
  std::shared_ptr<const Impl> impl_;
};

// One utterance: push samples, take frames. One thread at a time; any split gives the same frames, bit for bit.
class FASTCTC_API FrontendStream {
 public:
  explicit FrontendStream(const Frontend& frontend);
  ~FrontendStream();
  FrontendStream(FrontendStream&&) noexcept;
  FrontendStream& operator=(FrontendStream&&) noexcept;

  // Raises AudioError on samples as compute() does (none of this call's samples is then taken) and after finish().
  void push(const float* samples, std::size_t n_samples);
  // No more samples: the frames at the end become ready.
  void finish();
  // Frames that can be taken now. A normalisation over the utterance makes them ready only at finish().
  std::size_t n_ready_frames() const;
  // Moves the next n_frames frames to output[feature * stride + frame], stride >= n_frames.
  // Raises OptionError when fewer are ready.
  void take(float* output, std::size_t n_frames, std::size_t stride);
  // Ready for another utterance, buffers kept.
  void reset();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fastctc
