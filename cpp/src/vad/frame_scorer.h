// The interface of each kind of speech detection: how much each frame of the audio sounds like speech.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "fastctc/options.h"

namespace fastctc {

struct FrameScore {
  double score = 0;
  std::uint64_t end = 0;  // one past the frame's last sample; it begins where the one before ends
};

// One recording. Any split of the samples gives the same scores.
class FrameScorer {
 public:
  virtual ~FrameScorer() = default;
  // Both append the scores that are known now.
  virtual void push(const float* samples, std::size_t n_samples, std::vector<FrameScore>& scores) = 0;
  virtual void finish(std::vector<FrameScore>& scores) = 0;
  virtual void reset() = 0;
  // A new scorer for another recording, which shares the large data.
  virtual std::unique_ptr<FrameScorer> another() const = 0;
  // A frame with at least open_score() is speech, one below close_score() is not, one between is like the frame before.
  virtual double open_score() const = 0;
  virtual double close_score() const = 0;
};

// The scorer that the options name. Raises as SpeechDetector's constructor.
std::unique_ptr<FrameScorer> make_scorer(const VadOptions& options, int sample_rate_hz, const SessionOptions& session);

}  // namespace fastctc
