#include "audio/intake.h"

#include <string>

#include "audio/samples.h"
#include "fastctc/error.h"

namespace fastctc {

Intake::Intake(int target_rate_hz, int stated_rate_hz)
    : target_rate_hz_(target_rate_hz), stated_rate_hz_(stated_rate_hz) {
  if (stated_rate_hz != 0) settle(stated_rate_hz);
}

void Intake::check(const AudioView& audio) {
  int rate_hz = audio.sample_rate_hz;
  if (rate_hz == 0) rate_hz = rate_hz_ != 0 ? rate_hz_ : target_rate_hz_;
  if (rate_hz_ != 0 && rate_hz != rate_hz_) {
    throw AudioError("The signal is at " + std::to_string(rate_hz_) + " Hz, but this audio is at " +
                     std::to_string(rate_hz) + " Hz. A signal has one rate: resample the audio, or begin another one.");
  }
  check_samples(audio.samples, audio.n_samples, n_pushed_);
  if (audio.n_samples > 0) settle(rate_hz);
}

void Intake::reset() {
  if (resampler_) resampler_->reset();
  rate_hz_ = stated_rate_hz_;
  n_pushed_ = 0;
}

void Intake::settle(int rate_hz) {
  if (rate_hz != target_rate_hz_ && rate_hz != resampler_rate_hz_) {
    resampler_ = std::make_unique<Resampler>(rate_hz, target_rate_hz_);
    resampler_rate_hz_ = rate_hz;
  }
  rate_hz_ = rate_hz;
}

}  // namespace fastctc
