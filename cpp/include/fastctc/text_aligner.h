// CTC forced alignment, step by step: log-probs as they come, then the path.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "fastctc/decoder.h"
#include "fastctc/export.h"
#include "fastctc/options.h"
#include "fastctc/types.h"

namespace fastctc {

// A decoder that knows what was said: best() is align() (aligner.h) of the tokens over all frames so far, with its
// errors. It keeps only these tokens' columns of the log-probs: an hour of 80 ms frames takes 180 KB per different
// token, 184 MB for all of 1025.
class FASTCTC_API TextAligner : public Decoder {
 public:
  // n_tokens: of the vocabulary, blank included. Raises OptionError as align().
  TextAligner(std::vector<int> token_ids, std::size_t n_tokens, int blank_id,
              const ConfidenceOptions& confidence = ConfidenceOptions());
  ~TextAligner() override;
  void step(LogProbsView log_probs) override;
  Hypothesis best() const override;
  std::size_t n_stable_tokens() const override;  // none before the end
  std::size_t last_token_end_frame() const override;
  void reset() override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fastctc
