// The tokens of a CTC model and how they become text.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "fastctc/export.h"

namespace fastctc {

// sentencepiece  U+2581 starts a word (NeMo BPE); text equals SentencePiece's own decode
// characters     pieces are joined as they are; " ", "|" or U+2581 alone is a space
// wordpiece      "##" continues a word
enum class TextStyle { sentencepiece, characters, wordpiece };

class FASTCTC_API Vocabulary {
 public:
  // Pieces in order of their ids, blank included. blank_id -1: found by name (<blk>, <blank>, <pad> ...), else
  // the last; Raises VocabularyError.
  Vocabulary(std::vector<std::string> pieces, int blank_id, TextStyle style);
  Vocabulary(std::vector<std::string> pieces, int blank_id = -1);  // style found from the pieces

  // Reads `piece id` a line (tokens.txt, vocab.txt) or one piece a line. n_tokens: width of the model's output,
  // 0 when unknown; a list one short of it gets its blank appended at the end, as NeMo's lists need.
  // Raises ModelNotFoundError, VocabularyError with the line number.
  static Vocabulary read(const std::string& path, std::size_t n_tokens = 0, int blank_id = -1,
                         const std::string& style = "");

  std::size_t size() const { return pieces_.size(); }
  int blank_id() const { return blank_id_; }
  TextStyle style() const { return style_; }
  const std::vector<std::string>& pieces() const { return pieces_; }
  const std::string& piece(int id) const;  // Raises OptionError on an id that is out of range

  // Text of a token sequence, blanks not allowed in it; equal to NeMo's ids_to_text.
  std::string text(const std::vector<int>& ids) const;

  // Words of a token sequence as ranges of token positions; their texts, joined by one space, are the
  // white-space-split text().
  struct WordSpan {
    std::string text;
    std::size_t begin = 0;  // first token
    std::size_t end = 0;    // one past the last token
  };
  std::vector<WordSpan> words(const std::vector<int>& ids) const;

 private:
  std::vector<std::string> pieces_;
  int blank_id_ = -1;
  TextStyle style_ = TextStyle::sentencepiece;
};

}  // namespace fastctc
