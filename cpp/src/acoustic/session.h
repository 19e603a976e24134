// An ONNX Runtime session.
#pragma once

#include <string>

#include "acoustic/ort.h"
#include "fastctc/options.h"

namespace fastctc {

// Opens the graph at a UTF-8 path; weights in external data files are found beside it.
// Raises ModelNotFoundError, ModelError, OptionError, EngineError, EngineNotFoundError.
ort::Session open_session(const std::string& graph_path, const SessionOptions& options);

}  // namespace fastctc
