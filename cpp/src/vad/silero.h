// Silero's voice activity detection: a recurrent graph that gives one probability of speech per window.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fastctc/options.h"
#include "vad/frame_scorer.h"

namespace fastctc {

class SileroModel;

// Opens the graph for audio at that rate and runs it once. Any number of scorers, on any threads, may share it.
// Raises OptionError (neither 8000 nor 16000 Hz, or not the graph's), ModelNotFoundError, ModelError (other inputs and
// outputs, no probability), EngineError.
std::shared_ptr<const SileroModel> open_silero(const std::string& graph_path, int sample_rate_hz,
                                               const SessionOptions& session);

// Frames are Silero's windows: 512 samples at 16 kHz, 256 at 8 kHz, the last one filled up with zeros. Scores are
// probabilities; the same windows, context and state as silero_vad's get_speech_timestamps.
class SileroScorer : public FrameScorer {
 public:
  SileroScorer(std::shared_ptr<const SileroModel> model, double threshold);
  ~SileroScorer() override;
  // Raise EngineError.
  void push(const float* samples, std::size_t n_samples, std::vector<FrameScore>& scores) override;
  void finish(std::vector<FrameScore>& scores) override;
  void reset() override;
  double open_score() const override { return threshold_; }
  double close_score() const override;
  std::unique_ptr<FrameScorer> another() const override;

 private:
  class State;
  void run(std::vector<FrameScore>& scores);

  std::shared_ptr<const SileroModel> model_;
  double threshold_;
  std::unique_ptr<State> state_;
  std::size_t n_in_window_ = 0;  // samples
  std::uint64_t n_samples_ = 0;
};

}  // namespace fastctc
