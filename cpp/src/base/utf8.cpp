#include "base/utf8.h"

#include <cstdint>

namespace fastctc {
namespace {

struct Character {
  std::uint32_t code_point = 0;
  std::size_t n_bytes = 0;  // 0: not valid
};

Character character_at(const std::string& text, std::size_t position) {
  if (position >= text.size()) return {};
  const auto byte = [&](std::size_t index) { return static_cast<unsigned char>(text[position + index]); };
  const std::uint32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};

  // The three longer forms: bits that mark the lead byte, bits that it carries, lowest code point allowed.
  struct Form {
    std::uint32_t mark_mask, mark, payload_mask, lowest;
  };
  static constexpr Form forms[] = {{0xE0, 0xC0, 0x1F, 0x80}, {0xF0, 0xE0, 0x0F, 0x800}, {0xF8, 0xF0, 0x07, 0x10000}};
  for (std::size_t n_trailing = 1; n_trailing <= 3; ++n_trailing) {
    const Form& form = forms[n_trailing - 1];
    if ((lead & form.mark_mask) != form.mark) continue;
    if (text.size() - position <= n_trailing) return {};
    std::uint32_t code_point = lead & form.payload_mask;
    for (std::size_t index = 1; index <= n_trailing; ++index) {
      if ((byte(index) & 0xC0) != 0x80) return {};
      code_point = (code_point << 6) | (byte(index) & 0x3Fu);
    }
    const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
    if (code_point < form.lowest || code_point > 0x10FFFF || surrogate) return {};
    return {code_point, n_trailing + 1};
  }
  return {};
}

}  // namespace

std::size_t character_bytes(const std::string& text, std::size_t position) {
  return character_at(text, position).n_bytes;
}

std::uint32_t code_point(const std::string& text, std::size_t position) {
  return character_at(text, position).code_point;
}

std::size_t find_invalid_utf8(const std::string& text) {
  std::size_t position = 0;
  while (position < text.size()) {
    const std::size_t n_bytes = character_bytes(text, position);
    if (n_bytes == 0) break;
    position += n_bytes;
  }
  return position;
}

std::size_t white_space_bytes(const std::string& text, std::size_t position) {
  const Character character = character_at(text, position);
  const std::uint32_t c = character.code_point;
  const bool space = (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
                     (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
                     c == 0x3000;
  return space ? character.n_bytes : 0;
}

std::string to_utf8(std::uint32_t character) {
  const auto byte = [](std::uint32_t value) { return static_cast<char>(static_cast<unsigned char>(value)); };
  const auto trailing = [&](int shift) { return byte(0x80 | ((character >> shift) & 0x3F)); };
  if (character < 0x80) return {byte(character)};
  if (character < 0x800) return {byte(0xC0 | (character >> 6)), trailing(0)};
  if (character < 0x10000) return {byte(0xE0 | (character >> 12)), trailing(6), trailing(0)};
  return {byte(0xF0 | (character >> 18)), trailing(12), trailing(6), trailing(0)};
}

}  // namespace fastctc
