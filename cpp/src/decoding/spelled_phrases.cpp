#include "decoding/spelled_phrases.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/case_folding.h"
#include "fastctc/error.h"
#include "text/detokenize.h"

namespace fastctc {
namespace {

constexpr Symbol kFirstToken = 0x110000;    // behind all characters
constexpr std::size_t kMostSpellings = 64;  // of a phrase

using TokenIds = std::vector<int>;
using Spellings = std::unordered_map<std::string, std::vector<TokenIds>>;  // of each word, ascending

void check_size(const Vocabulary& vocabulary, const Lexicon& lexicon) {
  if (lexicon.n_tokens() == vocabulary.size()) return;
  throw OptionError("The lexicon of the hot words was made for a vocabulary of " + std::to_string(lexicon.n_tokens()) +
                    " tokens, but the model's has " + std::to_string(vocabulary.size()) +
                    ". Make it with the model's own.");
}

// Every spelling that can be said: no text has a blank.
template <class Take>
void visit(const Vocabulary& vocabulary, const Lexicon& lexicon, Take take) {
  lexicon.visit([&](const std::string& word, const TokenIds& token_ids) {
    const bool has_blank = std::find(token_ids.begin(), token_ids.end(), vocabulary.blank_id()) != token_ids.end();
    if (!has_blank) take(word, token_ids);
  });
}

// What a token adds in letters.
std::vector<std::string> texts_of_tokens(const Vocabulary& vocabulary) {
  std::vector<std::string> texts;
  for (std::size_t id = 0; id < vocabulary.size(); ++id) {
    texts.push_back(vocabulary.token_text(static_cast<int>(id)).text);
  }
  return texts;
}

// The token that ends every spelling behind others than spaces, and stands nowhere else; -1 where there is none.
int find_word_end(const Vocabulary& vocabulary, const Lexicon& lexicon, const std::vector<std::string>& texts) {
  constexpr int kUnknown = -2;
  int word_end = kUnknown;
  const auto is_space = [&](int id) { return texts[static_cast<std::size_t>(id)] == " "; };
  visit(vocabulary, lexicon, [&](const std::string&, const TokenIds& token_ids) {
    const auto last = token_ids.end() - 1;
    if (word_end == kUnknown) word_end = *last;
    if (std::find(token_ids.begin(), token_ids.end(), word_end) != last) word_end = -1;
    if (std::all_of(token_ids.begin(), last, is_space)) word_end = -1;
  });
  return word_end;
}

std::vector<std::vector<Symbol>> symbols_of_tokens(const Vocabulary& vocabulary, const Lexicon& lexicon) {
  const std::vector<std::string> texts = texts_of_tokens(vocabulary);
  const int word_end = find_word_end(vocabulary, lexicon, texts);
  std::vector<std::vector<Symbol>> tokens(vocabulary.size());
  for (std::size_t index = 0; index < tokens.size(); ++index) {
    const int id = static_cast<int>(index);
    if (id == vocabulary.blank_id()) continue;
    const std::string& text = texts[index];
    if (id == word_end || (!text.empty() && text[0] == ' ')) tokens[index].push_back(kBoundary);
    if (id != word_end && text != " ") tokens[index].push_back(kFirstToken + static_cast<Symbol>(id));
  }
  return tokens;
}

std::vector<std::string> words_of(const HotPhrase& phrase) {
  std::vector<std::string> words;
  for (const ByteRange& range : split_words(phrase.text)) {
    words.push_back(phrase.text.substr(range.begin, range.end - range.begin));
  }
  return words;
}

// Spellings ascend, so that equal ones of words that differ in case follow each other.
void add(Spellings& wanted, const std::string& word, const TokenIds& token_ids) {
  const auto found = wanted.find(word);
  if (found == wanted.end()) return;
  if (found->second.empty() || found->second.back() != token_ids) found->second.push_back(token_ids);
}

// Of all words of the phrases, as they stand, else in any case. Raises OptionError that names those that are not there.
Spellings find_spellings(const std::vector<HotPhrase>& phrases, bool ignore_case, const Vocabulary& vocabulary,
                         const Lexicon& lexicon) {
  Spellings found;
  for (const HotPhrase& phrase : phrases) {
    for (const std::string& word : words_of(phrase)) found[word];
  }
  visit(vocabulary, lexicon, [&](const std::string& word, const TokenIds& token_ids) { add(found, word, token_ids); });
  Spellings folded;
  if (ignore_case) {
    for (const auto& [word, spellings] : found) {
      if (spellings.empty()) folded[fold_case(word)];
    }
  }
  if (!folded.empty()) {
    visit(vocabulary, lexicon,
          [&](const std::string& word, const TokenIds& token_ids) { add(folded, fold_case(word), token_ids); });
  }
  std::unordered_set<std::string> missing;
  std::string named;
  for (const HotPhrase& phrase : phrases) {
    for (const std::string& word : words_of(phrase)) {
      std::vector<TokenIds>& spellings = found[word];
      if (spellings.empty() && ignore_case) spellings = folded[fold_case(word)];
      if (spellings.empty() && missing.insert(word).second) named += (named.empty() ? "'" : ", '") + word + "'";
    }
  }
  if (named.empty()) return found;
  throw OptionError("The lexicon doesn't have these words of hot phrases: " + named + ". Add them, or leave them out.");
}

// The next way to choose one spelling of each word, the last word's first; false after the last.
bool choose_next(std::vector<std::size_t>& chosen, const std::vector<const std::vector<TokenIds>*>& choices) {
  for (std::size_t word = chosen.size(); word > 0; --word) {
    if (++chosen[word - 1] < choices[word - 1]->size()) return true;
    chosen[word - 1] = 0;
  }
  return false;
}

void append(std::vector<Symbol>& symbols, const std::vector<Symbol>& token) {
  for (const Symbol symbol : token) {
    if (symbol == kBoundary && (symbols.empty() || symbols.back() == kBoundary)) continue;
    symbols.push_back(symbol);
  }
}

}  // namespace

SpelledPhrases spell_phrases(const Vocabulary& vocabulary, const std::vector<HotPhrase>& phrases, bool ignore_case,
                             const Lexicon& lexicon) {
  check_size(vocabulary, lexicon);
  const Spellings spellings = find_spellings(phrases, ignore_case, vocabulary, lexicon);
  SpelledPhrases result;
  result.tokens = symbols_of_tokens(vocabulary, lexicon);
  std::map<std::vector<Symbol>, double> bonuses;
  for (const HotPhrase& phrase : phrases) {
    std::vector<const std::vector<TokenIds>*> choices;
    for (const std::string& word : words_of(phrase)) choices.push_back(&spellings.at(word));
    std::vector<std::size_t> chosen(choices.size(), 0);
    for (std::size_t n = 0; n == 0 || (n < kMostSpellings && choose_next(chosen, choices)); ++n) {
      std::vector<Symbol> symbols;
      for (std::size_t word = 0; word < choices.size(); ++word) {
        const TokenIds& ids = (*choices[word])[chosen[word]];
        for (const int id : ids) append(symbols, result.tokens[static_cast<std::size_t>(id)]);
      }
      if (!symbols.empty() && symbols.back() == kBoundary) symbols.pop_back();
      if (symbols.empty()) throw OptionError("The lexicon spells hot phrase '" + phrase.text + "' with spaces alone.");
      const auto inserted = bonuses.emplace(std::move(symbols), phrase.bonus);
      inserted.first->second = std::max(inserted.first->second, phrase.bonus);
    }
  }
  for (const auto& [symbols, bonus] : bonuses) result.phrases.push_back({symbols, bonus});
  return result;
}

}  // namespace fastctc
