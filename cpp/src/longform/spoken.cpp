#include "longform/spoken.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

namespace fastctc::longform {

Spoken::Spoken(const Recognizer& recognizer, const LongFormOptions& options)
    : recognizer_(recognizer),
      options_(options),
      detector_(options.vad, recognizer.sample_rate_hz()),
      readings_(static_cast<std::size_t>(options.decoder.n_best)) {}

void Spoken::push(const float* samples, std::size_t n_samples) {
  samples_.insert(samples_.end(), samples, samples + n_samples);
  detector_.push(samples, n_samples);
  advance();
}

Transcript Spoken::finish(double duration_s) {
  detector_.finish();
  advance();
  transcript_.duration_s = duration_s;
  // No segment at all: the method is that of an empty recording.
  if (transcript_.speech.empty()) {
    Transcript empty = Utterance(recognizer_, options_).finish(0);
    transcript_.method = std::move(empty.method);
    transcript_.alternatives = std::move(empty.alternatives);
  } else if (options_.decoder.n_best > 1) {
    transcript_.alternatives = readings_.best();
  }
  for (SpeechSegment& segment : transcript_.speech) segment.end_s = std::min(segment.end_s, duration_s);
  if (!transcript_.words.empty()) {
    transcript_.confidence = static_cast<float>(confidence_sum_ / static_cast<double>(transcript_.words.size()));
  }
  return std::move(transcript_);
}

double Spoken::done_s() const {
  if (!utterance_) return detector_.decided_s();
  return start_s_ + utterance_->done_s();
}

void Spoken::advance() {
  const std::vector<SpeechSegment> complete = detector_.take();
  segments_.insert(segments_.end(), complete.begin(), complete.end());
  while (!segments_.empty() || detector_.in_speech()) {
    if (!utterance_) {
      start_s_ = segments_.empty() ? detector_.open_start_s() : segments_.front().start_s;
      position_ = sample_at(start_s_);
      utterance_ = std::make_unique<Utterance>(recognizer_, options_);
    }
    if (segments_.empty()) {
      recognize_until(sample_at(detector_.decided_s()));
      break;
    }
    recognize_until(sample_at(segments_.front().end_s));
    close(segments_.front());
    segments_.pop_front();
  }
  // No later segment starts before the decided part.
  const std::size_t needed_from = utterance_ ? position_ : sample_at(detector_.decided_s());
  samples_.erase(samples_.begin(), samples_.begin() + static_cast<std::ptrdiff_t>(needed_from - samples_from_));
  samples_from_ = needed_from;
}

void Spoken::recognize_until(std::size_t sample) {
  if (sample <= position_) return;
  utterance_->push(samples_.data() + (position_ - samples_from_), sample - position_);
  position_ = sample;
}

void Spoken::close(const SpeechSegment& segment) {
  Transcript part = utterance_->finish(segment.end_s - segment.start_s);
  utterance_.reset();
  transcript_.speech.push_back(segment);
  if (transcript_.method.empty() || part.method != kOneShot) transcript_.method = part.method;
  if (!transcript_.text.empty() && !part.text.empty()) transcript_.text += ' ';
  transcript_.text += part.text;
  for (Word& word : part.words) {
    word.start_s += segment.start_s;
    word.end_s += segment.start_s;
    confidence_sum_ += word.confidence;
  }
  for (Token& token : part.tokens) {
    token.start_s += segment.start_s;
    token.end_s += segment.start_s;
  }
  if (options_.decoder.n_best > 1) readings_.add(std::move(part.alternatives), segment.start_s);
  std::move(part.words.begin(), part.words.end(), std::back_inserter(transcript_.words));
  std::move(part.tokens.begin(), part.tokens.end(), std::back_inserter(transcript_.tokens));
}

// Never past the last sample.
std::size_t Spoken::sample_at(double time_s) const {
  const auto sample = static_cast<std::size_t>(std::lround(time_s * recognizer_.sample_rate_hz()));
  return std::min(std::max(sample, samples_from_), samples_from_ + samples_.size());
}

}  // namespace fastctc::longform
