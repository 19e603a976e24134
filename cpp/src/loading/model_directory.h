// A model directory: which files it is made of, and what every property of the model is.
//
// A property is resolved in this order: the caller's option, the manifest (fastctc.json, then onnx-asr's
// config.json), the ONNX metadata (sherpa-onnx's keys), the graph's names and shapes. The caller's option is final;
// the others must agree.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "fastctc/acoustic_model.h"
#include "fastctc/options.h"
#include "fastctc/streaming_model.h"
#include "fastctc/types.h"
#include "model/graph_files.h"
#include "model/manifest.h"

namespace fastctc {

class ModelDirectory {
 public:
  // `path`: a directory, or an ONNX file in one. Raises ModelNotFoundError, ModelError.
  ModelDirectory(const std::string& path, const ModelOptions& options);

  std::string path() const { return directory_.u8string(); }
  // The graph that is opened first: the one named, else the offline graph, else that of the longest look-ahead.
  const std::string& graph_path() const { return graph_path_; }
  std::string offline_path() const;    // empty: there is none
  std::string long_form_path() const;  // empty: there is none
  // By look-ahead in ms; several files: nothing tells which. input_frame_s: seconds per feature frame.
  std::map<int, std::vector<std::string>> streaming_paths(double input_frame_s, int subsampling_factor) const;
  // Graphs for streams that don't tell their chunk: a run must find it.
  std::vector<std::string> unmeasured_streaming_paths() const;
  void note_streaming(const std::map<int, std::vector<std::string>>& paths);
  const std::string& tokens_path() const { return tokens_path_; }
  // Path of the SentencePiece model; empty: there is none. Notes it.
  std::string tokenizer_path();

  // Each resolves a group of properties and notes them in properties(). Raise ModelError on a contradiction and on a
  // property that nothing tells, OptionError on an impossible value of the caller's.
  FrontendOptions frontend(const GraphInfo& graph);
  AcousticModel::Geometry geometry();
  StreamingModel::Geometry streaming_geometry();
  int blank_id(const GraphInfo& graph);  // -1: nothing tells; the vocabulary decides
  std::string text_style();              // empty: the vocabulary decides
  void check_vocabulary_size(const GraphInfo& graph) const;

  const std::vector<Property>& properties() const { return properties_; }
  void note(const Property& property) { properties_.push_back(property); }
  // Notes what AcousticModel::configure() resolved of geometry(). What it calls an option may come from the manifest.
  void note_geometry(std::vector<Property> properties);

 private:
  struct Candidate {
    std::string value;
    std::string source;
  };
  std::string find_graph();
  std::string find_tokens();
  std::string file_in_directory(const std::string& name, const std::string& source) const;
  [[noreturn]] void raise_several(const std::string& what, const std::vector<GraphFile>& files,
                                  const std::string& advice) const;
  // What the manifests say about a name.
  void add_manifest(const std::string& name, std::vector<Candidate>& candidates) const;
  // The first candidate. Unless it is the caller's, the others must equal it.
  const Candidate& choose(const std::string& name, const std::vector<Candidate>& candidates) const;
  // The value of choose(), noted in properties().
  std::string settle(const std::string& name, const std::vector<Candidate>& candidates);
  [[noreturn]] void refuse(const std::string& message, const Candidate& candidate) const;
  long long stated_integer(const std::string& name, const Candidate& candidate, long long lowest,
                           long long highest) const;
  std::string settle_preset(const GraphInfo& graph);
  std::vector<Candidate> field_candidates(const std::string& field, const std::string& value,
                                          const std::string& source) const;
  std::vector<Candidate> normalize_candidates(const GraphInfo& graph) const;

  std::filesystem::path directory_;
  ModelOptions options_;
  Manifest manifest_;
  Manifest onnx_asr_;
  GraphFiles graphs_;
  std::string graph_path_;
  std::string tokens_path_;
  std::vector<Property> properties_;
  std::map<std::string, std::string> geometry_sources_;
};

}  // namespace fastctc
