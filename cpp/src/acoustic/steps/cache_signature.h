// The inputs and outputs of cache-aware graphs, checked by name, type and rank.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "acoustic/graph/graph.h"

namespace fastctc {

// "17 x 70 x 512", "?" for an open size.
std::string size_text(const std::vector<std::int64_t>& sizes);

// ModelError that lists what the graph has and what is expected.
[[noreturn]] void raise_unknown_caches(const Graph& graph, const std::string& why);

// The tensor among inputs or outputs; null if it isn't there.
const GraphInfo::Tensor* find_tensor(const std::vector<GraphInfo::Tensor>& tensors, const std::string& name);

// Raises ModelError on another type or rank (0 dimensions: unknown), and on a fixed size of batch_axis.
void check_tensor(const Graph& graph, const GraphInfo::Tensor& tensor, const char* type, std::size_t rank,
                  std::size_t batch_axis = 0);

// The first name that the graph has, checked. kind: "input" or "output", for the error. Raises ModelError.
const GraphInfo::Tensor& require_tensor(const Graph& graph, const std::vector<GraphInfo::Tensor>& tensors,
                                        const std::vector<std::string>& names, const char* kind, const char* type,
                                        std::size_t rank);

}  // namespace fastctc
