// Properties of a graph that several sources may tell: they must agree.
#pragma once

#include <string>
#include <vector>

#include "acoustic/graph/graph.h"
#include "fastctc/types.h"

namespace fastctc {

inline constexpr char kOption[] = "the option";
inline constexpr char kMetadata[] = "the ONNX metadata";
inline constexpr char kProbe[] = "a run of the graph";
inline constexpr char kTable[] = "the graph's position table";

struct Source {
  int value = -1;  // negative: it doesn't tell
  const char* name = "";
};

// Raises ModelError that names both values and both sources.
[[noreturn]] void raise_contradiction(const Graph& graph, const std::string& property, const std::string& first_source,
                                      const std::string& first, const std::string& second_source,
                                      const std::string& second);

// The first source that tells the property; all that tell it must agree. value -1 if none does. Raises ModelError.
Source agree(const Graph& graph, const std::string& property, const std::vector<Source>& sources);

// The source as Property names it: "option", "ONNX metadata", "graph (probe run)", ...
std::string source_name(const Source& source);

// An integer from 1 to `highest` of the graph's metadata; negative if there is none. Raises ModelError on other text.
Source from_metadata(const Graph& graph, const std::string& key, int highest);

// "log_probs" or "logits": the caller's kind, else by the name of the graph's output. Raises OptionError.
Property resolve_log_probs_kind(const Graph& graph, const std::string& known);

}  // namespace fastctc
