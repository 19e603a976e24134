#include "live/stream_audio.h"

#include <algorithm>
#include <cmath>

namespace fastctc {

StreamAudio::StreamAudio(const SpeechDetector* detector, int rate_hz, int model_rate_hz)
    : model_rate_hz_(model_rate_hz), intake_(model_rate_hz, rate_hz) {
  if (detector) detector_ = std::make_unique<SpeechDetector>(detector->another());
  reset();
}

void StreamAudio::reset() {
  intake_.reset();
  if (detector_) detector_->reset();
  held_.clear();
  held_begin_ = n_held_end_ = taken_ = decided_ = 0;
  utterances_.clear();
  if (!detector_) utterances_.push_back({});
  is_finished_ = false;
}

void StreamAudio::finish() {
  is_finished_ = true;
  intake_.finish([this](const float* samples, std::size_t n_samples) { hand_on(samples, n_samples); });
}

void StreamAudio::hand_on(const float* samples, std::size_t n_samples) {
  held_.insert(held_.end(), samples, samples + n_samples);
  n_held_end_ += n_samples;
  if (detector_) {
    detector_->push(samples, n_samples);
    if (is_finished_) detector_->finish();
    note_speech();
  } else {
    decided_ = n_held_end_;
    if (is_finished_) {
      utterances_.front().end = n_held_end_;
      utterances_.front().is_over = true;
    }
  }
  drop_unneeded();
}

void StreamAudio::note_speech() {
  const auto sample = [&](double time_s) {
    return std::min(static_cast<std::uint64_t>(std::llround(time_s * model_rate_hz_)), n_held_end_);
  };
  const auto has_open = [&] { return !utterances_.empty() && !utterances_.back().is_over; };
  for (const SpeechSegment& segment : detector_->take()) {
    if (!has_open()) utterances_.push_back({sample(segment.start_s), 0, false});
    utterances_.back().end = sample(segment.end_s);
    utterances_.back().is_over = true;
  }
  if (detector_->in_speech() && !has_open()) utterances_.push_back({sample(detector_->open_start_s()), 0, false});
  decided_ = is_finished_ ? n_held_end_ : sample(detector_->decided_s());
}

const float* StreamAudio::samples() const {
  return held_.data() + (std::max(taken_, utterances_.front().begin) - held_begin_);
}

std::size_t StreamAudio::n_samples() const {
  if (utterances_.empty()) return 0;
  const Utterance& utterance = utterances_.front();
  const std::uint64_t begin = std::max(taken_, utterance.begin);
  const std::uint64_t end = utterance.is_over ? utterance.end : decided_;
  return end > begin ? static_cast<std::size_t>(end - begin) : 0;
}

void StreamAudio::taken(std::size_t n_samples) {
  taken_ = std::max(taken_, utterances_.front().begin) + n_samples;
  drop_unneeded();
}

// Waits until as many samples go as stay, so that each sample is moved at most once on average.
void StreamAudio::drop_unneeded() {
  const std::uint64_t needed = utterances_.empty() ? decided_ : std::max(taken_, utterances_.front().begin);
  const std::uint64_t n_unneeded = needed > held_begin_ ? needed - held_begin_ : 0;
  if (n_unneeded == 0 || 2 * n_unneeded < held_.size()) return;
  held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(n_unneeded));
  held_begin_ += n_unneeded;
}

}  // namespace fastctc
