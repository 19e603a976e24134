// Any bytes as an ONNX graph, and as a tensor of one: names, metadata, and where weights are; no file outside is named.
#include <cstdint>
#include <filesystem>
#include <string_view>

#include "fastctc/error.h"
#include "model/external_weights.h"
#include "model/model_files.h"
#include "model/onnx_summary.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const std::string& name : fastctc::summarize_onnx(bytes).external_files) {
    try {
      fastctc::file_inside(std::filesystem::temp_directory_path() / "no-such-model", name, "the graph", false);
    } catch (const fastctc::ModelError&) {
    }
  }
  fastctc::external_data(bytes);
  return 0;
}
