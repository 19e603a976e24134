#include "acoustic/steps/replaced_caches.h"

#include <algorithm>
#include <utility>

#include "acoustic/graph/resolved_property.h"
#include "acoustic/steps/cache_signature.h"
#include "fastctc/error.h"

namespace fastctc {
namespace {

// Positions in the stack and among the names.
enum { kChannel, kTime, kLengths };

// Sizes after the batch axis, from input and output together.
std::vector<std::int64_t> declared(const Graph& graph, const GraphInfo::Tensor& input,
                                   const GraphInfo::Tensor& output) {
  std::vector<std::int64_t> sizes(3, -1);
  for (const GraphInfo::Tensor* tensor : {&input, &output}) {
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

// Copies item `index` of one tensor to item `target_index` of another.
template <class T>
void copy_item(const ort::Value& source, std::size_t index, ort::Value& target, std::size_t target_index,
               std::size_t n_values) {
  std::copy_n(tensor_data<T>(source) + index * n_values, n_values,
              target.GetTensorMutableData<T>() + target_index * n_values);
}

// The first items of a tensor, in place.
template <class T>
ort::Value head(const Graph& graph, const ort::Value& tensor, std::size_t n_items,
                const std::vector<std::int64_t>& sizes) {
  const std::vector<std::int64_t> shape = with_batch(n_items, sizes);
  // ONNX Runtime takes pointers to mutable memory but doesn't write inputs: other threads may read the same caches.
  return ort::Value::CreateTensor<T>(graph.memory(), const_cast<T*>(tensor_data<T>(tensor)), product(shape),
                                     shape.data(), shape.size());
}

}  // namespace

ReplacedCaches::ReplacedCaches(const Graph& graph) : graph_(graph), arena_(graph.arena()) {
  const GraphInfo& info = graph.info();
  const auto input = [&](const char* name, const char* type, std::size_t rank) -> const GraphInfo::Tensor& {
    return require_tensor(graph, info.inputs, {name}, "input", type, rank);
  };
  const auto output = [&](const std::vector<std::string>& names, const char* type,
                          std::size_t rank) -> const GraphInfo::Tensor& {
    return require_tensor(graph, info.outputs, names, "output", type, rank);
  };
  const GraphInfo::Tensor& channel = input("cache_last_channel", "float32", 4);
  const GraphInfo::Tensor& time = input("cache_last_time", "float32", 4);
  const GraphInfo::Tensor& lengths = input("cache_last_channel_len", "int64", 1);
  if (info.inputs.size() != 5) raise_unknown_caches(graph, "it needs other inputs as well");
  const GraphInfo::Tensor& next_channel = output({"cache_last_channel_next"}, "float32", 4);
  const GraphInfo::Tensor& next_time = output({"cache_last_time_next"}, "float32", 4);
  const GraphInfo::Tensor& next_lengths =
      output({"cache_last_channel_next_len", "cache_last_channel_len_next"}, "int64", 1);
  input_names_ = {channel.name, time.name, lengths.name};
  output_names_ = {next_channel.name, next_time.name, next_lengths.name};
  declared_ = {declared(graph, channel, next_channel), declared(graph, time, next_time)};
}

void ReplacedCaches::set_sizes(CacheSizes sizes) {
  sizes_ = std::move(sizes);
  channel_values_ = product(sizes_.channel);
  time_values_ = product(sizes_.time);
  const std::shared_ptr<CacheStack> zeros = make_stack(1);
  std::fill_n(zeros->tensors[kChannel].GetTensorMutableData<float>(), channel_values_, 0.0f);
  std::fill_n(zeros->tensors[kTime].GetTensorMutableData<float>(), time_values_, 0.0f);
  *zeros->tensors[kLengths].GetTensorMutableData<std::int64_t>() = 0;
  zeros_ = zeros;
}

std::shared_ptr<CacheStack> ReplacedCaches::make_stack(std::size_t n_items) const {
  const auto create = [&](const std::vector<std::int64_t>& sizes, auto type) {
    const std::vector<std::int64_t> shape = with_batch(n_items, sizes);
    return ort::Value::CreateTensor<decltype(type)>(arena_, shape.data(), shape.size());
  };
  auto stack = std::make_shared<CacheStack>();
  try {
    stack->n_items = n_items;
    stack->tensors.push_back(create(sizes_.channel, float()));
    stack->tensors.push_back(create(sizes_.time, float()));
    stack->tensors.push_back(create({}, std::int64_t()));
  } catch (const ort::Exception& error) {
    throw EngineError("ONNX Runtime can't make the caches of " + std::to_string(n_items) + " streams of the graph " +
                      graph_.path() + ": " + error.what());
  }
  return stack;
}

std::shared_ptr<const CacheStack> ReplacedCaches::stack(const std::vector<CacheSlot>& slots) const {
  const auto& first = slots.front().stack ? slots.front().stack : zeros_;
  bool is_head = first->n_items >= slots.size();
  for (std::size_t i = 0; is_head && i < slots.size(); ++i) {
    is_head = (slots[i].stack ? slots[i].stack : zeros_) == first && slots[i].index == i;
  }
  return is_head ? first : copy(slots);
}

std::shared_ptr<const CacheStack> ReplacedCaches::copy(const std::vector<CacheSlot>& slots) const {
  const std::shared_ptr<CacheStack> stack = make_stack(slots.size());
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const std::vector<ort::Value>& source = (slots[i].stack ? *slots[i].stack : *zeros_).tensors;
    const std::size_t index = slots[i].index;
    copy_item<float>(source[kChannel], index, stack->tensors[kChannel], i, channel_values_);
    copy_item<float>(source[kTime], index, stack->tensors[kTime], i, time_values_);
    copy_item<std::int64_t>(source[kLengths], index, stack->tensors[kLengths], i, 1);
  }
  return stack;
}

std::vector<ort::Value> ReplacedCaches::inputs(const CacheStack& caches, std::size_t n_items) const {
  std::vector<ort::Value> values;
  values.push_back(head<float>(graph_, caches.tensors[kChannel], n_items, sizes_.channel));
  values.push_back(head<float>(graph_, caches.tensors[kTime], n_items, sizes_.time));
  values.push_back(head<std::int64_t>(graph_, caches.tensors[kLengths], n_items, {}));
  return values;
}

std::shared_ptr<const CacheStack> ReplacedCaches::outputs(std::vector<ort::Value> values, std::size_t n_items) const {
  const std::vector<std::int64_t> expected[] = {with_batch(n_items, sizes_.channel), with_batch(n_items, sizes_.time),
                                                with_batch(n_items, {})};
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::vector<std::int64_t> shape = values[i].GetTensorTypeAndShapeInfo().GetShape();
    if (shape == expected[i]) continue;
    throw ModelError("The graph " + graph_.path() + " gave " + output_names_[i] + " of " + size_text(shape) +
                     " for caches of " + size_text(expected[i]) + ". Export it again with cache_support.");
  }
  auto stack = std::make_shared<CacheStack>();
  stack->n_items = n_items;
  stack->tensors = std::move(values);
  return stack;
}

void ReplacedCaches::accept(CacheSlot& slot, const std::shared_ptr<const CacheStack>& outputs,
                            std::size_t index) const {
  slot.stack = outputs;
  slot.index = index;
}

void ReplacedCaches::detach(CacheSlot& slot) const {
  if (!slot.stack || slot.stack->n_items == 1) return;
  // A block stays while half of it is used. Otherwise a stream whose batch changes would copy at every step.
  if (2 * static_cast<std::size_t>(slot.stack.use_count()) >= slot.stack->n_items) return;
  const std::shared_ptr<const CacheStack> own = copy({slot});
  slot.stack = own;
  slot.index = 0;
}

}  // namespace fastctc
