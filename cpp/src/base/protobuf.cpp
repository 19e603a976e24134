#include "base/protobuf.h"

#include <cstring>

namespace fastctc {

bool ProtobufMessage::next() {
  begin_ = position_;
  if (is_broken_ || position_ >= bytes_.size()) return false;
  const auto tag = static_cast<std::uint32_t>(varint());  // ONNX Runtime's reader drops the bits above, too
  field_ = tag >> 3;
  type_ = static_cast<WireType>(tag & 7);
  number_ = 0;
  content_begin_ = position_;
  is_broken_ = is_broken_ || field_ == 0;
  if (is_broken_) return false;
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
  return !is_broken_;
}

float ProtobufMessage::real() const {
  const std::string_view bytes = content();
  std::uint32_t bits = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) bits = bits << 8 | static_cast<unsigned char>(bytes[i]);
  float value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

void ProtobufMessage::append_integers(std::vector<std::int64_t>& integers, std::size_t most) const {
  if (type_ == WireType::varint && integers.size() < most) integers.push_back(static_cast<std::int64_t>(number_));
  ProtobufMessage packed(type_ == WireType::bytes ? content() : std::string_view());
  while (packed.position_ < packed.bytes_.size() && integers.size() < most) {
    const std::uint64_t value = packed.varint();
    if (packed.is_broken_) return;
    integers.push_back(static_cast<std::int64_t>(value));
  }
}

std::uint64_t ProtobufMessage::varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && position_ < bytes_.size(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes_[position_++]);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (!(byte & 0x80)) return value;
  }
  is_broken_ = true;
  return 0;
}

void ProtobufMessage::skip(std::uint64_t n_bytes) {
  is_broken_ = is_broken_ || n_bytes > bytes_.size() - position_;
  if (!is_broken_) position_ += static_cast<std::size_t>(n_bytes);
}

void append_varint(std::string& message, std::uint64_t value) {
  for (; value > 0x7f; value >>= 7) message += static_cast<char>((value & 0x7f) | 0x80);
  message += static_cast<char>(value);
}

void append_field(std::string& message, std::uint64_t field, std::string_view content) {
  append_varint(message, field << 3 | 2);
  append_varint(message, content.size());
  message += content;
}

}  // namespace fastctc
