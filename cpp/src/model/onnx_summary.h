// What an ONNX file says of itself, read without opening a session.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace fastctc {

struct OnnxSummary {
  std::vector<std::string> inputs;  // names, initializers left out
  std::map<std::string, std::string> metadata;
  std::set<std::string> external_files;  // locations of weights that stand in other files, as written
};

// Walks the protobuf fields of ModelProto (onnx.proto) down to every tensor, skipping the weights: some hundred small
// reads, whatever the file's size. A file that is not ONNX gives what could be read of it: whoever opens it says what
// is wrong.
OnnxSummary summarize_onnx(const std::filesystem::path& path);

}  // namespace fastctc
