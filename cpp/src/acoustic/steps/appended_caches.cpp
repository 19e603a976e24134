#include "acoustic/steps/appended_caches.h"

#include <algorithm>
#include <string>
#include <utility>

#include "acoustic/steps/cache_signature.h"
#include "fastctc/error.h"

namespace fastctc {
namespace {

constexpr char kForm[] = "fastctc_caches";
constexpr char kPrefix[] = "cache_";
constexpr char kLengths[] = "cache_last_channel_len";
constexpr std::int64_t kLargestSize = 1000000;

}  // namespace

// The rows of one stream. Each cache is a block with room at its end, so rows are rarely moved.
class CacheRows {
 public:
  struct Block {
    std::vector<float> values;
    std::size_t begin = 0;  // row of `values` where the cache starts
  };
  std::vector<Block> blocks;
  std::int64_t length = 0;  // valid rows of the context, as the graph counts them
};

bool AppendedCaches::has(const Graph& graph) {
  const auto entry = graph.info().metadata.find(kForm);
  if (entry == graph.info().metadata.end()) return false;
  if (entry->second != "appended") {
    raise_unknown_caches(graph, std::string("its metadata has ") + kForm + " = '" + entry->second +
                                    "', and only 'appended' is known. Update fastctc");
  }
  return true;
}

AppendedCaches::AppendedCaches(const Graph& graph) : graph_(graph), arena_(graph.arena()) {
  const GraphInfo& info = graph.info();
  require_tensor(graph, info.inputs, {kLengths}, "input", "int64", 1);
  input_names_ = {kLengths};
  output_names_ = {require_tensor(graph, info.outputs, {"cache_last_channel_next_len"}, "output", "int64", 1).name};
  for (const GraphInfo::Tensor& input : info.inputs) {
    if (input.name.rfind(kPrefix, 0) != 0 || input.name == kLengths) continue;
    const std::string output_name = "new_" + input.name.substr(sizeof(kPrefix) - 1);
    const GraphInfo::Tensor* output = find_tensor(info.outputs, output_name);
    if (!output) raise_unknown_caches(graph, "it has no output " + output_name + " for the input " + input.name);
    const std::size_t rank = input.shape.size();
    if (rank < 3) raise_unknown_caches(graph, input.name + " has no shape of rows, batch and values");
    check_tensor(graph, input, "float32", rank, 1);
    check_tensor(graph, *output, "float32", rank, 1);
    if (output->shape.size() != rank) raise_unknown_caches(graph, output_name + " has no shape");
    Cache cache;
    cache.row_values = 1;
    for (std::size_t axis = 0; axis < rank; ++axis) {
      if (axis == 1) continue;
      const std::int64_t size = input.shape[axis];
      if (size < 1 || size > kLargestSize) {
        raise_unknown_caches(graph, input.name + " has no fixed size on axis " + std::to_string(axis));
      }
      if (axis == 0) {
        cache.n_rows = static_cast<std::size_t>(size);
        continue;
      }
      if (output->shape[axis] != size) raise_unknown_caches(graph, output_name + " is not a row of " + input.name);
      cache.row_values *= static_cast<std::size_t>(size);
      cache.row_shape.push_back(size);
    }
    const std::int64_t n_new = output->shape[0];
    if (n_new < 1 || n_new > kLargestSize || (!caches_.empty() && static_cast<std::size_t>(n_new) != n_new_rows_)) {
      raise_unknown_caches(graph, output_name + " doesn't have the rows of one step");
    }
    n_new_rows_ = static_cast<std::size_t>(n_new);
    input_names_.push_back(input.name);
    output_names_.push_back(output_name);
    caches_.push_back(std::move(cache));
  }
  if (caches_.empty()) raise_unknown_caches(graph, "it has no caches");
  if (info.inputs.size() != input_names_.size() + 2) raise_unknown_caches(graph, "it needs other inputs as well");
}

std::vector<std::int64_t> AppendedCaches::shape(std::size_t cache, std::size_t n_rows, std::size_t n_items) const {
  std::vector<std::int64_t> result = {static_cast<std::int64_t>(n_rows), static_cast<std::int64_t>(n_items)};
  result.insert(result.end(), caches_[cache].row_shape.begin(), caches_[cache].row_shape.end());
  return result;
}

std::shared_ptr<const CacheStack> AppendedCaches::stack(const std::vector<CacheSlot>& slots) const {
  auto stack = std::make_shared<CacheStack>();
  const std::size_t n_items = slots.size();
  stack->n_items = n_items;
  try {
    const auto batch = static_cast<std::int64_t>(n_items);
    stack->tensors.push_back(ort::Value::CreateTensor<std::int64_t>(arena_, &batch, 1));
    std::int64_t* lengths = stack->tensors[0].GetTensorMutableData<std::int64_t>();
    for (const CacheSlot& slot : slots) *lengths++ = slot.rows ? slot.rows->length : 0;
    for (std::size_t i = 0; i < caches_.size(); ++i) {
      const Cache& cache = caches_[i];
      const std::vector<std::int64_t> sizes = shape(i, cache.n_rows, n_items);
      stack->tensors.push_back(ort::Value::CreateTensor<float>(arena_, sizes.data(), sizes.size()));
      float* target = stack->tensors.back().GetTensorMutableData<float>();
      for (std::size_t item = 0; item < n_items; ++item, target += cache.row_values) {
        const CacheRows* rows = slots[item].rows.get();
        const float* source = rows ? rows->blocks[i].values.data() + rows->blocks[i].begin * cache.row_values : nullptr;
        for (std::size_t row = 0; row < cache.n_rows; ++row) {
          float* place = target + row * n_items * cache.row_values;
          if (source) {
            std::copy_n(source + row * cache.row_values, cache.row_values, place);
          } else {
            std::fill_n(place, cache.row_values, 0.0f);
          }
        }
      }
    }
  } catch (const ort::Exception& error) {
    throw EngineError("ONNX Runtime can't make the caches of " + std::to_string(n_items) + " streams of the graph " +
                      graph_.path() + ": " + error.what());
  }
  return stack;
}

std::vector<ort::Value> AppendedCaches::inputs(const CacheStack& caches, std::size_t n_items) const {
  const auto batch = static_cast<std::int64_t>(n_items);
  std::vector<ort::Value> values;
  // ONNX Runtime takes pointers to mutable memory but doesn't write inputs.
  values.push_back(ort::Value::CreateTensor<std::int64_t>(
      graph_.memory(), const_cast<std::int64_t*>(tensor_data<std::int64_t>(caches.tensors[0])), n_items, &batch, 1));
  for (std::size_t i = 0; i < caches_.size(); ++i) {
    const std::vector<std::int64_t> sizes = shape(i, caches_[i].n_rows, n_items);
    values.push_back(ort::Value::CreateTensor<float>(
        graph_.memory(), const_cast<float*>(tensor_data<float>(caches.tensors[i + 1])),
        caches_[i].n_rows * n_items * caches_[i].row_values, sizes.data(), sizes.size()));
  }
  return values;
}

std::shared_ptr<const CacheStack> AppendedCaches::outputs(std::vector<ort::Value> values, std::size_t n_items) const {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::vector<std::int64_t> expected =
        i == 0 ? std::vector<std::int64_t>{static_cast<std::int64_t>(n_items)} : shape(i - 1, n_new_rows_, n_items);
    const std::vector<std::int64_t> found = values[i].GetTensorTypeAndShapeInfo().GetShape();
    if (found == expected) continue;
    throw ModelError("The graph " + graph_.path() + " gave " + output_names_[i] + " of " + size_text(found) +
                     ", not of " + size_text(expected) + ". Make it again with fastctc optimize.");
  }
  auto stack = std::make_shared<CacheStack>();
  stack->n_items = n_items;
  stack->tensors = std::move(values);
  return stack;
}

