// As much of protocol buffers' wire format as a SentencePiece model needs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace fastctc {

// Fields of one message, in order. What isn't asked for is skipped.
class ProtobufReader {
 public:
  // `name` stands in messages. The bytes are the caller's.
  ProtobufReader(const char* begin, std::size_t n_bytes, const std::string& name)
      : at_(begin), end_(begin + n_bytes), name_(name) {}

  // The next field's number, 0 at the end of the message. Raises VocabularyError on what is no such message.
  std::uint32_t next();
  // The value of the field that next() found. Each raises VocabularyError on a field of another type.
  std::uint64_t integer() const;
  float number() const;
  std::string bytes() const { return std::string(message_begin(), length_); }
  ProtobufReader message() const { return ProtobufReader(message_begin(), length_, name_); }

 private:
  const char* message_begin() const;
  std::uint64_t read_varint();
  [[noreturn]] void fail() const;

  const char* at_;
  const char* end_;
  std::string name_;
  std::uint32_t type_ = 0;       // wire type of the field
  std::uint64_t value_ = 0;      // of type 0, 1 and 5
  const char* begin_ = nullptr;  // of type 2
  std::size_t length_ = 0;
};

}  // namespace fastctc
