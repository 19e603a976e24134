#include "loading/model_directory.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <system_error>
#include <utility>

#include "fastctc/error.h"
#include "model/model_files.h"
#include "options/option_values.h"

namespace fastctc {
namespace {

namespace fs = std::filesystem;

constexpr const char* kOption = "option";
constexpr const char* kMetadata = "ONNX metadata";

fs::path path_of(const std::string& text) { return fs::u8path(text); }

void require_directory(const fs::path& directory) {
  std::error_code error;
  if (!fs::exists(directory, error)) {
    throw ModelNotFoundError("There is no model at " + directory.u8string() +
                             ". Give a directory that holds an ONNX graph and its tokens.txt.");
  }
  if (!fs::is_directory(directory, error)) {
    throw ModelError(directory.u8string() + " is neither a directory nor an .onnx file.");
  }
}

}  // namespace

ModelDirectory::ModelDirectory(const std::string& path, const ModelOptions& options) : options_(options) {
  if (path.empty()) throw ModelNotFoundError("The model's path is empty. Give a directory that holds an ONNX graph.");
  const fs::path given = path_of(path);
  std::error_code error;
  if (given.extension() == ".onnx" && fs::is_regular_file(given, error)) {
    directory_ = given.has_parent_path() ? given.parent_path() : fs::path(".");
    if (!options_.graph.empty() && options_.graph != given.filename().u8string()) {
      throw OptionError("The model's path names the graph " + given.filename().u8string() +
                        ", the option graph names " + options_.graph + ". Give one of them.");
    }
    options_.graph = given.filename().u8string();
  } else {
    directory_ = given;
  }
  require_directory(directory_);
  manifest_ = read_manifest(usual_file_inside(directory_, "fastctc.json"));
  if (manifest_.file.empty()) onnx_asr_ = read_onnx_asr_config(usual_file_inside(directory_, "config.json"));
  graph_path_ = find_graph();
  tokens_path_ = find_tokens();
}

// A file that the caller names may be a link to anywhere; a file that the directory names may not.
std::string ModelDirectory::file_in_directory(const std::string& name, const std::string& source) const {
  return file_inside(directory_, name, source, source == kOption).u8string();
}

std::string ModelDirectory::find_graph() {
  if (!options_.graph.empty()) file_in_directory(options_.graph, kOption);
  graphs_ = find_graphs(directory_, options_.graph, manifest_);
  const auto take = [&](const GraphFile& file) {
    properties_.push_back({"graph", file.name, file.source});
    return file_in_directory(file.name, file.source);
  };
  if (graphs_.offline.size() == 1) return take(graphs_.offline.front());
  if (graphs_.offline.size() > 1) raise_several("graphs", graphs_.offline, "Say which one with the option graph.");
  if (!graphs_.streaming.empty()) return take(graphs_.streaming.rbegin()->second.front());
  if (!graphs_.streaming_by_chunk_frames.empty()) {
    const std::vector<GraphFile>& files = graphs_.streaming_by_chunk_frames.rbegin()->second;
    if (files.size() > 1) raise_several("graphs for streams", files, "Say which one with the option graph.");
    return take(files.front());
  }
  if (!graphs_.long_form.empty()) return take(graphs_.long_form.front());
  throw ModelNotFoundError(directory_.u8string() + " holds no .onnx file. Give the directory of an exported model.");
}

void ModelDirectory::raise_several(const std::string& what, const std::vector<GraphFile>& files,
                                   const std::string& advice) const {
  std::string list;
  for (const GraphFile& file : files) list += (list.empty() ? "" : ", ") + file.name;
  throw ModelError(directory_.u8string() + " holds several " + what + " (" + list + "). " + advice);
}

std::string ModelDirectory::offline_path() const {
  return graphs_.offline.size() == 1 ? file_in_directory(graphs_.offline.front().name, graphs_.offline.front().source)
                                     : "";
}

std::string ModelDirectory::long_form_path() const {
  if (graphs_.long_form.empty()) return "";
  return file_in_directory(graphs_.long_form.front().name, graphs_.long_form.front().source);
}

std::map<int, std::vector<std::string>> ModelDirectory::streaming_paths(double input_frame_s,
                                                                        int subsampling_factor) const {
  std::map<int, std::vector<std::string>> paths;
  for (const auto& entry : graphs_.streaming) {
    for (const GraphFile& file : entry.second) paths[entry.first].push_back(file_in_directory(file.name, file.source));
  }
  for (const auto& entry : graphs_.streaming_by_chunk_frames) {
    if (entry.first <= 0) continue;
    const double look_ahead_s = input_frame_s * static_cast<double>(entry.first - subsampling_factor);
    for (const GraphFile& file : entry.second) {
      paths[static_cast<int>(std::lround(1000 * look_ahead_s))].push_back(file_in_directory(file.name, file.source));
    }
  }
  return paths;
}

std::vector<std::string> ModelDirectory::unmeasured_streaming_paths() const {
  std::vector<std::string> paths;
  const auto found = graphs_.streaming_by_chunk_frames.find(0);
  if (found == graphs_.streaming_by_chunk_frames.end()) return paths;
  for (const GraphFile& file : found->second) paths.push_back(file_in_directory(file.name, file.source));
  return paths;
}

void ModelDirectory::note_streaming(const std::map<int, std::vector<std::string>>& paths) {
  for (const auto& entry : paths) {
    std::string names;
    for (const std::string& path : entry.second) {
      names += (names.empty() ? "" : ", ") + path_of(path).filename().u8string();
    }
    const bool stated = graphs_.streaming.count(entry.first) > 0;
    note({"streaming_" + std::to_string(entry.first) + "ms", names, stated ? "manifest fastctc.json" : "graph"});
  }
  if (!graphs_.long_form.empty()) note({"long_form", graphs_.long_form.front().name, graphs_.long_form.front().source});
}

std::string ModelDirectory::find_tokens() {
  std::vector<Candidate> candidates;
  if (!options_.tokens.empty()) candidates.push_back({options_.tokens, kOption});
  add_manifest("tokens", candidates);
  if (!candidates.empty()) {
    return file_in_directory(settle("tokens", {candidates.front()}), candidates.front().source);
  }
  for (const char* usual : {"tokens.txt", "vocab.txt"}) {
    std::error_code error;
    if (fs::exists(directory_ / usual, error))
      return file_in_directory(settle("tokens", {{usual, "file name"}}), "file name");
  }
  throw ModelNotFoundError(directory_.u8string() +
                           " holds neither tokens.txt nor vocab.txt. Put the model's token list there, or name it with "
                           "the option tokens.");
}

std::string ModelDirectory::tokenizer_path() {
  constexpr const char* kUsual = "tokenizer.model";
  std::vector<Candidate> candidates;
  if (!options_.tokenizer.empty()) candidates.push_back({options_.tokenizer, kOption});
  add_manifest("tokenizer", candidates);
  std::error_code error;
  if (candidates.empty() && fs::exists(directory_ / kUsual, error)) candidates.push_back({kUsual, "file name"});
  if (candidates.empty()) return "";
  return file_in_directory(settle("tokenizer", {candidates.front()}), candidates.front().source);
}

void ModelDirectory::add_manifest(const std::string& name, std::vector<Candidate>& candidates) const {
  for (const Manifest* manifest : {&manifest_, &onnx_asr_}) {
    if (const std::string* value = manifest->find(name)) {
      candidates.push_back({*value, "manifest " + path_of(manifest->file).filename().u8string()});
    }
  }
}

const ModelDirectory::Candidate& ModelDirectory::choose(const std::string& name,
                                                        const std::vector<Candidate>& candidates) const {
  const Candidate& chosen = candidates.front();
  if (chosen.source == kOption) return chosen;
  for (const Candidate& other : candidates) {
    if (other.value != chosen.value) {
      throw ModelError(directory_.u8string() + ": " + name + " is " + chosen.value + " by the " + chosen.source +
                       " and " + other.value + " by the " + other.source + ". Say which with the option " + name + ".");
    }
  }
  return chosen;
}

std::string ModelDirectory::settle(const std::string& name, const std::vector<Candidate>& candidates) {
  const Candidate& chosen = choose(name, candidates);
  properties_.push_back({name, chosen.value, chosen.source});
  return chosen.value;
}

void ModelDirectory::check_vocabulary_size(const GraphInfo& graph) const {
  const auto found = graph.metadata.find("vocab_size");
  if (found == graph.metadata.end() || graph.n_tokens == 0) return;
  // sherpa-onnx's key counts without the blank; others count with it.
  const auto size = integer_from_text("vocab_size (ONNX metadata)", found->second, 1, 1 << 24);
  if (size != static_cast<long long>(graph.n_tokens) && size + 1 != static_cast<long long>(graph.n_tokens)) {
    throw ModelError(graph_path_ + ": the ONNX metadata says vocab_size " + found->second +
                     ", the graph's output has " + std::to_string(graph.n_tokens) + " tokens (blank included).");
  }
}

int ModelDirectory::blank_id(const GraphInfo& graph) {
  std::vector<Candidate> candidates;
  if (options_.blank_id >= 0) candidates.push_back({std::to_string(options_.blank_id), kOption});
  add_manifest("blank_id", candidates);
  const auto found = graph.metadata.find("blank_id");
  if (found != graph.metadata.end()) candidates.push_back({found->second, kMetadata});
  if (candidates.empty()) return -1;
  const std::string text = settle("blank_id", candidates);
  const long long last = graph.n_tokens == 0 ? 1 << 24 : static_cast<long long>(graph.n_tokens) - 1;
  return static_cast<int>(stated_integer("blank_id", {text, candidates.front().source}, 0, last));
}

std::string ModelDirectory::text_style() {
  std::vector<Candidate> candidates;
  if (!options_.text_style.empty()) candidates.push_back({options_.text_style, kOption});
  add_manifest("text_style", candidates);
  if (candidates.empty()) return "";
  const std::string style = settle("text_style", candidates);
  static const char* const known[] = {"sentencepiece", "characters", "wordpiece"};
  if (std::find(std::begin(known), std::end(known), style) == std::end(known)) {
    refuse("text_style must be one of sentencepiece, characters, wordpiece, not '" + style + "'.", candidates.front());
  }
  return style;
}

// A wrong option is the caller's error, a wrong manifest the model's.
void ModelDirectory::refuse(const std::string& message, const Candidate& candidate) const {
  if (candidate.source == kOption) throw OptionError("Option " + message);
  throw ModelError(directory_.u8string() + ", " + candidate.source + ": " + message);
}

long long ModelDirectory::stated_integer(const std::string& name, const Candidate& candidate, long long lowest,
                                         long long highest) const {
  try {
    return integer_from_text(name, candidate.value, lowest, highest);
  } catch (const OptionError&) {
    refuse(name + " must be an integer from " + std::to_string(lowest) + " to " + std::to_string(highest) + ", not '" +
               candidate.value + "'.",
           candidate);
  }
}

AcousticModel::Geometry ModelDirectory::geometry() {
  // The acoustic model notes these, and checks them against the graph itself.
  const auto known = [&](int option, const char* property, const char* name, long long lowest, long long highest) {
    std::vector<Candidate> candidates;
    if (option >= 0) candidates.push_back({std::to_string(option), kOption});
    add_manifest(name, candidates);
    if (candidates.empty()) return -1;
    geometry_sources_[property] = candidates.front().source;
    const std::string& text = candidates.front().value;
    if (text == "true") return 1;
    if (text == "false") return 0;
    return static_cast<int>(stated_integer(name, candidates.front(), lowest, highest));
  };
  AcousticModel::Geometry geometry;
  geometry.subsampling_factor =
      known(options_.subsampling_factor, "subsampling_factor", "subsampling.factor", 1, 1 << 16);
  geometry.causal = known(options_.subsampling_causal, "subsampling_causal", "subsampling.causal", 0, 1);
  geometry.max_encoder_frames =
      known(options_.max_encoder_frames, "max_encoder_frames", "max_encoder_frames", 0, 1 << 30);
  geometry.log_probs_kind = options_.log_probs_kind;
  if (geometry.log_probs_kind.empty()) {
    if (const std::string* kind = manifest_.find("log_probs_kind")) {
      geometry.log_probs_kind = *kind;
      geometry_sources_["log_probs_kind"] = "manifest fastctc.json";
    }
  }
  return geometry;
}

StreamingModel::Geometry ModelDirectory::streaming_geometry() {
  const AcousticModel::Geometry stated = geometry();
  StreamingModel::Geometry geometry;
  geometry.window_frames = options_.window_frames;
  geometry.chunk_frames = options_.chunk_frames;
  geometry.subsampling_factor = stated.subsampling_factor;
  geometry.log_probs_kind = stated.log_probs_kind;
  return geometry;
}

void ModelDirectory::note_geometry(std::vector<Property> properties) {
  for (Property& property : properties) {
    const auto stated = geometry_sources_.find(property.name);
    if (property.source == kOption && stated != geometry_sources_.end()) property.source = stated->second;
    properties_.push_back(std::move(property));
  }
}

}  // namespace fastctc
