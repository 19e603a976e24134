#include "decoding/characters.h"

#include <algorithm>
#include <cstddef>
#include <iterator>

#include "base/utf8.h"

namespace fastctc {
namespace {

struct Range {
  Symbol first, last;
};

// Ascending. Punctuation that words hold (apostrophe, hyphen, slash, &, @, %, ...) is not there.
constexpr Range kAlone[] = {
    {0x21, 0x22},       // ! "
    {0x28, 0x29},       // ( )
    {0x2C, 0x2C},       // ,
    {0x2E, 0x2E},       // .
    {0x3A, 0x3B},       // : ;
    {0x3F, 0x3F},       // ?
    {0x5B, 0x5B},       // [
    {0x5D, 0x5D},       // ]
    {0x7B, 0x7B},       // {
    {0x7D, 0x7D},       // }
    {0xA1, 0xA1},       // inverted !
    {0xAB, 0xAB},       // left guillemet
    {0xBB, 0xBB},       // right guillemet
    {0xBF, 0xBF},       // inverted ?
    {0x37E, 0x37E},     // Greek question mark
    {0x60C, 0x60C},     // Arabic comma
    {0x61B, 0x61B},     // Arabic semicolon
    {0x61F, 0x61F},     // Arabic question mark
    {0x6D4, 0x6D4},     // Arabic full stop
    {0x964, 0x965},     // danda
    {0xE00, 0xEFF},     // Thai, Lao
    {0x1000, 0x109F},   // Myanmar
    {0x1780, 0x17FF},   // Khmer
    {0x2013, 0x2014},   // dashes
    {0x201A, 0x201A},   // low quote
    {0x201C, 0x201E},   // double quotes
    {0x2026, 0x2026},   // ellipsis
    {0x2039, 0x203A},   // single guillemets
    {0x2047, 0x2047},   // SentencePiece's <unk>
    {0x2E80, 0x2FDF},   // radicals
    {0x3001, 0x30FF},   // CJK punctuation, Hiragana, Katakana
    {0x3100, 0x312F},   // Bopomofo
    {0x31A0, 0x31BF},   // Bopomofo, extended
    {0x31F0, 0x31FF},   // Katakana, phonetic extensions
    {0x3400, 0x4DBF},   // Han, extension A
    {0x4E00, 0x9FFF},   // Han
    {0xF900, 0xFAFF},   // Han, compatibility
    {0xFF01, 0xFF02},   // full-width ! "
    {0xFF08, 0xFF09},   // full-width ( )
    {0xFF0C, 0xFF0C},   // full-width ,
    {0xFF0E, 0xFF0E},   // full-width .
    {0xFF1A, 0xFF1B},   // full-width : ;
    {0xFF1F, 0xFF1F},   // full-width ?
    {0xFF61, 0xFF9F},   // half-width Katakana
    {0x20000, 0x2FFFF}  // Han, extensions B to F
};

}  // namespace

bool is_white_space(Symbol character) {
  if (character > ' ' && character < 0x80) return false;
  return white_space_bytes(to_utf8(character), 0) > 0;
}

bool stands_alone(Symbol character) {
  const auto found = std::lower_bound(std::begin(kAlone), std::end(kAlone), character,
                                      [](const Range& range, Symbol value) { return range.last < value; });
  return found != std::end(kAlone) && character >= found->first;
}

std::vector<Symbol> list_separators() {
  std::vector<Symbol> separators;
  for (const Range& range : kAlone) {
    for (Symbol character = range.first; character <= range.last; ++character) separators.push_back(character);
  }
  constexpr Symbol kLastSpace = 0x3000;
  for (Symbol character = 0; character <= kLastSpace; ++character) {
    if (is_white_space(character)) separators.push_back(character);
  }
  return separators;
}

void append(std::vector<Symbol>& symbols, Symbol character, bool ignore_case) {
  const auto bound = [&]() {
    if (symbols.empty() || symbols.back() != kBoundary) symbols.push_back(kBoundary);
  };
  if (is_white_space(character)) {
    bound();
  } else if (stands_alone(character)) {
    bound();
    symbols.push_back(character);
    bound();
  } else {
    symbols.push_back(ignore_case ? fold_case(character) : character);
  }
}

void append(std::vector<Symbol>& symbols, const std::string& text, bool ignore_case) {
  std::size_t position = 0;
  while (position < text.size()) {
    const std::size_t n_bytes = character_bytes(text, position);
    append(symbols, n_bytes == 0 ? kOther : code_point(text, position), ignore_case);
    position += std::max<std::size_t>(n_bytes, 1);
  }
}

}  // namespace fastctc
