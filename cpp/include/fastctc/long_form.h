// A recording of any length, pushed piece by piece: time grows linearly, and only the transcript's memory grows.
#pragma once

#include <memory>
#include <string>

#include "fastctc/export.h"
#include "fastctc/options.h"
#include "fastctc/recognizer.h"
#include "fastctc/types.h"

namespace fastctc {

// How it is computed (Transcript::method):
//   one_shot  up to one_shot_max_s: one run of the offline graph
//   steps     longer, where the directory has the exact cache-aware graph of several attention chunks
//             (graphs.long_form): equal to one_shot
//   windows   longer, where it has the offline graph alone: overlapping windows, joined where both read a pause
//   stream    any length, where it has a plain cache-aware graph alone
// One thread at a time. Any split of the samples gives the same transcript.
class FASTCTC_API LongForm {
 public:
  // Raises OptionError; ModelError, EngineError where a graph that is needed can't be opened.
  explicit LongForm(const Recognizer& recognizer, const LongFormOptions& options = LongFormOptions());
  // Aligns a known text: finish() tells when it is said, as Recognizer::align(), and raises its AlignmentError. Raises
  // AlignmentError on a text that the model's pieces can't spell.
  LongForm(const Recognizer& recognizer, const std::string& text, const LongFormOptions& options = LongFormOptions());
  ~LongForm();
  LongForm(LongForm&&) noexcept;
  LongForm& operator=(LongForm&&) noexcept;

  // Takes audio; audio.sample_rate_hz 0: the rate before, else the model's. Raises AudioError (not finite, far beyond
  // [-1, 1], another rate than before, after finish()), EngineError.
  void push(AudioView audio);
  // The whole transcript. Call once.
  Transcript finish();
  // Seconds of audio that are recognised, for progress.
  double done_s() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fastctc
