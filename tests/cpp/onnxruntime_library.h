// Tests that run a graph need an ONNX Runtime library: the one that FASTCTC_ONNXRUNTIME names, or the system's.
#pragma once

#include <doctest/doctest.h>

#include <cstdlib>

#include "fastctc/acoustic_model.h"
#include "fastctc/error.h"

// False, with a message, where there is none. One that was named must open.
inline bool onnxruntime_is_there() {
  try {
    fastctc::open_engine();
    return true;
  } catch (const fastctc::EngineNotFoundError& error) {
    if (std::getenv("FASTCTC_ONNXRUNTIME") != nullptr) throw;
    MESSAGE("skipped: " << error.what());
    return false;
  }
}
