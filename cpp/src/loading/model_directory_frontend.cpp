// Which front end a model needs: the part of the resolution that goes wrong most often, so it never guesses.
#include <algorithm>
#include <map>

#include "fastctc/error.h"
#include "loading/model_directory.h"
#include "options/frontend_options.h"

namespace fastctc {
namespace {

constexpr const char* kOption = "option";

const std::string* find_metadata(const GraphInfo& graph, const std::string& name) {
  const auto found = graph.metadata.find(name);
  return found == graph.metadata.end() ? nullptr : &found->second;
}

std::string preset_of(const GraphInfo& graph) {
  if (graph.layout == InputLayout::waveform) return "waveform";
  // NeMo's exporter writes feature-major input; toolkits around Kaldi features write frame-major.
  if (graph.layout == InputLayout::feature_major) return "nemo";
  return "";
}

}  // namespace

FrontendOptions ModelDirectory::frontend(const GraphInfo& graph) {
  const std::string name = settle_preset(graph);
  FrontendOptions frontend = frontend_preset(name);
  std::map<std::string, std::string> sources;
  for (const auto& entry : list_options(frontend)) sources[entry.first] = "preset " + name;

  const auto apply = [&](const std::string& field, const Candidate& candidate) {
    set_option(frontend, field, candidate.value);
    sources[field] = candidate.source;
  };
  for (const auto& entry : manifest_.values) {
    const std::string prefix = "frontend.";
    if (entry.first.compare(0, prefix.size(), prefix) != 0 || entry.first == "frontend.preset") continue;
    try {
      apply(entry.first.substr(prefix.size()), {entry.second, "manifest fastctc.json"});
    } catch (const OptionError& error) {
      throw ModelError(manifest_.file + ": " + error.what());
    }
  }
  for (const auto& entry : options_.frontend) apply(entry.first, {entry.second, kOption});

  apply("normalize", choose("normalize", normalize_candidates(graph)));
  if (frontend.kind == FeatureKind::log_mel) {
    if (graph.n_features > 0) {
      const auto n_mels = std::to_string(graph.n_features - (frontend.use_energy ? 1 : 0));
      apply("n_mels", choose("frontend.n_mels", field_candidates("n_mels", n_mels, "graph")));
    } else {
      const auto candidates = field_candidates("n_mels", "", "");
      if (!candidates.empty()) apply("n_mels", candidates.front());
    }
  }
  if (const std::string* rate = find_metadata(graph, "sample_rate")) {
    apply("sample_rate_hz",
          choose("frontend.sample_rate_hz", field_candidates("sample_rate_hz", *rate, "ONNX metadata")));
  }
  validate(frontend);
  for (const auto& entry : list_options(frontend)) {
    properties_.push_back({"frontend." + entry.first, entry.second, sources[entry.first]});
  }
  return frontend;
}

std::string ModelDirectory::settle_preset(const GraphInfo& graph) {
  std::vector<Candidate> candidates;
  if (!options_.frontend_preset.empty()) candidates.push_back({options_.frontend_preset, kOption});
  add_manifest("frontend.preset", candidates);
  if (!candidates.empty()) return settle("frontend.preset", {candidates.front()});
  const std::string* giga_am = find_metadata(graph, "is_giga_am");
  if (giga_am && *giga_am != "0") {
    throw ModelError(graph_path_ +
                     " is a GigaAM model (ONNX metadata is_giga_am); its front end is not one of NeMo's. "
                     "Describe it with the options frontend_preset and frontend.");
  }
  const std::string preset = preset_of(graph);
  if (preset.empty()) {
    throw ModelError(graph_path_ + " takes frames of " + std::to_string(graph.n_features) +
                     " features, frame-major; nothing tells which front end makes them. Say it with the option "
                     "frontend_preset (nemo, nemo_legacy, kaldi).");
  }
  return settle("frontend.preset", {{preset, "graph"}});
}

// What the option, the manifest and one more source say of a field of the front end.
std::vector<ModelDirectory::Candidate> ModelDirectory::field_candidates(const std::string& field,
                                                                        const std::string& value,
                                                                        const std::string& source) const {
  std::vector<Candidate> candidates;
  for (const auto& entry : options_.frontend) {
    if (entry.first == field) candidates.push_back({entry.second, kOption});
  }
  add_manifest("frontend." + field, candidates);
  if (!source.empty()) candidates.push_back({value, source});
  return candidates;
}

std::vector<ModelDirectory::Candidate> ModelDirectory::normalize_candidates(const GraphInfo& graph) const {
  std::vector<Candidate> candidates;
  if (!options_.normalize.empty()) candidates.push_back({options_.normalize, kOption});
  for (const Candidate& candidate : field_candidates("normalize", "", "")) candidates.push_back(candidate);
  if (const std::string* value = find_metadata(graph, "normalize_type")) {
    // What onnx-asr implies gives way to what the graph's own metadata says.
    candidates.erase(std::remove_if(candidates.begin(), candidates.end(),
                                    [](const Candidate& c) { return c.source == "manifest config.json"; }),
                     candidates.end());
    candidates.push_back({*value, "ONNX metadata"});
  }
  if (candidates.empty()) {
    throw ModelError(
        graph_path_ +
        ": nothing tells how its features are normalised (no manifest, no ONNX metadata "
        "normalize_type). Say it with the option normalize: none for NeMo's 'NA' (the streaming FastConformer "
        "models), per_feature for most others.");
  }
  for (Candidate& candidate : candidates) candidate.value = to_text(normalize_from_text("normalize", candidate.value));
  return candidates;
}

}  // namespace fastctc
