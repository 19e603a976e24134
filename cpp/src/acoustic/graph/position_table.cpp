#include "acoustic/graph/position_table.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace fastctc {
namespace {

// Field numbers of onnx.proto3.
enum ModelField { kModelGraph = 7 };
enum GraphField { kGraphNode = 1, kGraphInitializer = 5 };
enum NodeField { kNodeInput = 1, kNodeOutput = 2, kNodeOpType = 4, kNodeAttribute = 5 };
enum AttributeField { kAttributeTensor = 5 };
enum TensorField { kTensorDims = 1, kTensorType = 2, kTensorName = 8 };
constexpr std::uint64_t kFloat = 1;           // TensorProto.DataType
constexpr std::uint64_t kLongestName = 4096;  // longer strings are skipped
constexpr std::uint64_t kShortSkip = 4096;    // bytes; cheaper to read than to seek
constexpr std::size_t kMostDims = 8;          // no table has more
constexpr std::uint64_t kFewestRows = 32;     // a table of fewer frames than that is something else

// Protocol-buffer fields of a file; a broken file ends the walk.
class ProtobufFile {
 public:
  explicit ProtobufFile(const std::string& path) : stream_(std::filesystem::u8path(path), std::ios::binary) {
    stream_.seekg(0, std::ios::end);
    size_ = stream_ ? static_cast<std::uint64_t>(stream_.tellg()) : 0;
    stream_.seekg(0);
  }

  std::uint64_t size() const { return size_; }
  bool ok() const { return static_cast<bool>(stream_); }

  // Calls visit(field, value, end) for each field up to `end`. A number is `value`, with end 0; bytes stand at the
  // read position up to `end`, and what visit leaves of them is skipped.
  template <class Visit>
  void each_field(std::uint64_t end, Visit visit) {
    while (ok() && position_ < end) {
      const std::uint64_t tag = varint();
      const int field = static_cast<int>(tag >> 3);
      switch (tag & 7) {
        case 0:
          visit(field, varint(), std::uint64_t{0});
          break;
        case 1:
          skip_to(position_ + 8, end);
          break;
        case 5:
          skip_to(position_ + 4, end);
          break;
        case 2: {
          const std::uint64_t length = varint();
          if (!ok() || length > end - std::min(position_, end)) return fail();
          const std::uint64_t stop = position_ + length;
          visit(field, std::uint64_t{0}, stop);
          skip_to(stop, end);
          break;
        }
        default:
          return fail();
      }
    }
  }

  std::string text(std::uint64_t end) {
    if (end - position_ > kLongestName) return "";
    std::string value(static_cast<std::size_t>(end - position_), '\0');
    stream_.read(&value[0], static_cast<std::streamsize>(value.size()));
    position_ = end;
    return value;
  }

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const int byte = stream_.get();
      if (byte == std::ifstream::traits_type::eof()) break;
      ++position_;
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (!(byte & 0x80)) return value;
    }
    fail();
    return 0;
  }

  std::uint64_t position() const { return position_; }

 private:
  void fail() { stream_.setstate(std::ios::failbit); }

  void skip_to(std::uint64_t target, std::uint64_t end) {
    if (!ok() || target > end || target < position_) return fail();
    const std::uint64_t distance = target - position_;
    if (distance > kShortSkip) {
      stream_.seekg(static_cast<std::streamoff>(target));  // drops the stream's buffer
    } else if (distance > 0) {
      stream_.ignore(static_cast<std::streamsize>(distance));
    }
    position_ = target;
  }

  std::ifstream stream_;
  std::uint64_t size_ = 0;
  std::uint64_t position_ = 0;
};

struct Tensor {
  std::string name;
  std::vector<std::uint64_t> dims;
  std::uint64_t type = 0;

  bool may_be_table() const { return type == kFloat && dims.size() == 3 && dims[0] == 1 && dims[1] >= kFewestRows; }
};

Tensor read_tensor(ProtobufFile& file, std::uint64_t end) {
  Tensor tensor;
  file.each_field(end, [&](int field, std::uint64_t value, std::uint64_t stop) {
    if (field == kTensorDims && stop) {
      while (file.ok() && file.position() < stop && tensor.dims.size() < kMostDims) {  // packed
        tensor.dims.push_back(file.varint());
      }
    } else if (field == kTensorDims && tensor.dims.size() < kMostDims) {
      tensor.dims.push_back(value);
    } else if (field == kTensorType) {
      tensor.type = value;
    } else if (field == kTensorName) {
      tensor.name = file.text(stop);
    }
  });
  return tensor;
}

struct Node {
  std::string type;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  Tensor value;  // of a Constant
};

Node read_node(ProtobufFile& file, std::uint64_t end) {
  Node node;
  file.each_field(end, [&](int field, std::uint64_t, std::uint64_t stop) {
    if (field == kNodeInput) {
      node.inputs.push_back(file.text(stop));
    } else if (field == kNodeOutput) {
      node.outputs.push_back(file.text(stop));
    } else if (field == kNodeOpType) {
      node.type = file.text(stop);
    } else if (field == kNodeAttribute) {
      file.each_field(stop, [&](int inner, std::uint64_t, std::uint64_t inner_stop) {
        if (inner == kAttributeTensor) node.value = read_tensor(file, inner_stop);
      });
    }
  });
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
  ProtobufFile file(graph_path);
  Tables tables;
  file.each_field(file.size(), [&](int field, std::uint64_t, std::uint64_t end) {
    if (field != kModelGraph) return;
    file.each_field(end, [&](int inner, std::uint64_t, std::uint64_t stop) {
      if (inner == kGraphNode) {
        tables.add(read_node(file, stop));
      } else if (inner == kGraphInitializer) {
        const Tensor tensor = read_tensor(file, stop);
        tables.add_constant(tensor.name, tensor);
      }
    });
  });
  return tables.frames();
}

}  // namespace fastctc
