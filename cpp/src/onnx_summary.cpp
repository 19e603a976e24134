#include "onnx_summary.h"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <system_error>

namespace fastctc {
namespace {

// Fields of onnx.proto.
constexpr std::uint64_t kModelGraph = 7, kModelMetadata = 14, kModelTraining = 20, kModelFunctions = 25;
constexpr std::uint64_t kTrainingInitialization = 1, kTrainingAlgorithm = 2;
constexpr std::uint64_t kFunctionNode = 7, kFunctionAttribute = 11;
constexpr std::uint64_t kGraphNode = 1, kGraphInitializer = 5, kGraphInput = 11, kGraphSparseInitializer = 15;
constexpr std::uint64_t kNodeAttribute = 5;
constexpr std::uint64_t kAttributeTensor = 5, kAttributeGraph = 6, kAttributeTensors = 10, kAttributeGraphs = 11,
                        kAttributeSparse = 22, kAttributeSparses = 23;
constexpr std::uint64_t kSparseValues = 1, kSparseIndices = 2;
constexpr std::uint64_t kTensorName = 8, kTensorExternal = 13;
constexpr std::uint64_t kValueName = 1, kEntryKey = 1, kEntryValue = 2;
constexpr std::uint64_t kLongestText = 1 << 16;
constexpr int kDeepestGraph = 40;  // protobuf itself stops at 100 messages, which is 33 graphs

// A file's bytes by position. Fields are read one after another, weights are jumped over: a small block is best.
class Bytes {
 public:
  Bytes(const std::filesystem::path& path, std::uint64_t size) : file_(path, std::ios::binary), size_(size) {}

  // -1: behind the end, or unreadable.
  int at(std::uint64_t position) {
    if (position < begin_ || position >= begin_ + block_.size()) fill(position);
    return position < begin_ + block_.size() ? static_cast<unsigned char>(block_[position - begin_]) : -1;
  }
  std::string text(std::uint64_t begin, std::uint64_t end) {
    std::string text;
    for (std::uint64_t position = begin; position < end; ++position) {
      const int byte = at(position);
      if (byte < 0) break;
      text += static_cast<char>(byte);
    }
    return text;
  }

 private:
  void fill(std::uint64_t position) {
    constexpr std::uint64_t kBlock = 4096;
    begin_ = position;
    block_.resize(static_cast<std::size_t>(position < size_ ? std::min(kBlock, size_ - position) : 0));
    file_.clear();
    file_.seekg(static_cast<std::streamoff>(position));
    file_.read(&block_[0], static_cast<std::streamsize>(block_.size()));
    block_.resize(static_cast<std::size_t>(file_.gcount()));
  }

  std::ifstream file_;
  std::uint64_t size_;
  std::uint64_t begin_ = 0;
  std::string block_;
};

// One protobuf message: a range of the file.
class Message {
 public:
  Message(Bytes& bytes, std::uint64_t begin, std::uint64_t end) : bytes_(bytes), position_(begin), end_(end) {}

  // The next field; false at the end, and where the bytes are no protobuf.
  bool next() {
    if (position_ >= end_) return false;
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
      // Groups, which ONNX has none of and a reader jumps over: what is in them is read as if they were not there, so
      // that nothing can hide behind one.
      case 3:
        ++open_groups_;
        return true;
      case 4:
        return open_groups_-- > 0;
      case 5:
        return skip(4);
      default:
        return false;
    }
  }
  std::uint64_t field() const { return field_; }
  // Of a field that has a length: its bytes as a message, or as text.
  Message message() const { return Message(bytes_, begin_, position_); }
  std::string text() const { return bytes_.text(begin_, begin_ + std::min(position_ - begin_, kLongestText)); }

 private:
  bool read_varint(std::uint64_t& value) {
    value = 0;
    for (int shift = 0; shift < 64 && position_ < end_; shift += 7) {
      const int byte = bytes_.at(position_++);
      if (byte < 0) return false;
      value |= static_cast<std::uint64_t>(byte & 127) << shift;
      if (!(byte & 128)) return true;
    }
    return false;
  }
  bool skip(std::uint64_t length) {
    if (length > end_ - position_) return false;
    position_ += length;
    return true;
  }

