// A cache-aware graph: its caches, and one step of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "acoustic/graph.h"
#include "acoustic/ort.h"

namespace fastctc {

// Sizes of one stream's caches.
struct CacheSizes {
  std::vector<std::int64_t> channel;  // [layers, context frames, width]
  std::vector<std::int64_t> time;     // [layers, width, kernel - 1]
};

// The caches of several streams, stacked on axis 0. Never written once it is shared.
struct CacheStack {
  std::size_t n_items = 0;
  ort::Value channel{nullptr};  // float32
  ort::Value time{nullptr};     // float32
  ort::Value lengths{nullptr};  // int64: frames of the context that hold
};

// One stream's part of a stack; null: zeros.
struct CacheSlot {
  std::shared_ptr<const CacheStack> stack;
  std::size_t index = 0;
};

class StreamingGraph {
 public:
  // Raises as StreamingModel's constructor.
  StreamingGraph(const std::string& path, const SessionOptions& options);

  const Graph& graph() const { return graph_; }
  Graph& graph() { return graph_; }

  // The audio's number of frames is fixed: a last window must be filled up.
  bool has_fixed_window() const;

  // What inputs and outputs are declared with, -1 where they leave it open. Raises ModelError where they differ.
  const CacheSizes& declared_sizes() const { return declared_; }
  const CacheSizes& sizes() const { return sizes_; }
  void set_sizes(CacheSizes sizes);

  // The slots' caches as one stack, in their order: the stack itself where they are its first items, else a copy.
  std::shared_ptr<const CacheStack> stack(const std::vector<CacheSlot>& slots) const;
  std::shared_ptr<const CacheStack> copy(const std::vector<CacheSlot>& slots) const;

  struct Step {
    GraphOutput output;  // with lengths
    std::shared_ptr<const CacheStack> caches;
  };
  // features[n_items, n_features, n_columns], lengths[n_items]; reads the first n_items of the caches. Safe from any
  // thread. Raises EngineError, ModelError.
  Step run(const float* features, const std::vector<std::int64_t>& lengths, std::size_t n_columns,
           const CacheStack& caches) const;

 private:
  std::shared_ptr<CacheStack> make_stack(std::size_t n_items) const;
  void check(const CacheStack& caches) const;

  Graph graph_;
  mutable ort::Allocator arena_;  // its calls are safe from any thread, though not const
  std::string channel_output_;
  std::string time_output_;
  std::string lengths_output_;
  CacheSizes declared_;
  CacheSizes sizes_;
  std::size_t channel_values_ = 0;  // of one stream
  std::size_t time_values_ = 0;
  std::shared_ptr<const CacheStack> zeros_;  // of one stream
};

// "17 x 70 x 512", "?" for an open size.
std::string size_text(const std::vector<std::int64_t>& sizes);

}  // namespace fastctc
