// The signal as the frames see it: scaled, dithered, pre-emphasised, extended at both ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "fastctc/options.h"
#include "frontend/fbank_kernel.h"

namespace fastctc::frontend {

// Samples first ... end - 1 of an utterance; sample s is samples[s - first].
struct SignalView {
  const float* samples = nullptr;
  std::int64_t first = 0;
  std::int64_t end = 0;
};

class Signal {
 public:
  Signal(const FrontendOptions& options, const Kernel& kernel);

  // Samples that stand before sample 0 in frame 0; negative if frame 0 starts later.
  std::int64_t n_before() const { return n_before_; }
  // Samples that must be there before frame 0 can be known, whatever follows.
  std::int64_t n_needed_to_start() const;
  // Processed samples start ... start + n_samples - 1 as Kernel::arrange lays them out in n_columns columns of hop, the
  // rest filled with something finite. What the view lacks at the ends is extended as the framing says; the view must
  // hold the predecessor of what is asked of it. buffer: n_columns * hop.
  void arrange(const SignalView& view, std::int64_t start, std::size_t n_samples, std::size_t hop,
               std::size_t n_columns, std::size_t row_stride, double* buffer, double* columns) const;

 private:
  enum class Edge { zero, reflect, mirror };
  double at(const SignalView& view, std::int64_t s) const;
  double extended(const SignalView& view, std::int64_t s) const;

  const Kernel& kernel_;
  double scale_;
  double preemphasis_;  // over the signal; 0 if it is per frame
  double dither_;       // of the signal; 0 if it is per frame
  std::uint64_t dither_seed_;
  std::int64_t n_before_;
  Edge edge_;
};

// Whether each frame gets noise of its own (Kaldi's framings) instead of the signal.
bool dithers_frames(const FrontendOptions& options);

}  // namespace fastctc::frontend
