#include "acoustic/steps/streaming_graph.h"

#include <iterator>
#include <type_traits>
#include <utility>

#include "acoustic/steps/cache_signature.h"
#include "fastctc/error.h"

namespace fastctc {

StreamingGraph::StreamingGraph(const std::string& path, const SessionOptions& options) : graph_(path, options) {
  const GraphInfo& info = graph_.info();
  if (!info.cache_aware) raise_unknown_caches(graph_, "it has no cache inputs, so it runs whole recordings");
  if (info.layout != InputLayout::feature_major) {
    raise_unknown_caches(graph_, info.audio_input + " is not feature-major");
  }
  if (info.length_input.empty()) raise_unknown_caches(graph_, "it has no length input");
  if (info.length_output.empty()) raise_unknown_caches(graph_, "it has no output encoded_lengths");
  check_tensor(graph_, *find_tensor(info.inputs, info.audio_input), "float32", 3);
  check_tensor(graph_, *find_tensor(info.inputs, info.length_input), "int64", 1);
  if (AppendedCaches::has(graph_)) {
    auto caches = std::make_unique<AppendedCaches>(graph_);
    appended_ = caches.get();
    caches_ = std::move(caches);
  } else {
    auto caches = std::make_unique<ReplacedCaches>(graph_);
    replaced_ = caches.get();
    caches_ = std::move(caches);
  }
}

StreamingGraph::Step StreamingGraph::run(const float* features, const std::vector<std::int64_t>& lengths,
                                         std::size_t n_columns, const CacheStack& caches) const {
  const GraphInfo& info = graph_.info();
  const std::size_t n_items = lengths.size();
  const std::size_t n_values = n_items * info.n_features * n_columns;
  const auto batch = static_cast<std::int64_t>(n_items);
  const std::int64_t shape[] = {batch, static_cast<std::int64_t>(info.n_features),
                                static_cast<std::int64_t>(n_columns)};
  // ONNX Runtime takes pointers to mutable memory but doesn't write inputs.
  std::vector<ort::Value> inputs;
  inputs.push_back(ort::Value::CreateTensor<float>(graph_.memory(), const_cast<float*>(features), n_values, shape, 3));
  inputs.push_back(ort::Value::CreateTensor<std::int64_t>(graph_.memory(), const_cast<std::int64_t*>(lengths.data()),
                                                          n_items, &batch, 1));
  for (ort::Value& value : caches_->inputs(caches, n_items)) inputs.push_back(std::move(value));
  std::vector<const char*> input_names = {info.audio_input.c_str(), info.length_input.c_str()};
  std::vector<const char*> output_names = {info.output.c_str(), info.length_output.c_str()};
  for (const std::string& name : caches_->input_names()) input_names.push_back(name.c_str());
  for (const std::string& name : caches_->output_names()) output_names.push_back(name.c_str());
  std::vector<ort::Value> outputs = graph_.run_tensors(input_names, inputs, output_names, n_values, n_items, n_columns);
  Step step;
  step.output = graph_.checked(std::move(outputs[0]), &outputs[1], n_items);
  step.caches =
      caches_->outputs({std::make_move_iterator(outputs.begin() + 2), std::make_move_iterator(outputs.end())}, n_items);
  return step;
}

}  // namespace fastctc
