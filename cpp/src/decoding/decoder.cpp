#include "fastctc/decoder.h"

namespace fastctc {

Decoder::~Decoder() = default;

std::vector<Hypothesis> Decoder::n_best(std::size_t n) const {
  if (n == 0) return {};
  return {best()};
}

std::vector<Hypothesis> Decoder::partials(std::size_t n) const { return n_best(n); }

Hypothesis Decoder::partial() const { return partials(1).front(); }

std::vector<int> Decoder::partial_ids() const {
  std::vector<int> ids;
  for (const AlignedToken& token : partial().tokens) ids.push_back(token.id);
  return ids;
}

void Decoder::carry_on() { reset(); }

Hypothesis Decoder::decode(LogProbsView log_probs) {
  reset();
  step(log_probs);
  return best();
}

}  // namespace fastctc
