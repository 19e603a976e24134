// When two loads are of the same model.
#pragma once

#include <string>

#include "fastctc/options.h"

namespace fastctc {

// Equal for the same files (path, size, time of change) of a model directory, or of the directory of an ONNX file, and
// the same options. Whatever `path` names: loading it says what is wrong with it.
std::string load_key(const std::string& path, const ModelOptions& model, const SessionOptions& session);

}  // namespace fastctc
