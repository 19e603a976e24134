#include "acoustic/engine/engine.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <memory>
#include <mutex>
#include <system_error>
#include <utility>
#include <vector>

#include "base/log_message.h"
#include "base/shared_library.h"
#include "fastctc/error.h"

namespace fastctc {
namespace {

constexpr const char* kVariable = "FASTCTC_ONNXRUNTIME";

constexpr const char* kWhatToInstall =
    "Install ONNX Runtime 1.16 or newer and name its library: the option `library`, or the environment variable "
    "FASTCTC_ONNXRUNTIME. In Python, pip install 'onnxruntime>=1.19' is enough: that library is found by itself. "
    "On Debian 13: apt install libonnxruntime1.21.";

#if defined(_WIN32)
constexpr const char* kSystemNames[] = {"onnxruntime.dll"};
#elif defined(__APPLE__)
constexpr const char* kSystemNames[] = {"libonnxruntime.1.dylib", "libonnxruntime.dylib"};
#else
constexpr const char* kSystemNames[] = {"libonnxruntime.so.1", "libonnxruntime.so"};
#endif

// Whether it is libonnxruntime.so, with or without version numbers, and not the library of a provider.
bool is_engine_name(const std::string& name) {
  const std::string start = kSystemNames[std::size(kSystemNames) - 1];  // the shortest
  return name.rfind(start, 0) == 0 && (name.size() == start.size() || name[start.size()] == '.') &&
         name.find_first_not_of(".0123456789", start.size()) == std::string::npos;
}

struct Candidates {
  std::vector<std::string> names;
  std::string origin;  // for messages
};

// Where programs and Python packages carry one: beside the library that holds this code, and in the wheel onnxruntime
// beside the wheel fastctc (fastctc/lib/libfastctc.so, onnxruntime/capi/libonnxruntime.so.1.32.0).
std::vector<std::string> bundled() {
  namespace fs = std::filesystem;
  const std::string self = SharedLibrary::path_of_this_code();
  if (self.empty()) return {};
  std::error_code code;
  const fs::path folder = fs::absolute(fs::u8path(self), code).parent_path();
  std::vector<std::string> names;
  for (const fs::path& place : {folder, folder / ".." / ".." / "onnxruntime" / "capi"}) {
    std::vector<std::string> here;
    for (fs::directory_iterator entry(place, code), end; !code && entry != end; entry.increment(code)) {
      const std::string name = entry->path().filename().u8string();
      if (is_engine_name(name)) here.push_back(entry->path().u8string());
    }
    std::sort(here.rbegin(), here.rend());
    names.insert(names.end(), here.begin(), here.end());
  }
  return names;
}

Candidates candidates(const std::string& library) {
  if (!library.empty()) return {{library}, "named by the caller"};
  const char* named = std::getenv(kVariable);
  if (named && *named) return {{named}, std::string("named by ") + kVariable};
  std::vector<std::string> names = bundled();
  names.insert(names.end(), std::begin(kSystemNames), std::end(kSystemNames));
  return {std::move(names), "beside fastctc, or the system's"};
}

// Passes ONNX Runtime's messages on, as warnings at most: its errors arrive as exceptions too.
void ORT_API_CALL forward_log(void*, OrtLoggingLevel severity, const char* category, const char*, const char* location,
                              const char* message) {
  const LogLevel level = severity >= ORT_LOGGING_LEVEL_ERROR     ? LogLevel::warning
                         : severity == ORT_LOGGING_LEVEL_WARNING ? LogLevel::info
                                                                 : LogLevel::debug;
  try {
    log_message(level, std::string("ONNX Runtime (") + category + ", " + location + "): " + message);
  } catch (...) {  // the caller's callback threw; nothing may pass through ONNX Runtime's frames
  }
}

// Called before GetApi, which prints to standard error if the library is too old.
bool is_at_least(const char* version, unsigned api_version) {
  int major = 0;
  int minor = 0;
  if (!version || std::sscanf(version, "%d.%d", &major, &minor) != 2) return false;
  return major > 1 || (major == 1 && minor >= static_cast<int>(api_version));
}

const OrtApiBase* load_base(SharedLibrary& file, const std::string& name) {
  using GetApiBase = const OrtApiBase*(ORT_API_CALL*)();
  const auto get_base = reinterpret_cast<GetApiBase>(file.symbol("OrtGetApiBase"));
  if (!get_base) {
    throw EngineNotFoundError(name + " is not ONNX Runtime: it has no OrtGetApiBase. " + kWhatToInstall);
  }
  return get_base();
}

// A copy of the table that ends with the oldest API. Inline functions of the header that call newer entries, which an
// old library lacks, then fail with every library, and so in every test.
const OrtApi* only_oldest_entries(const OrtApi* api) {
  alignas(OrtApi) static unsigned char table[sizeof(OrtApi)] = {};
  std::memcpy(table, static_cast<const void*>(api), kOrtApiBytes);
  return reinterpret_cast<const OrtApi*>(table);
}

std::unique_ptr<Engine> open(const std::string& library) {
  const Candidates found = candidates(library);
  std::string failures;
  for (const std::string& name : found.names) {
    SharedLibrary file(name);
    if (!file.is_open()) {
      failures += "\n  " + name + " (" + found.origin + "): " + file.error();
      continue;
    }
    EngineInfo info;
    const OrtApiBase* base = load_base(file, name);
    const Calls calls = calls_of(base, name);
    info.library = name;
    info.version = base->GetVersionString();
    ort::InitApi(only_oldest_entries(calls.api));
    file.release();
    try {
      info.providers = ort::GetAvailableProviders();
      return std::unique_ptr<Engine>(
          new Engine{std::move(info), calls, ort::Env(ORT_LOGGING_LEVEL_WARNING, "fastctc", forward_log, nullptr)});
    } catch (const ort::Exception& error) {
      throw EngineError(name + ": ONNX Runtime can't start: " + error.what());
    }
  }
  throw EngineNotFoundError("The ONNX Runtime library can't be opened. Tried:" + failures + "\n" + kWhatToInstall);
}

bool same_file(const std::string& a, const std::string& b) {
  if (a == b) return true;
  std::error_code code;
  return std::filesystem::equivalent(std::filesystem::u8path(a), std::filesystem::u8path(b), code) && !code;
}

}  // namespace

Calls calls_of(const OrtApiBase* base, const std::string& name) {
  const char* version = base ? base->GetVersionString() : nullptr;
  const OrtApi* api = is_at_least(version, kOrtApiVersion) ? base->GetApi(kOrtApiVersion) : nullptr;
  if (!api) {
    throw EngineNotFoundError(name + " is ONNX Runtime " + (version ? version : "of an unknown version") +
                              "; fastctc needs 1." + std::to_string(kOrtApiVersion) + " or newer. " + kWhatToInstall);
  }
  const OrtApi* newer = is_at_least(version, kParallelForVersion) ? base->GetApi(kParallelForVersion) : nullptr;
  return {api, newer ? newer->KernelContext_ParallelFor : nullptr};
}

Engine& engine(const std::string& library) {
  static std::mutex mutex;
  static Engine* instance = nullptr;  // never destroyed: worker threads and sessions may end after statics
  const std::lock_guard<std::mutex> lock(mutex);
  if (!instance) {
    instance = open(library).release();
  } else if (!library.empty() && !same_file(library, instance->info.library)) {
    throw OptionError("This process already runs ONNX Runtime from " + instance->info.library + "; it can't open " +
                      library + " as well. Name one library, before the first model is loaded.");
  }
  return *instance;
}

EngineInfo open_engine(const std::string& library) { return engine(library).info; }

}  // namespace fastctc
