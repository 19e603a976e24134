// What an ONNX file says of itself, read without opening a session.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace fastctc {

struct OnnxSummary {
  std::vector<std::string> inputs;  // names, initializers left out
  std::map<std::string, std::string> metadata;
};

// Walks the protobuf fields of ModelProto and GraphProto (onnx.proto), skipping weights and nodes: some thousand small
// reads, whatever the file's size. A file that is not ONNX gives an empty summary: whoever opens it says what is wrong.
OnnxSummary summarize_onnx(const std::filesystem::path& path);

}  // namespace fastctc
