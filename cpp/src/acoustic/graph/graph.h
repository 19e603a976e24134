// A loaded graph: what it takes, and one run of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "acoustic/engine/ort.h"
#include "acoustic/session/session.h"
#include "fastctc/acoustic_model.h"

namespace fastctc {

// Inputs, outputs and metadata. Raises ort::Exception.
GraphInfo describe_session(const ort::Session& session);

// One item of a batch, feature-major: values[feature * stride + frame].
struct GraphInput {
  const float* values = nullptr;
  std::size_t n_frames = 0;   // valid frames: the length input of the graph
  std::size_t n_columns = 0;  // >= n_frames; given to the graph
  std::size_t stride = 0;     // >= n_columns
};

// The graph's own output, read in place.
struct GraphOutput {
  ort::Value scores{nullptr};  // [n_items, n_frames, n_tokens]
  std::size_t n_frames = 0;    // frames of the longest item, valid or not
  std::size_t n_tokens = 0;
  std::vector<std::size_t> lengths;  // valid frames of each item, where the graph has a length output

  const float* item(std::size_t index) const { return tensor_data<float>(scores) + index * n_frames * n_tokens; }
};

class Graph {
 public:
  // Raises as AcousticModel's constructor.
  Graph(const std::string& path, const SessionOptions& options);

  const std::string& path() const { return path_; }
  const GraphInfo& info() const { return info_; }
  // Sets the width of the output, found by a run, if the graph leaves it open.
  void set_n_tokens(std::size_t n_tokens) { info_.n_tokens = n_tokens; }
  void set_n_features(std::size_t n_features) { info_.n_features = n_features; }

  // Items are padded with zeros to the most columns. Safe from any thread. Raises EngineError when ONNX Runtime fails,
  // ModelError when the output isn't what the signature says.
  GraphOutput run(const std::vector<GraphInput>& items, std::size_t n_features) const;

  // One run over tensors by name, for graphs with more inputs than audio and length. n_values: of the audio; n_items
  // and n_columns are for the error. Safe from any thread. Raises EngineError.
  std::vector<ort::Value> run_tensors(const std::vector<const char*>& input_names,
                                      const std::vector<ort::Value>& inputs,
                                      const std::vector<const char*>& output_names, std::size_t n_values,
                                      std::size_t n_items, std::size_t n_columns) const;
  // Makes run()'s result of scores and lengths (null: none). Raises ModelError if they contradict the signature.
  GraphOutput checked(ort::Value scores, const ort::Value* lengths, std::size_t n_items) const;

  // What runs of the graph showed, kept with its session.
  Findings& findings() const { return *session_.findings; }

  const ort::MemoryInfo& memory() const { return memory_; }
  // The session's own: repeated tensors of the same sizes cost no page faults.
  ort::Allocator arena() const;

 private:
  std::string path_;
  mutable OpenedSession session_;  // Run() is thread-safe, but not const
  ort::RunOptions run_options_;
  ort::RunOptions long_run_options_;  // frees the arena's memory
  ort::MemoryInfo memory_;
  GraphInfo info_;
  std::size_t audio_rank_ = 3;
  bool narrow_lengths_ = false;  // int32
};

}  // namespace fastctc
