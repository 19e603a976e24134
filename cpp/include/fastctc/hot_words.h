// Phrases that recognition should prefer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fastctc/export.h"
#include "fastctc/vocabulary.h"

namespace fastctc {

struct HotPhrase {
  std::string text;
  double bonus = 0;  // natural logarithm, added once an occurrence; negative: the phrase is disfavoured
};

// Aho-Corasick over tokens, for every segmentation of the phrases by the vocabulary's pieces at once: the automaton
// runs over the characters of the pieces, and a token's transition is the walk over its characters. A phrase counts
// where it stands as whole words. Immutable, safe from any thread.
//
// The sum of the deltas along a token sequence, and of finish() at its end, is the sum of bonuses of all occurrences of
// all phrases in its text. On the way a phrase's bonus is paid in proportion to the characters spelled (only positive
// ones), and withdrawn where it does not finish.
class FASTCTC_API HotWords {
 public:
  using State = std::uint32_t;
  // ignore_case: "fastctc" and "FastCTC" are both preferred where the vocabulary can spell them. Raises OptionError
  // that names every phrase which no sequence of pieces spells, empty phrases, bonuses that are not finite.
  HotWords(const Vocabulary& vocabulary, const std::vector<HotPhrase>& phrases, bool ignore_case = true);
  ~HotWords();
  HotWords(const HotWords&) = delete;
  HotWords& operator=(const HotWords&) = delete;

  State start() const;
  State step(State state, int token_id, double* delta) const;
  double finish(State state) const;
  double max_delta() const;      // no step gives more: for pruning
  std::size_t n_tokens() const;  // of the vocabulary
  std::size_t n_phrases() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fastctc
