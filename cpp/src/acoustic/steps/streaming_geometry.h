// The sizes of a cache-aware graph's caches, windows and steps.
#pragma once

#include <vector>

#include "acoustic/steps/streaming_graph.h"
#include "fastctc/streaming_model.h"

namespace fastctc {

struct ResolvedStreaming {
  StreamingModel::Geometry values;
  // Streams in one run give the same as each alone.
  bool batches_exactly = false;
  std::vector<Property> properties;
};

// Sets the graph's cache sizes, and its widths if it leaves them open. Raises ModelError on a contradiction and on a
// size that nothing tells, OptionError on a value out of range.
ResolvedStreaming resolve_streaming(StreamingGraph& streaming, const StreamingModel::Geometry& known);

}  // namespace fastctc
