// Which phrases the pieces of a vocabulary can spell.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "decoding/characters.h"

namespace fastctc {

class Spelling {
 public:
  // `tokens`: the symbols of every piece that adds text; `bytes` [256]: which byte pieces there are.
  // starts_word: whether any of the pieces may start an utterance, and a word there.
  Spelling(const std::vector<std::vector<Symbol>>& tokens, const std::vector<bool>& bytes, bool starts_word);

  // Empty where some text that pieces spell holds the phrase; else why there is none: the characters that no piece has,
  // or where the pieces stop.
  std::string find_gap(const std::vector<Symbol>& phrase) const;

 private:
  // A trie of symbols.
  struct Node {
    std::vector<std::pair<Symbol, std::size_t>> children;  // ascending
    bool ends = false;                                     // a token
  };
  using Trie = std::vector<Node>;
  static std::size_t child(const Trie& trie, std::size_t node, Symbol symbol);
  static void insert(Trie& trie, const Symbol* begin, const Symbol* end);
  // Marks where tokens end that start at `begin`; true when one reaches past the end of the phrase.
  static bool spell(const Trie& trie, std::size_t node, const std::vector<Symbol>& phrase, std::size_t begin,
                    std::vector<bool>& reached);
  bool spells_with_bytes(Symbol symbol) const;

  Trie tokens_;
  Trie ends_of_tokens_;          // tokens without their first symbols
  std::vector<Symbol> symbols_;  // of all tokens, ascending
  std::vector<bool> bytes_;
  bool starts_word_;
};

}  // namespace fastctc
