// A closed vocabulary: words and how tokens spell them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fastctc/export.h"
#include "fastctc/vocabulary.h"

namespace fastctc {

// What becomes of words that are not in the lexicon.
//   forbid  only its words are found
//   allow   other words too, at unknown_word_score per word (vocabularies that mark where words start)
enum class OutOfLexicon { forbid, allow };

struct LexiconEntry {
  std::string word;
  std::vector<int> token_ids;  // one spelling; a word may have several, several words the same
};

// A trie over token ids. Immutable, safe from any thread.
class FASTCTC_API Lexicon {
 public:
  using Node = std::uint32_t;
  static constexpr Node kNone = 0xffffffffu;
  static constexpr Node kRoot = 0;

  // Raises OptionError on an empty lexicon, an entry without word or tokens, ids out of range.
  Lexicon(std::vector<LexiconEntry> entries, std::size_t n_tokens, OutOfLexicon out_of_lexicon = OutOfLexicon::forbid);
  // `word piece piece ...` per line, plain or gzip, UTF-8, any white space between (flashlight's and Kaldi's layout; a
  // probability after the word is refused by name). word_end: a piece put after every spelling, as "<wb>"; empty: none.
  // Spellings that end in it already stay as they are. Raises ModelNotFoundError; ModelError that names the line, and
  // all pieces that the vocabulary lacks; OptionError when word_end is none of its pieces.
  static std::shared_ptr<const Lexicon> read(const std::string& path, const Vocabulary& vocabulary,
                                             const std::string& word_end = "",
                                             OutOfLexicon out_of_lexicon = OutOfLexicon::forbid);
  ~Lexicon();
  Lexicon(const Lexicon&) = delete;
  Lexicon& operator=(const Lexicon&) = delete;

  // Nodes are not checked.
  Node child(Node node, int token_id) const;  // kNone where there is none
  bool is_leaf(Node node) const;              // no spelling goes on from it
  // Words that end at the node, as positions of word(); ascending.
  std::pair<const std::uint32_t*, const std::uint32_t*> words_at(Node node) const;
  // Gives every spelling of every word once, ascending by token ids, then by word position. What is given is valid
  // until `take` returns.
  void visit(const std::function<void(const std::string& word, const std::vector<int>& token_ids)>& take) const;
  std::size_t n_words() const;  // different ones
  std::size_t n_nodes() const;
  const std::string& word(std::uint32_t position) const;  // raises OptionError on a position out of range
  std::size_t n_tokens() const;                           // of the vocabulary
  OutOfLexicon out_of_lexicon() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fastctc
