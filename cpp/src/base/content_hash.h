// A 128-bit hash of bytes, to find what is the same. Not cryptographic: whoever must be sure compares.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace fastctc {

class ContentHash {
 public:
  // In any pieces but the last of multiples of 8 bytes.
  ContentHash& add(std::string_view bytes) {
    std::size_t i = 0;
    for (; i + 8 <= bytes.size(); i += 8) add_word(word(bytes.data() + i, 8));
    if (i < bytes.size()) add_word(word(bytes.data() + i, bytes.size() - i));
    add_word(bytes.size());
    return *this;
  }

  std::string hex() const {
    constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    for (const std::uint64_t half : {mix(a_ ^ b_), mix(a_ + kFirst * b_)}) {
      for (int shift = 60; shift >= 0; shift -= 4) text += kDigits[(half >> shift) & 15u];
    }
    return text;
  }

 private:
  // Odd constants: the fractional parts of the golden ratio and of sqrt(3).
  static constexpr std::uint64_t kFirst = 0x9e3779b97f4a7c15u;
  static constexpr std::uint64_t kSecond = 0xbb67ae8584caa73bu;

  static std::uint64_t word(const char* bytes, std::size_t n_bytes) {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes, n_bytes);
    return value;
  }
  static std::uint64_t mix(std::uint64_t value) {
    value = (value ^ value >> 32) * kFirst;
    value = (value ^ value >> 29) * kSecond;
    return value ^ value >> 32;
  }
  void add_word(std::uint64_t value) {
    a_ = (a_ ^ value) * kFirst;
    a_ ^= a_ >> 32;
    b_ = (b_ + value) * kSecond;
    b_ ^= b_ >> 29;
  }

  std::uint64_t a_ = kSecond;
  std::uint64_t b_ = kFirst;
};

}  // namespace fastctc
