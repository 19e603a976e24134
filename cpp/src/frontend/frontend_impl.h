#pragma once

#include <cstddef>
#include <memory>

#include "fastctc/frontend.h"
#include "frontend/fbank.h"

namespace fastctc {

// What Frontend and FrontendStream share: features of a range of frames, not normalised over the utterance.
class Frontend::Impl {
 public:
  explicit Impl(const FrontendOptions& options);

  const FrontendOptions& options() const { return options_; }
  const char* instruction_set() const { return kernel_.name; }
  std::size_t n_features() const { return fbank_ ? fbank_->n_features() : 1; }
  std::size_t n_frames(std::size_t n_samples) const { return fbank_ ? fbank_->n_frames(n_samples) : n_samples; }
  // Of a whole utterance, with pad_to's padding.
  std::size_t n_columns(std::size_t n_samples) const;
  std::size_t n_settled_frames(std::size_t n_samples) const {
    return fbank_ ? fbank_->n_settled_frames(n_samples) : n_samples;
  }
  std::size_t first_needed_sample(std::size_t frame) const {
    return fbank_ ? fbank_->first_needed_sample(frame) : frame;
  }
  void compute(const frontend::SignalView& view, std::size_t first, std::size_t n_frames, float* output,
               std::size_t stride, frontend::FbankScratch& scratch) const;

 private:
  FrontendOptions options_;
  const frontend::Kernel& kernel_;
  std::unique_ptr<const frontend::Fbank> fbank_;  // none for a waveform
};

}  // namespace fastctc
