#include "fastctc/acoustic_model.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "acoustic/graph/geometry.h"
#include "acoustic/graph/graph.h"
#include "acoustic/graph/log_probs.h"
#include "fastctc/error.h"

namespace fastctc {

class AcousticModel::Impl {
 public:
  Impl(const std::string& path, const SessionOptions& session) : graph(path, session) {}

  std::vector<LogProbs> run(const std::vector<const Features*>& batch) const;

  Graph graph;
  ResolvedGeometry geometry;
  LogProbsNormalizer normalizer;
  bool configured = false;

 private:
  void check_ready() const;
  void check(const Features& item, std::size_t n_features, const std::string& label) const;
  void check_limit(std::size_t n_frames, const std::string& label) const;
  std::size_t output_frames(std::size_t n_frames) const;
  GraphOutput run_graph(const std::vector<GraphInput>& items, std::size_t n_features) const;
  LogProbs take(const GraphOutput& output, std::size_t index, std::size_t n_input_frames,
                const std::string& label) const;
};

void AcousticModel::Impl::check_ready() const {
  if (graph.info().cache_aware) {
    throw ModelError("The graph " + graph.path() +
                     " is for streams (it has cache inputs) and can't run a whole recording. Name an offline graph.");
  }
  if (!configured) throw OptionError("AcousticModel::configure() must be called before run().");
}

void AcousticModel::Impl::check(const Features& item, std::size_t n_features, const std::string& label) const {
  if (item.n_features != n_features || n_features == 0) {
    throw ModelError(label + "The features have " + std::to_string(item.n_features) +
                     " values per frame, but the graph " + graph.path() + " takes " + std::to_string(n_features) +
                     ". Check the front end's n_mels and kind.");
  }
  if (item.values.size() != item.n_features * item.n_frames || item.n_valid_frames > item.n_frames) {
    throw OptionError(label + "The features hold " + std::to_string(item.values.size()) + " values, not " +
                      std::to_string(item.n_features) + " x " + std::to_string(item.n_frames) + ", or more than " +
                      std::to_string(item.n_frames) + " valid frames.");
  }
  for (std::size_t feature = 0; feature < item.n_features; ++feature) {
    const float* row = item.values.data() + feature * item.n_frames;
    const float* bad = std::find_if(row, row + item.n_valid_frames, [](float value) { return !std::isfinite(value); });
    if (bad != row + item.n_valid_frames) {
      throw AudioError(label + "Feature " + std::to_string(feature) + " of frame " + std::to_string(bad - row) +
                       " is not a finite number. Check the audio for NaN and infinite samples.");
    }
  }
  check_limit(item.n_valid_frames, label);
}

std::size_t AcousticModel::Impl::output_frames(std::size_t n_frames) const {
  const std::size_t factor = static_cast<std::size_t>(geometry.values.subsampling_factor);
  if (geometry.has_formula) {
    return subsampled_length(n_frames, geometry.values.subsampling_factor, geometry.values.causal > 0);
  }
  return (n_frames + factor - 1) / factor;  // an estimate, which the run then corrects
}

void AcousticModel::Impl::check_limit(std::size_t n_frames, const std::string& label) const {
  const std::size_t limit = static_cast<std::size_t>(std::max(geometry.values.max_encoder_frames, 0));
  if (limit == 0 || output_frames(n_frames) <= limit) return;
  const std::size_t factor = static_cast<std::size_t>(geometry.values.subsampling_factor);
  const std::size_t most =
      geometry.has_formula && geometry.values.causal > 0 ? factor * (limit - 1) + 1 : factor * limit;
  char seconds[64] = "";
  if (graph.info().layout != InputLayout::waveform) {
    std::snprintf(seconds, sizeof seconds, " (%.1f s of at most %.1f s, at 10 ms per frame)",
                  static_cast<double>(n_frames) / 100, static_cast<double>(most) / 100);
  }
  throw AudioError(
      label + "The audio is too long: " + std::to_string(n_frames) + " input frames" + seconds + " would be " +
      std::to_string(output_frames(n_frames)) + " output frames, but the graph " + graph.path() + " is right up to " +
      std::to_string(limit) + " (max_encoder_frames), that is " + std::to_string(most) +
      " input frames. Cut the audio into shorter pieces, or export the model with a larger pos_emb_max_len.");
}

GraphOutput AcousticModel::Impl::run_graph(const std::vector<GraphInput>& items, std::size_t n_features) const {
  std::size_t longest = 0;
  for (const GraphInput& item : items) longest = std::max(longest, item.n_frames);
  try {
    return graph.run(items, n_features);
  } catch (const EngineError& error) {
    if (longest >= geometry.shortest_probe_frames) throw;
    throw AudioError("The audio is too short for the graph: " + std::to_string(longest) + " input frames; " +
                     std::to_string(geometry.shortest_probe_frames) + " are enough. Pad it with silence. (" +
                     error.what() + ")");
  }
}

LogProbs AcousticModel::Impl::take(const GraphOutput& output, std::size_t index, std::size_t n_input_frames,
                                   const std::string& label) const {
  LogProbs item;
  item.n_tokens = output.n_tokens;
  item.n_frames = output.n_frames;  // an item alone, without a length output: all frames
  if (!output.lengths.empty()) {
    item.n_frames = output.lengths[index];
  } else if (geometry.has_formula) {
    item.n_frames = output_frames(n_input_frames);
  }
  if (item.n_frames > output.n_frames) {
    throw ModelError(label + "The graph " + graph.path() + " gave " + std::to_string(output.n_frames) +
                     " output frames for " + std::to_string(n_input_frames) + " input frames, not " +
                     std::to_string(item.n_frames) + ". Its subsampling is not what its probe run showed.");
  }
  const std::size_t limit = static_cast<std::size_t>(std::max(geometry.values.max_encoder_frames, 0));
  if (limit && item.n_frames > limit) {
    throw AudioError(label + "The audio is too long: " + std::to_string(item.n_frames) +
                     " output frames, but the graph " + graph.path() + " is right up to " + std::to_string(limit) +
                     ". Cut it into shorter pieces.");
  }
  const float* values = output.item(index);
  item.values.assign(values, values + item.n_frames * item.n_tokens);
  normalizer.normalize(graph, item.values.data(), item.n_frames, item.n_tokens);
  return item;
}

std::vector<LogProbs> AcousticModel::Impl::run(const std::vector<const Features*>& batch) const {
  check_ready();
  std::vector<std::string> labels(batch.size());
  std::vector<GraphInput> items;
  std::vector<std::size_t> places;
  std::vector<LogProbs> results(batch.size());
  std::size_t n_features = graph.info().n_features;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const Features* features = batch[i];
    if (batch.size() > 1) labels[i] = "Item " + std::to_string(i) + " of the batch: ";
    if (!features) throw OptionError(labels[i] + "null features.");
    results[i].n_tokens = graph.info().n_tokens;
    if (features->n_valid_frames == 0) continue;
    if (n_features == 0) n_features = features->n_features;  // the graph takes any number, one at a time
    check(*features, n_features, labels[i]);
    // Padding columns are left out: without masks in its subsampling a graph would let them leak into the last frames.
    items.push_back({features->values.data(), features->n_valid_frames, features->n_valid_frames, features->n_frames});
    places.push_back(i);
  }
  const std::size_t step = geometry.batches_exactly ? items.size() : 1;
  for (std::size_t first = 0; first < items.size(); first += step) {
    const std::vector<GraphInput> part(items.begin() + static_cast<std::ptrdiff_t>(first),
                                       items.begin() + static_cast<std::ptrdiff_t>(first + step));
    const GraphOutput output = run_graph(part, n_features);
    for (std::size_t k = 0; k < part.size(); ++k) {
      const std::size_t place = places[first + k];
      results[place] = take(output, k, part[k].n_frames, labels[place]);
    }
  }
  return results;
}

AcousticModel::AcousticModel(const std::string& graph_path, const SessionOptions& session)
    : impl_(new Impl(graph_path, session)) {}
AcousticModel::~AcousticModel() = default;
AcousticModel::AcousticModel(AcousticModel&&) noexcept = default;
AcousticModel& AcousticModel::operator=(AcousticModel&&) noexcept = default;

const GraphInfo& AcousticModel::graph() const { return impl_->graph.info(); }

std::vector<Property> AcousticModel::configure(const Geometry& known) {
  if (impl_->configured) throw OptionError("AcousticModel::configure() is called once.");
  impl_->geometry = resolve_geometry(impl_->graph, known);
  if (impl_->graph.info().n_tokens == 0) impl_->graph.set_n_tokens(impl_->geometry.n_tokens);
  impl_->normalizer.configure(impl_->geometry.values.log_probs_kind);
  impl_->configured = true;
  return impl_->geometry.properties;
}

const AcousticModel::Geometry& AcousticModel::geometry() const { return impl_->geometry.values; }

std::vector<LogProbs> AcousticModel::run(const std::vector<const Features*>& batch) const { return impl_->run(batch); }

LogProbs AcousticModel::run(const Features& features) const { return std::move(run({&features}).front()); }

}  // namespace fastctc
