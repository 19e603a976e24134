#include "acoustic/graph/log_probs.h"

#include <cmath>

#include "acoustic/graph/log_softmax.h"
#include "base/log_message.h"
#include "fastctc/error.h"

namespace fastctc {
namespace {

constexpr double kNormalizedTolerance = 1e-3;  // of ln(sum(exp(frame))), which is 0 for log-probs

}  // namespace

void LogProbsNormalizer::normalize(const Graph& graph, float* scores, std::size_t n_frames,
                                   std::size_t n_tokens) const {
  if (n_frames == 0 || n_tokens == 0) return;
  if (is_probability(scores, n_tokens)) {
    throw ModelError("The graph " + graph.path() + " gives probabilities (output " + graph.info().output +
                     "); fastctc needs log-probs or logits. Export it without the softmax, or with a log-softmax.");
  }
  const double total = log_sum_exp(scores, n_tokens);
  if (!std::isfinite(total)) {
    throw EngineError("The graph " + graph.path() +
                      " gave values that are not finite. Check its weights, and the provider.");
  }
  if (kind_ == "log_probs") {
    if (std::fabs(total) <= kNormalizedTolerance) return;
    if (!told_.exchange(true)) {
      log_message(LogLevel::info, "The output " + graph.info().output + " of " + graph.path() +
                                      " is not normalised, so it is taken for logits.");
    }
  }
  log_softmax(scores, n_frames, n_tokens);
}

}  // namespace fastctc
