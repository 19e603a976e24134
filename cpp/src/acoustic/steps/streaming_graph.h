// One step of a cache-aware graph.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "acoustic/graph/graph.h"
#include "acoustic/steps/appended_caches.h"
#include "acoustic/steps/caches.h"
#include "acoustic/steps/replaced_caches.h"

namespace fastctc {

class StreamingGraph {
 public:
  // Raises as StreamingModel's constructor.
  StreamingGraph(const std::string& path, const SessionOptions& options);
  StreamingGraph(const StreamingGraph&) = delete;  // its caches know its graph
  StreamingGraph& operator=(const StreamingGraph&) = delete;

  const Graph& graph() const { return graph_; }
  Graph& graph() { return graph_; }

  const Caches& caches() const { return *caches_; }
  // The caches in one of the two forms; null if the graph has the other.
  ReplacedCaches* replaced() { return replaced_; }
  const AppendedCaches* appended() const { return appended_; }
  // Whether windows have a fixed number of frames, so that a last window must be filled up.
  bool has_fixed_window() const { return appended_ != nullptr; }

  struct Step {
    GraphOutput output;  // with lengths
    std::shared_ptr<const CacheStack> caches;
  };
  // features[n_items, n_features, n_columns], lengths[n_items]; reads the first n_items of the caches. Safe from any
  // thread. Raises EngineError, ModelError.
  Step run(const float* features, const std::vector<std::int64_t>& lengths, std::size_t n_columns,
           const CacheStack& caches) const;

 private:
  Graph graph_;
  std::unique_ptr<Caches> caches_;
  ReplacedCaches* replaced_ = nullptr;
  const AppendedCaches* appended_ = nullptr;
};

}  // namespace fastctc
