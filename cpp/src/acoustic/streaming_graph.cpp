#include "acoustic/streaming_graph.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "acoustic/sources.h"
#include "fastctc/error.h"

namespace fastctc {
namespace {

using Tensor = GraphInfo::Tensor;

// NeMo's names.
constexpr const char* kChannel = "cache_last_channel";
constexpr const char* kTime = "cache_last_time";
constexpr const char* kLengths = "cache_last_channel_len";

const Tensor* find(const std::vector<Tensor>& tensors, const std::string& name) {
  const auto found =
      std::find_if(tensors.begin(), tensors.end(), [&](const Tensor& tensor) { return tensor.name == name; });
  return found == tensors.end() ? nullptr : &*found;
}

std::string describe(const std::vector<Tensor>& tensors) {
  std::string text;
  for (const Tensor& tensor : tensors) {
    text += (text.empty() ? "" : ", ") + tensor.name + " " + tensor.type + " [" + size_text(tensor.shape) + "]";
  }
  return text.empty() ? "none" : text;
}

[[noreturn]] void raise_unknown(const Graph& graph, const std::string& why) {
  throw ModelError("The graph " + graph.path() + " is not a cache-aware one that fastctc can run: " + why +
                   ". Inputs: " + describe(graph.info().inputs) + "; outputs: " + describe(graph.info().outputs) +
                   ". Expected: NeMo's export with cache_support, with the inputs audio_signal [batch, features, "
                   "frames], length, cache_last_channel, cache_last_time, cache_last_channel_len and the outputs "
                   "logprobs, encoded_lengths and the three caches' _next.");
}

// A tensor whose batch is open. `rank` counts the batch; 0: not told.
void check_tensor(const Graph& graph, const Tensor& tensor, const char* type, std::size_t rank) {
  if (tensor.type != type) raise_unknown(graph, tensor.name + " is " + tensor.type + ", not " + type);
  if (!tensor.shape.empty() && tensor.shape.size() != rank) {
    raise_unknown(graph, tensor.name + " has " + std::to_string(tensor.shape.size()) + " dimensions, not " +
                             std::to_string(rank));
  }
  if (!tensor.shape.empty() && tensor.shape[0] >= 0) {
    raise_unknown(graph, "the batch of " + tensor.name + " is fixed at " + std::to_string(tensor.shape[0]) +
                             "; export it with a dynamic batch axis");
  }
}

const Tensor& require(const Graph& graph, const std::vector<Tensor>& tensors, std::initializer_list<const char*> names,
                      const char* kind, const char* type, std::size_t rank) {
  for (const char* name : names) {
    if (const Tensor* tensor = find(tensors, name)) {
      check_tensor(graph, *tensor, type, rank);
      return *tensor;
    }
  }
  raise_unknown(graph, std::string("it has no ") + kind + " " + *names.begin());
}

// Sizes behind the batch, from input and output together.
std::vector<std::int64_t> declared(const Graph& graph, const Tensor& input, const Tensor& output) {
  std::vector<std::int64_t> sizes(3, -1);
  for (const Tensor* tensor : {&input, &output}) {
    for (std::size_t i = 1; i < tensor->shape.size(); ++i) {
      std::int64_t& size = sizes[i - 1];
      if (tensor->shape[i] < 0) continue;
      if (size >= 0 && size != tensor->shape[i]) {
        raise_contradiction(graph, "size " + std::to_string(i) + " of " + input.name, "the input", std::to_string(size),
                            "the output " + output.name, std::to_string(tensor->shape[i]));
      }
      size = tensor->shape[i];
    }
  }
  return sizes;
}

std::vector<std::int64_t> with_batch(std::size_t n_items, const std::vector<std::int64_t>& sizes) {
  std::vector<std::int64_t> shape = {static_cast<std::int64_t>(n_items)};
  shape.insert(shape.end(), sizes.begin(), sizes.end());
  return shape;
}

std::size_t product(const std::vector<std::int64_t>& sizes) {
  std::size_t result = 1;
  for (const std::int64_t size : sizes) result *= static_cast<std::size_t>(size);
  return result;
}

// Item `index` of one tensor to item `target_index` of another.
template <class T>
void copy_item(const ort::Value& source, std::size_t index, ort::Value& target, std::size_t target_index,
               std::size_t n_values) {
  std::copy_n(tensor_data<T>(source) + index * n_values, n_values,
              target.GetTensorMutableData<T>() + target_index * n_values);
}

}  // namespace

std::string size_text(const std::vector<std::int64_t>& sizes) {
  std::string text;
  for (const std::int64_t size : sizes) {
    text += (text.empty() ? "" : " x ") + (size < 0 ? std::string("?") : std::to_string(size));
  }
  return text;
}

StreamingGraph::StreamingGraph(const std::string& path, const SessionOptions& options)
    : graph_(path, options), arena_(graph_.arena()) {
  const GraphInfo& info = graph_.info();
  if (!info.cache_aware) raise_unknown(graph_, "it has no cache inputs, so it runs whole recordings");
  if (info.layout != InputLayout::feature_major) raise_unknown(graph_, info.audio_input + " is not feature-major");
  if (info.length_input.empty()) raise_unknown(graph_, "it has no length input");
  if (info.length_output.empty()) raise_unknown(graph_, "it has no output encoded_lengths");
  check_tensor(graph_, *find(info.inputs, info.audio_input), "float32", 3);
  check_tensor(graph_, *find(info.inputs, info.length_input), "int64", 1);
  const Tensor& channel = require(graph_, info.inputs, {kChannel}, "input", "float32", 4);
  const Tensor& time = require(graph_, info.inputs, {kTime}, "input", "float32", 4);
  require(graph_, info.inputs, {kLengths}, "input", "int64", 1);
  if (info.inputs.size() != 5) raise_unknown(graph_, "it needs other inputs as well");
  const Tensor& next_channel = require(graph_, info.outputs, {"cache_last_channel_next"}, "output", "float32", 4);
  const Tensor& next_time = require(graph_, info.outputs, {"cache_last_time_next"}, "output", "float32", 4);
  lengths_output_ = require(graph_, info.outputs, {"cache_last_channel_next_len", "cache_last_channel_len_next"},
                            "output", "int64", 1)
                        .name;
  channel_output_ = next_channel.name;
  time_output_ = next_time.name;
  declared_ = {declared(graph_, channel, next_channel), declared(graph_, time, next_time)};
}

bool StreamingGraph::has_fixed_window() const {
  const std::vector<GraphInfo::Tensor>& inputs = graph_.info().inputs;
  const auto audio = std::find_if(inputs.begin(), inputs.end(), [&](const GraphInfo::Tensor& tensor) {
    return tensor.name == graph_.info().audio_input;
  });
  return audio->shape.size() == 3 && audio->shape[2] >= 0;
}

void StreamingGraph::set_sizes(CacheSizes sizes) {
  sizes_ = std::move(sizes);
  channel_values_ = product(sizes_.channel);
  time_values_ = product(sizes_.time);
  const std::shared_ptr<CacheStack> zeros = make_stack(1);
  std::fill_n(zeros->channel.GetTensorMutableData<float>(), channel_values_, 0.0f);
  std::fill_n(zeros->time.GetTensorMutableData<float>(), time_values_, 0.0f);
  *zeros->lengths.GetTensorMutableData<std::int64_t>() = 0;
  zeros_ = zeros;
}

std::shared_ptr<CacheStack> StreamingGraph::make_stack(std::size_t n_items) const {
  const auto create = [&](const std::vector<std::int64_t>& sizes, auto type) {
    const std::vector<std::int64_t> shape = with_batch(n_items, sizes);
    return ort::Value::CreateTensor<decltype(type)>(arena_, shape.data(), shape.size());
  };
  auto stack = std::make_shared<CacheStack>();
  try {
    stack->n_items = n_items;
    stack->channel = create(sizes_.channel, float());
    stack->time = create(sizes_.time, float());
    stack->lengths = create({}, std::int64_t());
  } catch (const ort::Exception& error) {
    throw EngineError("ONNX Runtime can't make the caches of " + std::to_string(n_items) + " streams of the graph " +
                      graph_.path() + ": " + error.what());
  }
  return stack;
}

std::shared_ptr<const CacheStack> StreamingGraph::stack(const std::vector<CacheSlot>& slots) const {
  const auto& first = slots.front().stack ? slots.front().stack : zeros_;
  bool is_head = first->n_items >= slots.size();
  for (std::size_t i = 0; is_head && i < slots.size(); ++i) {
    is_head = (slots[i].stack ? slots[i].stack : zeros_) == first && slots[i].index == i;
  }
  return is_head ? first : copy(slots);
}

std::shared_ptr<const CacheStack> StreamingGraph::copy(const std::vector<CacheSlot>& slots) const {
  const std::shared_ptr<CacheStack> stack = make_stack(slots.size());
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const CacheStack& source = slots[i].stack ? *slots[i].stack : *zeros_;
    copy_item<float>(source.channel, slots[i].index, stack->channel, i, channel_values_);
    copy_item<float>(source.time, slots[i].index, stack->time, i, time_values_);
    copy_item<std::int64_t>(source.lengths, slots[i].index, stack->lengths, i, 1);
  }
  return stack;
}

