// The ONNX Runtime library of this process.
#pragma once

#include <string>

#include "acoustic/ort.h"
#include "fastctc/acoustic_model.h"

namespace fastctc {

using ParallelFor = decltype(OrtApi::KernelContext_ParallelFor);

struct Engine {
  EngineInfo info;
  ParallelFor parallel_for;  // null: the library is older than 1.17
  ort::Env environment;
};

// Opens the library on the first call; as open_engine(). It is never closed: sessions may outlive any static.
Engine& engine(const std::string& library);

}  // namespace fastctc
