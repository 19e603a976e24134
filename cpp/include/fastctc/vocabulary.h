// The tokens of a CTC model and how they become text.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "fastctc/export.h"

namespace fastctc {

// sentencepiece  U+2581 starts a word (NeMo BPE and unigram); text equals SentencePiece's own decode
// characters     pieces are joined as they are; " ", "<space>", U+2581 or, where the list has none of these, "|"
//                alone is a space
// wordpiece      "##" continues a word (BERT, NeMo WPE)
// Byte pieces <0xNN> (upper case, as SentencePiece writes them) are joined and read as UTF-8, except in wordpiece.
enum class TextStyle { sentencepiece, characters, wordpiece };

class FASTCTC_API Vocabulary {
 public:
  // Pieces in the order of their ids, blank included. blank_id -1: found by name (<blk>, <blank>, <b> or [blank], else
  // <eps>, <pad> or [PAD]), else the last. Raises VocabularyError on an empty list, a piece that is empty, not UTF-8
  // or there twice, two names of a blank, and a blank_id against <blk>, <blank>, <b>, [blank]; OptionError on a
  // blank_id past the list.
  Vocabulary(std::vector<std::string> pieces, int blank_id, TextStyle style);
  // Style found from the pieces: U+2581 within one: sentencepiece; else "##" in front of one: wordpiece; else U+2581
  // as one: sentencepiece; else characters.
  explicit Vocabulary(std::vector<std::string> pieces, int blank_id = -1);

  // Reads a UTF-8 file (byte order mark and CRLF accepted) with one piece per line, or `piece id` per line in any order
  // (tokens.txt, vocab.txt), split at the last blank or tab. The file has ids when every line ends in a blank and an
  // integer; when some do and others do not it is an error, never a guess. A plain list of digits has none.
  // n_tokens: width of the model's output, 0 when unknown; a list one short of it gets its blank <blk> appended at
  // the end, as NeMo's lists need, unless <blk>, <blank>, <b> or [blank] is in it. With neither width nor
  // name nor blank_id nothing tells the blank: an error. style: "" finds it.
  // Raises ModelNotFoundError; ModelError on a directory, more than 64 MiB, and a file that can't be read;
  // VocabularyError with the line number; OptionError on an unknown style and on a blank_id past the list.
  static Vocabulary read(const std::string& path, std::size_t n_tokens = 0, int blank_id = -1,
                         const std::string& style = "");

  std::size_t size() const { return pieces_.size(); }
  int blank_id() const { return blank_id_; }
  TextStyle style() const { return style_; }
  const std::vector<std::string>& pieces() const { return pieces_; }
  const std::string& piece(int id) const;  // Raises OptionError on an id that is out of range

  // Text of a token sequence; equal to NeMo's ids_to_text, as far as pieces alone can tell it: <unk> is " U+2047 "
  // (sentencepiece), <s>, </s>, <pad> are nothing, and leading spaces go, as with SentencePiece's default
  // remove_extra_whitespaces (a model trained without it keeps all but the first).
  // Raises OptionError on blanks and ids out of range.
  std::string text(const std::vector<int>& ids) const;

  // Words of a token sequence as ranges of token positions, from the first token that gives it a visible character
  // to the last; their texts, joined by one space, are text() split at white space (Python's str.split). A token
  // whose own text holds a space within belongs to both words.
  struct WordSpan {
    std::string text;
    std::size_t begin = 0;  // first token
    std::size_t end = 0;    // one past the last token
  };
  std::vector<WordSpan> words(const std::vector<int>& ids) const;

  // What a token adds to a text that others began, for automata over characters: "\u2581two" (sentencepiece) and "two"
  // (wordpiece) add " two", "##ty" adds "ty", control pieces and the blank add nothing. White space at the start and
  // end of an utterance is no part of text(). Raises OptionError on an id out of range.
  struct TokenText {
    std::string text;
    int byte = -1;  // value of a byte piece, whose text is empty: a run of them is read as UTF-8
  };
  TokenText token_text(int id) const;

 private:
  std::vector<std::string> pieces_;
  int blank_id_ = -1;
  TextStyle style_ = TextStyle::sentencepiece;
  bool bar_is_space_ = false;  // characters style: "|" separates words
};

}  // namespace fastctc
