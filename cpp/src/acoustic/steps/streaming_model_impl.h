// The implementations of StreamingModel and AcousticStream, which use each other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "acoustic/graph/log_probs.h"
#include "acoustic/steps/feature_buffer.h"
#include "acoustic/steps/streaming_graph.h"
#include "fastctc/streaming_model.h"

namespace fastctc {

class StreamingModel::Impl {
 public:
  Impl(const std::string& path, const SessionOptions& session) : streaming(path, session) {}

  const Graph& graph() const { return streaming.graph(); }
  void check_configured() const;

  StreamingGraph streaming;
  Geometry geometry;
  LogProbsNormalizer normalizer;
  bool batches_exactly = false;
  bool configured = false;
};

class AcousticStream::Impl {
 public:
  Impl(std::shared_ptr<const StreamingModel::Impl> model, StreamStart start);

  void push(const float* features, std::size_t n_frames, std::size_t stride);
  void finish();
  void reset();
  void detach();
  LogProbs take();
  bool ready() const;
  bool done() const { return is_finished_ && !is_gathered_ && n_pending_ == 0 && failure_.empty(); }

  const StreamingModel::Impl* model() const { return model_.get(); }
  std::size_t n_pending() const { return n_pending_; }
  std::size_t n_output() const { return n_output_; }
  const std::string& failure() const { return failure_; }

  // For the model's gather and scatter. A ticket belongs to one utterance of one stream and is never used again.
  std::uint64_t ticket() const { return ticket_; }
  const CacheSlot& caches() const { return caches_; }
  void set_gathered(bool is_gathered) { is_gathered_ = is_gathered; }
  // Valid frames of the next window.
  std::size_t n_window_frames() const;
  // Writes the next window, [n_features, n_columns], the rest zeros. Returns the number of its valid frames.
  std::size_t copy_window(float* target, std::size_t n_columns) const;
  // Takes the result of the gathered window: item `index` of the step.
  void accept(const StreamingGraph::Step& step, std::size_t index);

 private:
  std::size_t next_frames() const;  // that the next window takes, if so many wait
  void check_usable() const;
  void check_finite(const float* features, std::size_t n_frames, std::size_t stride) const;
  void append(const float* scores, std::size_t n_frames);
  void fail(std::string message);

  std::shared_ptr<const StreamingModel::Impl> model_;
  std::size_t n_start_zeros_;
  FeatureBuffer features_;  // from the first frame of the next window on
  std::size_t n_pending_ = 0;
  std::size_t n_pushed_ = 0;
  std::size_t n_windows_ = 0;
  CacheSlot caches_;
  std::vector<float> log_probs_;  // not taken yet
  std::size_t n_output_ = 0;
  std::uint64_t ticket_ = 0;
  bool is_gathered_ = false;
  bool is_finished_ = false;
  std::string failure_;
};

}  // namespace fastctc
