// Where there is speech: voice activity detection, step by step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "fastctc/export.h"
#include "fastctc/options.h"
#include "fastctc/types.h"

namespace fastctc {

// One recording or stream; one thread at a time. Any split of the samples gives the same segments.
class FASTCTC_API SpeechDetector {
 public:
  // Mono samples at sample_rate_hz (8000 or 16000 for Silero; any from 8000 for the energy detector).
  // Raises OptionError (VadKind::none among them); ModelNotFoundError, ModelError, EngineError for Silero's graph.
  SpeechDetector(const VadOptions& options, int sample_rate_hz, const SessionOptions& session = SessionOptions());
  ~SpeechDetector();
  SpeechDetector(SpeechDetector&&) noexcept;
  SpeechDetector& operator=(SpeechDetector&&) noexcept;
  // A new detector with the same options, for another recording. Both share Silero's graph: for many streams open one
  // detector and make the others from it. Safe to call while this one is idle.
  SpeechDetector another() const;

  // Samples at the detector's rate. Raises AudioError on samples that are not finite or far beyond [-1, 1] (none of
  // this call's is then taken) and after finish(); EngineError where Silero's graph fails, and from then on until
  // reset().
  void push(const float* samples, std::size_t n_samples);
  // The same of a recording at another rate, which is resampled; sample_rate_hz 0: the detector's. Raises AudioError
  // also on another rate than before. A recording is pushed by one of the two.
  void push(AudioView audio);
  void finish();
  // Segments that are complete, padding included, in order and without overlap, since the last take().
  std::vector<SpeechSegment> take();
  // Whether a segment is open that take() will give, and where it starts, padding included.
  bool in_speech() const;
  double open_start_s() const;
  // Up to this time it is final what is speech: the segments given, the open one from its start on, and nothing else. A
  // stream that recognises no further than this skips the same samples, however they are pushed.
  double decided_s() const;
  // Ready for another recording, buffers kept.
  void reset();

 private:
  class Impl;
  explicit SpeechDetector(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// One shot. audio.sample_rate_hz must be given.
FASTCTC_API std::vector<SpeechSegment> detect_speech(AudioView audio, const VadOptions& options,
                                                     const SessionOptions& session = SessionOptions());

// What the segments are made of: how much each frame of the audio sounds like speech, in decibels above the threshold
// (energy) or as a probability (Silero). A frame begins where the one before ends. Raises as SpeechDetector.
struct SpeechScore {
  double score = 0;
  std::uint64_t end_samples = 0;  // one past the frame's last sample
};
FASTCTC_API std::vector<SpeechScore> score_speech(AudioView audio, const VadOptions& options,
                                                  const SessionOptions& session = SessionOptions());

}  // namespace fastctc
