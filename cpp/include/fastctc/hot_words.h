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

// Aho-Corasick (1975) over characters, for every segmentation of the phrases by the vocabulary's pieces at once: a
// token's transition is the walk over its characters. Immutable, safe from any thread.
//
// A phrase counts where it stands as whole words, also where occurrences overlap. Words end at white space; the
// punctuation of sentences and every character of scripts written without spaces (Han, Kana, Thai, ...) are words of
// their own, so that "fastctc" stands in "with fastctc." too. A vocabulary whose pieces have neither has no words:
// phrases count wherever they stand.
//
// The sum of the deltas along a token sequence, and of finish() at its end, is the sum of bonuses of all occurrences of
// all phrases in its text. On the way a phrase's bonus is paid in proportion to the characters spelled (only positive
// ones), and withdrawn where it does not finish: exactly, as what is paid on the way is a multiple of 2^-20. Where
// several phrases are on the way at once, the one that has earned most is paid. All of it is a function of the text so
// far, as equal states are of its future.
class FASTCTC_API HotWords {
 public:
  using State = std::uint32_t;
  // ignore_case: phrases and text are compared by simple case folding (Unicode): "fastctc" and "FastCTC" are both
  // preferred where the vocabulary can spell them. Bonuses of equal phrases add up. Raises OptionError that names every
  // phrase which no sequence of pieces spells and what is missing; empty phrases; text that is not UTF-8; bonuses that
  // are not from -1e6 to 1e6.
  HotWords(const Vocabulary& vocabulary, const std::vector<HotPhrase>& phrases, bool ignore_case = true);
  ~HotWords();
  HotWords(const HotWords&) = delete;
  HotWords& operator=(const HotWords&) = delete;

  State start() const;
  // token_id: of the vocabulary, not checked; the blank adds nothing.
  State step(State state, int token_id, double* delta) const;
  double finish(State state) const;
  double max_delta() const;      // no step gives more (a bound, not always reached): for pruning
  std::size_t n_states() const;  // states are below it
  std::size_t n_tokens() const;  // of the vocabulary
  std::size_t n_phrases() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fastctc
