// SentencePiece models (BPE, unigram, characters): how a text is cut into the pieces that a model was trained with.
//
// Normalisation, segmentation and their ties are those of the sentencepiece library (Kudo and Richardson 2018,
// arXiv:1808.06226; file format: its sentencepiece_model.proto).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "fastctc/export.h"

namespace fastctc {

class FASTCTC_API SentencePieceModel {  // for the Python module's tests
 public:
  enum class Kind { unigram = 1, bpe = 2, word = 3, characters = 4 };
  static constexpr int kUnknown = -1;

  // Raises ModelNotFoundError; ModelError where it can't be read; VocabularyError on a file that is no such model, is
  // of words, or has unused pieces (neither is made for CTC models).
  static SentencePieceModel read(const std::string& path);
  // The same from the file's bytes; `name` stands in messages.
  static SentencePieceModel parse(const std::string& bytes, const std::string& name);

  std::size_t size() const { return pieces_.size(); }
  const std::string& piece(int id) const { return pieces_[static_cast<std::size_t>(id)]; }
  // A control piece or the unknown one, which spells nothing.
  bool is_control(int id) const { return is_control_[static_cast<std::size_t>(id)]; }

  // Ids of the pieces. A run of characters without pieces is byte pieces if the model has them, else one kUnknown.
  std::vector<int> encode(const std::string& text) const;
  // The text before it is cut: normalised as in training (such as NFKC), white space as U+2581.
  std::string normalize(const std::string& text) const;

 private:
  void add_piece(const std::string& piece, float score, int type, const std::string& name);
  int find(const std::string& piece) const;
  std::size_t user_defined_bytes(const std::string& text, std::size_t position) const;
  // The replacement of the text at `position`, and how many bytes it replaces.
  std::string normalize_prefix(const std::string& text, std::size_t position, std::size_t& n_bytes) const;
  std::vector<std::string> merge(const std::string& text) const;
  std::vector<std::string> most_likely(const std::string& text) const;

  Kind kind_ = Kind::unigram;
  std::vector<std::string> pieces_;
  std::vector<float> scores_;
  std::vector<bool> is_control_;
  std::unordered_map<std::string, int> ids_;           // of pieces that spell text
  std::unordered_map<std::string, int> byte_ids_;      // of one byte each
  std::unordered_map<std::string, int> user_defined_;  // found first, and never cut
  std::size_t longest_piece_ = 0;                      // bytes
  std::size_t longest_user_defined_ = 0;
  float lowest_score_ = 0;  // of normal pieces
  float highest_score_ = 0;

  // The normaliser.
  std::vector<std::uint32_t> trie_;  // Darts double array: text to an offset in replacements_
  std::string replacements_;         // each ends with a NUL
  bool add_dummy_prefix_ = true;
  bool remove_extra_whitespaces_ = true;
  bool escape_whitespaces_ = true;
  bool space_is_suffix_ = false;
};

}  // namespace fastctc
