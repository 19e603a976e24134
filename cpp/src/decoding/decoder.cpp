#include "fastctc/decoder.h"

namespace fastctc {

Decoder::~Decoder() = default;

std::vector<Hypothesis> Decoder::n_best(std::size_t n) const {
  if (n == 0) return {};
  return {best()};
}

Hypothesis Decoder::partial() const { return best(); }

Hypothesis Decoder::decode(LogProbsView log_probs) {
  reset();
  step(log_probs);
  return best();
}

}  // namespace fastctc
