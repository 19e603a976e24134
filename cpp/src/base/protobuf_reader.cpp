#include "base/protobuf_reader.h"

#include <cstring>

#include "fastctc/error.h"

namespace fastctc {

std::uint32_t ProtobufReader::next() {
  if (!fields_.next()) {
    if (fields_.is_broken()) fail();
    return 0;
  }
  if (fields_.field() == 0 || fields_.field() > 0x1FFFFFFF) fail();
  return static_cast<std::uint32_t>(fields_.field());
}

std::uint64_t ProtobufReader::integer() const {
  if (fields_.type() != WireType::varint) fail();
  return fields_.number();
}

float ProtobufReader::number() const {
  const std::string_view bytes = content(WireType::fixed32);
  std::uint32_t bits = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) bits = bits << 8 | static_cast<unsigned char>(bytes[i]);
  float value = 0;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

std::string_view ProtobufReader::content(WireType type) const {
  if (fields_.type() != type) fail();
  return fields_.content();
}

void ProtobufReader::fail() const {
  throw VocabularyError(name_ + " is no SentencePiece model, or it is damaged. Take the tokenizer.model of the model.");
}

}  // namespace fastctc
