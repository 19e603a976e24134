// Protocol buffers' wire format (https://protobuf.dev/programming-guides/encoding/): messages are read field by field,
// and written by appending.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fastctc {

enum class WireType { varint = 0, fixed64 = 1, bytes = 2, group_begin = 3, group_end = 4, fixed32 = 5 };

// A group is an old form of a nested message: its fields stand between a start tag and an end tag. The files that are
// read here have none, but protobuf's own reader skips them wherever they stand. `broken` takes a group for broken
// bytes. `opened` visits its fields as if they were the message's own, so that nothing can hide behind a group.
enum class Groups { broken, opened };

// The fields of one message: while (message.next()) ... message.field() ... message.content(). Broken bytes end the
// walk, and is_broken() says so. The bytes are the caller's; all content is a view of them.
class ProtobufMessage {
 public:
  explicit ProtobufMessage(std::string_view bytes, Groups groups = Groups::broken) : bytes_(bytes), groups_(groups) {}

  // Goes to the next field; false when there is none.
  bool next();
  bool is_broken() const { return is_broken_; }
  std::uint64_t field() const { return field_; }
  WireType type() const { return type_; }

  std::uint64_t number() const { return number_; }  // of a varint
  float real() const;                               // of a fixed32
  // Of anything but a varint; a null view of that.
  std::string_view content() const {
    return type_ == WireType::varint ? std::string_view() : bytes_.substr(content_begin_, position_ - content_begin_);
  }
  // The content as a message of its own.
  ProtobufMessage message() const { return ProtobufMessage(content(), groups_); }
  // Integers of a repeated field, which stand one a field or packed into one. Adds no more than make `most`.
  void append_integers(std::vector<std::int64_t>& integers, std::size_t most) const;
  // The field as it stands in the message, tag included.
  std::string_view whole() const { return bytes_.substr(begin_, position_ - begin_); }
  // Where the field is of another type, the message is broken.
  void expect(WireType type) { is_broken_ = is_broken_ || type_ != type; }

 private:
  std::uint64_t varint();
  void skip(std::uint64_t n_bytes);

  std::string_view bytes_;
  Groups groups_;
  std::size_t begin_ = 0;  // of the field
  std::size_t content_begin_ = 0;
  std::size_t position_ = 0;  // of the next field
  std::uint64_t field_ = 0;
  std::uint64_t number_ = 0;
  WireType type_ = WireType::varint;
  int open_groups_ = 0;
  bool is_broken_ = false;
};

void append_varint(std::string& message, std::uint64_t value);

// A field of bytes: text, or a message.
void append_field(std::string& message, std::uint64_t field, std::string_view content);

}  // namespace fastctc
