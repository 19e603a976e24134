#include "model/onnx_summary.h"

#include <algorithm>
#include <cstdint>
#include <system_error>

#include "base/mapped_file.h"
#include "base/protobuf.h"
#include "fastctc/error.h"
#include "model/onnx_fields.h"

namespace fastctc {
namespace {

using namespace onnx;  // field numbers

constexpr std::size_t kLongestText = 1 << 16;
constexpr int kDeepestGraph = 40;  // protobuf itself stops at 100 messages, which is 33 graphs

// A text, cut where it is too long to be one.
std::string text_of(const ProtobufMessage& field) { return std::string(field.content().substr(0, kLongestText)); }

// The last one counts where a field stands several times, as protobuf has it.
std::string text_field(ProtobufMessage message, std::uint64_t field) {
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

  void tensor(ProtobufMessage tensor) {
    while (tensor.next()) {
      if (tensor.field() != kTensorExternal) continue;
      if (text_field(tensor.message(), kEntryKey) == "location")
        external_files_.insert(text_field(tensor.message(), kEntryValue));
    }
  }
  void sparse_tensor(ProtobufMessage sparse) {
    while (sparse.next()) {
      if (sparse.field() == kSparseValues || sparse.field() == kSparseIndices) tensor(sparse.message());
    }
  }
  void nodes(ProtobufMessage owner, std::uint64_t node_field, int depth) {
    while (owner.next()) {
      if (owner.field() != node_field) continue;
      ProtobufMessage node = owner.message();
      while (node.next()) {
        if (node.field() == kNodeAttribute) attribute(node.message(), depth);
      }
    }
  }
  void attribute(ProtobufMessage attribute, int depth) {
    while (attribute.next()) {
      const std::uint64_t field = attribute.field();
      if (field == kAttributeTensor || field == kAttributeTensors) tensor(attribute.message());
      if (field == kAttributeSparse || field == kAttributeSparses) sparse_tensor(attribute.message());
      if (field == kAttributeGraph || field == kAttributeGraphs) graph(attribute.message(), depth + 1);
    }
  }
  void graph(const ProtobufMessage& graph, int depth) {
    if (depth > kDeepestGraph) return;
    nodes(graph, kGraphNode, depth);
    ProtobufMessage tensors = graph;
    while (tensors.next()) {
      if (tensors.field() == kGraphInitializer) tensor(tensors.message());
      if (tensors.field() == kGraphSparseInitializer) sparse_tensor(tensors.message());
    }
  }
  void training(ProtobufMessage training) {
    while (training.next()) {
      if (training.field() == kTrainingInitialization || training.field() == kTrainingAlgorithm)
        graph(training.message(), 0);
    }
  }
  void function(const ProtobufMessage& function) {
    nodes(function, kFunctionNode, 0);
    ProtobufMessage defaults = function;
    while (defaults.next()) {
      if (defaults.field() == kFunctionAttribute) attribute(defaults.message(), 0);
    }
  }

 private:
  std::set<std::string>& external_files_;
};

void read_inputs(ProtobufMessage graph, OnnxSummary& summary) {
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

OnnxSummary summarize_onnx(std::string_view bytes) {
  OnnxSummary summary;
  Walk walk(summary.external_files);
  // ONNX has no groups, and its reader skips them.
  ProtobufMessage model(bytes, Groups::opened);
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

OnnxSummary summarize_onnx_file(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return {};
  try {
    return summarize_onnx(MappedFile(path.u8string(), path.u8string()).bytes());
  } catch (const ModelError&) {
    return {};
  }
}

}  // namespace fastctc
