// Pieces to text, and which token gave which part of it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "fastctc/vocabulary.h"

namespace fastctc {

struct ByteRange {
  std::size_t begin = 0;
  std::size_t end = 0;
};

struct Detokenized {
  std::string text;
  std::vector<ByteRange> ranges;  // [n_tokens] of text; all byte pieces of one character share its range
};

// `pieces` point to the pieces of the tokens in order. `bar_is_space`: "|" alone is a space (characters style).
Detokenized detokenize(const std::vector<const std::string*>& pieces, TextStyle style, bool bar_is_space);

// What a piece adds to a text that others began; byte pieces (byte_value) aside.
std::string added_text(const std::string& piece, TextStyle style, bool bar_is_space);

// Value of a byte piece <0xNN>, else -1.
int byte_value(const std::string& piece);

// Ranges of the text between white space.
std::vector<ByteRange> split_words(const std::string& text);

// Names that a list uses for the space between words, "|" aside.
bool is_space_piece(const std::string& piece);

}  // namespace fastctc
