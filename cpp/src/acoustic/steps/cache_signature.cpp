#include "acoustic/steps/cache_signature.h"

#include <algorithm>

#include "acoustic/graph/signature.h"
#include "fastctc/error.h"

namespace fastctc {

using Tensor = GraphInfo::Tensor;

std::string size_text(const std::vector<std::int64_t>& sizes) {
  std::string text;
  for (const std::int64_t size : sizes) {
    text += (text.empty() ? "" : " x ") + (size < 0 ? std::string("?") : std::to_string(size));
  }
  return text;
}

void raise_unknown_caches(const Graph& graph, const std::string& why) {
  throw ModelError("The graph " + graph.path() + " is not a cache-aware one that fastctc can run: " + why +
                   ". Inputs: " + describe(graph.info().inputs) + "; outputs: " + describe(graph.info().outputs) +
                   ". Expected: NeMo's export with cache_support, with the inputs audio_signal [batch, features, "
                   "frames], length, cache_last_channel, cache_last_time, cache_last_channel_len and the outputs "
                   "logprobs, encoded_lengths and the three caches' _next; or what fastctc optimize makes of it.");
}

const Tensor* find_tensor(const std::vector<Tensor>& tensors, const std::string& name) {
  const auto found =
      std::find_if(tensors.begin(), tensors.end(), [&](const Tensor& tensor) { return tensor.name == name; });
  return found == tensors.end() ? nullptr : &*found;
}

void check_tensor(const Graph& graph, const Tensor& tensor, const char* type, std::size_t rank,
                  std::size_t batch_axis) {
  if (tensor.type != type) raise_unknown_caches(graph, tensor.name + " is " + tensor.type + ", not " + type);
  if (tensor.shape.empty()) return;
  if (tensor.shape.size() != rank) {
    raise_unknown_caches(graph, tensor.name + " has " + std::to_string(tensor.shape.size()) + " dimensions, not " +
                                    std::to_string(rank));
  }
  if (tensor.shape[batch_axis] >= 0) {
    raise_unknown_caches(graph, "the batch of " + tensor.name + " is fixed at " +
                                    std::to_string(tensor.shape[batch_axis]) + "; export it with a dynamic batch axis");
  }
}

const Tensor& require_tensor(const Graph& graph, const std::vector<Tensor>& tensors,
                             const std::vector<std::string>& names, const char* kind, const char* type,
                             std::size_t rank) {
  for (const std::string& name : names) {
    if (const Tensor* tensor = find_tensor(tensors, name)) {
      check_tensor(graph, *tensor, type, rank);
      return *tensor;
    }
  }
  raise_unknown_caches(graph, std::string("it has no ") + kind + " " + names.front());
}

}  // namespace fastctc
