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

// Takes the table of calls from a library that another part of the process opened; false when fastctc runs another one.
// Raises EngineNotFoundError when it is too old.
bool use_library(const OrtApiBase& base, ParallelFor& parallel_for);

// Opens the library on the first call; as open_engine(). It is never closed: sessions may outlive any static.
Engine& engine(const std::string& library);

}  // namespace fastctc
