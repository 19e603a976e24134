#include "acoustic/graph/graph.h"

#include <algorithm>
#include <utility>

#include "acoustic/graph/signature.h"
#include "fastctc/error.h"

namespace fastctc {
namespace {

// 150 s of 80 features at 10 ms. Allocating the memory again costs a third of a run of 60 s, so it is freed only after
// rare lengths.
constexpr std::size_t kLongRunValues = 1200000;

std::string type_name(ONNXTensorElementDataType type) {
  switch (type) {
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT:
      return "float32";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE:
      return "float64";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16:
      return "float16";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16:
      return "bfloat16";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8:
      return "int8";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8:
      return "uint8";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16:
      return "int16";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16:
      return "uint16";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32:
      return "int32";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32:
      return "uint32";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64:
      return "int64";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64:
      return "uint64";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL:
      return "bool";
    case ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING:
      return "string";
    default:
      return "type " + std::to_string(static_cast<int>(type));
  }
}

GraphInfo::Tensor describe(const ort::AllocatedStringPtr& name, const ort::TypeInfo& type) {
  GraphInfo::Tensor tensor{name.get(), "not a tensor", {}};
  if (type.GetONNXType() == ONNX_TYPE_TENSOR) {
    const auto shape = type.GetTensorTypeAndShapeInfo();
    tensor.type = type_name(shape.GetElementType());
    tensor.shape = shape.GetShape();
  }
  return tensor;
}

}  // namespace

GraphInfo describe_session(const ort::Session& session) {
  GraphInfo info;
  ort::AllocatorWithDefaultOptions allocator;
  for (std::size_t i = 0; i < session.GetInputCount(); ++i) {
    info.inputs.push_back(describe(session.GetInputNameAllocated(i, allocator), session.GetInputTypeInfo(i)));
  }
  for (std::size_t i = 0; i < session.GetOutputCount(); ++i) {
    info.outputs.push_back(describe(session.GetOutputNameAllocated(i, allocator), session.GetOutputTypeInfo(i)));
  }
  const ort::ModelMetadata metadata = session.GetModelMetadata();
  for (const auto& key : metadata.GetCustomMetadataMapKeysAllocated(allocator)) {
    const auto value = metadata.LookupCustomMetadataMapAllocated(key.get(), allocator);
    if (value) info.metadata[key.get()] = value.get();
  }
  return info;
}

namespace {

const GraphInfo::Tensor& find(const std::vector<GraphInfo::Tensor>& tensors, const std::string& name) {
  return *std::find_if(tensors.begin(), tensors.end(), [&](const auto& tensor) { return tensor.name == name; });
}

// [n_items, n_features, n_columns] or [n_items, n_columns, n_features], zeros past each item's end.
std::vector<float> padded(const std::vector<GraphInput>& items, std::size_t n_features, std::size_t n_columns,
                          bool frame_major) {
  std::vector<float> values(items.size() * n_features * n_columns);
  float* target = values.data();
  for (const GraphInput& item : items) {
    for (std::size_t feature = 0; feature < n_features; ++feature) {
      const float* source = item.values + feature * item.stride;
      if (frame_major) {
        for (std::size_t frame = 0; frame < item.n_columns; ++frame)
          target[frame * n_features + feature] = source[frame];
      } else {
        std::copy_n(source, item.n_columns, target + feature * n_columns);
      }
    }
    target += n_features * n_columns;
  }
  return values;
}

template <class Length>
std::vector<Length> lengths_of(const std::vector<GraphInput>& items) {
  std::vector<Length> lengths;
  for (const GraphInput& item : items) lengths.push_back(static_cast<Length>(item.n_frames));
  return lengths;
}

template <class Length>
std::vector<std::size_t> read_lengths(const ort::Value& value) {
  const Length* data = tensor_data<Length>(value);
  std::vector<std::size_t> lengths;
  for (std::size_t i = 0; i < value.GetTensorTypeAndShapeInfo().GetElementCount(); ++i) {
    lengths.push_back(static_cast<std::size_t>(std::max<Length>(data[i], 0)));
  }
  return lengths;
}

}  // namespace

Graph::Graph(const std::string& path, const SessionOptions& options)
    : path_(path),
      session_(open_session(path, options)),
      memory_(ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeDefault)) {
  // A failed run raises an error; logging it too would report it twice.
  run_options_.SetRunLogSeverityLevel(ORT_LOGGING_LEVEL_FATAL);
  long_run_options_.SetRunLogSeverityLevel(ORT_LOGGING_LEVEL_FATAL);
  try {
    if (options.memory_arena) long_run_options_.AddConfigEntry("memory.enable_memory_arena_shrinkage", "cpu:0");
    info_ = describe_session(session_.session);
  } catch (const ort::Exception& error) {
    throw EngineError("The graph " + path + ": ONNX Runtime can't describe it: " + error.what());
  }
  recognize_signature(path, info_);
  audio_rank_ = find(info_.inputs, info_.audio_input).shape.size();
  narrow_lengths_ = !info_.length_input.empty() && find(info_.inputs, info_.length_input).type == "int32";
}

