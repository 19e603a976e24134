// The ONNX Runtime library of this process.
#pragma once

#include <string>

#include "acoustic/engine/ort.h"
#include "fastctc/acoustic_model.h"

namespace fastctc {

// The calls of one library. A process may have several: Python's onnxruntime holds one of its own.
struct Calls {
  const OrtApi* api;                                         // of kOrtApiVersion
  decltype(OrtApi::KernelContext_ParallelFor) parallel_for;  // null: the library is older than 1.17
};

struct Engine {
  EngineInfo info;
  Calls calls;
  ort::Env environment;
};

// Raises EngineNotFoundError if the library is too old; messages give it this name.
Calls calls_of(const OrtApiBase* base, const std::string& name);

// Opens the library on the first call; as open_engine(). It is never closed: sessions may outlive any static.
Engine& engine(const std::string& library);

}  // namespace fastctc
