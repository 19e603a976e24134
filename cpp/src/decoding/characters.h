// Text as the hot words see it: characters, folded or not, and boundaries between words.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/case_folding.h"
#include "base/utf8.h"

namespace fastctc {

// A code point, or the boundary of a word.
using Symbol = std::uint32_t;
constexpr Symbol kBoundary = ' ';
constexpr Symbol kOther = 0xFFFD;  // what no phrase holds: U+FFFD stands for damaged text

bool is_white_space(Symbol character);

// Characters that are words of their own, whatever stands beside them: those of scripts written without spaces, and
// the punctuation of sentences, quotes and brackets.
bool stands_alone(Symbol character);

// All characters that stand alone, and all white space.
std::vector<Symbol> list_separators();

// Adds a character: white space as a boundary, one that stands alone between boundaries, no two boundaries in a row.
void append(std::vector<Symbol>& symbols, Symbol character, bool ignore_case);

// The same for all of a UTF-8 text.
void append(std::vector<Symbol>& symbols, const std::string& text, bool ignore_case);

}  // namespace fastctc
