#include "model/onnx_summary.h"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <system_error>

#include "base/protobuf.h"
#include "model/onnx_fields.h"

namespace fastctc {
namespace {

using namespace onnx;  // field numbers

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

struct BytesOfFile {
  Bytes* file;
  int at(std::uint64_t position) const { return file->at(position); }
};

// Groups, which ONNX has none of and a reader jumps over, are opened, so that nothing can hide behind one.
using Message = ProtobufFields<BytesOfFile>;

std::string text_of(const Message& field) {
  const std::uint64_t begin = field.content_begin();
  return field.bytes().file->text(begin, begin + std::min(field.end() - begin, kLongestText));
}

// The last one counts where a field stands several times, as protobuf has it.
std::string text_field(Message message, std::uint64_t field) {
  std::string text;
  while (message.next()) {
    if (message.field() == field) text = text_of(message);
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
  Message model({&bytes}, 0, size, Groups::opened);
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
