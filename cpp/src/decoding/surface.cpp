#include "decoding/surface.h"

#include <algorithm>
#include <cstddef>

namespace fastctc {
namespace {

const std::string kWordStart = "\xE2\x96\x81";  // U+2581, SentencePiece's space

bool is_space(const std::string& piece) { return piece == " " || piece == "<space>" || piece == kWordStart; }

bool is_control(const std::string& piece) {
  static const char* const names[] = {"<s>", "</s>", "<pad>", "[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"};
  return std::any_of(std::begin(names), std::end(names), [&](const char* name) { return piece == name; });
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Value of a byte piece <0xNN>, else -1.
int byte_value(const std::string& piece) {
  if (piece.size() != 6 || piece.compare(0, 3, "<0x") != 0 || piece[5] != '>') return -1;
  const int high = hex_digit(piece[3]);
  const int low = hex_digit(piece[4]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

std::string with_spaces(const std::string& piece) {
  std::string surface;
  for (std::size_t begin = 0; begin < piece.size();) {
    const bool is_mark = piece.compare(begin, kWordStart.size(), kWordStart) == 0;
    surface += is_mark ? ' ' : piece[begin];
    begin += is_mark ? kWordStart.size() : 1;
  }
  return surface;
}

}  // namespace

std::vector<std::string> surfaces(const Vocabulary& vocabulary) {
  const std::vector<std::string>& pieces = vocabulary.pieces();
  // wav2vec2's "|", as in Vocabulary.
  const bool bar_is_space = std::none_of(pieces.begin(), pieces.end(), is_space);
  std::vector<std::string> result;
  result.reserve(pieces.size());
  for (std::size_t id = 0; id < pieces.size(); ++id) {
    const std::string& piece = pieces[id];
    const int byte = vocabulary.style() == TextStyle::wordpiece ? -1 : byte_value(piece);
    if (static_cast<int>(id) == vocabulary.blank_id() || is_control(piece)) {
      result.emplace_back();
    } else if (byte >= 0) {
      result.emplace_back(1, static_cast<char>(byte));
    } else if (vocabulary.style() == TextStyle::sentencepiece) {
      result.push_back(piece == "<unk>" ? " \xE2\x81\x87 " : with_spaces(piece));
    } else if (vocabulary.style() == TextStyle::wordpiece) {
      result.push_back(piece.compare(0, 2, "##") == 0 ? piece.substr(2)
                                                      : " " + (piece == kWordStart ? std::string() : piece));
    } else {
      result.push_back(is_space(piece) || (bar_is_space && piece == "|") ? " " : piece);
    }
  }
  return result;
}

}  // namespace fastctc
