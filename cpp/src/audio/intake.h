// Audio on its way in, piece by piece: checked, of one rate, brought to the rate at which the work is done.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "fastctc/audio.h"
#include "fastctc/types.h"

namespace fastctc {

// One signal. The first samples settle its rate, where it isn't stated.
class Intake {
 public:
  // stated_rate_hz: of the signal; 0: not known yet. Raises OptionError on an absurd one.
  explicit Intake(int target_rate_hz, int stated_rate_hz = 0);

  // To be called before push(). audio.sample_rate_hz 0: the signal's, else the target. Raises AudioError on samples
  // that can't be used (samples.h) and on another rate than before, OptionError on an absurd one; nothing has changed
  // then.
  void check(const AudioView& audio);

  // Hands on what is ready, work(samples, n_samples) at the target rate. However much is pushed, only a piece of it is
  // converted at a time.
  template <class Work>
  void push(const AudioView& audio, Work&& work) {
    for (std::size_t first = 0; first < audio.n_samples; first += kPieceSamples) {
      const std::size_t n = std::min(kPieceSamples, audio.n_samples - first);
      n_pushed_ += n;
      if (rate_hz_ == target_rate_hz_) {
        work(audio.samples + first, n);
        continue;
      }
      resampled_.clear();
      resampler_->push(audio.samples + first, n, resampled_);
      work(resampled_.data(), resampled_.size());
    }
  }

  // The signal is over: hands on the rest, which may be nothing.
  template <class Work>
  void finish(Work&& work) {
    resampled_.clear();
    if (rate_hz_ != 0 && rate_hz_ != target_rate_hz_) resampler_->finish(resampled_);
    work(resampled_.data(), resampled_.size());
  }

  // Ready for another signal, buffers kept.
  void reset();
  // Of what was pushed, at its own rate.
  std::uint64_t n_pushed() const { return n_pushed_; }
  double pushed_s() const { return rate_hz_ == 0 ? 0 : static_cast<double>(n_pushed_) / rate_hz_; }

 private:
  static constexpr std::size_t kPieceSamples = 1 << 14;

  void settle(int rate_hz);

  int target_rate_hz_;
  int stated_rate_hz_;
  int rate_hz_ = 0;            // 0: not known yet
  int resampler_rate_hz_ = 0;  // that resampler_ takes
  std::unique_ptr<Resampler> resampler_;
  std::vector<float> resampled_;
  std::uint64_t n_pushed_ = 0;
};

}  // namespace fastctc
