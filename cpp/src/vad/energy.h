// Speech by its level above the noise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "fastctc/options.h"
#include "vad/frame_scorer.h"

namespace fastctc {

// Second-order Butterworth high-pass.
class HighPass {
 public:
  HighPass(double cutoff_hz, double sample_rate_hz);
  double operator()(double sample) {
    const double output = gain_ * sample + first_;
    first_ = -2 * gain_ * sample - a1_ * output + second_;
    second_ = gain_ * sample - a2_ * output;
    return output;
  }
  // In digital silence the state would shrink to subnormal numbers, which are slow.
  void flush();
  void reset() { first_ = second_ = 0; }

 private:
  double gain_, a1_, a2_;
  double first_ = 0, second_ = 0;
};

// A percentile of the last `capacity` values, exactly: they are kept sorted.
class RunningPercentile {
 public:
  RunningPercentile(std::size_t percent, std::size_t capacity);
  void push(double value);
  std::size_t size() const { return sorted_.size(); }
  double value() const { return sorted_[(sorted_.size() - 1) * percent_ / 100]; }
  void reset();

 private:
  std::size_t percent_;
  std::size_t capacity_;
  std::vector<double> recent_;  // a ring
  std::size_t oldest_ = 0;
  std::vector<double> sorted_;
};

// Scores in dB above the threshold; energy.cpp defines them.
class EnergyScorer : public FrameScorer {
 public:
  EnergyScorer(const VadOptions& options, int sample_rate_hz);
  void push(const float* samples, std::size_t n_samples, std::vector<FrameScore>& scores) override;
  void finish(std::vector<FrameScore>& scores) override;
  void reset() override;
  double open_score() const override;
  double close_score() const override;
  std::unique_ptr<FrameScorer> another() const override;

 private:
  void end_frame();
  double median();
  void push_level(double level_db, std::vector<FrameScore>& scores);
  void give(double level_db, std::vector<FrameScore>& scores);

  double min_level_db_;
  double snr_db_;
  std::size_t frame_samples_;
  HighPass high_pass_;
  double sum_ = 0;              // of the squares of the frame so far
  std::size_t n_in_frame_ = 0;  // samples of it
  std::uint64_t n_samples_ = 0;
  std::vector<double> raw_db_;      // of the last frames, as many as a median reads
  std::vector<double> sorted_db_;   // of median()
  std::uint64_t n_frames_ = 0;      // whose raw level is known
  std::vector<double> waiting_db_;  // smooth levels of the start, until there are enough for a floor
  RunningPercentile floor_db_;
  bool started_ = false;
  std::uint64_t n_scores_ = 0;
};

}  // namespace fastctc
