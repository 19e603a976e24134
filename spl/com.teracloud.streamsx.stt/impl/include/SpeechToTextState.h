// The bytes of a checkpoint: fixed-width little-endian integers, strings and samples with their lengths.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

namespace speech_to_text {

class StateWriter {
 public:
  void integer(std::int64_t value) { append(static_cast<std::uint64_t>(value), 8); }
  void text(const std::string& value) {
    integer(static_cast<std::int64_t>(value.size()));
    bytes_ += value;
  }
  // As 16-bit integers where that loses nothing: what telephones and sound cards give.
  void samples(const std::vector<float>& values) {
    bool is_int16 = true;
    for (const float value : values) {
      const float scaled = value * 32768.0f;
      is_int16 = is_int16 && scaled == std::floor(scaled) && scaled >= -32768.0f && scaled <= 32767.0f;
    }
    integer(static_cast<std::int64_t>(values.size()));
    integer(is_int16 ? 2 : 4);
    for (const float value : values) {
      std::uint32_t bits = 0;
      if (is_int16) {
        bits = static_cast<std::uint32_t>(static_cast<std::int32_t>(value * 32768.0f));
      } else {
        std::memcpy(&bits, &value, sizeof bits);
      }
      append(bits, is_int16 ? 2 : 4);
    }
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void append(std::uint64_t bits, int n_bytes) {
    for (int i = 0; i < n_bytes; ++i) bytes_.push_back(static_cast<char>(bits >> (8 * i) & 0xff));
  }

  std::string bytes_;
};

// Raises std::runtime_error on bytes that no StateWriter wrote.
class StateReader {
 public:
  explicit StateReader(const std::string& bytes) : bytes_(bytes) {}

  std::int64_t integer() { return static_cast<std::int64_t>(unsigned_integer(8)); }
  // A number of things of `width` bytes each that follow.
  std::size_t length(std::size_t width) {
    const std::int64_t value = integer();
    if (value < 0 || static_cast<std::uint64_t>(value) > (bytes_.size() - position_) / width) broken();
    return static_cast<std::size_t>(value);
  }
  std::string text() {
    const std::size_t n = length(1);
    const std::string value = bytes_.substr(position_, n);
    position_ += n;
    return value;
  }
  std::vector<float> samples() {
    const std::size_t n = length(2);
    const std::int64_t width = integer();
    if ((width != 2 && width != 4) || n > (bytes_.size() - position_) / static_cast<std::size_t>(width)) broken();
    std::vector<float> values(n);
    for (float& value : values) {
      const std::uint32_t bits = static_cast<std::uint32_t>(unsigned_integer(static_cast<std::size_t>(width)));
      if (width == 2) {
        const std::int32_t sample = static_cast<std::int32_t>(bits) - (bits >= 32768u ? 65536 : 0);
        value = static_cast<float>(sample) / 32768.0f;
      } else {
        std::memcpy(&value, &bits, sizeof value);
      }
    }
    return values;
  }
  void expect_end() const {
    if (position_ != bytes_.size()) broken();
  }
  [[noreturn]] static void broken() {
    throw std::runtime_error("The checkpoint can't be read: it was not written by this version of the operator.");
  }

 private:
  std::uint64_t unsigned_integer(std::size_t width) {
    if (bytes_.size() - position_ < width) broken();
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < width; ++i) {
      bits |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes_[position_ + i])) << (8 * i);
    }
    position_ += width;
    return bits;
  }

  const std::string& bytes_;
  std::size_t position_ = 0;
};

}  // namespace speech_to_text
