// An ONNX Runtime session.
#pragma once

#include <memory>
#include <string>

#include "acoustic/engine/ort.h"
#include "acoustic/operators/mapped_weights.h"
#include "acoustic/session/findings.h"
#include "fastctc/options.h"

namespace fastctc {

struct OpenedSession {
  MappedWeights weights;  // before the session, which reads them
  ort::Session session{nullptr};
  std::shared_ptr<Findings> findings;
};

// Opens the graph at a UTF-8 path; external data files lie beside it. The optimized graph is taken from the cache, or
// kept there (session_cache.h). Raises ModelNotFoundError, ModelError, OptionError, EngineError,
// EngineNotFoundError.
OpenedSession open_session(const std::string& graph_path, const SessionOptions& options);

}  // namespace fastctc
