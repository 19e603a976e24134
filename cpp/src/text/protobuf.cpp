#include "text/protobuf.h"

#include <cstring>

#include "fastctc/error.h"

namespace fastctc {
namespace {

// Wire types: https://protobuf.dev/programming-guides/encoding/
constexpr std::uint32_t kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5;

}  // namespace

std::uint32_t ProtobufReader::next() {
  if (at_ == end_) return 0;
  const std::uint64_t key = read_varint();
  type_ = static_cast<std::uint32_t>(key & 7);
  if (key >> 3 == 0 || key >> 3 > 0x1FFFFFFF) fail();
  const auto left = static_cast<std::size_t>(end_ - at_);
  if (type_ == kVarint) {
    value_ = read_varint();
  } else if (type_ == kBytes) {
    const std::uint64_t length = read_varint();
    if (length > static_cast<std::uint64_t>(end_ - at_)) fail();
    begin_ = at_;
    length_ = static_cast<std::size_t>(length);
    at_ += length_;
  } else if (type_ == kFixed32 || type_ == kFixed64) {
    const std::size_t n_bytes = type_ == kFixed32 ? 4 : 8;
    if (left < n_bytes) fail();
    value_ = 0;
    for (std::size_t i = n_bytes; i-- > 0;) value_ = value_ << 8 | static_cast<unsigned char>(at_[i]);
    at_ += n_bytes;
  } else {
    fail();
  }
  return static_cast<std::uint32_t>(key >> 3);
}

std::uint64_t ProtobufReader::integer() const {
  if (type_ != kVarint) fail();
  return value_;
}

float ProtobufReader::number() const {
  if (type_ != kFixed32) fail();
  const auto bits = static_cast<std::uint32_t>(value_);
  float value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

const char* ProtobufReader::message_begin() const {
  if (type_ != kBytes) fail();
  return begin_;
}

std::uint64_t ProtobufReader::read_varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (at_ == end_) fail();
    const auto byte = static_cast<unsigned char>(*at_++);
    value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
  fail();
}

void ProtobufReader::fail() const {
  throw VocabularyError(name_ + " is no SentencePiece model, or it is damaged. Take the tokenizer.model of the model.");
}

}  // namespace fastctc
