// The fields of a SentencePiece model: what doesn't fit raises.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/protobuf.h"

namespace fastctc {

// Fields of one message, in order. What isn't asked for is skipped.
class ProtobufReader {
 public:
  // `name` stands in messages. The bytes are the caller's.
  ProtobufReader(std::string_view bytes, const std::string& name) : fields_(bytes), name_(name) {}

  // The next field's number, 0 at the end of the message. Raises VocabularyError on what is no such message.
  std::uint32_t next();
  // The value of the field that next() found. Each raises VocabularyError on a field of another type.
  std::uint64_t integer() const;
  float number() const;
  std::string bytes() const { return std::string(content(WireType::bytes)); }
  ProtobufReader message() const { return ProtobufReader(content(WireType::bytes), name_); }

 private:
  std::string_view content(WireType type) const;
  [[noreturn]] void fail() const;

  ProtobufMessage fields_;
  std::string name_;
};

}  // namespace fastctc