void AppendedCaches::accept(CacheSlot& slot, const std::shared_ptr<const CacheStack>& outputs,
                            std::size_t index) const {
  if (!slot.rows) {
    slot.rows = std::make_shared<CacheRows>();
    slot.rows->blocks.resize(caches_.size());
    for (std::size_t i = 0; i < caches_.size(); ++i) {
      // Twice the size: a row is then moved once each time that the cache fills up.
      slot.rows->blocks[i].values.resize((2 * caches_[i].n_rows + n_new_rows_) * caches_[i].row_values);
    }
  }
  CacheRows& rows = *slot.rows;
  rows.length = tensor_data<std::int64_t>(outputs->tensors[0])[index];
  for (std::size_t i = 0; i < caches_.size(); ++i) {
    const Cache& cache = caches_[i];
    CacheRows::Block& block = rows.blocks[i];
    const auto at = [&](std::size_t row) {
      return block.values.begin() + static_cast<std::ptrdiff_t>(row * cache.row_values);
    };
    std::size_t end = block.begin + cache.n_rows;
    if ((end + n_new_rows_) * cache.row_values > block.values.size()) {
      std::copy(at(block.begin), at(end), at(0));
      block.begin = 0;
      end = cache.n_rows;
    }
    const float* source = tensor_data<float>(outputs->tensors[i + 1]) + index * cache.row_values;
    for (std::size_t row = 0; row < n_new_rows_; ++row) {
      std::copy_n(source + row * outputs->n_items * cache.row_values, cache.row_values, at(end + row));
    }
    block.begin += n_new_rows_;
  }
}

}  // namespace fastctc
