#include "acoustic/operators/mapped_weights.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>

#include "acoustic/operators/operators.h"
#include "base/numbers.h"
#include "base/protobuf.h"
#include "fastctc/error.h"
#include "model/external_weights.h"
#include "model/onnx_fields.h"

namespace fastctc {
namespace {

using namespace onnx;  // field numbers

namespace fs = std::filesystem;

struct Weight {
  std::string name;
  ONNXTensorElementDataType type = ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
  std::vector<std::int64_t> shape;
  std::string location;
  std::size_t offset = 0;
  std::size_t n_bytes = 0;
};

// The name of a Linear node's weights; empty for any other node.
std::string_view weight_name(std::string_view node) {
  std::vector<std::string_view> inputs;
  bool is_linear = false;
  ProtobufMessage fields(node);
  while (fields.next()) {
    if (fields.field() == kNodeInput) inputs.push_back(fields.content());
    if (fields.field() == kNodeDomain) is_linear = fields.content() == operators::kDomain;
  }
  return is_linear && inputs.size() > 1 ? inputs[1] : std::string_view();
}

// 0 where it is no number.
std::size_t size_from(const std::string& text) {
  std::uint64_t value = 0;
  parse_number(text, &value);
  return static_cast<std::size_t>(value);
}

// Empty unless it is a tensor of floats or bytes, of external data with a size that fits its shape.
std::optional<Weight> read_weight(std::string_view tensor) {
  Weight weight;
  std::uint64_t type = 0;
  ProtobufMessage fields(tensor);
  while (fields.next()) {
    if (fields.field() == kTensorName) weight.name = fields.content();
    if (fields.field() == kTensorDataType) type = fields.number();
    if (fields.field() == kTensorDims) fields.append_integers(weight.shape, kMostDims);
  }
  for (const auto& [key, value] : external_data(tensor)) {
    if (key == "location") weight.location = value;
    if (key == "offset") weight.offset = size_from(value);
    if (key == "length") weight.n_bytes = size_from(value);
  }
  if (type == kInt8) weight.type = ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8;
  std::size_t n_bytes = type == kInt8 ? 1 : sizeof(float);
  for (const std::int64_t size : weight.shape) {
    if (size < 1 || n_bytes > weight.n_bytes) return std::nullopt;
    n_bytes *= static_cast<std::size_t>(size);
  }
  if ((type != kFloat && type != kInt8) || weight.location.empty() || n_bytes != weight.n_bytes) return std::nullopt;
  return weight;
}

std::vector<Weight> weights_of(std::string_view onnx) {
  std::set<std::string_view> wanted;
  std::vector<Weight> weights;
  ProtobufMessage model(onnx);
  while (model.next()) {
    if (model.field() != kModelGraph) continue;
    ProtobufMessage nodes(model.content());
    while (nodes.next()) {
      if (nodes.field() == kGraphNode) wanted.insert(weight_name(nodes.content()));
    }
    wanted.erase(std::string_view());
    ProtobufMessage graph(model.content());
    while (!wanted.empty() && graph.next()) {
      if (graph.field() != kGraphInitializer) continue;
      std::optional<Weight> weight = read_weight(graph.content());
      if (weight && wanted.count(weight->name)) weights.push_back(std::move(*weight));
    }
  }
  return weights;
}

// One mapping of a file for all that use it.
std::shared_ptr<const MappedFile> mapped(const fs::path& path) {
  static std::mutex mutex;
  static auto& known = *new std::map<std::string, std::weak_ptr<const MappedFile>>();
  const fs::path file = fs::canonical(path);
  const auto time =
      static_cast<std::int64_t>(fs::last_write_time(file).time_since_epoch().count());  // 128 bits in libc++
  const std::string key = file.u8string() + '\0' + std::to_string(fs::file_size(file)) + ' ' + std::to_string(time);
  const std::lock_guard<std::mutex> lock(mutex);
  for (auto entry = known.begin(); entry != known.end();)
    entry = entry->second.expired() ? known.erase(entry) : ++entry;
  std::weak_ptr<const MappedFile>& found = known[key];
  std::shared_ptr<const MappedFile> result = found.lock();
  if (!result) found = result = std::make_shared<const MappedFile>(file.u8string(), file.u8string());
  return result;
}

}  // namespace

MappedWeights MappedWeights::map(const std::string& graph_path) {
  MappedWeights result;
  try {
    const fs::path graph = fs::u8path(graph_path);
    const MappedFile onnx(graph_path, graph_path);
    std::map<std::string, std::shared_ptr<const MappedFile>> files;
    const ort::MemoryInfo memory = ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeDefault);
    for (const Weight& weight : weights_of(onnx.bytes())) {
      std::shared_ptr<const MappedFile>& file = files[weight.location];
      if (!file) file = mapped(graph.parent_path() / fs::u8path(weight.location));
      if (weight.offset > file->size() || weight.n_bytes > file->size() - weight.offset) continue;
      // It is only read.
      void* data = const_cast<char*>(file->data()) + weight.offset;
      result.values_.emplace_back(
          weight.name, ort::Value::CreateTensor(memory, data, weight.n_bytes, weight.shape.data(), weight.shape.size(),
                                                weight.type));
    }
    for (auto& entry : files) result.files_.push_back(std::move(entry.second));
    return result;
  } catch (const ModelError&) {
    return {};
  } catch (const fs::filesystem_error&) {
    return {};
  }
}

void MappedWeights::share(ort::SessionOptions& options) const {
  for (const auto& [name, value] : values_) options.AddInitializer(name.c_str(), value);
}

}  // namespace fastctc
