// One frame after another: the prefixes of a beam and their scores (the search of BeamDecoder, decoder.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "decoding/fusion.h"
#include "decoding/log_add.h"
#include "decoding/prefix_tree.h"
#include "fastctc/options.h"
#include "fastctc/vocabulary.h"

namespace fastctc {

// A prefix in the beam. Log-probs sum over the alignments of the prefix to the frames so far.
struct BeamPrefix {
  PrefixTree::Id node = PrefixTree::kRoot;
  double blank = 0;           // ln P, the last frame blank
  double label = 0;           // ln P, the last frame the last token
  double total = 0;           // ln of both together
  double score = 0;           // total and what Fusion adds: what the beam is ordered by
  std::size_t end_frame = 0;  // one past the last frame at which the last token was likelier than blank
};

class BeamSearch {
 public:
  // Raises OptionError.
  BeamSearch(const Vocabulary& vocabulary, const DecoderOptions& options);

  void reset();
  // The same, but behind the best prefix: what Fusion knows of it stays, its scores go.
  void carry_on();
  // One frame. Raises ModelError, `frame` in its message, on NaN, +infinity, and where nothing is possible.
  void step(const float* log_probs, std::size_t frame);

  const PrefixTree& tree() const { return tree_; }
  PrefixTree& tree() { return tree_; }
  // By score, best first.
  const std::vector<BeamPrefix>& beam() const { return beam_; }
  // The deepest prefix that all share, `from` or below it; all share `from`. Whoever else holds a node holds one that
  // has a prefix of the beam below it.
  PrefixTree::Id common_prefix(PrefixTree::Id from) const;
  const Fusion& fusion() const { return fusion_; }
  // What Fusion says of the prefix where the utterance ends.
  FusionState finished(PrefixTree::Id id);

 private:
  // A prefix of the next beam: one that stays (token -1), or one that a token makes of it.
  struct Candidate {
    double score;
    double total;
    std::int32_t slot;
    std::int32_t token;
    std::int32_t word;
  };

  void start(const FusionState& state);
  void stay(const float* log_probs);
  void find_tokens(const float* log_probs);
  void grow(const float* log_probs);
  void grow_by(std::int32_t slot, std::int32_t token, double log_prob);
  void consider(const Candidate& candidate);
  bool better(const Candidate& a, const Candidate& b) const;
  void keep_best();
  void take();

  bool is_in_beam(std::int32_t slot, std::int32_t token, std::int32_t word) const;
  const FusionState& closed(PrefixTree::Id id);
  std::string open_word(PrefixTree::Id node) const;
  FusionState extended(PrefixTree::Id id, std::int32_t token, std::int32_t word);
  double extended_score(PrefixTree::Id id, std::int32_t token, std::int32_t word);
  bool is_tried(const float* log_probs, std::int32_t token) const;

  const std::size_t n_tokens_;
  const int blank_id_;
  const std::size_t beam_size_;
  const double beam_threshold_;
  const std::size_t max_tokens_;
  const double min_token_log_prob_;
  const double skip_log_prob_;
  const LogAdd& log_add_;
  Fusion fusion_;

  PrefixTree tree_;
  std::string root_word_;  // what of the open word stands before the root
  std::vector<BeamPrefix> beam_;
  // Of the frame at work, kept for their memory.
  std::vector<BeamPrefix> stays_;          // of each slot, where it stays
  std::vector<std::int32_t> first_child_;  // of each slot: its children in the beam, a chain
  std::vector<std::int32_t> next_child_;
  std::vector<Candidate> candidates_;
  std::vector<BeamPrefix> next_;
  struct TokenScore {
    float log_prob;
    std::int32_t token;
  };
  std::vector<TokenScore> tokens_;   // that may make a prefix, likeliest first
  float token_floor_ = 0;            // of max_tokens and min_token_log_prob: what is tried at all
  std::int32_t token_floor_id_ = 0;  // of equals, up to this id
  double floor_ = 0;                 // of score: below it a candidate has no place
  std::size_t frame_ = 0;
};

}  // namespace fastctc
