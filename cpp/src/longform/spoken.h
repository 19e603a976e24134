// Recognises only the speech of a recording.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <vector>

#include "fastctc/options.h"
#include "fastctc/recognizer.h"
#include "fastctc/speech_detector.h"
#include "fastctc/types.h"
#include "longform/readings.h"
#include "longform/utterance.h"

namespace fastctc::longform {

// Each segment of speech (options.vad) is an utterance of its own, with times from the start of the recording; a long
// one is recognised while it is still open, so that memory does not grow with it either.
class Spoken : public Transcription {
 public:
  // Raises as SpeechDetector.
  Spoken(const Recognizer& recognizer, const LongFormOptions& options);

  void push(const float* samples, std::size_t n_samples) override;
  Transcript finish(double duration_s) override;
  double done_s() const override;

 private:
  void advance();
  void recognize_until(std::size_t sample);
  void close(const SpeechSegment& segment);
  std::size_t sample_at(double time_s) const;

  Recognizer recognizer_;
  LongFormOptions options_;
  SpeechDetector detector_;
  std::deque<SpeechSegment> segments_;    // complete, not yet recognised
  std::unique_ptr<Utterance> utterance_;  // of the current segment
  std::vector<float> samples_;            // from sample samples_from_ on
  std::size_t samples_from_ = 0;
  std::size_t position_ = 0;  // samples before it are recognised or skipped
  double start_s_ = 0;        // of the current segment
  double confidence_sum_ = 0;
  Readings readings_;
  Transcript transcript_;
};

}  // namespace fastctc::longform