ort::Allocator Graph::arena() const {
  return ort::Allocator(session_.session, ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault));
}

GraphOutput Graph::run(const std::vector<GraphInput>& items, std::size_t n_features) const {
  const bool frame_major = info_.layout == InputLayout::frame_major;
  std::size_t n_columns = 0;
  for (const GraphInput& item : items) n_columns = std::max(n_columns, item.n_columns);

  std::vector<float> copy;
  const float* audio = items.front().values;  // one item without padding is read in place
  if (items.size() > 1 || frame_major || (n_features > 1 && items.front().stride != n_columns)) {
    copy = padded(items, n_features, n_columns, frame_major);
    audio = copy.data();
  }
  std::vector<std::int64_t> shape = {static_cast<std::int64_t>(items.size())};
  if (audio_rank_ == 3) shape.push_back(static_cast<std::int64_t>(frame_major ? n_columns : n_features));
  shape.push_back(static_cast<std::int64_t>(frame_major ? n_features : n_columns));

  std::vector<std::int64_t> lengths = lengths_of<std::int64_t>(items);
  std::vector<std::int32_t> narrow = lengths_of<std::int32_t>(items);
  const std::int64_t n_items = shape[0];
  const std::size_t n_values = items.size() * n_features * n_columns;
  std::vector<ort::Value> inputs;
  std::vector<const char*> input_names = {info_.audio_input.c_str()};
  // ONNX Runtime takes a pointer to mutable memory but doesn't write inputs.
  inputs.push_back(
      ort::Value::CreateTensor<float>(memory_, const_cast<float*>(audio), n_values, shape.data(), shape.size()));
  if (!info_.length_input.empty()) {
    input_names.push_back(info_.length_input.c_str());
    inputs.push_back(
        narrow_lengths_ ? ort::Value::CreateTensor<std::int32_t>(memory_, narrow.data(), narrow.size(), &n_items, 1)
                        : ort::Value::CreateTensor<std::int64_t>(memory_, lengths.data(), lengths.size(), &n_items, 1));
  }
  std::vector<const char*> output_names = {info_.output.c_str()};
  if (!info_.length_output.empty()) output_names.push_back(info_.length_output.c_str());
  std::vector<ort::Value> values = run_tensors(input_names, inputs, output_names, n_values, items.size(), n_columns);
  return checked(std::move(values[0]), values.size() > 1 ? &values[1] : nullptr, items.size());
}

std::vector<ort::Value> Graph::run_tensors(const std::vector<const char*>& input_names,
                                           const std::vector<ort::Value>& inputs,
                                           const std::vector<const char*>& output_names, std::size_t n_values,
                                           std::size_t n_items, std::size_t n_columns) const {
  try {
    // The arena never shrinks by itself: after one long recording it would hold gigabytes until the process ends.
    const ort::RunOptions& options = n_values > kLongRunValues ? long_run_options_ : run_options_;
    return session_.session.Run(options, input_names.data(), inputs.data(), inputs.size(), output_names.data(),
                                output_names.size());
  } catch (const ort::Exception& error) {
    throw EngineError("ONNX Runtime failed on " + std::to_string(n_items) + " x " + std::to_string(n_columns) +
                      " input frames of the graph " + path_ + ": " + error.what());
  }
}

GraphOutput Graph::checked(ort::Value scores, const ort::Value* lengths, std::size_t n_items) const {
  GraphOutput output;
  output.scores = std::move(scores);
  const std::vector<std::int64_t> shape = output.scores.GetTensorTypeAndShapeInfo().GetShape();
  if (shape.size() != 3 || shape[0] != static_cast<std::int64_t>(n_items) ||
      (info_.n_tokens && shape[2] != static_cast<std::int64_t>(info_.n_tokens))) {
    std::string text;
    for (const std::int64_t size : shape) text += (text.empty() ? "" : ", ") + std::to_string(size);
    throw ModelError("The graph " + path_ + " gave " + info_.output + " of shape [" + text + "] for a batch of " +
                     std::to_string(n_items) + ", not [batch, frames, tokens]. Export it with a dynamic batch axis.");
  }
  output.n_frames = static_cast<std::size_t>(shape[1]);
  output.n_tokens = static_cast<std::size_t>(shape[2]);
  if (lengths) {
    const bool narrow = lengths->GetTensorTypeAndShapeInfo().GetElementType() == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32;
    output.lengths = narrow ? read_lengths<std::int32_t>(*lengths) : read_lengths<std::int64_t>(*lengths);
    if (output.lengths.size() != n_items) {
      throw ModelError("The graph " + path_ + " gave " + std::to_string(output.lengths.size()) +
                       " lengths for a batch of " + std::to_string(n_items) + ".");
    }
    for (std::size_t& length : output.lengths) length = std::min(length, output.n_frames);
  }
  return output;
}

}  // namespace fastctc
