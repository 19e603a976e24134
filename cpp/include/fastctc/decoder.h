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
  // Takes more frames, in order. Raises OptionError on another width than the decoder's; ModelError that names the
  // frame on NaN and +infinity, after which the frames before it are taken and only reset() makes sense.
  virtual void step(LogProbsView log_probs) = 0;
  // Best hypothesis so far; frames count from the start of the utterance.
  virtual Hypothesis best() const = 0;
  // Leading tokens of best() that no further frame can change, but for the end of the last of them.
  virtual std::size_t n_stable_tokens() const = 0;
  // One past the last frame of best()'s last token; 0 where it has none.
  virtual std::size_t last_token_end_frame() const = 0;
  // Forget everything.
  virtual void reset() = 0;

  // One shot: reset, step, best.
  Hypothesis decode(LogProbsView log_probs);
};

// Best path: argmax of every frame (first of equals, as NumPy and torch), repeats merged, blanks dropped.
// A token's confidence is the least over its run of NeMo's normalised maximum probability, (p V - 1) / (V - 1) with
// V = n_tokens, in [0, 1] (nemo/collections/asr/parts/utils/asr_confidence_utils.py: max_prob, alpha 1,
// aggregation min).
class FASTCTC_API GreedyDecoder : public Decoder {
 public:
  // Raises OptionError when blank_id is not below n_tokens.
  GreedyDecoder(std::size_t n_tokens, int blank_id);
  void step(LogProbsView log_probs) override;
  Hypothesis best() const override;
  std::size_t n_stable_tokens() const override;
  std::size_t last_token_end_frame() const override;
  void reset() override;

 private:
  std::size_t n_tokens_;
  int blank_id_;
  std::size_t n_frames_ = 0;
  int previous_id_ = -1;     // of the last frame, blank included
  double run_log_prob_ = 0;  // of the last token so far
  Hypothesis hypothesis_;
};

}  // namespace fastctc