StreamingGraph::Step StreamingGraph::run(const float* features, const std::vector<std::int64_t>& lengths,
                                         std::size_t n_columns, const CacheStack& caches) const {
  const GraphInfo& info = graph_.info();
  const std::size_t n_items = lengths.size();
  const std::size_t n_values = n_items * info.n_features * n_columns;
  const std::int64_t batch = static_cast<std::int64_t>(n_items);
  const std::int64_t shape[] = {batch, static_cast<std::int64_t>(info.n_features),
                                static_cast<std::int64_t>(n_columns)};
  const std::vector<std::int64_t> channel_shape = with_batch(n_items, sizes_.channel);
  const std::vector<std::int64_t> time_shape = with_batch(n_items, sizes_.time);
  // ONNX Runtime takes pointers to mutable memory but doesn't write inputs: other threads may read the same caches.
  const auto tensor = [&](auto* data, std::size_t count, const std::int64_t* sizes, std::size_t rank) {
    using T = std::remove_const_t<std::remove_pointer_t<decltype(data)>>;
    return ort::Value::CreateTensor<T>(graph_.memory(), const_cast<T*>(data), count, sizes, rank);
  };
  std::vector<ort::Value> inputs;
  inputs.push_back(tensor(features, n_values, shape, 3));
  inputs.push_back(tensor(lengths.data(), n_items, &batch, 1));
  inputs.push_back(tensor(tensor_data<float>(caches.channel), n_items * channel_values_, channel_shape.data(), 4));
  inputs.push_back(tensor(tensor_data<float>(caches.time), n_items * time_values_, time_shape.data(), 4));
  inputs.push_back(tensor(tensor_data<std::int64_t>(caches.lengths), n_items, &batch, 1));
  std::vector<ort::Value> outputs =
      graph_.run_tensors({info.audio_input.c_str(), info.length_input.c_str(), kChannel, kTime, kLengths}, inputs,
                         {info.output.c_str(), info.length_output.c_str(), channel_output_.c_str(),
                          time_output_.c_str(), lengths_output_.c_str()},
                         n_values, n_items, n_columns);
  Step step;
  step.output = graph_.checked(std::move(outputs[0]), &outputs[1], n_items);
  auto next = std::make_shared<CacheStack>();
  next->n_items = n_items;
  next->channel = std::move(outputs[2]);
  next->time = std::move(outputs[3]);
  next->lengths = std::move(outputs[4]);
  check(*next);
  step.caches = next;
  return step;
}

void StreamingGraph::check(const CacheStack& caches) const {
  const auto check_shape = [&](const ort::Value& value, const std::string& name,
                               const std::vector<std::int64_t>& expected) {
    const std::vector<std::int64_t> shape = value.GetTensorTypeAndShapeInfo().GetShape();
    if (shape == expected) return;
    throw ModelError("The graph " + graph_.path() + " gave " + name + " of " + size_text(shape) + " for caches of " +
                     size_text(expected) + ". Export it again with cache_support.");
  };
  check_shape(caches.channel, channel_output_, with_batch(caches.n_items, sizes_.channel));
  check_shape(caches.time, time_output_, with_batch(caches.n_items, sizes_.time));
  check_shape(caches.lengths, lengths_output_, with_batch(caches.n_items, {}));
}

}  // namespace fastctc
