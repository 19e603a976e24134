// UTF-8, character by character, as SentencePiece reads it: no surrogates, no overlong forms, nothing past U+10FFFF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace fastctc {

// Bytes of the character that starts at `position`, 0 where there is no valid one.
std::size_t character_bytes(const std::string& text, std::size_t position);

// Code point of the valid character that starts at `position`.
std::uint32_t code_point(const std::string& text, std::size_t position);

// Offset of the first byte that is not part of a valid character; text.size() when all are.
std::size_t find_invalid_utf8(const std::string& text);

// Bytes of the white-space character (one that Python's str.split splits at) at `position`, 0 where there is none.
std::size_t white_space_bytes(const std::string& text, std::size_t position);

// The bytes of a code point.
std::string to_utf8(std::uint32_t character);

}  // namespace fastctc
