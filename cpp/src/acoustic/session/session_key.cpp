#include "acoustic/session/session_key.h"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/content_hash.h"
#include "model/onnx_summary.h"

#if defined(__APPLE__)
#include <sys/sysctl.h>
#endif

namespace fastctc {
namespace {

namespace fs = std::filesystem;

constexpr char kFormat[] = "fastctc session 2";
constexpr int kOldestMinor = 21;  // 1.20 leaves weights where they were when it saves packed ones
constexpr std::uintmax_t kSmallestBytes = 8 << 20;
constexpr std::size_t kSampleBytes = 4096;
constexpr std::uintmax_t kSamples = 64;
constexpr const char* kSavingOptions[] = {"session.optimized_model", "session.save", "session.load_model_format",
                                          "session.model_external", "ep."};

bool starts_with(const std::string& text, const std::string& start) {
  return text.compare(0, start.size(), start) == 0;
}

bool can_save(const SessionOptions& options, const EngineInfo& engine) {
  std::string provider = options.provider;
  for (char& c : provider) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  int major = 0;
  int minor = 0;
  if (!options.cache || (provider != "cpu" && provider != "cpuexecutionprovider") ||
      std::sscanf(engine.version.c_str(), "%d.%d", &major, &minor) != 2 || (major == 1 && minor < kOldestMinor)) {
    return false;
  }
  return std::none_of(options.config_entries.begin(), options.config_entries.end(), [](const auto& entry) {
    return std::any_of(std::begin(kSavingOptions), std::end(kSavingOptions),
                       [&](const char* start) { return starts_with(entry.first, start); });
  });
}

// Identifies the processor, because ONNX Runtime packs weights for its instructions.
std::string processor() {
#if defined(__APPLE__)
  char brand[256] = "";
  std::size_t n_bytes = sizeof brand - 1;
  sysctlbyname("machdep.cpu.brand_string", brand, &n_bytes, nullptr, 0);
  return brand;
#elif defined(_WIN32)
  const char* identifier = std::getenv("PROCESSOR_IDENTIFIER");
  return identifier ? identifier : "";
#else
  constexpr const char* kLasting[] = {"vendor_id",       "cpu family",       "model",       "model name", "stepping",
                                      "flags",           "Features",         "isa",         "CPU part",   "CPU variant",
                                      "CPU implementer", "CPU architecture", "CPU revision"};
  std::ifstream file("/proc/cpuinfo");
  std::string text;
  for (std::string line; std::getline(file, line) && !line.empty();) {  // of the first processor
    const std::string name = line.substr(0, line.find_first_of("\t:"));
    if (std::find(std::begin(kLasting), std::end(kLasting), name) != std::end(kLasting)) text += line + "\n";
  }
  return text;
#endif
}

// Size, time, and samples of the content: reading all of it would take as long as loading it.
void add_file(std::vector<std::string>& parts, const fs::path& path) {
  const std::uintmax_t n_bytes = fs::file_size(path);
  const auto time = fs::last_write_time(path).time_since_epoch();
  parts.push_back(std::to_string(n_bytes));
  parts.push_back(std::to_string(std::chrono::nanoseconds(time).count()));
  const std::uintmax_t step = std::max<std::uintmax_t>(n_bytes / kSamples, kSampleBytes);
  std::ifstream file(path, std::ios::binary);
  for (std::uintmax_t position = 0; position < n_bytes; position += step) {
    std::string sample(kSampleBytes, '\0');
    file.seekg(static_cast<std::streamoff>(position));
    file.read(&sample[0], static_cast<std::streamsize>(sample.size()));
    sample.resize(static_cast<std::size_t>(file.gcount()));
    parts.push_back(std::move(sample));
    file.clear();
  }
}

}  // namespace

std::optional<SessionKey> session_key(const fs::path& graph, const SessionOptions& options, const EngineInfo& engine) {
  if (!can_save(options, engine)) return std::nullopt;
  try {
    SessionKey key;
    std::error_code ignored;  // a library that is found by its name alone has no size
    std::vector<std::string> parts = {kFormat,
                                      engine.version,
                                      std::to_string(fs::file_size(fs::u8path(engine.library), ignored)),
                                      processor(),
                                      options.graph_optimization,
                                      options.instruction_set};
    const std::map<std::string, std::string> entries(options.config_entries.begin(), options.config_entries.end());
    for (const auto& [name, value] : entries) {
      if (name.find("allow_spinning") == std::string::npos) parts.insert(parts.end(), {name, value});
    }
    std::vector<fs::path> files = {graph};
    for (const std::string& name : summarize_onnx_file(graph).external_files) {
      files.push_back(graph.parent_path() / fs::u8path(name));
    }
    for (const fs::path& file : files) key.n_bytes += fs::file_size(file);
    if (key.n_bytes < kSmallestBytes) return std::nullopt;
    for (const fs::path& file : files) add_file(parts, file);
    key.name = content_hash({parts.begin(), parts.end()});
    return key;
  } catch (const fs::filesystem_error&) {  // opening the graph says what is wrong
    return std::nullopt;
  }
}

}  // namespace fastctc
