// Hot phrases of a lexicon's words, in tokens as it spells them.
#pragma once

#include <vector>

#include "decoding/characters.h"
#include "decoding/phrase_automaton.h"
#include "fastctc/hot_words.h"
#include "fastctc/lexicon.h"
#include "fastctc/vocabulary.h"

namespace fastctc {

struct SpelledPhrases {
  // [n_tokens] What a token adds: a symbol of its own, which is no character's, behind a boundary where it starts a
  // word. One that ends every word is a boundary, as is a space; the blank is nothing.
  std::vector<std::vector<Symbol>> tokens;
  std::vector<WeightedPhrase> phrases;  // different ones, without boundaries at their ends
};

// As HotWords says (hot_words.h). phrases: UTF-8, none is empty. Raises OptionError.
SpelledPhrases spell_phrases(const Vocabulary& vocabulary, const std::vector<HotPhrase>& phrases, bool ignore_case,
                             const Lexicon& lexicon);

}  // namespace fastctc
