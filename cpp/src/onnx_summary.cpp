#include "onnx_summary.h"

#include <algorithm>
#include <cstdint>
#include <fstream>

namespace fastctc {
namespace {

// Fields of onnx.proto.
constexpr std::uint64_t kModelGraph = 7, kModelMetadata = 14;
constexpr std::uint64_t kGraphInitializer = 5, kGraphInput = 11;
constexpr std::uint64_t kTensorName = 8, kValueName = 1, kEntryKey = 1, kEntryValue = 2;
constexpr std::uint64_t kLongestText = 1 << 16;

// One protobuf message: a range of the file.
class Message {
 public:
  Message(std::ifstream& file, std::uint64_t begin, std::uint64_t end) : file_(file), position_(begin), end_(end) {}

  // The next field; false at the end, and where the bytes are no protobuf.
  bool next() {
    if (position_ >= end_) return false;
    file_.clear();
    file_.seekg(static_cast<std::streamoff>(position_));
    std::uint64_t tag = 0;
    if (!read_varint(tag)) return false;
    field_ = tag >> 3;
    begin_ = position_;
    std::uint64_t length = 0;
    switch (tag & 7) {
      case 0:
        return read_varint(length);
      case 1:
        return skip(8);
      case 2:
        if (!read_varint(length)) return false;
        begin_ = position_;
        return skip(length);
      case 5:
        return skip(4);
      default:
        return false;
    }
  }
  std::uint64_t field() const { return field_; }
  // Of a field that has a length: its bytes as a message, or as text.
  Message message() const { return Message(file_, begin_, position_); }
  std::string text() const {
    std::string text(static_cast<std::size_t>(std::min(position_ - begin_, kLongestText)), '\0');
    file_.clear();
    file_.seekg(static_cast<std::streamoff>(begin_));
    file_.read(&text[0], static_cast<std::streamsize>(text.size()));
    return text;
  }

 private:
  bool read_varint(std::uint64_t& value) {
    value = 0;
    for (int shift = 0; shift < 64 && position_ < end_; shift += 7, ++position_) {
      const int byte = file_.get();
      if (byte == std::ifstream::traits_type::eof()) return false;
      value |= static_cast<std::uint64_t>(byte & 127) << shift;
      if (!(byte & 128)) {
        ++position_;
        return true;
      }
    }
    return false;
  }
  bool skip(std::uint64_t length) {
    if (length > end_ - position_) return false;
    position_ += length;
    return true;
  }

  std::ifstream& file_;
  std::uint64_t position_;  // of the next field
  std::uint64_t end_;
  std::uint64_t field_ = 0;
  std::uint64_t begin_ = 0;  // of this field's content
};

std::string text_field(Message message, std::uint64_t field) {
  while (message.next()) {
    if (message.field() == field) return message.text();
  }
  return "";
}

void read_graph(Message graph, OnnxSummary& summary) {
  std::vector<std::string> initializers;
  while (graph.next()) {
    if (graph.field() == kGraphInput) summary.inputs.push_back(text_field(graph.message(), kValueName));
    if (graph.field() == kGraphInitializer) initializers.push_back(text_field(graph.message(), kTensorName));
  }
  // Old exporters list the weights among the inputs.
  const auto is_weight = [&](const std::string& name) {
    return std::find(initializers.begin(), initializers.end(), name) != initializers.end();
  };
  summary.inputs.erase(std::remove_if(summary.inputs.begin(), summary.inputs.end(), is_weight), summary.inputs.end());
}

}  // namespace

OnnxSummary summarize_onnx(const std::filesystem::path& path) {
  OnnxSummary summary;
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  std::ifstream file(path, std::ios::binary);
  if (error || !file) return summary;
  Message model(file, 0, size);
  while (model.next()) {
    if (model.field() == kModelGraph) read_graph(model.message(), summary);
    if (model.field() == kModelMetadata) {
      summary.metadata[text_field(model.message(), kEntryKey)] = text_field(model.message(), kEntryValue);
    }
  }
  return summary;
}

}  // namespace fastctc
