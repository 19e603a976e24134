// How a graph's output frames relate to its input frames.
#pragma once

#include <cstddef>
#include <vector>

#include "acoustic/graph/graph.h"
#include "fastctc/acoustic_model.h"

namespace fastctc {

struct ResolvedGeometry {
  AcousticModel::Geometry values;
  // Valid output frames follow subsampled_length(). If not, the graph's length output tells them, or only a run does.
  bool has_formula = false;
  // Items of unequal lengths give the same in one run as alone.
  bool batches_exactly = false;
  // Input frames of the shortest run that worked; 0: none was made.
  std::size_t shortest_probe_frames = 0;
  std::size_t n_tokens = 0;
  std::vector<Property> properties;
};

// Raises ModelError on a contradiction, and when nothing tells the subsampling factor.
ResolvedGeometry resolve_geometry(const Graph& graph, const AcousticModel::Geometry& known);

}  // namespace fastctc
