#include "text/detokenize.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"

namespace fastctc {
namespace {

const char kWordStart[] = "\xE2\x96\x81";             // U+2581, SentencePiece's space
const char kUnknownText[] = " \xE2\x81\x87 ";         // SentencePiece's unk_surface
const char kReplacementCharacter[] = "\xEF\xBF\xBD";  // U+FFFD
constexpr std::size_t kWordStartBytes = 3;

bool starts_with(const std::string& text, const char* prefix, std::size_t n_bytes) {
  return text.compare(0, n_bytes, prefix) == 0;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_control(const std::string& piece) { return piece == "<s>" || piece == "</s>" || piece == "<pad>"; }

// What BERT tokenizers call special; NeMo's ids_to_text leaves them out.
bool is_bert_special(const std::string& piece) {
  return piece == "[UNK]" || piece == "[CLS]" || piece == "[SEP]" || piece == "[PAD]" || piece == "[MASK]";
}

// Takes tokens in order. A run of byte pieces becomes characters when another token follows.
class TextBuilder {
 public:
  explicit TextBuilder(std::size_t n_tokens) { result_.ranges.reserve(n_tokens); }

  void add_byte(int value) { bytes_.push_back(static_cast<char>(value)); }

  // Ends a run of bytes. Every byte that starts no valid character becomes U+FFFD, as in SentencePiece.
  void flush_bytes() {
    std::size_t position = 0;
    while (position < bytes_.size()) {
      const std::size_t n_bytes = character_bytes(bytes_, position);
      const std::size_t begin = result_.text.size();
      if (n_bytes == 0) {
        result_.text += kReplacementCharacter;
      } else {
        result_.text.append(bytes_, position, n_bytes);
      }
      const std::size_t n_tokens = std::max<std::size_t>(n_bytes, 1);
      result_.ranges.insert(result_.ranges.end(), n_tokens, ByteRange{begin, result_.text.size()});
      position += n_tokens;
    }
    bytes_.clear();
  }

  // Adds a token whose text is `surface`.
  void add(const std::string& surface) {
    flush_bytes();
    const std::size_t begin = result_.text.size();
    result_.text += surface;
    result_.ranges.push_back({begin, result_.text.size()});
  }

  // Adds text between tokens.
  void separate(const char* separator) { result_.text += separator; }

  const std::string& text() const { return result_.text; }

  Detokenized finish() {
    flush_bytes();
    return std::move(result_);
  }

 private:
  Detokenized result_;
  std::string bytes_;
};

std::string with_spaces(const std::string& piece, std::size_t begin) {
  std::string surface;
  while (begin < piece.size()) {
    const std::size_t mark = piece.find(kWordStart, begin);
    surface.append(piece, begin, mark == std::string::npos ? mark : mark - begin);
    if (mark == std::string::npos) break;
    surface += ' ';
    begin = mark + kWordStartBytes;
  }
  return surface;
}

// The text of a piece without its first bytes.
std::string sentencepiece_text(const std::string& piece, std::size_t begin) {
  if (is_control(piece)) return "";
  return piece == "<unk>" ? kUnknownText : with_spaces(piece, begin);
}

std::string characters_text(const std::string& piece, bool bar_is_space) {
  if (is_control(piece)) return "";
  return is_space_piece(piece) || (bar_is_space && piece == "|") ? " " : piece;
}

// SentencePieceProcessor::Decode (sentencepiece, src/sentencepiece_processor.cc) with add_dummy_prefix and
// remove_extra_whitespaces: while there is no text, each piece loses one leading U+2581.
Detokenized detokenize_sentencepiece(const std::vector<const std::string*>& pieces) {
  TextBuilder builder(pieces.size());
  for (const std::string* piece : pieces) {
    const int byte = byte_value(*piece);
    if (byte >= 0) {
      builder.add_byte(byte);
      continue;
    }
    builder.flush_bytes();
    const bool strip = builder.text().empty() && starts_with(*piece, kWordStart, kWordStartBytes);
    builder.add(sentencepiece_text(*piece, strip ? kWordStartBytes : 0));
  }
  return builder.finish();
}

Detokenized detokenize_characters(const std::vector<const std::string*>& pieces, bool bar_is_space) {
  TextBuilder builder(pieces.size());
  for (const std::string* piece : pieces) {
    const int byte = byte_value(*piece);
    if (byte >= 0) {
      builder.add_byte(byte);
    } else {
      builder.add(characters_text(*piece, bar_is_space));
    }
  }
  return builder.finish();
}

// " ".join(pieces).replace(" ##", ""), specials left out (transformers' BERT tokenizer, which NeMo's WPE uses):
// a "##" at the very start stays. A lone U+2581, as NeMo's vocab.txt of a SentencePiece model has it, starts a word
// and is nothing itself.
Detokenized detokenize_wordpiece(const std::vector<const std::string*>& pieces) {
  TextBuilder builder(pieces.size());
  bool first = true;
  for (const std::string* piece : pieces) {
    if (is_control(*piece) || is_bert_special(*piece)) {
      builder.add("");
      continue;
    }
    const bool continues = !first && starts_with(*piece, "##", 2);
    if (!first && !continues) builder.separate(" ");
    builder.add(continues ? piece->substr(2) : *piece == kWordStart ? std::string() : *piece);
    first = false;
  }
  return builder.finish();
}

// Drops white space at both ends.
void strip(Detokenized& value) {
  const std::vector<ByteRange> words = split_words(value.text);
  const std::size_t begin = words.empty() ? 0 : words.front().begin;
  const std::size_t end = words.empty() ? 0 : words.back().end;
  value.text = value.text.substr(begin, end - begin);
  for (ByteRange& range : value.ranges) {
    range.begin = std::min(std::max(range.begin, begin), end) - begin;
    range.end = std::min(std::max(range.end, begin), end) - begin;
  }
}

}  // namespace

bool is_space_piece(const std::string& piece) { return piece == " " || piece == "<space>" || piece == kWordStart; }

int byte_value(const std::string& piece) {
  if (piece.size() != 6 || !starts_with(piece, "<0x", 3) || piece[5] != '>') return -1;
  const int high = hex_digit(piece[3]);
  const int low = hex_digit(piece[4]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

std::string added_text(const std::string& piece, TextStyle style, bool bar_is_space) {
  if (style == TextStyle::sentencepiece) return sentencepiece_text(piece, 0);
  if (style == TextStyle::characters) return characters_text(piece, bar_is_space);
  if (is_control(piece) || is_bert_special(piece)) return "";
  if (starts_with(piece, "##", 2)) return piece.substr(2);
  return piece == kWordStart ? " " : " " + piece;
}

Detokenized detokenize(const std::vector<const std::string*>& pieces, TextStyle style, bool bar_is_space) {
  if (style == TextStyle::sentencepiece) return detokenize_sentencepiece(pieces);
  Detokenized result =
      style == TextStyle::wordpiece ? detokenize_wordpiece(pieces) : detokenize_characters(pieces, bar_is_space);
  // transformers strips its texts (word pieces, and wav2vec2's "|"); NeMo's characters stay as they are.
  if (style == TextStyle::wordpiece || bar_is_space) strip(result);
  return result;
}

std::vector<ByteRange> split_words(const std::string& text) {
  std::vector<ByteRange> words;
  std::size_t position = 0;
  bool inside = false;
  while (position < text.size()) {
    const std::size_t space = white_space_bytes(text, position);
    if (space == 0) {
      if (!inside) words.push_back({position, position});
      position += std::max<std::size_t>(character_bytes(text, position), 1);
      words.back().end = position;
    } else {
      position += space;
    }
    inside = space == 0;
  }
  return words;
}

}  // namespace fastctc