  Bytes& bytes_;
  std::uint64_t position_;  // of the next field
  std::uint64_t end_;
  std::uint64_t field_ = 0;
  std::uint64_t begin_ = 0;  // of this field's content
  int open_groups_ = 0;
};

// The last one counts where a field stands several times, as protobuf has it.
std::string text_field(Message message, std::uint64_t field) {
  std::string text;
  while (message.next()) {
    if (message.field() == field) text = message.text();
  }
  return text;
}

// Walks every tensor of a model, and notes which files their weights are in.
class Walk {
 public:
  explicit Walk(std::set<std::string>& external_files) : external_files_(external_files) {}

  void tensor(Message tensor) {
    while (tensor.next()) {
      if (tensor.field() != kTensorExternal) continue;
      if (text_field(tensor.message(), kEntryKey) == "location")
        external_files_.insert(text_field(tensor.message(), kEntryValue));
    }
  }
  void sparse_tensor(Message sparse) {
    while (sparse.next()) {
      if (sparse.field() == kSparseValues || sparse.field() == kSparseIndices) tensor(sparse.message());
    }
  }
  void nodes(Message owner, std::uint64_t node_field, int depth) {
    while (owner.next()) {
      if (owner.field() != node_field) continue;
      Message node = owner.message();
      while (node.next()) {
        if (node.field() == kNodeAttribute) attribute(node.message(), depth);
      }
    }
  }
  void attribute(Message attribute, int depth) {
    while (attribute.next()) {
      const std::uint64_t field = attribute.field();
      if (field == kAttributeTensor || field == kAttributeTensors) tensor(attribute.message());
      if (field == kAttributeSparse || field == kAttributeSparses) sparse_tensor(attribute.message());
      if (field == kAttributeGraph || field == kAttributeGraphs) graph(attribute.message(), depth + 1);
    }
  }
  void graph(const Message& graph, int depth) {
    if (depth > kDeepestGraph) return;
    nodes(graph, kGraphNode, depth);
    Message tensors = graph;
    while (tensors.next()) {
      if (tensors.field() == kGraphInitializer) tensor(tensors.message());
      if (tensors.field() == kGraphSparseInitializer) sparse_tensor(tensors.message());
    }
  }
  void training(Message training) {
    while (training.next()) {
      if (training.field() == kTrainingInitialization || training.field() == kTrainingAlgorithm)
        graph(training.message(), 0);
    }
  }
  void function(const Message& function) {
    nodes(function, kFunctionNode, 0);
    Message defaults = function;
    while (defaults.next()) {
      if (defaults.field() == kFunctionAttribute) attribute(defaults.message(), 0);
    }
  }

 private:
  std::set<std::string>& external_files_;
};

void read_inputs(Message graph, OnnxSummary& summary) {
  std::set<std::string> initializers;
  while (graph.next()) {
    if (graph.field() == kGraphInput) summary.inputs.push_back(text_field(graph.message(), kValueName));
    if (graph.field() == kGraphInitializer) initializers.insert(text_field(graph.message(), kTensorName));
  }
  // Old exporters list the weights among the inputs.
  const auto is_weight = [&](const std::string& name) { return initializers.count(name) > 0; };
  summary.inputs.erase(std::remove_if(summary.inputs.begin(), summary.inputs.end(), is_weight), summary.inputs.end());
}

}  // namespace

OnnxSummary summarize_onnx(const std::filesystem::path& path) {
  OnnxSummary summary;
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return summary;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error) return summary;
  Bytes bytes(path, size);
  Walk walk(summary.external_files);
  Message model(bytes, 0, size);
  while (model.next()) {
    if (model.field() == kModelGraph) {
      read_inputs(model.message(), summary);
      walk.graph(model.message(), 0);
    }
    if (model.field() == kModelFunctions) walk.function(model.message());
    if (model.field() == kModelTraining) walk.training(model.message());
    if (model.field() == kModelMetadata) {
      summary.metadata[text_field(model.message(), kEntryKey)] = text_field(model.message(), kEntryValue);
    }
  }
  return summary;
}

}  // namespace fastctc
