#include "acoustic/steps/streaming_geometry.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <sstream>
#include <string>
#include <utility>

#include "acoustic/graph/probe.h"
#include "acoustic/graph/resolved_property.h"
#include "acoustic/steps/cache_signature.h"
#include "fastctc/error.h"

namespace fastctc {
namespace {

constexpr int kMostFrames = 1000000;
constexpr std::int64_t kLargestSize = 1000000;
constexpr char kShapes[] = "the graph's shapes";
// NeMo's models; a graph without metadata leaves both open. FastConformer's and Conformer's convolutions.
constexpr std::int64_t kContexts[] = {70, 140, 128, 56, 35, 100, 104, 64, 256, 280};
constexpr std::int64_t kKernelTails[] = {8, 30};
constexpr std::size_t kUsualFeatures = 80;  // if the graph leaves their number open

// Input lengths whose output lengths differ for factors 2 to 16. All in one width, so that they are one batch.
constexpr std::int64_t kLengths[] = {2, 9, 10, 17, 18, 33, 34};
constexpr std::size_t kColumns = 34;
constexpr std::size_t kFirstSearchFrames = 256;
constexpr std::size_t kLastSearchFrames = 8192;
// In order of preference: a graph with one frame per step may fit several. NeMo drops 2 for every factor.
constexpr int kDropped[] = {2, 1, 0, 3, 4};
constexpr int kFactors[] = {8, 4, 16, 2, 32};

// n input frames give min(subsampled_length(n, factor, causal) - dropped, frames per step) output frames.
struct Subsampling {
  int factor = 0;
  bool causal = false;
  int dropped = 0;

