#include "fastctc/decoder.h"

namespace fastctc {

Decoder::~Decoder() = default;

Hypothesis Decoder::decode(LogProbsView log_probs) {
  reset();
  step(log_probs);
  return best();
}

}  // namespace fastctc
