// How a cache-aware graph is fed: the sizes of its caches, windows and steps.
#pragma once

#include <vector>

#include "acoustic/steps/streaming_graph.h"
#include "fastctc/streaming_model.h"

namespace fastctc {

struct ResolvedStreaming {
  StreamingModel::Geometry values;
  // Streams in one run give what each gives alone.
  bool batches_exactly = false;
  std::vector<Property> properties;
};

// Sets the graph's cache sizes, and its widths where it leaves them open. Raises ModelError on a contradiction and on
// what nothing tells, OptionError on a value out of range.
ResolvedStreaming resolve_streaming(StreamingGraph& graph, const StreamingModel::Geometry& known);

}  // namespace fastctc
