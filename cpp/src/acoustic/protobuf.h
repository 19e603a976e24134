// Protocol-buffer messages in memory: read field by field, written by appending.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fastctc {

// The fields of one message. Broken bytes end the walk, and is_broken() says so.
class ProtobufMessage {
 public:
  explicit ProtobufMessage(std::string_view bytes) : bytes_(bytes) {}

  // Goes to the next field; false when there is none.
  bool next() {
    begin_ = position_;
    if (position_ == bytes_.size()) return false;
    const std::uint64_t tag = varint();
    field_ = tag >> 3;
    content_ = {};
    std::uint64_t n_bytes = 0;
    switch (tag & 7) {
      case 0:
        number_ = varint();
        return !is_broken_;
      case 1:
        n_bytes = 8;
        break;
      case 2:
        n_bytes = varint();
        break;
      case 5:
        n_bytes = 4;
        break;
      default:
        is_broken_ = true;
    }
    if (is_broken_ || n_bytes > bytes_.size() - position_) {
      is_broken_ = true;
      return false;
    }
    content_ = bytes_.substr(position_, static_cast<std::size_t>(n_bytes));
    position_ += static_cast<std::size_t>(n_bytes);
    return true;
  }

  bool is_broken() const { return is_broken_; }
  std::uint64_t field() const { return field_; }
  std::uint64_t number() const { return number_; }       // of a varint
  std::string_view content() const { return content_; }  // of anything else
  // The field as it stands in the message, tag included.
  std::string_view whole() const { return bytes_.substr(begin_, position_ - begin_); }

 private:
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && position_ < bytes_.size(); shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes_[position_++]);
      value |= static_cast<std::uint64_t>(byte & 0x7fu) << shift;
      if (!(byte & 0x80u)) return value;
    }
    is_broken_ = true;
    return 0;
  }

  std::string_view bytes_;
  std::size_t position_ = 0;
  std::size_t begin_ = 0;
  std::uint64_t field_ = 0;
  std::uint64_t number_ = 0;
  std::string_view content_;
  bool is_broken_ = false;
};

inline void append_varint(std::string& message, std::uint64_t value) {
  for (; value > 0x7f; value >>= 7) message += static_cast<char>((value & 0x7f) | 0x80);
  message += static_cast<char>(value);
}

// A field of bytes: text, or a message.
inline void append_field(std::string& message, std::uint64_t field, std::string_view content) {
  append_varint(message, field << 3 | 2);
  append_varint(message, content.size());
  message += content;
}

}  // namespace fastctc
