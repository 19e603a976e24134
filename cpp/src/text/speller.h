// Text to the tokens that spell it, for alignment.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "fastctc/export.h"
#include "fastctc/vocabulary.h"
#include "text/sentencepiece_model.h"

namespace fastctc {

// The model's SentencePiece model cuts the text. Without one, or if it lacks a character, the fewest pieces spell it,
// the longer first among equals. A word that can't be spelled as written is spelled in another case.
class FASTCTC_API Speller {  // for the Python module's tests
 public:
  // `pieces`: null if the model has none. Raises VocabularyError if one of its pieces is not in the vocabulary.
  Speller(const Vocabulary& vocabulary, std::unique_ptr<const SentencePieceModel> pieces);

  // Raises AlignmentError that names the character that no piece has, and its position.
  std::vector<int> spell(const std::string& text) const;

 private:
  struct Word {
    std::string text;
    std::size_t position;  // of its first character in the text
  };
  // Empty if a character is unknown.
  std::vector<int> cut(const std::vector<Word>& words) const;
  // Adds the word's tokens, or says how many bytes of it, gap included, can be spelled.
  bool spell_word(const std::string& word, const std::unordered_map<std::string, int>& tokens, std::vector<int>& ids,
                  std::size_t& n_spelled) const;
  [[noreturn]] static void raise_gap(const Word& word, std::size_t byte);

  std::unique_ptr<const SentencePieceModel> model_;
  std::vector<int> model_ids_;                     // of the model's pieces, in the vocabulary
  std::unordered_map<std::string, int> exact_;     // text of a token to its id
  std::unordered_map<std::string, int> any_case_;  // folded
  std::size_t longest_ = 0;                        // bytes
  bool marks_starts_ = false;                      // a space is part of the piece that starts a word
};

}  // namespace fastctc
