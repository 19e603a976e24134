// CTC decoding, step by step; offline is the sum of the steps.
#pragma once

#include <cstddef>

#include "fastctc/export.h"
#include "fastctc/types.h"

namespace fastctc {

// One utterance's search state; one thread at a time.
class FASTCTC_API Decoder {
 public:
  virtual ~Decoder();
  // Takes more frames, in order.
  virtual void step(LogProbsView log_probs) = 0;
  // Best hypothesis so far; frames count from the start of the utterance.
  virtual Hypothesis best() const = 0;
  // Forget everything.
  virtual void reset() = 0;

  // One shot: reset, step, best.
  Hypothesis decode(LogProbsView log_probs);
};

// Best path: argmax of every frame (first of equals, as NumPy and torch), repeats merged, blanks dropped.
class FASTCTC_API GreedyDecoder : public Decoder {
 public:
  // Raises OptionError when blank_id is not below n_tokens.
  GreedyDecoder(std::size_t n_tokens, int blank_id);
  void step(LogProbsView log_probs) override;
  Hypothesis best() const override;
  void reset() override;

 private:
  std::size_t n_tokens_;
  int blank_id_;
  std::size_t n_frames_ = 0;
  int previous_id_ = -1;
  Hypothesis hypothesis_;
};

}  // namespace fastctc
