// Which ONNX file of a model directory plays which part.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "model/manifest.h"

namespace fastctc {

struct GraphFile {
  std::string name;    // in the directory
  std::string source;  // what said so: "option", "manifest fastctc.json", "file name", ...
};

struct GraphFiles {
  std::vector<GraphFile> offline;  // empty: none; several: nothing tells which
  // By look-ahead in ms as the manifest says; several: nothing tells which.
  std::map<int, std::vector<GraphFile>> streaming;
  // Found without a manifest: the look-ahead follows from the chunk, once the front end is known.
  std::map<long long, std::vector<GraphFile>> streaming_by_chunk_frames;
  std::vector<GraphFile> long_form;  // at most one
};

// In this order: the caller's option, which then stands alone; the manifest's graphs.*; what the files say of
// themselves (a graph with cache inputs is for streams), offline ones by their usual names. Raises ModelError on a key
// of the manifest's graphs that is not known.
GraphFiles find_graphs(const std::filesystem::path& directory, const std::string& option, const Manifest& manifest);

}  // namespace fastctc
