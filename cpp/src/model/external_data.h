// Weights of a graph that stand in other files: only beside the graph.
#pragma once

#include <string>

namespace fastctc {

// ONNX Runtime opens whatever file a graph names for its weights, some releases anywhere on the disk. This raises
// ModelError unless each is a regular file in the graph's directory (model_files.h), or is not there at all.
void check_external_data(const std::string& graph_path);

}  // namespace fastctc
