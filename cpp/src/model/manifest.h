// The optional manifest of a model directory, fastctc.json, and the config.json of bundles made for onnx-asr.
#pragma once

#include <filesystem>
#include <map>
#include <string>

namespace fastctc {

// A manifest flattened to dotted names ("frontend.normalize", "graphs.offline") and text values.
struct Manifest {
  std::string file;  // name for messages; empty where there is none
  std::map<std::string, std::string> values;

  // The value, or null.
  const std::string* find(const std::string& name) const;
};

// Reads `path` where it exists; raises ModelError (not JSON, wrong types, unknown format version).
Manifest read_manifest(const std::filesystem::path& path);
// The same for onnx-asr's config.json, whose keys are renamed to ours; files of other programs give nothing.
Manifest read_onnx_asr_config(const std::filesystem::path& path);
// The same from the files' text.
Manifest parse_manifest(const std::string& text, const std::string& file);
Manifest parse_onnx_asr_config(const std::string& text, const std::string& file);

}  // namespace fastctc
