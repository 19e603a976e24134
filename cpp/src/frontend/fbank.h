// Log-mel features of frames: the tables, and the way from samples to features through a kernel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "fastctc/options.h"
#include "frontend/aligned_vector.h"
#include "frontend/fbank_kernel.h"
#include "frontend/fft_plan.h"
#include "frontend/mel_bank.h"
#include "frontend/signal.h"

namespace fastctc::frontend {

// Working memory of one thread, allocated once and reused; it grows to what the Fbank needs.
struct FbankScratch {
  AlignedVector signal;
  AlignedVector columns;
  AlignedVector noise;
  AlignedVector kernel;
};

// Immutable; safe from any thread, each with its own scratch.
class Fbank {
 public:
  explicit Fbank(const FrontendOptions& options);
  Fbank(const Fbank&) = delete;
  Fbank& operator=(const Fbank&) = delete;

  const Kernel& kernel() const { return kernel_; }
  std::size_t n_features() const { return tables_.n_mels + (tables_.use_energy ? 1 : 0); }
  // Frames of a whole utterance.
  std::size_t n_frames(std::size_t n_samples) const;
  // Frames that further samples can't change.
  std::size_t n_settled_frames(std::size_t n_samples) const;
  // No frame from `frame` on looks at samples before this one.
  std::size_t first_needed_sample(std::size_t frame) const;
  // output[feature * stride + i] = features of frame first + i, i < n_frames.
  void compute(const SignalView& view, std::size_t first, std::size_t n_frames, float* output, std::size_t stride,
               FbankScratch& scratch) const;

 private:
  void prepare(FbankScratch& scratch) const;
  void fill_columns(const SignalView& view, std::size_t first, std::size_t n_frames, FbankScratch& scratch) const;
  const double* fill_noise(std::size_t first, FbankScratch& scratch) const;

  const Kernel& kernel_;
  Signal signal_;
  FftPlan fft_;
  MelBank bank_;
  std::vector<double> window_;  // halved, padded to even length
  std::vector<std::uint32_t> sample_offset_;
  KernelTables tables_ = {};
  std::size_t n_reached_columns_;  // columns that a frame reaches into beyond its own
  std::size_t row_stride_;
  Framing framing_;
  FrameCount frame_count_;
  double frame_dither_;  // 0: none, or in the signal
  std::uint64_t dither_seed_;
};

}  // namespace fastctc::frontend
