#include "acoustic/graph/resolved_property.h"

#include <algorithm>
#include <cctype>

#include "fastctc/error.h"
#include "options/option_values.h"

namespace fastctc {
namespace {

std::string normalized_name(std::string name) {
  name.erase(std::remove(name.begin(), name.end(), '_'), name.end());
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

}  // namespace

void raise_contradiction(const Graph& graph, const std::string& property, const std::string& first_source,
                         const std::string& first, const std::string& second_source, const std::string& second) {
  throw ModelError("The graph " + graph.path() + ": " + property + " is " + first + " by " + first_source + ", but " +
                   second + " by " + second_source + ". Correct the one that is wrong.");
}

Source agree(const Graph& graph, const std::string& property, const std::vector<Source>& sources) {
  Source chosen;
  for (const Source& source : sources) {
    if (source.value < 0) continue;
    if (chosen.value < 0) {
      chosen = source;
    } else if (chosen.value != source.value) {
      raise_contradiction(graph, property, chosen.name, std::to_string(chosen.value), source.name,
                          std::to_string(source.value));
    }
  }
  return chosen;
}

std::string source_name(const Source& source) {
  if (source.name == kOption) return "option";
  if (source.name == kMetadata) return "ONNX metadata";
  if (source.name == kTable) return "graph (position table)";
  return source.name == kProbe ? "graph (probe run)" : "graph";
}

Source from_metadata(const Graph& graph, const std::string& key, int highest) {
  const auto entry = graph.info().metadata.find(key);
  if (entry == graph.info().metadata.end() || entry->second.empty()) return {};
  try {
    return {static_cast<int>(integer_from_text(key, entry->second, 1, highest)), kMetadata};
  } catch (const OptionError&) {
    throw ModelError("The graph " + graph.path() + ": its metadata has " + key + " = '" + entry->second +
                     "', which is not an integer from 1 to " + std::to_string(highest) + ".");
  }
}

Property resolve_log_probs_kind(const Graph& graph, const std::string& known) {
  if (!known.empty() && known != "log_probs" && known != "logits") {
    throw OptionError("Option log_probs_kind must be log_probs or logits, not '" + known + "'.");
  }
  if (!known.empty()) return {"log_probs_kind", known, "option"};
  // Normalising log-probs again changes nothing, so whatever isn't named log-probs is taken for logits.
  const std::string& output = graph.info().output;
  return {"log_probs_kind", normalized_name(output) == "logprobs" ? "log_probs" : "logits",
          "graph (output " + output + ")"};
}

}  // namespace fastctc
