// What an ONNX file says of itself, read without opening a session.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace fastctc {

struct OnnxSummary {
  std::vector<std::string> inputs;  // names, initializers left out
  std::map<std::string, std::string> metadata;
  std::set<std::string> external_files;  // locations of weights that stand in other files, as written
};

// Walks the protobuf fields of ModelProto (onnx.proto) down to every tensor, jumping over the weights. Bytes that are
// not ONNX give what could be read of them: whoever opens them says what is wrong.
OnnxSummary summarize_onnx(std::string_view bytes);

// The same of a file, mapped; what can't be read gives nothing.
OnnxSummary summarize_onnx_file(const std::filesystem::path& path);

}  // namespace fastctc
