// Turns a graph's scores into log-probs.
#pragma once

#include <atomic>
#include <cstddef>
#include <string>

#include "acoustic/graph/graph.h"

namespace fastctc {

class LogProbsNormalizer {
 public:
  // kind: "log_probs" or "logits". Log-probs that are not normalised are taken for logits, which is logged once.
  void configure(const std::string& kind) { kind_ = kind; }

  // scores[n_frames, n_tokens] of one item, in place. Raises ModelError on probabilities, EngineError on scores that
  // are not finite. Safe from any thread.
  void normalize(const Graph& graph, float* scores, std::size_t n_frames, std::size_t n_tokens) const;

 private:
  std::string kind_;
  mutable std::atomic<bool> told_{false};
};

}  // namespace fastctc
