// CTC decoding, step by step; offline is the sum of the steps.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "fastctc/export.h"
#include "fastctc/options.h"
#include "fastctc/types.h"
#include "fastctc/vocabulary.h"

namespace fastctc {

// One utterance's search state; one thread at a time.
class FASTCTC_API Decoder {
 public:
  virtual ~Decoder();
  // Takes more frames, in order. Raises OptionError on another width than the decoder's; ModelError that names the
  // frame on NaN and +infinity, after which the frames before it are taken and only reset() makes sense.
  virtual void step(LogProbsView log_probs) = 0;
  // Best hypothesis if the utterance ended here; frames count from the start of the utterance.
  virtual Hypothesis best() const = 0;
  // The n best, best first; fewer where there are fewer. Greedy search knows one.
  virtual std::vector<Hypothesis> n_best(std::size_t n) const;
  // The n best if the utterance goes on: a last word may be open, and its end is not scored. `score` alone has a cost
  // that such a word already has (no word of the model starts like it).
  virtual std::vector<Hypothesis> partials(std::size_t n) const;
  // The best of them, and its token ids alone, which take no alignment.
  Hypothesis partial() const;
  virtual std::vector<int> partial_ids() const;
  // Leading tokens of best() that no further frame can change, except the end of the last one.
  virtual std::size_t n_stable_tokens() const = 0;
  // One past the last frame of best()'s last token; 0 where it has none.
  virtual std::size_t last_token_end_frame() const = 0;
  // Forget everything.
  virtual void reset() = 0;
  // Forget tokens, frames and scores, but continue after partial(): language model, hot words and an open word keep
  // their context.
  virtual void carry_on();

  // One shot: reset, step, best.
  Hypothesis decode(LogProbsView log_probs);
};

// Best path: argmax of every frame (first of equals, as NumPy and torch), repeats merged, blanks dropped.
// A token's confidence is aggregated over its run (confidence.h).
class FASTCTC_API GreedyDecoder : public Decoder {
 public:
  // Raises OptionError when blank_id is not below n_tokens, or on confidence options out of range.
  GreedyDecoder(std::size_t n_tokens, int blank_id, const ConfidenceOptions& confidence = ConfidenceOptions());
  void step(LogProbsView log_probs) override;
  Hypothesis best() const override;
  std::size_t n_stable_tokens() const override;
  std::size_t last_token_end_frame() const override;
  void reset() override;

 private:
  std::size_t n_tokens_;
  int blank_id_;
  ConfidenceOptions confidence_;
  std::size_t n_frames_ = 0;
  int previous_id_ = -1;     // of the last frame, blank included
  double run_log_prob_ = 0;  // of the last token so far
  std::vector<float> run_confidences_;
  Hypothesis hypothesis_;
};

// CTC prefix beam search with shallow fusion, step by step. It looks for the token sequence y that maximises
//
//   score(y) = ln P_ctc(y | x) + lm_weight * sum_w ln P_lm(w | words before) + word_bonus * |words(y)|
//              + unknown_word_score * |unknown words(y)| + sum of the bonuses of the hot phrases in y
//
// P_ctc sums over all alignments of y (Graves et al. 2006; the search is Hannun et al. 2014, arXiv:1408.2873, in the
// log domain, every prefix with one score ending in blank and one in its last token). Words are scored when they end:
// at the token that starts the next one, and at the end of the utterance, where </s> is scored too. A hot phrase counts
// while it is spelled and is withdrawn when it does not finish. Ties: the higher acoustic score, then the prefix whose
// token ids come first in lexicographic order.
// Times, log-probs and confidences of tokens are those of align() (aligner.h) over the same frames.
class FASTCTC_API BeamDecoder : public Decoder {
 public:
  // Raises OptionError on options out of range, or a vocabulary other than the hot words' and the lexicon's.
  BeamDecoder(const Vocabulary& vocabulary, const DecoderOptions& options);
  ~BeamDecoder() override;
  void step(LogProbsView log_probs) override;
  Hypothesis best() const override;
  std::vector<Hypothesis> n_best(std::size_t n) const override;
  std::vector<Hypothesis> partials(std::size_t n) const override;
  std::vector<int> partial_ids() const override;
  std::size_t n_stable_tokens() const override;
  std::size_t last_token_end_frame() const override;
  void reset() override;
  void carry_on() override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The decoder that the options name.
FASTCTC_API std::unique_ptr<Decoder> make_decoder(const Vocabulary& vocabulary, const DecoderOptions& options);

}  // namespace fastctc
