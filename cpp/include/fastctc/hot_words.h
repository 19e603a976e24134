// Phrases that recognition should prefer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fastctc/export.h"
#include "fastctc/lexicon.h"
#include "fastctc/vocabulary.h"

namespace fastctc {

struct HotPhrase {
  std::string text;
  double bonus = 0;  // natural logarithm, added once per occurrence; negative: the phrase is disfavoured
};

// Aho-Corasick (1975) over characters, for every segmentation of the phrases by the vocabulary's pieces at once: a
// token's transition is the walk over its characters. Immutable, safe from any thread.
//
// A phrase counts where it stands as whole words, also where occurrences overlap. Words end at white space; the
// punctuation of sentences and every character of scripts written without spaces (Han, Kana, Thai, ...) are words of
// their own, so that "fastctc" stands in "with fastctc." too. A vocabulary whose pieces have neither has no words:
// phrases count wherever they stand.
//
// With a closed lexicon (OutOfLexicon::forbid) phrases are its words, and count as it spells them, token by token: a
// model of phonemes has no letters. Words that sound alike gain alike. Words start at tokens whose text starts with a
// space, and end at a token that ends every spelling and stands nowhere else ("<wb>"). A phrase counts once for each
// way to spell it: the first 64, where a word's spellings ascend by token ids, and the last word's change first. Of
// equal token sequences the larger bonus counts.
//
// The sum of the deltas along a token sequence, and of finish() at its end, is the sum of bonuses of all occurrences of
// all phrases in its text. While a phrase is spelled, a positive bonus is paid in proportion to its characters; it is
// withdrawn if the phrase does not finish. That is exact, because payments are multiples of 2^-20. If several phrases
// are in progress, the one that has earned most is paid. A delta depends on the text so far alone, and equal states
// have equal futures.
class FASTCTC_API HotWords {
 public:
  using State = std::uint32_t;
  // ignore_case: phrases and text are compared by simple case folding (Unicode): "fastctc" and "FastCTC" are both
  // preferred where the vocabulary can spell them. Bonuses of equal phrases add up. Raises OptionError that names every
  // phrase which no sequence of pieces spells and what is missing; empty phrases; text that is not UTF-8; bonuses that
  // are not from -1e6 to 1e6.
  // lexicon: read here, not kept. Where it is closed a phrase's words are found as they stand, else with ignore_case in
  // any case that it has them. Raises OptionError that names all words which it does not have, on a word that it spells
  // with spaces alone, and on a lexicon for another number of tokens. An open one and null change nothing.
  HotWords(const Vocabulary& vocabulary, const std::vector<HotPhrase>& phrases, bool ignore_case = true,
           const Lexicon* lexicon = nullptr);
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
