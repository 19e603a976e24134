// The key of a saved session: equal for the same graph, library, processor and options.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "fastctc/acoustic_model.h"
#include "fastctc/options.h"

namespace fastctc {

struct SessionKey {
  std::string name;            // a file name
  std::uintmax_t n_bytes = 0;  // of the graph and its weights
};

// Empty if the session is not to be saved: a provider other than the CPU, options that say where to save sessions, a
// library that can't save packed weights (before 1.21), a small graph (it loads in milliseconds), weights that can't be
// found.
std::optional<SessionKey> session_key(const std::filesystem::path& graph, const SessionOptions& options,
                                      const EngineInfo& engine);

}  // namespace fastctc
