#include "acoustic/graph/position_table.h"

#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "base/mapped_file.h"
#include "base/protobuf.h"
#include "fastctc/error.h"
#include "model/onnx_fields.h"

namespace fastctc {
namespace {

using namespace onnx;  // field numbers

constexpr std::int64_t kFewestRows = 32;  // a table of fewer frames than that is something else

struct Tensor {
  std::string name;
  std::vector<std::int64_t> dims;
  std::uint64_t type = 0;

  bool may_be_table() const { return type == kFloat && dims.size() == 3 && dims[0] == 1 && dims[1] >= kFewestRows; }
};

Tensor read_tensor(ProtobufMessage fields) {
  Tensor tensor;
  while (fields.next()) {
    if (fields.field() == kTensorDims) fields.append_integers(tensor.dims, kMostDims);
    if (fields.field() == kTensorDataType) tensor.type = fields.number();
    if (fields.field() == kTensorName) tensor.name = fields.content();
  }
  return tensor;
}

struct Node {
  std::string type;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  Tensor value;  // of a Constant
};

Node read_node(ProtobufMessage fields) {
  Node node;
  while (fields.next()) {
    if (fields.field() == kNodeInput) node.inputs.emplace_back(fields.content());
    if (fields.field() == kNodeOutput) node.outputs.emplace_back(fields.content());
    if (fields.field() == kNodeOperator) node.type = fields.content();
    if (fields.field() != kNodeAttribute) continue;
    ProtobufMessage attribute = fields.message();
    while (attribute.next()) {
      if (attribute.field() == kAttributeTensor) node.value = read_tensor(attribute.message());
    }
  }
  return node;
}

struct Tables {
  std::set<std::string> constants;
  std::map<std::string, std::size_t> rows;  // of the constants that may be tables
  std::vector<Node> slices;
  // Of Identity nodes, which exporters put between a shared constant and its users.
  std::map<std::string, std::string> alias;

  const std::string& source(const std::string& name) const {
    const auto found = alias.find(name);
    return found == alias.end() ? name : found->second;
  }

  void add_constant(const std::string& name, const Tensor& tensor) {
    constants.insert(name);
    if (tensor.may_be_table()) rows[name] = static_cast<std::size_t>(tensor.dims[1]);
  }

  void add(ProtobufMessage graph) {
    while (graph.next()) {
      if (graph.field() == kGraphNode) add(read_node(graph.message()));
      if (graph.field() != kGraphInitializer) continue;
      const Tensor tensor = read_tensor(graph.message());
      add_constant(tensor.name, tensor);
    }
  }

  void add(Node node) {
    if (node.type == "Constant" && node.outputs.size() == 1) {
      add_constant(node.outputs[0], node.value);
    } else if (node.type == "Slice" && node.inputs.size() >= 3) {
      slices.push_back(std::move(node));
    } else if (node.type == "Identity" && node.inputs.size() == 1 && node.outputs.size() == 1) {
      alias[node.outputs[0]] = node.inputs[0];
    }
  }

  std::size_t frames() const {
    std::size_t fewest = 0;
    for (const Node& slice : slices) {
      const auto table = rows.find(source(slice.inputs[0]));
      if (table == rows.end() || constants.count(source(slice.inputs[2]))) continue;
      const bool relative = constants.count(source(slice.inputs[1])) == 0;
      const std::size_t found = relative ? (table->second + 1) / 2 : table->second;
      if (fewest == 0 || found < fewest) fewest = found;
    }
    return fewest;
  }
};

}  // namespace

std::size_t find_position_table(const std::string& graph_path) {
  try {
    const MappedFile file(graph_path, graph_path);
    Tables tables;
    ProtobufMessage model(file.bytes());
    while (model.next()) {
      if (model.field() == kModelGraph) tables.add(model.message());
    }
    return tables.frames();
  } catch (const ModelError&) {
    return 0;
  }
}

}  // namespace fastctc
