#include "acoustic/graph/geometry.h"

#include <algorithm>
#include <sstream>
#include <string>
#include <utility>

#include "acoustic/graph/position_table.h"
#include "acoustic/graph/probe.h"
#include "acoustic/graph/resolved_property.h"
#include "fastctc/error.h"

namespace fastctc {
namespace {

// Lengths of the probe runs. For features: every factor from 2 to 16, causal or not, gives another pair of output
// lengths. The shorter one ends inside every strided convolution's window, which shows a graph without length masks in
// its subsampling. For a waveform: 0.74 s, and 1.2 s more, a multiple of the usual strides of samples.
constexpr std::size_t kShortFrames = 74;
constexpr std::size_t kLongFrames = 92;
constexpr std::size_t kFarFrames = 74 + 240;
constexpr std::size_t kShortSamples = 11840;
constexpr std::size_t kLongSamples = 11840 + 19200;
constexpr int kFactors[] = {1, 2, 4, 8, 16, 32};
constexpr int kLargestFactor = 65536;
constexpr std::size_t kProbeFeatures = 80;  // if the graph leaves their number open

struct Probe {
  std::size_t short_frames = 0;
  std::size_t long_frames = 0;
  std::size_t short_output = 0;
  std::size_t long_output = 0;
  std::size_t n_tokens = 0;
  bool batches_exactly = false;
  std::string failure;  // ONNX Runtime's, or empty
};

std::size_t valid_frames(const GraphOutput& output, std::size_t item) {
  return output.lengths.empty() ? output.n_frames : output.lengths[item];
}

// The short item's padding holds values other than zero, because no value there may matter.
bool batch_is_exact(const Graph& graph, std::size_t n_features, const GraphOutput& alone, GraphInput short_item,
                    const GraphInput& long_item) {
  short_item.n_columns = long_item.n_columns;
  try {
    const GraphOutput batch = graph.run({short_item, long_item}, n_features);
    const std::size_t n_valid = valid_frames(alone, 0);
    if (batch.n_frames < n_valid || valid_frames(batch, 0) < n_valid) return false;
    return same_scores(batch.item(0), alone.item(0), n_valid * alone.n_tokens);
  } catch (const Error&) {  // the batch axis is fixed at 1
    return false;
  }
}

Probe run_probe(const Graph& graph, std::size_t short_frames, std::size_t long_frames) {
  Probe result;
  result.short_frames = short_frames;
  result.long_frames = long_frames;
  const std::size_t n_features = graph.info().n_features ? graph.info().n_features : kProbeFeatures;
  const std::vector<float> values = probe_values(n_features * long_frames);
  const GraphInput short_item{values.data(), short_frames, short_frames, long_frames};
  const GraphInput long_item{values.data(), long_frames, long_frames, long_frames};
  try {
    const GraphOutput alone = graph.run({short_item}, n_features);
    result.short_output = valid_frames(alone, 0);
    result.long_output = valid_frames(graph.run({long_item}, n_features), 0);
    result.n_tokens = alone.n_tokens;
    result.batches_exactly =
        !graph.info().length_input.empty() && batch_is_exact(graph, n_features, alone, short_item, long_item);
  } catch (const EngineError& error) {
    result.failure = error.what();
  }
  return result;
}

// Runs once for all loads of the graph.
Probe probe(const Graph& graph, std::size_t short_frames, std::size_t long_frames) {
  const std::string name = "probe " + std::to_string(short_frames) + " " + std::to_string(long_frames);
  Probe result;
  std::istringstream found(graph.findings().find(name));
  if (found >> result.short_output >> result.long_output >> result.n_tokens >> result.batches_exactly) {
    result.short_frames = short_frames;
    result.long_frames = long_frames;
    return result;
  }
  result = run_probe(graph, short_frames, long_frames);
  if (result.failure.empty()) {
    std::ostringstream text;
    text << result.short_output << ' ' << result.long_output << ' ' << result.n_tokens << ' ' << result.batches_exactly;
    graph.findings().add(name, text.str());
  }
  return result;
}

int position_table(const Graph& graph) {
  int n_frames = 0;
  std::istringstream found(graph.findings().find("position table"));
  if (found >> n_frames) return n_frames;
  n_frames = static_cast<int>(find_position_table(graph.path()));
  graph.findings().add("position table", std::to_string(n_frames));
  return n_frames;
}

struct Formula {
  int factor = 0;  // 0: none fits
  int causal = -1;
};

Formula fit_formula(const Probe& run) {
  for (const int factor : kFactors) {
    for (const int causal : {0, 1}) {
      if (subsampled_length(run.short_frames, factor, causal != 0) == run.short_output &&
          subsampled_length(run.long_frames, factor, causal != 0) == run.long_output) {
        return {factor, causal};
      }
    }
  }
  return {};
}

// Input frames per output frame if both lengths agree on an integer, else 0.
int fit_ratio(const Probe& run) {
  const std::size_t inputs = run.long_frames - run.short_frames;
  if (run.long_output <= run.short_output) return 0;
  const std::size_t outputs = run.long_output - run.short_output;
  return inputs % outputs ? 0 : static_cast<int>(inputs / outputs);
}

Source metadata_factor(const Graph& graph) {
  // In a graph that takes the waveform, the key counts frames of a front end inside.
  if (graph.info().layout == InputLayout::waveform) return {};
  return from_metadata(graph, "subsampling_factor", kLargestFactor);
}

void check_ranges(const AcousticModel::Geometry& known) {
  if (known.subsampling_factor == 0 || known.subsampling_factor > kLargestFactor) {
    throw OptionError("Option subsampling_factor must be an integer from 1 to " + std::to_string(kLargestFactor) +
                      ", not " + std::to_string(known.subsampling_factor) + ".");
  }
  if (known.causal > 1) throw OptionError("Option subsampling_causal must be true or false.");
}

void resolve_limit(const Graph& graph, const AcousticModel::Geometry& known, ResolvedGeometry& result) {
  int& limit = result.values.max_encoder_frames;
  if (graph.info().cache_aware) {  // its table covers the cache and one window, for audio of any length
    limit = 0;
    return;
  }
  const int table = position_table(graph);
  // The caller may set a lower limit; past the table the graph is wrong.
  if (table > 0 && known.max_encoder_frames >= 0 &&
      (known.max_encoder_frames == 0 || known.max_encoder_frames > table)) {
    raise_contradiction(graph, "max_encoder_frames", kOption, std::to_string(known.max_encoder_frames), kTable,
                        std::to_string(table));
  }
  limit = known.max_encoder_frames >= 0 ? known.max_encoder_frames : table;
  const char* source = known.max_encoder_frames >= 0 ? "option" : table > 0 ? "graph (position table)" : "unknown";
  result.properties.push_back({"max_encoder_frames", std::to_string(limit), source});
}

void resolve_subsampling(const Graph& graph, const AcousticModel::Geometry& known, const Probe& run,
                         ResolvedGeometry& result) {
  const bool waveform = graph.info().layout == InputLayout::waveform;
  const bool ran = run.failure.empty() && run.long_output > 0;
  const Formula formula = ran && !waveform ? fit_formula(run) : Formula{};
  int ratio = formula.factor;
  const Source metadata = metadata_factor(graph);
  if (ran && !ratio && waveform) ratio = fit_ratio(run);
  if (ran && !ratio && !waveform && known.subsampling_factor < 0 && metadata.value < 0) {
    ratio = fit_ratio(probe(graph, kShortFrames, kFarFrames));
  }
  const Source factor =
      agree(graph, "subsampling_factor", {{known.subsampling_factor, kOption}, metadata, {ratio ? ratio : -1, kProbe}});
  if (factor.value < 0) {
    throw ModelError("The graph " + graph.path() + " doesn't tell how many input frames an output frame stands for (" +
                     (ran ? std::to_string(run.short_frames) + " gave " + std::to_string(run.short_output) + ", " +
                                std::to_string(run.long_frames) + " gave " + std::to_string(run.long_output)
                          : run.failure) +
                     "). Give the option subsampling_factor.");
  }
  result.values.subsampling_factor = factor.value;
  result.properties.push_back({"subsampling_factor", std::to_string(factor.value), source_name(factor)});
  const Source causal =
      agree(graph, "subsampling_causal", {{known.causal, kOption}, {formula.factor > 1 ? formula.causal : -1, kProbe}});
  result.values.causal = causal.value;
  if (causal.value >= 0) {
    result.properties.push_back({"subsampling_causal", causal.value ? "true" : "false", source_name(causal)});
  }
  result.has_formula = formula.factor > 0;
}

}  // namespace

std::size_t subsampled_length(std::size_t n_frames, int factor, bool causal) {
  if (factor < 1 || (factor & (factor - 1)) != 0) {
    throw OptionError("A subsampling factor of strided convolutions is a power of two, not " + std::to_string(factor) +
                      ".");
  }
  for (int rest = factor; rest > 1; rest /= 2) {
    if (n_frames == 0) return 0;
    // (n + padding - 3) / 2 + 1 with padding 3 (2 left, 1 right) or 2 (1, 1): NeMo's calc_length, dw_striding.
    n_frames = causal ? n_frames / 2 + 1 : (n_frames + 1) / 2;
  }
  return n_frames;
}

ResolvedGeometry resolve_geometry(const Graph& graph, const AcousticModel::Geometry& known) {
  check_ranges(known);
  ResolvedGeometry result;
  Probe run;
  if (graph.info().cache_aware) {
    run.failure = "a streaming graph is not probed";
  } else if (graph.info().layout == InputLayout::waveform) {
    run = probe(graph, kShortSamples, kLongSamples);
  } else {
    run = probe(graph, kShortFrames, kLongFrames);
  }
  resolve_subsampling(graph, known, run, result);
  resolve_limit(graph, known, result);
  result.properties.push_back(resolve_log_probs_kind(graph, known.log_probs_kind));
  result.values.log_probs_kind = result.properties.back().value;
  result.n_tokens = run.n_tokens;
  result.shortest_probe_frames = run.failure.empty() ? run.short_frames : 0;
  // Without a length output, a batch's lengths come from the formula.
  result.batches_exactly = run.batches_exactly && (result.has_formula || !graph.info().length_output.empty());
  if (!graph.info().cache_aware) {
    result.properties.push_back({"batching", result.batches_exactly ? "padded" : "one at a time", "graph (probe run)"});
  }
  return result;
}

}  // namespace fastctc
