#include "vad/segmenter.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace fastctc {

Segmenter::Segmenter(const VadOptions& options, int sample_rate_hz, double open_score, double close_score)
    : sample_rate_hz_(sample_rate_hz), open_score_(open_score), close_score_(close_score) {
  const auto samples = [this](double time_s) {
    return static_cast<std::uint64_t>(std::llround(time_s * sample_rate_hz_));
  };
  min_speech_ = samples(options.min_speech_s);
  padding_ = samples(options.padding_s);
  min_silence_ = std::max(samples(options.min_silence_s), 2 * padding_);
}

void Segmenter::push(const FrameScore& frame) {
  const std::uint64_t begin = position_;
  position_ = frame.end;
  if (frame.score >= open_score_) {
    if (!opened_) {
      opened_ = true;
      counts_ = false;
      opening_ = begin;
    }
    paused_ = false;
  } else if (opened_ && frame.score < close_score_) {
    if (!paused_) pause_ = begin;
    paused_ = true;
    if (frame.end - pause_ >= min_silence_) close(std::numeric_limits<std::uint64_t>::max());
  }
  if (opened_ && speech_end() - opening_ >= min_speech_) counts_ = true;
}

void Segmenter::close(std::uint64_t last_sample) {
  if (counts_) {
    last_end_ = std::min(speech_end() + padding_, last_sample);
    segments_.push_back({seconds(before(opening_)), seconds(last_end_)});
  }
  opened_ = paused_ = counts_ = false;
}

void Segmenter::finish(std::uint64_t n_samples) {
  if (opened_) close(n_samples);
  finished_ = true;
}

void Segmenter::reset() {
  position_ = opening_ = pause_ = last_end_ = 0;
  opened_ = paused_ = counts_ = finished_ = false;
  segments_.clear();
}

std::vector<SpeechSegment> Segmenter::take() { return std::exchange(segments_, {}); }

double Segmenter::open_start_s() const { return seconds(before(opening_)); }

double Segmenter::decided_s(std::uint64_t n_samples) const {
  if (finished_) return seconds(n_samples);
  if (in_speech()) return seconds(std::min(speech_end() + padding_, n_samples));
  return seconds(std::max(before(opened_ ? opening_ : position_), last_end_));
}

}  // namespace fastctc
