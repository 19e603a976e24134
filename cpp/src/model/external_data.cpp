#include "model/external_data.h"

#include <filesystem>

#include "fastctc/error.h"
#include "model/model_files.h"
#include "model/onnx_summary.h"

namespace fastctc {

void check_external_data(const std::string& graph_path) {
  const std::filesystem::path path = std::filesystem::u8path(graph_path);
  const std::filesystem::path directory = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  for (const std::string& name : summarize_onnx_file(path).external_files) {
    try {
      file_inside(directory, name, "graph " + path.filename().u8string(), false);
    } catch (const ModelNotFoundError&) {
      throw ModelError("The graph " + graph_path + " can't be used: its weights are in another file, " + name +
                       ", which is missing. Put that file beside it.");
    }
  }
}

}  // namespace fastctc
