// Protocol buffers' wire format (https://protobuf.dev/programming-guides/encoding/): messages are read field by field,
// wherever their bytes are, and written by appending.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace fastctc {

enum class WireType { varint = 0, fixed64 = 1, bytes = 2, group_begin = 3, group_end = 4, fixed32 = 5 };

// What an old form of nested messages is: broken bytes, or read as if its fields stood in the message itself.
enum class Groups { broken, opened };

// The fields of one message, bytes `begin` to `end`. Broken bytes end the walk, and is_broken() says so.
// Bytes: int at(std::uint64_t position), -1 where there is none; cheap to copy.
template <class Bytes>
class ProtobufFields {
 public:
  ProtobufFields(Bytes bytes, std::uint64_t begin, std::uint64_t end, Groups groups)
      : bytes_(std::move(bytes)), position_(begin), end_(end), groups_(groups) {}

  // Goes to the next field; false when there is none.
  bool next() {
    begin_ = position_;
    if (is_broken_ || position_ >= end_) return false;
    const std::uint64_t tag = varint();
    field_ = tag >> 3;
    type_ = static_cast<WireType>(tag & 7);
    number_ = 0;
    content_begin_ = position_;
    if (!is_broken_) read_content();
    return !is_broken_;
  }

  bool is_broken() const { return is_broken_; }
  std::uint64_t field() const { return field_; }
  WireType type() const { return type_; }
  std::uint64_t number() const { return number_; }  // of a varint
  // Where the field begins, its content begins, and both end.
  std::uint64_t begin() const { return begin_; }
  std::uint64_t content_begin() const { return content_begin_; }
  std::uint64_t end() const { return position_; }
  const Bytes& bytes() const { return bytes_; }
  // The content as a message of its own.
  ProtobufFields message() const { return ProtobufFields(bytes_, content_begin_, position_, groups_); }

 private:
  void read_content() {
    switch (type_) {
      case WireType::varint:
        number_ = varint();
        break;
      case WireType::fixed64:
        skip(8);
        break;
      case WireType::bytes: {
        const std::uint64_t n_bytes = varint();
        content_begin_ = position_;
        skip(n_bytes);
        break;
      }
      case WireType::fixed32:
        skip(4);
        break;
      case WireType::group_begin:
        ++open_groups_;
        is_broken_ = groups_ == Groups::broken;
        break;
      case WireType::group_end:
        is_broken_ = open_groups_-- <= 0;
        break;
      default:
        is_broken_ = true;
    }
  }

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && position_ < end_; shift += 7) {
      const int byte = bytes_.at(position_++);
      if (byte < 0) break;
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (!(byte & 0x80)) return value;
    }
    is_broken_ = true;
    return 0;
  }

  void skip(std::uint64_t n_bytes) {
    if (is_broken_ || n_bytes > end_ - position_) {
      is_broken_ = true;
    } else {
      position_ += n_bytes;
    }
  }

  Bytes bytes_;
  std::uint64_t position_;  // of the next field
  std::uint64_t end_;
  Groups groups_;
  std::uint64_t begin_ = 0;
  std::uint64_t content_begin_ = 0;
  std::uint64_t field_ = 0;
  std::uint64_t number_ = 0;
  WireType type_ = WireType::varint;
  int open_groups_ = 0;
  bool is_broken_ = false;
};

struct BytesInMemory {
  std::string_view view;
  int at(std::uint64_t position) const { return static_cast<unsigned char>(view[static_cast<std::size_t>(position)]); }
};

// A message in memory.
class ProtobufMessage {
 public:
  explicit ProtobufMessage(std::string_view bytes) : fields_({bytes}, 0, bytes.size(), Groups::broken) {}

  bool next() { return fields_.next(); }
  bool is_broken() const { return fields_.is_broken(); }
  std::uint64_t field() const { return fields_.field(); }
  WireType type() const { return fields_.type(); }
  std::uint64_t number() const { return fields_.number(); }  // of a varint
  std::string_view content() const {                         // of anything else
    return type() == WireType::varint ? std::string_view() : part(fields_.content_begin());
  }
  // The field as it stands in the message, tag included.
  std::string_view whole() const { return part(fields_.begin()); }

 private:
  std::string_view part(std::uint64_t begin) const {
    return fields_.bytes().view.substr(static_cast<std::size_t>(begin),
                                       static_cast<std::size_t>(fields_.end() - begin));
  }

  ProtobufFields<BytesInMemory> fields_;
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
