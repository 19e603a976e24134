// From the samples of a recording to its transcript, all of it or its speech alone.
#pragma once

#include <cstddef>
#include <memory>

#include "fastctc/decoder.h"
#include "fastctc/options.h"
#include "fastctc/recognizer.h"
#include "fastctc/types.h"
#include "longform/log_probs_source.h"

namespace fastctc::longform {

// A recording in progress. One thread at a time. After an exception it must not be used.
class Transcription {
 public:
  virtual ~Transcription();
  // Samples at the model's rate, finite.
  virtual void push(const float* samples, std::size_t n_samples) = 0;
  // No time lies past duration_s. Call once.
  virtual Transcript finish(double duration_s) = 0;
  // Seconds from the start that are recognised.
  virtual double done_s() const = 0;
};

// One utterance of any length.
class Utterance : public Transcription {
 public:
  Utterance(const Recognizer& recognizer, const LongFormOptions& options);
  // Everything that the decoder finds in it.
  Utterance(const Recognizer& recognizer, const LongFormOptions& options, std::unique_ptr<Decoder> decoder);

  void push(const float* samples, std::size_t n_samples) override;
  Transcript finish(double duration_s) override;
  double done_s() const override { return static_cast<double>(n_frames_) * recognizer_.frame_s(); }

 private:
  void decode();

  Recognizer recognizer_;
  DecoderOptions options_;
  std::unique_ptr<Source> source_;
  std::unique_ptr<Decoder> decoder_;
  std::size_t n_frames_ = 0;  // decoded
};

}  // namespace fastctc::longform
