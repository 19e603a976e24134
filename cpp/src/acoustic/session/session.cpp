#include "acoustic/session/session.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <memory>
#include <optional>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include "acoustic/engine/engine.h"
#include "acoustic/operators/operators.h"
#include "acoustic/session/exact_products.h"
#include "acoustic/session/session_cache.h"
#include "base/file.h"
#include "base/log_message.h"
#include "base/processor.h"
#include "fastctc/error.h"
#include "fastctc/session_cache.h"
#include "model/external_data.h"
#include "options/option_table.h"

namespace fastctc {
namespace {

constexpr char kSmallestExternalBytes[] = "16384";  // smaller weights stay in the saved graph

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

// "CUDAExecutionProvider" -> "CUDA"
std::string short_name(const std::string& provider) {
  static const std::string kSuffix = "executionprovider";
  const std::size_t length = provider.size();
  const bool has = length > kSuffix.size() && lower(provider.substr(length - kSuffix.size())) == kSuffix;
  return has ? provider.substr(0, length - kSuffix.size()) : provider;
}

// The provider's name as the library spells it.
std::string known_provider(const std::string& wanted, const std::vector<std::string>& present) {
  std::string list;
  for (const std::string& name : present) {
    if (lower(short_name(name)) == lower(short_name(wanted))) return short_name(name);
    list += (list.empty() ? "" : ", ") + short_name(name);
  }
  throw OptionError("Option session.provider: this ONNX Runtime has no '" + wanted + "'; it has " + list +
                    ". Others come with other packages (onnxruntime-gpu, onnxruntime-openvino, ...).");
}

void append_cuda(ort::SessionOptions& target, const SessionOptions& options) {
  const OrtApi& api = ort::GetApi();
  OrtCUDAProviderOptionsV2* raw = nullptr;
  ort::ThrowOnError(api.CreateCUDAProviderOptions(&raw));
  const std::unique_ptr<OrtCUDAProviderOptionsV2, decltype(api.ReleaseCUDAProviderOptions)> cuda(
      raw, api.ReleaseCUDAProviderOptions);
  std::vector<const char*> keys;
  std::vector<const char*> values;
  for (const auto& entry : options.provider_options) {
    keys.push_back(entry.first.c_str());
    values.push_back(entry.second.c_str());
  }
  if (!keys.empty())
    ort::ThrowOnError(api.UpdateCUDAProviderOptions(cuda.get(), keys.data(), values.data(), keys.size()));
  ort::ThrowOnError(api.SessionOptionsAppendExecutionProvider_CUDA_V2(target, cuda.get()));
}

// The library lists "XnnpackExecutionProvider" but takes "XNNPACK" here, "OpenVINOExecutionProvider" and "OpenVINO".
void append_by_name(ort::SessionOptions& target, const std::string& provider, const SessionOptions& options) {
  std::unordered_map<std::string, std::string> entries(options.provider_options.begin(),
                                                       options.provider_options.end());
  std::string upper = provider;
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  try {
    target.AppendExecutionProvider(provider, entries);
  } catch (const ort::Exception&) {
    if (upper == provider) throw;
    target.AppendExecutionProvider(upper, entries);
  }
}

void append_provider(ort::SessionOptions& target, const SessionOptions& options, const EngineInfo& info) {
  const std::string provider = known_provider(options.provider, info.providers);
  if (provider == "CPU") {
    if (options.provider_options.empty()) return;  // always there
    throw OptionError("Option session.provider_options: the CPU provider takes none, not '" +
                      options.provider_options.front().first + "'.");
  }
  try {
    if (provider == "CUDA") {
      append_cuda(target, options);
    } else {
      append_by_name(target, provider, options);
    }
  } catch (const ort::Exception& error) {
    throw EngineError("The execution provider " + provider + " of " + info.library + " can't start: " + error.what());
  }
}

GraphOptimizationLevel optimization_level(const std::string& name) {
  if (name == "disabled") return ORT_DISABLE_ALL;
  if (name == "basic") return ORT_ENABLE_BASIC;
  if (name == "extended") return ORT_ENABLE_EXTENDED;
  if (name == "all") return ORT_ENABLE_ALL;
  throw OptionError("Option session.graph_optimization must be one of disabled, basic, extended, all, not '" + name +
                    "'.");
}

// On other providers the operators would cut the graph into pieces.
const operators::Kernel* operator_kernel(const SessionOptions& options) {
  const operators::Kernel* kernel = operators::choose_kernel(options.instruction_set);
  return lower(short_name(options.provider)) == "cpu" ? kernel : nullptr;
}

ort::SessionOptions session_options(const SessionOptions& options, const Engine& running) {
  check_fields(options, "session.");
  ort::SessionOptions target;
  target.SetIntraOpNumThreads(options.intra_op_threads);
  target.SetInterOpNumThreads(options.inter_op_threads);
  target.SetExecutionMode(options.inter_op_threads == 1 ? ORT_SEQUENTIAL : ORT_PARALLEL);
  target.SetGraphOptimizationLevel(optimization_level(options.graph_optimization));
  if (!options.memory_arena) target.DisableCpuMemArena();
  // One pattern is kept per input shape: with audio of any length their number only grows.
  target.DisableMemPattern();
  for (const auto& entry : options.config_entries) {
    try {
      target.AddConfigEntry(entry.first.c_str(), entry.second.c_str());
    } catch (const ort::Exception& error) {
      throw OptionError("Option session.config_entries: ONNX Runtime refuses '" + entry.first + "': " + error.what());
    }
  }
  append_provider(target, options, running.info);
  if (const operators::Kernel* kernel = operator_kernel(options))
    operators::add_operators(target, *kernel, running.calls);
  return target;
}

// Checks what ONNX Runtime would report less clearly.
void check_file(const std::string& graph_path) {
  const std::string what = "The graph " + graph_path;
  const OpenFile file = open_file(graph_path, what, "Check the path, or name the ONNX file.");
  if (std::fgetc(file.get()) == EOF) throw ModelError(what + " is empty. Copy or export it again.");
  check_external_data(graph_path);
}

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

// The graph's own file was opened, so another file is missing or short. Words of ONNX Runtime 1.17 to 1.32.
bool is_about_weights(const std::string& reason) {
  constexpr const char* kParts[] = {"xternal data",  "xternal initializer", "GetExtDataFromTensorProto",
                                    "GetFileLength", "get file size",       "No such file"};
  return std::any_of(std::begin(kParts), std::end(kParts), [&](const char* part) { return has(reason, part); });
}

[[noreturn]] void raise_load_error(const std::string& graph_path, const EngineInfo& info, const ort::Exception& error) {
  const std::string reason = error.what();
  std::string what = "ONNX Runtime " + info.version + " can't load it. Export it again, or update ONNX Runtime.";
  if (error.GetOrtErrorCode() == ORT_INVALID_PROTOBUF || has(reason, "Protobuf parsing failed") ||
      has(reason, "No graph was found")) {
    what = "it is not an ONNX graph, or it is cut short. Copy or export it again.";
  } else if (is_about_weights(reason)) {
    what =
        "its weights are in another file, which is missing, cut short, or of another graph. Put that file beside it.";
  } else if (has(reason, "IR version") || has(reason, "opset")) {
    what = "ONNX Runtime " + info.version + " is too old for it. Update ONNX Runtime.";
  }
  throw ModelError("The graph " + graph_path + " can't be used: " + what + " (ONNX Runtime: " + reason + ")");
}

#if defined(_WIN32)
std::wstring native_path(const std::string& path) { return std::filesystem::u8path(path).wstring(); }
#else
const std::string& native_path(const std::string& path) { return path; }
#endif

ort::Session open_plainly(const std::string& graph_path, Engine& running, const SessionOptions& options,
                          const MappedWeights& weights = {}) {
  ort::SessionOptions target = session_options(options, running);
  weights.share(target);
  try {
    return ort::Session(running.environment, native_path(graph_path).c_str(), target);
  } catch (const ort::Exception& error) {
    raise_load_error(graph_path, running.info, error);
  }
}

// Lets ONNX Runtime write the optimized graph, with the weights as its operators packed them.
void save_optimized(const std::string& graph_path, Engine& running, const SessionOptions& options,
                    const std::filesystem::path& target_path, const std::string& weights_name) {
  ort::SessionOptions target = session_options(options, running);
  target.SetLogSeverityLevel(ORT_LOGGING_LEVEL_ERROR);  // hides the warning that the file is for this processor only
  target.SetOptimizedModelFilePath(target_path.c_str());
  target.AddConfigEntry("session.optimized_model_external_initializers_file_name", weights_name.c_str());
  target.AddConfigEntry("session.optimized_model_external_initializers_min_size_in_bytes", kSmallestExternalBytes);
  target.AddConfigEntry("session.save_external_prepacked_constant_initializers", "1");
  const ort::Session saved(running.environment, native_path(graph_path).c_str(), target);
}

// The session of an entry of the cache; null if the entry is broken.
ort::Session open_entry(const SessionCache::Entry& entry, Engine& running, SessionOptions options) {
  options.graph_optimization = "disabled";  // the saved graph is optimized already
  try {
    return ort::Session(running.environment, entry.graph.c_str(), session_options(options, running));
  } catch (const ort::Exception& error) {
    log_message(LogLevel::info, "The optimized session " + entry.graph.u8string() +
                                    " can't be opened, and is made anew: " + error.what());
    return ort::Session(nullptr);
  }
}

std::optional<SessionCache::Entry> make_entry(const SessionCache& cache, const SessionKey& key,
                                              const std::string& graph_path, Engine& running,
                                              const SessionOptions& options) {
  try {
    return cache.make(key, graph_path, [&](const std::filesystem::path& target, const std::string& weights_name) {
      save_optimized(graph_path, running, options, target, weights_name);
    });
  } catch (const ort::Exception& error) {
    open_plainly(graph_path, running, options);  // reports errors of the graph itself
    cache.give_up(key, graph_path, error.what());
    return std::nullopt;
  }
}

OpenedSession open_as_told(const std::string& graph_path, const SessionOptions& options) {
  Engine& running = engine(options.library);
  MappedWeights weights = operator_kernel(options) ? MappedWeights::map(graph_path) : MappedWeights();
  const auto without_cache = [&](Findings::Values values = {}, Findings::Save save = nullptr) {
    ort::Session session = open_plainly(graph_path, running, options, weights);
    return OpenedSession{std::move(weights), std::move(session),
                         std::make_shared<Findings>(std::move(values), std::move(save))};
  };
  const std::string directory = options.cache ? session_cache_directory() : std::string();
  const std::optional<SessionKey> key =
      directory.empty() ? std::nullopt : session_key(std::filesystem::u8path(graph_path), options, running.info);
  if (!key) return without_cache();
  const SessionCache cache(std::filesystem::u8path(directory));
  const auto keep = [cache, key](const Findings::Values& values) { cache.keep(*key, values); };
  std::optional<SessionCache::Entry> entry = cache.find(*key);
  if (!weights.empty()) {  // there is nothing to pack, so only what is found is kept
    if (!entry) cache.leave(*key, graph_path, "Its weights are mapped from its own file");
    return without_cache(entry ? entry->findings : Findings::Values(), keep);
  }
  for (const bool is_found : {true, false}) {
    if (!is_found) entry = make_entry(cache, *key, graph_path, running, options);
    if (!entry) continue;
    if (entry->graph.empty()) return without_cache(entry->findings, keep);
    ort::Session session = open_entry(*entry, running, options);
    if (session) return {{}, std::move(session), std::make_shared<Findings>(entry->findings, keep)};
    cache.remove(*key);
    if (!is_found) cache.give_up(*key, graph_path, "ONNX Runtime can't open what it saved");
  }
  return without_cache();
}

}  // namespace

OpenedSession open_session(const std::string& graph_path, const SessionOptions& options) {
  check_file(graph_path);
  // Before the cache is asked, because its entries depend on this.
  const SessionOptions exact = with_exact_products(options, products_saturate(product_instructions()));
  if (exact.config_entries.size() == options.config_entries.size()) return open_as_told(graph_path, options);
  try {
    return open_as_told(graph_path, exact);
  } catch (const ModelError& error) {
    // ONNX Runtime 1.32 can't make products exact if they share a zero point.
    if (!has(error.what(), "replace the existing tensor")) throw;
    log_message(LogLevel::warning, "The graph " + graph_path +
                                       " is quantised in a form whose sums can saturate on this processor, which has "
                                       "no VNNI: its results may be wrong. Use a float graph, or quantise it again.");
    return open_as_told(graph_path, options);
  }
}

}  // namespace fastctc