  std::size_t output_frames(std::size_t n_frames) const {
    const std::size_t all = subsampled_length(n_frames, factor, causal);
    return all - std::min(all, static_cast<std::size_t>(dropped));
  }
  // NeMo: drop_extra_pre_encoded = 1 + (pre_encode_cache_size - 1) / factor.
  int past_frames() const { return dropped ? (dropped - 1) * factor + 1 : 0; }
};

void check_range(const char* option, int value) {
  if (value != 0 && value <= kMostFrames) return;
  throw OptionError(std::string("Option ") + option + " must be an integer from 1 to " + std::to_string(kMostFrames) +
                    ", not " + std::to_string(value) + ".");
}

// The graph's output of silence over empty caches.
GraphOutput probe(const StreamingGraph& graph, const std::vector<std::int64_t>& lengths, std::size_t n_columns) {
  const std::vector<float> silence(lengths.size() * graph.graph().info().n_features * n_columns);
  const auto caches = graph.caches().stack(std::vector<CacheSlot>(lengths.size()));
  return graph.run(silence.data(), lengths, n_columns, *caches).output;
}

// One cache's sizes, -1 if nothing tells.
std::vector<std::int64_t> resolve_cache(const Graph& graph, const std::string& name,
                                        const std::vector<std::int64_t>& declared, std::string& sources) {
  std::vector<std::int64_t> sizes;
  for (std::size_t i = 0; i < declared.size(); ++i) {
    const std::string property = name + "_dim" + std::to_string(i + 1);
    if (declared[i] > kLargestSize) {
      throw ModelError("The graph " + graph.path() + ": " + property + " is " + std::to_string(declared[i]) +
                       ", more than any cache has.");
    }
    const Source source = agree(
        graph, property, {from_metadata(graph, property, kLargestSize), {static_cast<int>(declared[i]), kShapes}});
    sizes.push_back(source.value);
    const std::string told = source.value < 0 ? "graph (probe run)" : source_name(source);
    if (sources.find(told) == std::string::npos) sources += (sources.empty() ? "" : ", ") + told;
  }
  return sizes;
}

std::vector<std::int64_t> candidates(std::int64_t size, const std::int64_t* begin, const std::int64_t* end) {
  return size > 0 ? std::vector<std::int64_t>{size} : std::vector<std::int64_t>(begin, end);
}

// Findings of probe_caches() at an earlier load: the open sizes, the tokens, the lengths.
std::vector<std::size_t> recall_caches(StreamingGraph& graph, CacheSizes sizes, const std::string& name) {
  std::istringstream found(graph.graph().findings().find(name));
  std::size_t n_tokens = 0;
  if (!(found >> sizes.channel[1] >> sizes.time[2] >> n_tokens)) return {};
  std::vector<std::size_t> lengths{std::istream_iterator<std::size_t>(found), {}};
  if (lengths.size() != std::size(kLengths)) return {};
  graph.replaced()->set_sizes(sizes);
  graph.graph().set_n_tokens(n_tokens);
  return lengths;
}

void note_caches(const StreamingGraph& graph, const CacheSizes& sizes, const GraphOutput& output,
                 const std::string& name) {
  std::ostringstream text;
  text << sizes.channel[1] << ' ' << sizes.time[2] << ' ' << output.n_tokens;
  for (const std::size_t length : output.lengths) text << ' ' << length;
  graph.graph().findings().add(name, text.str());
}

// Runs the graph with every possible size of its caches until one works; others don't fit its masks and convolutions.
std::vector<std::size_t> probe_caches(StreamingGraph& graph, CacheSizes sizes) {
  const std::string name = "caches " + size_text(sizes.channel) + " " + size_text(sizes.time);
  std::vector<std::size_t> known = recall_caches(graph, sizes, name);
  if (!known.empty()) return known;
  const std::string& path = graph.graph().path();
  if (sizes.channel[0] < 0 || sizes.channel[2] < 0 || sizes.time[0] < 0 || sizes.time[1] < 0) {
    throw ModelError("The graph " + path + " doesn't tell the sizes of its caches (cache_last_channel " +
                     size_text(sizes.channel) + ", cache_last_time " + size_text(sizes.time) +
                     "). Give it the metadata cache_last_channel_dim1 to 3 and cache_last_time_dim1 to 3.");
  }
  const bool is_told = sizes.channel[1] > 0 && sizes.time[2] > 0;
  std::string failure;
  for (const std::int64_t context : candidates(sizes.channel[1], std::begin(kContexts), std::end(kContexts))) {
    for (const std::int64_t tail : candidates(sizes.time[2], std::begin(kKernelTails), std::end(kKernelTails))) {
      sizes.channel[1] = context;
      sizes.time[2] = tail;
      graph.replaced()->set_sizes(sizes);
      try {
        const GraphOutput output = probe(graph, {std::begin(kLengths), std::end(kLengths)}, kColumns);
        graph.graph().set_n_tokens(output.n_tokens);
        note_caches(graph, sizes, output, name);
        return output.lengths;
      } catch (const EngineError& error) {
        if (failure.empty()) failure = error.what();
      }
    }
  }
  throw ModelError(
      "The graph " + path + " can't run over caches of " + size_text(sizes.channel) + " and " + size_text(sizes.time) +
      (is_told ? "" : ", nor over others that NeMo's models have") +
      ". Correct its metadata cache_last_channel_dim2 and cache_last_time_dim3, or export it again with a dynamic "
      "batch axis. (" +
      failure + ")");
}

bool fits(const Subsampling& subsampling, const std::vector<std::size_t>& observed) {
  const std::size_t most = *std::max_element(observed.begin(), observed.end());
  for (std::size_t i = 0; i < observed.size(); ++i) {
    const std::size_t n_frames = subsampling.output_frames(static_cast<std::size_t>(kLengths[i]));
    if (observed[i] != std::min(n_frames, most)) return false;
  }
  return most > 0;
}

Subsampling fit(const Graph& graph, const std::vector<std::size_t>& observed, int factor, int dropped) {
  Subsampling first;
  for (const int n_dropped : kDropped) {
    for (const int candidate : kFactors) {
      for (const bool causal : {true, false}) {
        const Subsampling subsampling{candidate, causal, n_dropped};
        if (!fits(subsampling, observed)) continue;
        if ((factor < 0 || factor == candidate) && (dropped < 0 || dropped == n_dropped)) return subsampling;
        if (first.factor == 0) first = subsampling;
      }
    }
  }
  if (first.factor > 0) return first;
  std::string text;
  for (std::size_t i = 0; i < observed.size(); ++i) {
    text += (text.empty() ? "" : ", ") + std::to_string(kLengths[i]) + " gave " + std::to_string(observed[i]);
  }
  throw ModelError("The graph " + graph.path() +
                   " gives numbers of output frames that no subsampling known here explains (" + text +
                   " frames). Export it again with NeMo's cache_support.");
}

// The result of `find`, computed once for all loads of the graph.
template <class Find>
std::size_t once(const StreamingGraph& graph, const std::string& name, Find find) {
  Findings& findings = graph.graph().findings();
  std::size_t value = 0;
  std::istringstream found(findings.find(name));
  if (found >> value) return value;
  value = find();
  findings.add(name, std::to_string(value));
  return value;
}

// The most output frames per step, which the export fixed in the graph; 0 if no run showed it.
std::size_t find_step(const StreamingGraph& graph, const Subsampling& subsampling, int chunk_frames) {
  std::size_t n_frames = kFirstSearchFrames;
  if (chunk_frames > 0) {
    n_frames = static_cast<std::size_t>(chunk_frames + subsampling.past_frames() + subsampling.factor);
  }
  for (n_frames = std::min(n_frames, kLastSearchFrames);; n_frames = std::min(2 * n_frames, kLastSearchFrames)) {
    try {
      const std::size_t found = probe(graph, {static_cast<std::int64_t>(n_frames)}, n_frames).lengths.front();
      if (found < subsampling.output_frames(n_frames)) return found;
    } catch (const EngineError&) {  // past its position table
      return 0;
    }
    if (n_frames == kLastSearchFrames) return 0;
  }
}

// Dynamic int8 graphs find one range of values for the whole batch.
bool batch_is_exact(const StreamingGraph& graph, std::size_t n_columns) {
  const std::size_t n_values = graph.graph().info().n_features * n_columns;
  std::vector<float> values = probe_values(2 * n_values);
  for (std::size_t i = n_values; i < 2 * n_values; ++i) values[i] *= 10;  // a louder neighbour
  const auto length = static_cast<std::int64_t>(n_columns);
  const Caches& caches = graph.caches();
  const GraphOutput alone = graph.run(values.data(), {length}, n_columns, *caches.stack({CacheSlot()})).output;
  const GraphOutput both =
      graph.run(values.data(), {length, length}, n_columns, *caches.stack({CacheSlot(), CacheSlot()})).output;
  return same_scores(both.item(0), alone.item(0), alone.lengths.front() * alone.n_tokens);
}

// A graph that fastctc made tells everything.
void resolve_appended(StreamingGraph& streaming, const StreamingModel::Geometry& known, ResolvedStreaming& result) {
  const Graph& graph = streaming.graph();
  const auto decide = [&](const char* name, int& value, const char* key, int option) {
    const Source chosen = agree(graph, name, {{option, kOption}, from_metadata(graph, key, kMostFrames)});
    if (chosen.name != kMetadata && from_metadata(graph, key, kMostFrames).value < 0) {
      throw ModelError("The graph " + graph.path() + " has no " + key +
                       " in its metadata. Make it again with fastctc optimize.");
    }
    value = chosen.value;
    result.properties.push_back({name, std::to_string(value), source_name(chosen)});
  };
  decide("subsampling_factor", result.values.subsampling_factor, "subsampling_factor", known.subsampling_factor);
  decide("dropped_frames", result.values.dropped_frames, "fastctc_dropped_frames", known.dropped_frames);
  decide("chunk_frames", result.values.chunk_frames, "chunk_shift", known.chunk_frames);
  decide("window_frames", result.values.window_frames, "window_size", known.window_frames);
  const auto n_rows = static_cast<int>(streaming.appended()->n_new_rows());
  agree(graph, "chunk_frames",
        {{result.values.chunk_frames, kMetadata}, {n_rows * result.values.subsampling_factor, kShapes}});
}

// NeMo's exports: metadata, shapes and runs.
void resolve_replaced(StreamingGraph& streaming, const StreamingModel::Geometry& known, ResolvedStreaming& result) {
  Graph& graph = streaming.graph();
  std::string channel_source;
  std::string time_source;
  const CacheSizes& declared = streaming.replaced()->declared_sizes();
  const CacheSizes sizes{resolve_cache(graph, "cache_last_channel", declared.channel, channel_source),
                         resolve_cache(graph, "cache_last_time", declared.time, time_source)};
  const std::vector<std::size_t> observed = probe_caches(streaming, sizes);
  result.properties.push_back({"cache_last_channel", size_text(streaming.replaced()->sizes().channel), channel_source});
  result.properties.push_back({"cache_last_time", size_text(streaming.replaced()->sizes().time), time_source});

  const auto decide = [&](const char* name, int& value, const std::vector<Source>& sources) {
    const Source chosen = agree(graph, name, sources);
    value = chosen.value;
    if (value >= 0) result.properties.push_back({name, std::to_string(value), source_name(chosen)});
  };
  const Source factor = from_metadata(graph, "subsampling_factor", kMostFrames);
  const Subsampling subsampling = fit(
      graph, observed, known.subsampling_factor > 0 ? known.subsampling_factor : factor.value, known.dropped_frames);
  decide("subsampling_factor", result.values.subsampling_factor,
         {{known.subsampling_factor, kOption}, factor, {subsampling.factor, kProbe}});
  decide("dropped_frames", result.values.dropped_frames,
         {{known.dropped_frames, kOption}, {subsampling.dropped, kProbe}});

  const Source chunk = from_metadata(graph, "chunk_shift", kMostFrames);
  const int expected = known.chunk_frames > 0 ? known.chunk_frames : chunk.value;
  const std::size_t step =
      once(streaming, "step " + std::to_string(expected), [&] { return find_step(streaming, subsampling, expected); });
  decide("chunk_frames", result.values.chunk_frames,
         {{known.chunk_frames, kOption}, chunk, {step ? static_cast<int>(step) * subsampling.factor : -1, kProbe}});
  if (result.values.chunk_frames < 0) {
    throw ModelError("The graph " + graph.path() +
                     " doesn't tell how many frames a step reads. Give the option chunk_frames.");
  }
  if (result.values.chunk_frames % subsampling.factor != 0) {
    throw ModelError("The graph " + graph.path() + ": chunk_frames is " + std::to_string(result.values.chunk_frames) +
                     ", which is not a multiple of the subsampling factor " + std::to_string(subsampling.factor) + ".");
  }
  decide("window_frames", result.values.window_frames,
         {{known.window_frames, kOption},
          from_metadata(graph, "window_size", kMostFrames),
          {result.values.chunk_frames + subsampling.past_frames(), kProbe}});
}

}  // namespace

ResolvedStreaming resolve_streaming(StreamingGraph& streaming, const StreamingModel::Geometry& known) {
  check_range("window_frames", known.window_frames);
  check_range("chunk_frames", known.chunk_frames);
  check_range("subsampling_factor", known.subsampling_factor);
  Graph& graph = streaming.graph();
  ResolvedStreaming result;
  result.properties.push_back(resolve_log_probs_kind(graph, known.log_probs_kind));
  result.values.log_probs_kind = result.properties.back().value;
  if (graph.info().n_features == 0) graph.set_n_features(kUsualFeatures);
  if (streaming.appended()) {
    resolve_appended(streaming, known, result);
  } else {
    resolve_replaced(streaming, known, result);
  }
  const std::size_t n_columns =
      streaming.has_fixed_window() ? static_cast<std::size_t>(result.values.window_frames) : kColumns;
  result.batches_exactly = once(streaming, "batch " + std::to_string(n_columns),
                                [&]() -> std::size_t { return batch_is_exact(streaming, n_columns); }) != 0;
  result.properties.push_back({"batching", result.batches_exactly ? "stacked" : "one at a time", "graph (probe run)"});
  return result;
}

}  // namespace fastctc
