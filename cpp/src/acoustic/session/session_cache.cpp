#include "acoustic/session/session_cache.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/log_message.h"
#include "base/mapped_file.h"
#include "fastctc/error.h"
#include "model/external_weights.h"

namespace fastctc {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr char kWeights[] = "weights";
constexpr char kSavedGraph[] = "session.onnx";
constexpr char kSavedWeights[] = "session.bin";
// A saved graph holds its weights twice, packed and not; while it is made there are two copies of both.
constexpr std::uintmax_t kSpaceFactor = 4;
constexpr std::uintmax_t kMostBytes = std::uintmax_t{16} << 30;  // of all entries; those unused longest go first
constexpr std::chrono::hours kAbandoned(24);                     // temporary files of processes that died
constexpr std::chrono::hours kUnreferenced(1);                   // weights of unfinished entries

// Removes the files of a save, also after an exception.
struct TemporaryDirectory {
  fs::path path;
  ~TemporaryDirectory() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
};

bool is_older(const fs::path& path, std::chrono::hours age) {
  std::error_code error;
  const auto time = fs::last_write_time(path, error);
  return !error && fs::file_time_type::clock::now() - time > age;
}

std::vector<fs::path> files_in(const fs::path& directory) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
    files.push_back(entry->path());
  }
  return files;
}

void log_failure(const fs::path& directory, const std::string& reason) {
  log_message(LogLevel::info, "The optimized session isn't kept in " + directory.u8string() + ": " + reason +
                                  " Every load optimizes the graph anew.");
}

}  // namespace

struct SessionCache::Record {
  std::string source;
  std::string unusable;                          // why no session is kept; empty: one is
  std::map<std::string, std::uint64_t> weights;  // bytes by file name
  Findings::Values findings;
};

fs::path SessionCache::path(const SessionKey& key, const char* extension) const {
  return directory_ / (key.name + extension);
}

std::optional<SessionCache::Record> SessionCache::read(const fs::path& path) const {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  try {
    const Json json = Json::parse(file);
    Record record;
    json.at("source").get_to(record.source);
    json.at("unusable").get_to(record.unusable);
    json.at("weights").get_to(record.weights);
    json.at("findings").get_to(record.findings);
    return record;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

void SessionCache::write(const SessionKey& key, const Record& record) const {
  const Json json = {{"source", record.source},
                     {"unusable", record.unusable},
                     {"weights", record.weights},
                     {"findings", record.findings}};
  const std::string text = json.dump(1, ' ', false, Json::error_handler_t::replace);
  write_durably(path(key, ".json"), {text});
}

bool SessionCache::has_weights(const Record& record) const {
  return std::all_of(record.weights.begin(), record.weights.end(), [&](const auto& file) {
    std::error_code error;
    return fs::file_size(directory_ / kWeights / file.first, error) == file.second && !error;
  });
}

std::optional<SessionCache::Entry> SessionCache::find(const SessionKey& key) const {
  std::optional<Record> record = read(path(key, ".json"));
  if (!record) return std::nullopt;
  const fs::path graph = path(key, ".onnx");
  std::error_code ignored;
  if (record->unusable.empty() && (!fs::exists(graph, ignored) || !has_weights(*record))) return std::nullopt;
  fs::last_write_time(path(key, ".json"), fs::file_time_type::clock::now(), ignored);  // for sweep()
  return Entry{record->unusable.empty() ? graph : fs::path(), std::move(record->findings)};
}

std::optional<SessionCache::Entry> SessionCache::make(const SessionKey& key, const std::string& source,
                                                      const Save& save) const {
  try {
    fs::create_directories(directory_ / kWeights);
    if (fs::space(directory_).available < kSpaceFactor * key.n_bytes) {
      log_failure(directory_, "There is too little space on the disk.");
      return std::nullopt;
    }
    const TemporaryDirectory temporary{temporary_beside(directory_ / key.name)};
    fs::create_directory(temporary.path);
    save(temporary.path / kSavedGraph, kSavedWeights);
    const fs::path saved_graph = temporary.path / kSavedGraph;
    const fs::path saved_weights = temporary.path / kSavedWeights;
    const MappedFile onnx(saved_graph.u8string(), saved_graph.u8string());
    const MappedFile weights(saved_weights.u8string(), saved_weights.u8string());
    const PooledGraph pooled = pool_weights(onnx.bytes(), kSavedWeights, weights.bytes(), directory_ / kWeights);
    write_durably(path(key, ".onnx"), {pooled.onnx});
    write(key, {source, "", pooled.files, {}});
    sweep(key.name);
    return Entry{path(key, ".onnx"), {}};
  } catch (const fs::filesystem_error& error) {
    log_failure(directory_, std::string(error.what()) + ".");
  } catch (const ModelError&) {  // from MappedFile: the graph has no weights in a file
    give_up(key, source, "ONNX Runtime saved no weights");
  } catch (const Error&) {  // from save()
    throw;
  } catch (const std::runtime_error& error) {  // from pool_weights()
    give_up(key, source, std::string("ONNX Runtime saved ") + error.what());
  }
  return std::nullopt;
}

void SessionCache::give_up(const SessionKey& key, const std::string& source, const std::string& reason) const {
  log_failure(directory_, reason + ".");
  leave(key, source, reason);
}

void SessionCache::leave(const SessionKey& key, const std::string& source, const std::string& reason) const {
  try {
    fs::create_directories(directory_);
    write(key, {source, reason, {}, {}});
  } catch (const fs::filesystem_error&) {  // the next process tries again
  }
}

void SessionCache::remove(const SessionKey& key) const {
  std::error_code ignored;
  fs::remove(path(key, ".json"), ignored);
  fs::remove(path(key, ".onnx"), ignored);
}

void SessionCache::keep(const SessionKey& key, const Findings::Values& findings) const {
  std::optional<Record> record = read(path(key, ".json"));
  if (!record) return;
  record->findings = findings;
  try {
    write(key, *record);
  } catch (const fs::filesystem_error&) {  // the next process finds them again
  }
}

// Removes entries beyond kMostBytes, those unused longest first, weights that no entry names, and files of processes
// that died. Best effort: other processes may do the same at the same time.
void SessionCache::sweep(const std::string& newest) const {
  std::vector<std::pair<fs::file_time_type, fs::path>> entries;
  std::error_code ignored;
  for (const fs::path& file : files_in(directory_)) {
    if (file.extension() == ".json") entries.emplace_back(fs::last_write_time(file, ignored), file);
    if (file.filename().u8string().find(".part-") != std::string::npos && is_older(file, kAbandoned)) {
      fs::remove_all(file, ignored);
    }
  }
  std::sort(entries.rbegin(), entries.rend());
  std::set<std::string> used;
  std::uintmax_t n_bytes = 0;
  for (const auto& [time, file] : entries) {
    const std::optional<Record> record = read(file);
    std::uintmax_t more = 0;
    if (record) {
      for (const auto& [name, size] : record->weights) more += used.count(name) ? 0 : size;
    }
    const SessionKey key{file.stem().u8string(), 0};
    if (!record || (n_bytes + more > kMostBytes && key.name != newest)) {
      remove(key);
      continue;
    }
    n_bytes += more;
    for (const auto& weights : record->weights) used.insert(weights.first);
  }
  for (const fs::path& file : files_in(directory_ / kWeights)) {
    const bool is_part = file.filename().u8string().find(".part-") != std::string::npos;
    if (!used.count(file.filename().u8string()) && is_older(file, is_part ? kAbandoned : kUnreferenced)) {
      fs::remove(file, ignored);
    }
  }
}

}  // namespace fastctc
